# SPDX-License-Identifier: Apache-2.0
"""The server's network devices as the kernel tells them. Pure: reads the output of `ip -d -j address show`."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Mapping

from .errors import HostNetworkError
from .model import Nic

# Devices that stand for no port of their own: never what a MAC address in the inventory means.
_VIRTUAL = ("bond", "bridge", "vlan", "vxlan", "macvlan", "macvtap", "ipvlan", "vrf", "dummy", "team")


@dataclass(frozen=True)
class Link:
    name: str
    kind: str | None = None
    mac: str | None = None
    permanent_mac: str | None = None
    mtu: int = 1500
    up: bool = False
    carrier: bool = False
    master: str | None = None
    parent: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)
    addresses: tuple[str, ...] = ()
    alias: str = ""


Links = Mapping[str, Link]


def parse_links(text: str) -> dict[str, Link]:
    links: dict[str, Link] = {}
    for entry in json.loads(text or "[]"):
        info = entry.get("linkinfo") or {}
        slave = info.get("info_slave_data") or {}
        name = entry.get("ifname")
        if not name:
            continue
        links[name] = Link(
            name=name,
            kind=info.get("info_kind"),
            mac=entry.get("address"),
            permanent_mac=slave.get("perm_hwaddr") or entry.get("permaddr"),
            mtu=int(entry.get("mtu", 1500)),
            up="UP" in entry.get("flags", ()),
            carrier="LOWER_UP" in entry.get("flags", ()),
            master=entry.get("master"),
            parent=entry.get("link"),
            data=info.get("info_data") or {},
            addresses=tuple(
                f"{address['local']}/{address['prefixlen']}"
                for address in entry.get("addr_info") or ()
                if "local" in address
            ),
            alias=entry.get("ifalias") or "",
        )
    return links


def members(links: Links, master: str) -> tuple[str, ...]:
    return tuple(sorted(name for name, link in links.items() if link.master == master))


def unmade(links: Links, parent: str, vlan_id: int, vlan: str, bridge: str) -> str:
    """What is missing of devices that somebody else makes; nothing when all is there."""
    port, over = links.get(vlan), links.get(bridge)
    if port is None or over is None:
        return f"there is no {vlan if port is None else bridge}"
    if port.kind != "vlan" or port.parent != parent or port.data.get("id") != vlan_id:
        return f"{vlan} is not VLAN {vlan_id} on {parent}"
    if port.master != bridge:
        return f"{vlan} is not connected to {bridge}"
    down = [link.name for link in (port, over) if not link.up]
    return f"{' and '.join(down)} {'is' if len(down) == 1 else 'are'} down" if down else ""


def carriers(links: Links, device: str) -> tuple[str, ...]:
    """The devices at the bottom of `device`: what loses its link when they do."""
    seen: set[str] = set()
    bottom: list[str] = []

    def descend(name: str) -> None:
        if name in seen:
            return
        seen.add(name)
        link = links.get(name)
        lower = list(members(links, name)) if link and link.kind in ("bond", "bridge", "team") else []
        if link and link.parent and link.kind not in (None, "veth"):
            lower.append(link.parent)
        for each in lower:
            descend(each)
        if not lower:
            bottom.append(name)

    descend(device)
    return tuple(bottom)


def resolve_nics(links: Links, nics: tuple[Nic, ...]) -> tuple[str, ...]:
    """The kernel's names of the wanted NICs; one message names all that are missing."""
    found: list[str] = []
    missing: list[str] = []
    for nic in nics:
        name = _by_mac(links, nic.mac) if nic.mac else (nic.name if nic.name in links else None)
        if name is None:
            missing.append(f"{nic.name} ({nic.mac})" if nic.mac else nic.name)
        else:
            found.append(name)
    if missing:
        there = ", ".join(
            f"{link.name} ({link.permanent_mac or link.mac})"
            for link in sorted(links.values(), key=lambda link: link.name)
            if link.kind not in _VIRTUAL and link.name != "lo"
        )
        raise HostNetworkError(
            f"this server has no NIC {', '.join(missing)}. Its NICs are: {there or 'none'}. Nothing was touched."
        )
    if len(set(found)) < len(found):
        raise HostNetworkError(
            f"the NICs of the bond are not distinct: {', '.join(found)}. Check names and MAC addresses."
            " Nothing was touched."
        )
    return tuple(found)


def _by_mac(links: Links, mac: str) -> str | None:
    """A member of a bond carries the bond's address, so the permanent one is asked first."""
    ports = [link for link in links.values() if link.kind not in _VIRTUAL]
    for link in ports:
        if link.permanent_mac == mac:
            return link.name
    for link in ports:
        if link.mac == mac and link.permanent_mac is None:
            return link.name
    return None
