"""Arithmetic on prefixes: parsing, cutting children, DHCP ranges."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from .errors import ApiError, invalid

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Interface = ipaddress.IPv4Interface | ipaddress.IPv6Interface
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def network(value: object, field: str) -> Network:
    """A prefix without host bits."""
    if not isinstance(value, str) or "/" not in value:
        raise invalid(field, f"{field} must be a prefix such as 10.0.0.0/16.")
    try:
        return ipaddress.ip_network(value)
    except ValueError as error:
        raise invalid(field, f"{field}: {value} is not a valid prefix ({error}).") from error


def gateway(value: object, field: str) -> Interface:
    """An address with its prefix length that a host of that prefix can have."""
    if not isinstance(value, str) or "/" not in value:
        raise invalid(field, f"{field} must be an address with its prefix length such as 10.0.0.1/24.")
    try:
        interface = ipaddress.ip_interface(value)
    except ValueError as error:
        raise invalid(field, f"{field}: {value} is not a valid address ({error}).") from error
    net = interface.network
    if net.prefixlen < net.max_prefixlen - 1 and interface.ip == net.network_address:
        raise invalid(field, f"{field}: {value} is the network address itself.")
    if net.version == 4 and net.prefixlen < 31 and interface.ip == net.broadcast_address:
        raise invalid(field, f"{field}: {value} is the broadcast address.")
    return interface


def contains(outer: Network, inner: Network) -> bool:
    (low, high), (first, last) = _span(outer), _span(inner)
    return outer.version == inner.version and low <= first and last <= high


def overlap(one: Network, other: Network) -> bool:
    (low, high), (first, last) = _span(one), _span(other)
    return one.version == other.version and low <= last and first <= high


def _span(net: Network) -> tuple[int, int]:
    return int(net.network_address), int(net.broadcast_address)


def cut_child(supernet: Network, length: int, used: Iterable[Network]) -> Network:
    """The first free child of a given length."""
    if not supernet.prefixlen <= length <= supernet.max_prefixlen:
        raise invalid(
            "childSubnetPrefixLength", f"childSubnetPrefixLength {length} does not fit into the allocation {supernet}."
        )
    size = 1 << (supernet.max_prefixlen - length)
    start, end = _span(supernet)
    spans = sorted(_span(net) for net in used if overlap(net, supernet))
    for low, high in spans:
        if start + size - 1 < low:
            break
        if high >= start:
            start += ((high - start) // size + 1) * size
    if start + size - 1 > end:
        raise ApiError(f"No free /{length} subnet left in allocation {supernet}.", 400, {"allocation": "Exhausted."})
    return ipaddress.ip_network(f"{type(supernet.network_address)(start)}/{length}")


def nth_host(net: Network, number: int) -> Interface:
    """The address with a host number: 1 is the first."""
    last = net.num_addresses - (2 if net.version == 4 and net.prefixlen < 31 else 1)
    if not 1 <= number <= last:
        raise invalid("hostnum", f"hostnum {number} is not a host of {net}: 1 to {last} are.")
    return ipaddress.ip_interface(f"{net.network_address + number}/{net.prefixlen}")


def default_dhcp_range(interface: Interface) -> tuple[str, str]:
    """The controller's own choice: the longer run of hosts beside the gateway."""
    net = interface.network
    first, last = net.network_address + 1, net.broadcast_address - 1
    below, above = int(interface.ip) - int(first), int(last) - int(interface.ip)
    if below >= above:
        return str(first), str(interface.ip - 1)
    return str(interface.ip + 1), str(last)
