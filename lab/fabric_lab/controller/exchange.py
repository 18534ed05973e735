"""Which routes two peered VPCs take over from each other."""

from __future__ import annotations

import ipaddress
import re

from . import addresses
from .errors import invalid
from .store import Record, Store

SIDES = ("vpcA", "vpcB")
_LINE = re.compile(r"^(?:(permit|deny)\s+)?(\S+/\d+)((?:\s+(?:ge|le)\s+\d+)*)$")


def parsed(line: str, field: str) -> tuple[bool, addresses.Network, int, int]:
    """Permit or deny, the prefix, and the shortest and longest prefix in it that the line is about."""
    found = _LINE.match(line)
    if found is None:
        raise invalid(field, f"{field}: {line!r} is not of the form permit 10.0.0.0/8 [ge N] [le N].")
    net = addresses.network(found[2], field)
    bounds = dict(re.findall(r"(ge|le)\s+(\d+)", found[3]))
    low = int(bounds.get("ge", net.prefixlen))
    high = int(bounds.get("le", net.max_prefixlen if "ge" in bounds else net.prefixlen))
    if not net.prefixlen <= low <= high <= net.max_prefixlen:
        raise invalid(field, f"{field}: {line!r} has impossible lengths.")
    return found[1] != "deny", net, low, high


def takes(inbound: list[str], net: addresses.Network) -> bool:
    """Whether a prefix list lets a route in: its first line that fits decides, an empty list lets in all."""
    for line in inbound:
        permit, outer, low, high = parsed(line, "prefixListInbound")
        if addresses.contains(outer, net) and low <= net.prefixlen <= high:
            return permit
    return not inbound


def networks(store: Store, vpc_id: int) -> list[addresses.Network]:
    """What a VPC announces: the networks of its V-Nets' gateways."""
    found = {
        ipaddress.ip_network(gateway["net"])
        for vnet in store.all("vnet")
        if vnet["vpc"] == vpc_id
        for gateway in vnet["gateways"]
    }
    return sorted(found, key=str)


def routes(store: Store, peering: Record) -> dict[str, list[str]]:
    """What each side takes over from the other."""
    found = {}
    for side, other in (SIDES, SIDES[::-1]):
        inbound = peering[side]["inbound"]
        found[side] = [str(net) for net in networks(store, peering[other]["vpc"]) if takes(inbound, net)]
    return found
