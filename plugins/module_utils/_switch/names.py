# SPDX-License-Identifier: Apache-2.0
"""Names of what we make on a switch. They are our ownership marks: nothing else on it is changed or removed."""

from __future__ import annotations

import hashlib
import re

MARK = "baremetal.fabric"
SPACE_PREFIX = "fabric-net-"
UPLINK_CHANNEL = "fabric-uplink"
_GATEWAY_PORT = re.compile(r"gw(\d{1,4})")
_INTERFACE = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,14}")


def alias(what: str) -> str:
    """The mark that a device of ours carries as its alias, with what it is for."""
    return f"{MARK}:{what}"


def is_ours(device_alias: str) -> bool:
    return device_alias == MARK or device_alias.startswith(f"{MARK}:")


def channel(server: str) -> str:
    """The port-channel of a server; what the kernel does not take as a name becomes one that it takes."""
    name = f"po-{server}"
    return name if _INTERFACE.fullmatch(name) else "po-" + hashlib.sha256(server.encode()).hexdigest()[:8]


def gateway_port(vlan_id: int) -> str:
    """The bridge port behind which a network's gateway is."""
    return f"gw{vlan_id}"


def is_gateway_port(name: str) -> bool:
    return _GATEWAY_PORT.fullmatch(name) is not None


def leg(vlan_id: int) -> str:
    """The gateway's interface, in the network's namespace."""
    return f"vlan{vlan_id}"


def namespace(network: str) -> str:
    return SPACE_PREFIX + network


def gateway_mac(vlan_id: int) -> str:
    """The same after a reboot, so that servers need not learn it anew."""
    return f"02:fc:00:00:{vlan_id >> 8:02x}:{vlan_id & 255:02x}"
