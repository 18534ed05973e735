"""What the texts of a NAT rule mean: addresses and ports."""

from __future__ import annotations

import ipaddress
import re

from .errors import invalid
from .store import Record

ALL_PORTS = ("", "1-65535")
_PORTS = re.compile(r"^(\d{1,5})(?:-(\d{1,5}))?$")


def outside(rule: Record) -> list[tuple[str, ipaddress.IPv4Network]]:
    """Public addresses that a rule uses, with the field that says so."""
    if rule["action"] == "SNAT":
        if rule["snatToIP"]:
            return [("snatToIP", host(rule["snatToIP"], "snatToIP"))]
        return [("snatToPool", prefix(rule["snatToPool"], "snatToPool"))]
    if rule["action"] == "DNAT":
        return [("destinationAddress", host(rule["destinationAddress"], "destinationAddress"))]
    return []


def prefix(value: str, field: str) -> ipaddress.IPv4Network:
    try:
        return ipaddress.IPv4Network(value)
    except ValueError as error:
        raise invalid(field, f"{field}: {value} is not an IPv4 prefix ({error}).") from error


def host(value: str, field: str) -> ipaddress.IPv4Network:
    net = prefix(value, field)
    if net.prefixlen != 32:
        raise invalid(field, f"{field}: {value} is not a single address.")
    return net


def ports(value: str, field: str) -> tuple[int, int]:
    """The first and last port that a text means."""
    if value in ALL_PORTS:
        return 1, 65535
    found = _PORTS.match(value)
    low, high = (int(found[1]), int(found[2] or found[1])) if found else (0, 0)
    if not 1 <= low <= high <= 65535:
        raise invalid(field, f"{field}: {value} is neither a port nor a range of ports.")
    return low, high
