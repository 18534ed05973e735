"""Whether a node is this very machine: names repeat, in other clusters and after a mistake in this one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .drain import internal_addresses

_HEX = re.compile(r"[0-9a-f]{32}")
#: What boards say that nobody has given an identity.
_NOBODY = frozenset({"0" * 32, "f" * 32, "03000200040005000006000700080009", "00020003000400050006000700080009"})


@dataclass(frozen=True)
class Machine:
    """What is known of a machine; empty is unknown. Shapes: SMBIOS' UUID, `/etc/machine-id`, an IP address."""

    system_uuid: str = ""
    machine_id: str = ""
    address: str = ""


def is_same_system(one: str, other: str) -> bool | None:
    """None where one of the two is no identity. Firmware and BMC may write the first half in either byte order."""
    left, right = _plain(one), _plain(other)
    if not left or not right:
        return None
    return right in (left, _swapped(left))


def is_same_machine(node: Mapping[str, Any], machine: Machine) -> bool:
    """Whether the node is the machine. Where there are no UUIDs to compare its address decides.

    Some boards share a UUID, and copied disks a machine id, so that a UUID alone is no proof of it.
    """
    info = (node.get("status") or {}).get("nodeInfo") or {}
    same_address = bool(machine.address) and machine.address in internal_addresses(dict(node))
    same_system = is_same_system(str(info.get("systemUUID") or ""), machine.system_uuid)
    if same_system is None:
        return same_address
    same_disk = bool(machine.machine_id) and machine.machine_id == info.get("machineID")
    return same_system and (same_address or same_disk)


def told(node: Mapping[str, Any]) -> str:
    """What tells the node from others, for messages."""
    info = (node.get("status") or {}).get("nodeInfo") or {}
    address = ", ".join(internal_addresses(dict(node))) or "no address"
    return f"{node['metadata']['name']} at {address}, system UUID {info.get('systemUUID') or 'unknown'}"


def _plain(uuid: str) -> str:
    text = uuid.strip().lower().replace("-", "")
    return text if _HEX.fullmatch(text) and text not in _NOBODY else ""


def _swapped(text: str) -> str:
    """The first three fields with their bytes in reverse, as SMBIOS before 2.6 was read by some."""
    fields = (text[:8], text[8:12], text[12:16])
    return "".join(bytes.fromhex(each)[::-1].hex() for each in fields) + text[16:]
