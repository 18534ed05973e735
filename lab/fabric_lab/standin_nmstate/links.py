"""What an interface of a desired state takes on a machine, as a script that may run twice. Pure."""

from __future__ import annotations

import re
import shlex
from typing import Any


class Unsupported(ValueError):
    """A desired state that the stand-in does not know."""


_NAME = re.compile(r"[A-Za-z0-9._-]{1,15}")


def script(desired: dict[str, Any]) -> str:
    """The script for a desired state. Whatever exists is taken over as it is, with everything connected to it."""
    return "set -eu\n" + "".join(_interface(each) for each in desired.get("interfaces") or [])


def _interface(interface: dict[str, Any]) -> str:
    name, kind, wanted = interface.get("name", ""), interface.get("type"), interface.get("state", "up")
    if not _NAME.fullmatch(name):
        raise Unsupported(f"{name!r} is no name of an interface")
    if wanted == "absent":
        return f"if [ -e /sys/class/net/{name} ]; then ip link delete dev {name}; fi\n"
    if wanted != "up" or (interface.get("ipv4") or {}).get("enabled") or (interface.get("ipv6") or {}).get("enabled"):
        raise Unsupported(f"{name}: only interfaces that are up or absent, and have no addresses")
    if kind == "vlan":
        vlan = interface["vlan"]
        base, vlan_id = shlex.quote(str(vlan["base-iface"])), int(vlan["id"])
        made = f"ip link add link {base} name {name} type vlan id {vlan_id}"
    elif kind == "linux-bridge":
        made = f"ip link add name {name} type bridge stp_state 0 forward_delay 0"
    else:
        raise Unsupported(f"{name}: type {kind}")
    lines = [f"[ -e /sys/class/net/{name} ] || {made}"]
    if interface.get("mtu"):
        lines.append(f"ip link set dev {name} mtu {int(interface['mtu'])}")
    for port in (interface.get("bridge") or {}).get("port") or []:
        lines.append(f"ip link set dev {shlex.quote(str(port['name']))} master {name}")
    lines.append(f"ip link set dev {name} up")
    return "\n".join(lines) + "\n"
