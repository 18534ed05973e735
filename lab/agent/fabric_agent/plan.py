"""From what is wanted and what is there to what to do. Pure.

What is withdrawn goes first and what is new comes last, so that a port is never in the old and the new V-Net at
once, and no DHCP server answers before its gateway is there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from fabric_agent import dhcp
from fabric_agent.desired import BRIDGE, GATEWAY_PREFIX, Desired, Lag, VNet
from fabric_agent.observe import Link, Namespace, Observed, Vlan
from fabric_agent.outside import Extras, Joint, extras, is_first_end, is_joint, restore_text

_DEFAULT_MTU = 9000


@dataclass(frozen=True)
class Step:
    """One command: a line for ``ip`` or ``bridge``, a setting or the rules of a namespace, or a DHCP server to start or
    stop."""

    tool: Literal["ip", "bridge", "sysctl", "rules", "dhcp-start", "dhcp-stop", "lease-remove"]
    line: str
    namespace: str = ""


@dataclass(frozen=True)
class Plan:
    steps: tuple[Step, ...]
    problems: tuple[str, ...]


def plan(desired: Desired, observed: Observed) -> Plan:
    """All steps in their order, and what cannot be done."""
    wanted_lags, problems = _possible_lags(desired, observed)
    wanted_vlans, more = _memberships(desired, observed, wanted_lags)
    with_gateway = [vnet for vnet in desired.vnets if vnet.gateways]
    gone = _wrong_legs(with_gateway, observed)
    beyond = extras(desired)
    steps = [
        *_withdraw_dhcp(with_gateway, observed),
        *_withdraw_extras(beyond, observed),
        *_withdraw_legs(with_gateway, gone, observed),
        *_withdraw_vlans(wanted_vlans, gone, observed),
        *_withdraw_lags(wanted_lags, observed),
        *_bridge(observed),
        *_lags(wanted_lags, observed),
        *_ports(desired, observed, wanted_lags),
        *_join(wanted_vlans, observed, wanted_lags),
        *_legs(desired, with_gateway, observed),
        *_rules(beyond, {vnet.namespace for vnet in with_gateway}, observed),
        *_joints(beyond, observed),
        *_dhcp(with_gateway, observed),
    ]
    return Plan(tuple(steps), tuple(problems + more + beyond.problems))


def _is_port(name: str) -> bool:
    return name.startswith("swp")


def _possible_lags(desired: Desired, observed: Observed) -> tuple[list[Lag], list[str]]:
    """The port-channels, each with those of its members that exist."""
    problems, found, taken = [], [], set[str]()
    for lag in desired.lags:
        members = []
        for member in lag.members:
            if member not in observed.links:
                problems.append(f"port-channel {lag.name}: there is no port {member}")
            elif member in taken:
                problems.append(f"port-channel {lag.name}: port {member} is in another one")
            else:
                members.append(member)
                taken.add(member)
        found.append(Lag(lag.name, lag.device, tuple(members), lag.lacp, lag.mtu))
    return found, problems


def _memberships(desired: Desired, observed: Observed, lags: list[Lag]) -> tuple[dict[str, frozenset[Vlan]], list[str]]:
    """The VLANs of each bridge port, gateways' ports included."""
    problems: list[str] = []
    enslaved = {member: lag.name for lag in lags for member in lag.members}
    devices = {lag.device for lag in lags}
    wanted: dict[str, set[Vlan]] = {}
    for vnet in desired.vnets:
        for member in vnet.members:
            device = desired.device(member.interface)
            if device in enslaved:
                problems.append(f"V-Net {vnet.name}: port {device} is part of port-channel {enslaved[device]}")
            elif device not in devices and device not in observed.links:
                problems.append(f"V-Net {vnet.name}: there is no port {device}")
            elif not member.tagged and any(vlan.untagged and vlan.vid != vnet.vlan for vlan in wanted.get(device, ())):
                problems.append(f"V-Net {vnet.name}: {member.interface} is untagged in another V-Net")
            else:
                wanted.setdefault(device, set()).add(Vlan(vnet.vlan, not member.tagged))
        if vnet.gateways:
            wanted[vnet.gateway_port] = {Vlan(vnet.vlan, True)}
    return {device: frozenset(vlans) for device, vlans in wanted.items()}, problems


def _withdraw_dhcp(with_gateway: list[VNet], observed: Observed) -> Iterator[Step]:
    wanted = {dhcp.configuration_name(vnet) for vnet in with_gateway if dhcp.configuration(vnet)}
    kept = {name.split(".")[1] for name in wanted}
    for name in sorted(observed.dhcp - wanted):
        yield Step("dhcp-stop", name)
        if name.split(".")[1] not in kept:
            yield Step("lease-remove", name.split(".")[1])


def _leg_is_right(vnet: VNet, observed: Observed) -> bool:
    """Whether a V-Net's gateway leg is there, in the right VPC."""
    space = observed.namespaces.get(vnet.namespace, Namespace())
    return vnet.gateway_port in observed.links and vnet.leg in space.addresses


def _wrong_legs(with_gateway: list[VNet], observed: Observed) -> set[str]:
    """Gateways' bridge ports that no V-Net wants, or not in this VPC."""
    right = {vnet.gateway_port for vnet in with_gateway if _leg_is_right(vnet, observed)}
    legs = {name for name, link in observed.links.items() if link.kind == "veth" and name.startswith(GATEWAY_PREFIX)}
    return legs - right


def _joint_is_right(joint: Joint, observed: Observed) -> bool:
    return all(end.device in observed.namespaces.get(end.namespace, Namespace()).addresses for end in joint.ends)


def _withdraw_extras(wanted: Extras, observed: Observed) -> Iterator[Step]:
    """Joints and routes that nobody wants any more. A joint goes by one of its ends, and its routes with it."""
    right = [joint for joint in wanted.joints if _joint_is_right(joint, observed)]
    kept = {(end.namespace, end.device) for joint in right for end in joint.ends}
    gone = set[str]()
    for name, space in observed.namespaces.items():
        for device in sorted(space.addresses):
            if is_first_end(device) and (name, device) not in kept and device not in gone:
                gone.add(device)
                yield Step("ip", f"link delete {device}", name)
        for route in sorted(space.routes - wanted.routes.get(name, set())):
            device = route.split()[-1]
            if not is_joint(device) or (name, device) in kept:
                yield Step("ip", f"route delete {route}", name)


def _withdraw_legs(with_gateway: list[VNet], gone: set[str], observed: Observed) -> Iterator[Step]:
    for name in sorted(gone):
        yield Step("ip", f"link delete {name}")
    used = {vnet.namespace for vnet in with_gateway}
    for space in sorted(set(observed.namespaces) - used):
        yield Step("ip", f"netns delete {space}")
    for vnet in with_gateway:
        if _leg_is_right(vnet, observed):
            have = observed.namespaces[vnet.namespace].addresses[vnet.leg]
            for address in sorted(have - {gateway.address for gateway in vnet.gateways}):
                yield Step("ip", f"addr delete {address} dev {vnet.leg}", vnet.namespace)


def _withdraw_vlans(wanted: dict[str, frozenset[Vlan]], gone: set[str], observed: Observed) -> Iterator[Step]:
    for name, link in observed.links.items():
        if link.master != BRIDGE or name in gone:
            continue
        if name not in wanted:
            yield Step("ip", f"link set {name} nomaster")
            continue
        for vlan in sorted(observed.vlans.get(name, frozenset()) - wanted[name], key=lambda vlan: vlan.vid):
            yield Step("bridge", f"vlan delete dev {name} vid {vlan.vid}")


def _bond_mode(lag: Lag) -> str:
    return "802.3ad" if lag.lacp else "balance-xor"


def _withdraw_lags(lags: list[Lag], observed: Observed) -> Iterator[Step]:
    wanted = {lag.device: lag for lag in lags}
    for name, link in observed.links.items():
        if link.kind == "bond" and (name not in wanted or link.bond_mode != _bond_mode(wanted[name])):
            yield Step("ip", f"link delete {name}")
    for name, link in observed.links.items():
        master = observed.links.get(link.master)
        if _is_port(name) and master is not None and master.kind == "bond":
            lag = wanted.get(link.master)
            if lag is not None and master.bond_mode == _bond_mode(lag) and name not in lag.members:
                yield Step("ip", f"link set {name} nomaster")


def _bridge(observed: Observed) -> Iterator[Step]:
    link = observed.links.get(BRIDGE)
    if link is None:
        yield Step(
            "ip", f"link add {BRIDGE} type bridge vlan_filtering 1 vlan_default_pvid 0 mcast_snooping 0 stp_state 0"
        )
    if link is None or not link.up:
        yield Step("ip", f"link set {BRIDGE} up")


def _lags(lags: list[Lag], observed: Observed) -> Iterator[Step]:
    for lag in lags:
        link = observed.links.get(lag.device)
        if link is None or link.kind != "bond" or link.bond_mode != _bond_mode(lag):
            link = None
            lacp = " lacp_rate fast" if lag.lacp else ""
            yield Step(
                "ip",
                f"link add {lag.device} type bond mode {_bond_mode(lag)}{lacp} miimon 100 xmit_hash_policy layer3+4",
            )
        for member in lag.members:
            if observed.links[member].master != lag.device or link is None:
                yield Step("ip", f"link set {member} down")
                yield Step("ip", f"link set {member} master {lag.device}")
        if link is None or link.mtu != lag.mtu:
            yield Step("ip", f"link set {lag.device} mtu {lag.mtu}")
        if link is None or not link.up:
            yield Step("ip", f"link set {lag.device} up")


def _ports(desired: Desired, observed: Observed, lags: list[Lag]) -> Iterator[Step]:
    lag_of = {member: lag for lag in lags for member in lag.members}
    wanted = {port.name: port for port in desired.ports}
    for name, link in observed.links.items():
        if not _is_port(name):
            continue
        port, lag = wanted.get(name), lag_of.get(name)
        up = port is not None and port.up
        joins = lag is not None and link.master != lag.device
        mtu = lag.mtu if lag is not None else (port.mtu if port is not None else link.mtu)
        # a port that has just joined a port-channel has its MTU already
        if link.mtu != mtu and not joins:
            yield Step("ip", f"link set {name} mtu {mtu}")
        if (link.up or joins) and not up:
            yield Step("ip", f"link set {name} down")
        elif not link.up and up and not joins:
            yield Step("ip", f"link set {name} up")


def _join(wanted: dict[str, frozenset[Vlan]], observed: Observed, lags: list[Lag]) -> Iterator[Step]:
    modes = {lag.device: _bond_mode(lag) for lag in lags}
    for name, vlans in wanted.items():
        if name.startswith(GATEWAY_PREFIX) and name not in {*modes}:
            continue
        link: Link | None = observed.links.get(name)
        if link is not None and name in modes and link.bond_mode != modes[name]:
            link = None  # it is made anew
        member = link is not None and link.master == BRIDGE
        if not member:
            yield Step("ip", f"link set {name} master {BRIDGE}")
        yield from _add_vlans(name, vlans, observed.vlans.get(name, frozenset()) if member else frozenset())


def _add_vlans(name: str, wanted: frozenset[Vlan], have: frozenset[Vlan]) -> Iterator[Step]:
    for vlan in sorted(wanted - have, key=lambda vlan: vlan.vid):
        yield Step("bridge", f"vlan add dev {name} vid {vlan.vid}{' pvid untagged' if vlan.untagged else ''}")


def _leg_mtu(vnet: VNet, desired: Desired) -> int:
    sizes = {lag.name: lag.mtu for lag in desired.lags} | {port.name: port.mtu for port in desired.ports}
    return max((sizes.get(member.interface, 0) for member in vnet.members), default=0) or _DEFAULT_MTU


def _legs(desired: Desired, with_gateway: list[VNet], observed: Observed) -> Iterator[Step]:
    made = set(observed.namespaces)
    for vnet in with_gateway:
        space, port = vnet.namespace, vnet.gateway_port
        if space not in made:
            made.add(space)
            yield Step("ip", f"netns add {space}")
            yield Step("ip", "link set lo up", space)
        if not observed.namespaces.get(space, Namespace()).forwarding:
            yield Step("sysctl", "net.ipv4.ip_forward=1", space)
        right = _leg_is_right(vnet, observed)
        link = observed.links.get(port) if right else None
        mtu = _leg_mtu(vnet, desired)
        if not right:
            yield Step(
                "ip",
                f"link add {port} mtu {mtu} type veth peer name {vnet.leg} address {vnet.mac} mtu {mtu} netns {space}",
            )
        elif link is not None and link.mtu != mtu:
            yield Step("ip", f"link set {port} mtu {mtu}")
            yield Step("ip", f"link set {vnet.leg} mtu {mtu}", space)
        if link is None or link.master != BRIDGE:
            yield Step("ip", f"link set {port} master {BRIDGE}")
        if link is None or not link.up:
            yield Step("ip", f"link set {port} up")
        in_bridge = link is not None and link.master == BRIDGE
        yield from _add_vlans(
            port,
            frozenset({Vlan(vnet.vlan, True)}),
            observed.vlans.get(port, frozenset()) if in_bridge else frozenset(),
        )
        have = observed.namespaces[space].addresses[vnet.leg] if right else frozenset()
        for gateway in vnet.gateways:
            if gateway.address not in have:
                yield Step("ip", f"addr add {gateway.address} dev {vnet.leg}", space)
        if not right or vnet.leg in observed.namespaces[space].down:
            yield Step("ip", f"link set {vnet.leg} up", space)


def _rules(wanted: Extras, spaces: set[str], observed: Observed) -> Iterator[Step]:
    """Before the joints, so that nothing passes that they shall keep apart."""
    for space in sorted(spaces):
        rules = wanted.rules.get(space, ())
        if rules != observed.namespaces.get(space, Namespace()).rules:
            yield Step("rules", restore_text(rules), space)


def _joints(wanted: Extras, observed: Observed) -> Iterator[Step]:
    for joint in wanted.joints:
        right = _joint_is_right(joint, observed)
        one, other = joint.ends
        if not right:
            yield Step(
                "ip",
                f"link add {one.device} mtu {joint.mtu} type veth "
                f"peer name {other.device} mtu {joint.mtu} netns {other.namespace}",
                one.namespace,
            )
        for end in joint.ends:
            space = observed.namespaces[end.namespace] if right else Namespace()
            if end.address not in space.addresses.get(end.device, frozenset()):
                yield Step("ip", f"addr add {end.address} dev {end.device}", end.namespace)
            if not right or end.device in space.down:
                yield Step("ip", f"link set {end.device} up", end.namespace)
    for name, routes in sorted(wanted.routes.items()):
        made = {
            end.device
            for joint in wanted.joints
            if not _joint_is_right(joint, observed)
            for end in joint.ends
            if end.namespace == name
        }
        have = observed.namespaces.get(name, Namespace()).routes
        for route in sorted(routes):
            if route not in have or route.split()[-1] in made:
                yield Step("ip", f"route add {route} proto static", name)


def _dhcp(with_gateway: list[VNet], observed: Observed) -> Iterator[Step]:
    for vnet in with_gateway:
        if dhcp.configuration(vnet) and dhcp.configuration_name(vnet) not in observed.dhcp:
            yield Step("dhcp-start", str(vnet.id), vnet.namespace)
