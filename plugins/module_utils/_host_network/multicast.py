# SPDX-License-Identifier: Apache-2.0
"""Whether servers hear each other by multicast: each calls and listens on the same group until all know of all.

Runs on the servers, at the same time on each: Python 3.8, standard library only.
"""

from __future__ import annotations

import ipaddress
import json
import select
import socket
import struct
import time
from typing import Any

#: Beside the VXLAN's own port, which its socket holds.
PROBE_PORT = 14788
_CALL_SECONDS = 0.25
#: How long somebody who knows all goes on calling, so that the others learn that they are heard.
_LINGER_SECONDS = 1.0
_LONGEST = 65535


def problems(devices: dict[str, dict[str, Any]], device: str, group: str, port: int) -> list[str]:
    """Why a VXLAN cannot run over a device; `devices` by name as `ip -details -json address` shows them."""
    found = devices.get(device)
    if found is None:
        return ["there is no device " + device + "; there are " + ", ".join(sorted(devices))]
    told = []
    if "UP" not in found.get("flags", []):
        told.append(device + " is not up")
    if "MULTICAST" not in found.get("flags", []):
        told.append(device + " takes no multicast")
    addressed = any(each.get("family") == "inet" for each in found.get("addr_info", []))
    if ipaddress.ip_address(group).version == 4 and not addressed:
        told.append(device + " has no IPv4 address, which the group " + group + " needs")
    if ipaddress.ip_address(group).version == 6 and not _link_local(found):
        told.append(
            device + " has no IPv6 link-local address, which the group " + group + " needs: enable IPv6 on it"
            " (sysctl net.ipv6.conf." + device + ".disable_ipv6=0, and no 'link-local: []' in netplan)"
        )
    for name, each in sorted(devices.items()):
        info = each.get("linkinfo") or {}
        used = (info.get("info_data") or {}).get("port")
        if info.get("info_kind") == "vxlan" and used == port:
            told.append(
                "UDP port " + str(port) + " is that of the VXLAN device " + name + " already; give the LANs another"
            )
    return told


def _link_local(device: dict[str, Any]) -> bool:
    return any(
        each.get("family") == "inet6" and each.get("scope") == "link" and not each.get("tentative")
        for each in device.get("addr_info", [])
    )


class Path:
    """One group on one device."""

    def __init__(self, device: str, group: str, port: int = PROBE_PORT) -> None:
        self.device = device
        self.group = group
        self._port = port
        self._index = socket.if_nametoindex(device)
        #: those who were heard, and those of them who have heard us
        self.heard: set[str] = set()
        self.hearing: set[str] = set()
        self.socket = self._open()

    def _open(self) -> socket.socket:
        version = ipaddress.ip_address(self.group).version
        family = socket.AF_INET6 if version == 6 else socket.AF_INET
        opened = socket.socket(family, socket.SOCK_DGRAM)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, self.device.encode() + b"\0")
        packed = socket.inet_pton(family, self.group)
        if version == 6:
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, self._index)
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_LOOP, 0)
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, packed + struct.pack("@I", self._index))
        else:
            # struct ip_mreqn: the group, any address, the device
            member = struct.pack("@4s4si", packed, b"\0\0\0\0", self._index)
            opened.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, member)
            opened.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 0)
            opened.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, member)
        opened.bind(("", self._port))
        opened.setblocking(False)
        return opened

    def call(self, name: str) -> None:
        text = json.dumps({"from": name, "heard": sorted(self.heard)}).encode()
        self.socket.sendto(text, (self.group, self._port))

    def listen(self, name: str) -> None:
        text, _sender = self.socket.recvfrom(_LONGEST)
        try:
            said = json.loads(text)
            sender, heard = str(said["from"]), list(said["heard"])
        except (ValueError, KeyError, TypeError):
            return  # somebody else's packet
        self.heard.add(sender)
        if name in heard:
            self.hearing.add(sender)

    def missing(self, peers: set[str]) -> list[str]:
        told = [self.device + ": nothing is heard from " + peer for peer in sorted(peers - self.heard)]
        deaf = sorted(peers & self.heard - self.hearing)
        return told + [self.device + ": " + peer + " is heard but does not hear this server" for peer in deaf]


def meet(paths: list[Path], name: str, peers: set[str], timeout: float) -> list[str]:
    """Calls until everybody has heard everybody on each path; what is missing when the time is over, in sentences."""
    deadline = time.monotonic() + timeout
    next_call, leaves = 0.0, None
    sockets = {path.socket: path for path in paths}
    while True:
        now = time.monotonic()
        missing = [text for path in paths for text in path.missing(peers)]
        if not missing and leaves is None:
            leaves = now + _LINGER_SECONDS
        if now >= (deadline if leaves is None else leaves):
            return missing
        if now >= next_call:
            for path in paths:
                path.call(name)
            next_call = now + _CALL_SECONDS
        for each in select.select(list(sockets), [], [], 0.05)[0]:
            sockets[each].listen(name)
