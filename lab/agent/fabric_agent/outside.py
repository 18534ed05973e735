"""What of a VPC is not its own: its way to the outside through NAT, and to the VPCs that it is peered with. Pure.

Each VPC is a namespace. One that has NAT rules is joined to the namespace of the outside, where only the addresses that
rules give are routed, so tenants may use the same networks inside. Peered ones are joined to each other, with routes
for the networks that each takes over; what comes from a peer never goes on to another peer or to the outside.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from fabric_agent.desired import VPC_PREFIX, Desired, Nat
from fabric_agent.observe import route_line

OUTSIDE = f"{VPC_PREFIX}0"
UPLINK = "vnet0"
_NAT_LEG = "sg"
_OUTSIDE_MTU = 1500
_PEER_MTU = 9216
# addresses of the joints, of which nobody but these namespaces knows
_PEER_POOL = ipaddress.IPv4Address("169.254.0.0")
_NAT_POOL = ipaddress.IPv4Address("169.254.128.0")
_POOL_PAIRS = 16384
_JOINT = re.compile(rf"^({_NAT_LEG}|v\d+|peer\d+)$")
_EVERYWHERE = "0.0.0.0/0"


@dataclass(frozen=True)
class End:
    namespace: str
    device: str
    address: str


@dataclass(frozen=True)
class Joint:
    """A pair of devices between two namespaces."""

    mtu: int
    ends: tuple[End, End]


@dataclass
class Extras:
    """What is wanted in the namespaces beyond gateways: joints, routes and rules."""

    joints: list[Joint] = field(default_factory=list)
    routes: dict[str, set[str]] = field(default_factory=dict)
    rules: dict[str, tuple[str, ...]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def is_joint(device: str) -> bool:
    return bool(_JOINT.match(device))


def is_first_end(device: str) -> bool:
    """Of the two ends the one that a joint is removed by; those of a peering have the same name on both sides."""
    return is_joint(device) and device != _NAT_LEG


def extras(desired: Desired) -> Extras:
    """The whole of it."""
    found = Extras()
    spaces = {vnet.namespace for vnet in desired.vnets if vnet.gateways}
    # A rule of a VPC that has no gateway here finds nothing to translate.
    by_vpc: dict[int, list[Nat]] = {}
    for rule in desired.nat:
        if _space(rule.vpc) in spaces:
            by_vpc.setdefault(rule.vpc, []).append(rule)
    if by_vpc and desired.uplink is None:
        found.problems += [f"NAT rule {rule.name}: this switch has no outside port" for rule in desired.nat]
        by_vpc = {}
    if by_vpc and desired.uplink is not None:
        _outside(by_vpc, desired.uplink.gateway, found)
    peers = _peers(desired, spaces, found)
    for vpc in sorted({*by_vpc, *peers}):
        rules = by_vpc.get(vpc, [])
        found.rules[_space(vpc)] = (*_closed(rules, peers.get(vpc, [])), *_translations(rules))
    return found


def _space(vpc: int) -> str:
    return f"{VPC_PREFIX}{vpc}"


def _pair(pool: ipaddress.IPv4Address, number: int) -> tuple[str, str]:
    if number >= _POOL_PAIRS:
        raise ValueError(f"there are no addresses for a joint of number {number}")
    return str(pool + 2 * number), str(pool + 2 * number + 1)


def _outside(by_vpc: dict[int, list[Nat]], gateway: str, found: Extras) -> None:
    routes, rules = found.routes.setdefault(OUTSIDE, set()), ["filter :FORWARD DROP"]
    if gateway:
        routes.add(route_line("default", gateway, UPLINK))
    for vpc, listed in sorted(by_vpc.items()):
        there, here = _pair(_NAT_POOL, vpc)
        device = f"v{vpc}"
        ends = (End(OUTSIDE, device, f"{there}/31"), End(_space(vpc), _NAT_LEG, f"{here}/31"))
        found.joints.append(Joint(_OUTSIDE_MTU, ends))
        found.routes.setdefault(_space(vpc), set()).add(route_line("default", there, _NAT_LEG))
        for network in sorted({each for rule in listed for each in rule.outside}):
            routes.add(route_line(network, here, device))
            rules.append(f"filter -A FORWARD -s {network} -i {device} -j ACCEPT")
            rules.append(f"filter -A FORWARD -d {network} -o {device} -j ACCEPT")
    found.rules[OUTSIDE] = tuple(rules)


def _peers(desired: Desired, spaces: set[str], found: Extras) -> dict[int, list[str]]:
    """Joints and routes of the peerings; the device of each, by VPC."""
    devices: dict[int, list[str]] = {}
    for peering in desired.peerings:
        if not all(_space(vpc) in spaces for vpc, _routes in peering.sides):
            continue
        device, addresses = f"peer{peering.id}", _pair(_PEER_POOL, peering.id)
        ends = [
            End(_space(vpc), device, f"{address}/31")
            for (vpc, _routes), address in zip(peering.sides, addresses, strict=True)
        ]
        found.joints.append(Joint(_PEER_MTU, (ends[0], ends[1])))
        for (vpc, routes), gateway in zip(peering.sides, reversed(addresses), strict=True):
            devices.setdefault(vpc, []).append(device)
            known = found.routes.setdefault(_space(vpc), set())
            taken = {line.split()[0] for line in known}
            for network in routes:
                if network.removesuffix("/32") in taken:
                    found.problems.append(f"VPC peering {peering.name}: {network} is reached through another one")
                else:
                    known.add(route_line(network, gateway, device))
    return devices


def _closed(nat: list[Nat], peers: list[str]) -> Iterator[str]:
    """What a VPC does not pass on."""
    if peers:
        yield "filter -A FORWARD -i peer+ -o peer+ -j DROP"
    if peers and nat:
        yield f"filter -A FORWARD -i peer+ -o {_NAT_LEG} -j DROP"
        yield f"filter -A FORWARD -i {_NAT_LEG} -o peer+ -j DROP"
    if nat:
        yield f"filter -A FORWARD -i {_NAT_LEG} -m conntrack --ctstate RELATED,ESTABLISHED,DNAT -j ACCEPT"
        yield f"filter -A FORWARD -i {_NAT_LEG} -j DROP"


def _translations(nat: list[Nat]) -> Iterator[str]:
    """In the form in which the kernel shows them, so that wanted and present can be compared."""
    for rule in nat:
        if rule.action == "dnat":
            ports = "" if rule.to_ports is None else ":" + _ports(rule.to_ports, "-")
            target = f"DNAT --to-destination {rule.to}{ports}"
            yield f"nat -A PREROUTING{_match(rule, f'-i {_NAT_LEG}')} -j {target}"
    for action in ("accept_snat", "snat"):
        for rule in nat:
            if rule.action == action:
                target = "ACCEPT" if action == "accept_snat" else f"SNAT --to-source {_range(rule.outside[0])}"
                yield f"nat -A POSTROUTING{_match(rule, f'-o {_NAT_LEG}')} -j {target}"


def _match(rule: Nat, device: str) -> str:
    words = [f"-s {rule.source}"] if rule.source != _EVERYWHERE else []
    words += [f"-d {rule.destination}"] if rule.destination != _EVERYWHERE else []
    words.append(device)
    if rule.protocol != "all":
        words.append(f"-p {rule.protocol}")
    given = [("--sport", rule.source_ports), ("--dport", rule.destination_ports)]
    if any(ports for _option, ports in given):
        words.append(f"-m {rule.protocol}")
        words += [f"{option} {_ports(ports, ':')}" for option, ports in given if ports]
    return " " + " ".join(words)


def _ports(ports: tuple[int, int], to: str) -> str:
    return str(ports[0]) if ports[0] == ports[1] else f"{ports[0]}{to}{ports[1]}"


def _range(network: str) -> str:
    found = ipaddress.IPv4Network(network)
    return str(found[0]) if found.num_addresses == 1 else f"{found[0]}-{found[-1]}"


# --- as the kernel's tools take it -------------------------------------------------------------------------------

_CHAINS = {"filter": ("INPUT", "FORWARD", "OUTPUT"), "nat": ("PREROUTING", "INPUT", "OUTPUT", "POSTROUTING")}


def restore_text(rules: tuple[str, ...]) -> str:
    """The input of ``iptables-restore``, which replaces all there is of these tables."""
    lines = []
    for table, chains in _CHAINS.items():
        own = [line.removeprefix(f"{table} ") for line in rules if line.startswith(f"{table} ")]
        closed = {line.split()[0].removeprefix(":") for line in own if line.startswith(":")}
        lines.append(f"*{table}")
        lines += [f":{chain} {'DROP' if chain in closed else 'ACCEPT'} [0:0]" for chain in chains]
        lines += [line for line in own if line.startswith("-A")]
        lines.append("COMMIT")
    return "\n".join(lines) + "\n"
