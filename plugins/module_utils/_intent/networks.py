# SPDX-License-Identifier: Apache-2.0
"""Prefixes and whether they meet."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Interface, IPv4Network

from .problems import Problems


@dataclass(frozen=True)
class NamedNetwork:
    """A prefix, what it is for, and the variable that sets it."""

    what: str
    path: str
    network: IPv4Network


def parse_network(text: str, path: str, problems: Problems) -> IPv4Network | None:
    """A network written exactly (no host bits set); else one problem and None."""
    try:
        return IPv4Network(text)
    except ValueError:
        pass
    try:
        corrected = IPv4Network(text, strict=False)
    except ValueError:
        problems.add(path, f"'{text}' is not an IPv4 network such as 192.168.64.0/18")
    else:
        problems.add(path, f"'{text}' has host bits set; the network is {corrected}")
    return None


def parse_interface(text: str, path: str, problems: Problems) -> IPv4Interface | None:
    """An address with its prefix length; else one problem and None."""
    try:
        interface = IPv4Interface(text)
    except ValueError:
        interface = None
    if interface is None or "/" not in text:
        problems.add(path, f"'{text}' is not an IPv4 address with prefix length such as 192.168.55.254/21")
        return None
    network = interface.network
    if network.prefixlen > 30 or interface.ip in (network.network_address, network.broadcast_address):
        problems.add(path, f"'{text}' is not a host address of {network}")
        return None
    return interface


def report_overlaps(one: NamedNetwork, others: list[NamedNetwork], problems: Problems) -> None:
    """One problem, at `one`, for each of the others that it meets."""
    for other in others:
        if one.network.overlaps(other.network):
            problems.add(
                one.path,
                f"{one.what} {one.network} overlaps {other.what} {other.network} ({other.path})",
            )
