# SPDX-License-Identifier: Apache-2.0
"""What the switch's kernel says. Reading is apart from asking, so that it can be tested without a switch."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Mapping

from .._host_network.links import Link, parse_links
from .._host_network.system import System
from . import names
from .errors import SwitchError
from .render import DHCP_DIRECTORY


@dataclass(frozen=True, order=True)
class Vlan:
    vid: int
    untagged: bool


@dataclass(frozen=True)
class Space:
    """The namespace of a network's gateway: the addresses of its interfaces, and which of them are off."""

    addresses: Mapping[str, frozenset[str]] = field(default_factory=dict)
    down: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Neighbour:
    """What LLDP hears on a port."""

    system: str
    port: str


@dataclass(frozen=True)
class Observed:
    links: Mapping[str, Link] = field(default_factory=dict)
    vlans: Mapping[str, frozenset[Vlan]] = field(default_factory=dict)
    spaces: Mapping[str, Space] = field(default_factory=dict)
    # DHCP servers that run, by the name of their configuration file.
    dhcp: frozenset[str] = frozenset()


def observe(system: System) -> Observed:
    """Ask the kernel; a handful of commands, whatever the number of ports."""
    code, _output, _errors = system.attempt("bridge", "-V")
    if code != 0:
        raise SwitchError("this switch has no iproute2 (ip and bridge); fabric_provider linux_switch needs it")
    spaces = {
        name: parse_space(system.run("ip", "-n", name, "-j", "address", "show"))
        for name in system.list("/run/netns")
        if name.startswith(names.SPACE_PREFIX)
    }
    return Observed(
        links=parse_links(system.run("ip", "-d", "-j", "address", "show")),
        vlans=parse_vlans(system.run("bridge", "-j", "vlan", "show")),
        spaces=spaces,
        dhcp=dhcp_servers(system),
    )


def parse_vlans(text: str) -> dict[str, frozenset[Vlan]]:
    """From `bridge -j vlan show`."""
    found: dict[str, frozenset[Vlan]] = {}
    for entry in json.loads(text or "[]"):
        vlans: set[Vlan] = set()
        for vlan in entry.get("vlans") or ():
            untagged = "PVID" in (vlan.get("flags") or ())
            vlans.update(Vlan(vid, untagged) for vid in range(vlan["vlan"], vlan.get("vlanEnd", vlan["vlan"]) + 1))
        found[entry["ifname"]] = frozenset(vlans)
    return found


def parse_space(text: str) -> Space:
    """From `ip -n NAMESPACE -j address show`."""
    links = {link.name: link for link in parse_links(text).values() if link.name != "lo"}
    return Space(
        addresses={
            name: frozenset(each for each in link.addresses if not each.startswith("fe80:"))
            for name, link in links.items()
        },
        down=frozenset(name for name, link in links.items() if not link.up),
    )


def dhcp_servers(system: System) -> frozenset[str]:
    prefix = f"--conf-file={DHCP_DIRECTORY}/".encode()
    found: set[str] = set()
    for pid in system.list("/proc"):
        if pid.isdigit():
            for argument in system.read_bytes(f"/proc/{pid}/cmdline").split(b"\0"):
                if argument.startswith(prefix):
                    found.add(argument[len(prefix) :].decode("ascii", "replace"))
    return frozenset(found)


def neighbours(system: System) -> dict[str, Neighbour] | None:
    """LLDP neighbours by port; None when the switch has no lldpd to ask."""
    code, output, _errors = system.attempt("lldpcli", "-f", "json0", "show", "neighbors")
    if code != 0:
        return None
    try:
        return parse_neighbours(json.loads(output or "{}"))
    except ValueError:
        return None


def parse_neighbours(data: Mapping[str, Any]) -> dict[str, Neighbour]:
    """From `lldpcli -f json0 show neighbors`; the first neighbour of each port."""
    found: dict[str, Neighbour] = {}
    for lldp in data.get("lldp") or ():
        for interface in lldp.get("interface") or ():
            chassis, port = (interface.get("chassis") or [{}])[0], (interface.get("port") or [{}])[0]
            system = (chassis.get("name") or [{}])[0].get("value")
            ids = {str(each.get("type")): str(each.get("value")) for each in port.get("id") or ()}
            described = (port.get("descr") or [{}])[0].get("value")
            # A port is called by its name or by its address; then its description has the name.
            name = ids.get("ifname") or ids.get("local") or described or next(iter(ids.values()), "")
            if system and name:
                found.setdefault(str(interface["name"]), Neighbour(str(system), str(name)))
    return found
