# Copyright (c) 2026, the baremetal.fabric authors
# Apache License 2.0 (see LICENSE)
"""What network devices a server has. Private to the collection; runs on servers (Python 3.8)."""

from __future__ import annotations

import json
import os
import socket
import struct
from typing import Any, Dict, List, NamedTuple, Optional

_SYSFS = "/sys/class/net"
_ROUTES = "/proc/net/route"


class Device(NamedTuple):
    """One network device as the kernel shows it."""

    name: str
    mac: str
    up: bool
    carrier: bool
    mtu: int
    addresses: List[str]
    vlan: Optional[int]
    master: Optional[str]

    def as_dict(self) -> Dict[str, Any]:
        return dict(self._asdict())


def parse_devices(text: str) -> Dict[str, Device]:
    """Read the answer of ``ip -details -json address show``."""
    devices: Dict[str, Device] = {}
    for entry in json.loads(text):
        name = entry.get("ifname")
        if not name:
            continue
        flags = entry.get("flags", [])
        info = entry.get("linkinfo", {})
        vlan = info.get("info_data", {}).get("id") if info.get("info_kind") == "vlan" else None
        addresses = [
            "%s/%d" % (address["local"], address["prefixlen"])
            for address in entry.get("addr_info", [])
            if address.get("family") == "inet" and "local" in address
        ]
        devices[name] = Device(
            name=name,
            mac=entry.get("address", ""),
            up="UP" in flags,
            carrier="LOWER_UP" in flags,
            mtu=int(entry.get("mtu", 0)),
            addresses=addresses,
            vlan=vlan,
            master=entry.get("master"),
        )
    return devices


def parse_gateways(text: str, interface: str) -> List[str]:
    """Default gateways on one interface, from the text of /proc/net/route."""
    gateways = []
    for line in text.splitlines()[1:]:
        fields = line.split()
        if len(fields) > 7 and fields[0] == interface and fields[1] == "00000000" and fields[2] != "00000000":
            gateways.append(socket.inet_ntoa(struct.pack("<L", int(fields[2], 16))))
    return sorted(set(gateways))


def gateways(interface: str) -> List[str]:
    with open(_ROUTES) as routes:
        return parse_gateways(routes.read(), interface)


def cables(interface: str, root: str = _SYSFS) -> List[str]:
    """The NICs at the bottom of an interface: of a bridge on a VLAN on a bond, the bond's members."""
    found: List[str] = []
    try:
        entries = sorted(os.listdir(os.path.join(root, interface)))
    except FileNotFoundError:
        return []
    below = [entry[len("lower_") :] for entry in entries if entry.startswith("lower_")]
    for lower in below:
        found.extend(cables(lower, root))
    return sorted(set(found)) if below else [interface]


def management(devices: Dict[str, Device], ssh_connection: str) -> Optional[str]:
    """The interface that the running ssh session came in by; None when it is not run over ssh."""
    fields = ssh_connection.split()
    if len(fields) != 4:
        return None
    for device in devices.values():
        if any(address.split("/")[0] == fields[2] for address in device.addresses):
            return device.name
    return None
