# SPDX-License-Identifier: Apache-2.0
"""From what is wanted and what is there to what to do. Pure.

What is withdrawn goes first and what is new comes last, so that a port is never in the old and the new network at once,
and no DHCP server answers before its gateway is there. Each step knows what takes it back.
"""

from __future__ import annotations

from typing import Iterable, Iterator, Mapping

from .._host_network.links import Link, members
from . import names
from .errors import SwitchError
from .model import Network, State, natural
from .observe import Observed, Vlan
from .render import DHCP_DIRECTORY, dhcp_configuration, dhcp_file
from .steps import Line, Plan, Step

_MODE = "802.3ad"
_BRIDGE_SETTINGS = "type bridge vlan_filtering 1 vlan_default_pvid 0 mcast_snooping 0 stp_state 0"


def plan(before: State, wanted: State, observed: Observed) -> Plan:
    """What makes the switch carry `wanted`; `before` is what its record says that it carries.

    SwitchError when ports or devices stand in the way that are not ours.
    """
    planner = _Planner(before, wanted, observed)
    planner.check()
    return Plan(tuple(planner.steps()), tuple(planner.files()))


def shared_uplink(wanted: State, observed: Observed) -> str | None:
    """An uplink that others use, too: in a bridge that is not ours it carries VLANs that are not ours."""
    uplink = wanted.uplink
    return uplink if uplink and _foreign_vlans(uplink, wanted.bridge, wanted.networks, observed) else None


def from_nothing(wanted: State, bridge: Link | None = None, shared: str | None = None) -> tuple[Line, ...]:
    """All commands for a switch that has just started: its ports are there, off, and a bridge that is not ours.

    The shared uplink is in that bridge by then, with its other VLANs.
    """
    links = {name: Link(name) for name in sorted({*wanted.ports, *wanted.uplinks}, key=natural)}
    if bridge is not None:
        links[bridge.name] = bridge
        if shared is not None:
            links[shared] = Link(shared, master=bridge.name)
    made = plan(State(), wanted, Observed(links=links))
    return tuple(step.do for step in made.steps)


class _Planner:
    def __init__(self, before: State, wanted: State, observed: Observed) -> None:
        self.before, self.wanted, self.observed = before, wanted, observed
        self.links = observed.links
        self.channels = wanted.channels
        self.enslaved = {port: device for device, (_what, ports) in self.channels.items() for port in ports}
        self.routed = [each for each in wanted.networks.values() if each.routed]
        self.managed = {*wanted.ports, *wanted.uplinks, *wanted.before, *before.ports, *before.uplinks}
        self.vlans = self._memberships()
        self.wrong_channels = {
            name
            for name, link in self.links.items()
            if link.kind == "bond"
            and names.is_ours(link.alias)
            and (name not in self.channels or link.data.get("mode") != _MODE)
        }
        # Ports that leave a port-channel come out of it switched off, with an MTU that the kernel chooses.
        self.leaving = {
            port
            for port in self.managed
            for master in [self.links[port].master if port in self.links else None]
            if master is not None
            and self._is_bond(master)
            and (master in self.wrong_channels or self.enslaved.get(port) != master)
        }
        self.wrong_legs = self._wrong_legs()

    def _is_bond(self, name: str) -> bool:
        return name in self.links and self.links[name].kind == "bond"

    def _memberships(self) -> dict[str, frozenset[Vlan]]:
        """The VLANs of each bridge port."""
        wanted: dict[str, set[Vlan]] = {}
        for network in self.wanted.networks.values():
            for member in network.members:
                wanted.setdefault(member.device, set()).add(Vlan(network.vlan_id, not member.tagged))
            if network.routed:
                wanted[names.gateway_port(network.vlan_id)] = {Vlan(network.vlan_id, True)}
            if self.wanted.uplink:
                wanted.setdefault(self.wanted.uplink, set()).add(Vlan(network.vlan_id, False))
        return {device: frozenset(vlans) for device, vlans in wanted.items()}

    # --- whether it can be done ----------------------------------------------------------------------------------

    def check(self) -> None:
        problems = [
            *self._missing_ports(),
            *self._foreign_masters(),
            *self._foreign_devices(),
            *self._foreign_memberships(),
        ]
        if problems:
            raise SwitchError("; ".join(problems) + ". Nothing was touched")

    def _missing_ports(self) -> Iterator[str]:
        for port in sorted({*self.wanted.ports, *self.wanted.uplinks}, key=natural):
            if port not in self.links:
                yield f"there is no port {port} on this switch, but fabric_links or fabric_uplinks name it"

    def _foreign_masters(self) -> Iterator[str]:
        for port in sorted(self.managed, key=natural):
            master = self.links[port].master if port in self.links else None
            if master is None or master == self.wanted.bridge:
                continue
            if master not in self.links or not names.is_ours(self.links[master].alias):
                yield f"port {port} is part of {master}, which is not ours; take it out of it there first"

    def _foreign_devices(self) -> Iterator[str]:
        for device in self.channels:
            link = self.links.get(device)
            if link is not None and not names.is_ours(link.alias):
                yield f"there is a device {device} already that is not ours"
        for network in self.routed:
            link = self.links.get(names.gateway_port(network.vlan_id))
            if link is not None and not names.is_ours(link.alias):
                yield f"there is a device {link.name} already that is not ours"
        bridge = self.links.get(self.wanted.bridge)
        if bridge is not None and self.wanted.networks:
            if bridge.kind != "bridge":
                yield f"{bridge.name} is no bridge; set fabric_switch_bridge to another name"
            elif not bridge.data.get("vlan_filtering"):
                yield f"bridge {bridge.name} is not VLAN-aware (vlan_filtering 0); make it so, or set another name"

    def _foreign(self, port: str) -> frozenset[Vlan]:
        known = {**self.wanted.networks, **self.before.networks}
        return _foreign_vlans(port, self.wanted.bridge, known, self.observed)

    def _foreign_memberships(self) -> Iterator[str]:
        """What others have on a port would be lost. A server's port may have the VLAN that such a bridge gives all."""
        uplinks = {*self.wanted.uplinks, *self.before.uplinks}
        for port in sorted(self.managed, key=natural):
            found = {vlan.vid for vlan in self._foreign(port)}
            if port in uplinks and port not in self.enslaved:
                continue  # they are kept
            if port not in uplinks:
                found.discard(self._default_pvid())
            if found:
                what = f"port {port} carries VLAN {', '.join(map(str, sorted(found)))} in {self.wanted.bridge}"
                yield (
                    f"{what}, which is not ours, and would lose it in a port-channel: make the port-channel there and"
                    " name it as the one uplink"
                    if port in uplinks
                    else f"{what}, which is not ours: take it out of that first (bridge vlan delete)"
                )

    # --- the steps, in their order -------------------------------------------------------------------------------

    def steps(self) -> Iterator[Step]:
        yield from self._withdraw_dhcp()
        yield from self._withdraw_legs()
        yield from self._withdraw_vlans()
        yield from self._withdraw_channels()
        yield from self._bridge()
        yield from self._make_channels()
        yield from self._ports()
        yield from self._join()
        yield from self._make_legs()
        yield from self._start_dhcp()
        yield from self._drop_bridge()

    def files(self) -> Iterator[tuple[str, str]]:
        for network in self.routed:
            if dhcp_file(network):
                yield f"{DHCP_DIRECTORY}/{dhcp_file(network)}", dhcp_configuration(network)

    def _withdraw_dhcp(self) -> Iterator[Step]:
        wanted = {dhcp_file(network) for network in self.routed}
        known = {dhcp_file(network) for network in self.before.networks.values()}
        for name in sorted(self.observed.dhcp - wanted):
            yield Step(_dhcp(f"stop {name}"), (_dhcp(f"start {name}"),) if name in known else ())

    def _leg_is_right(self, network: Network) -> bool:
        port = names.gateway_port(network.vlan_id)
        space = self.observed.spaces.get(names.namespace(network.name))
        return port in self.links and space is not None and names.leg(network.vlan_id) in space.addresses

    def _wrong_legs(self) -> set[str]:
        right = {names.gateway_port(each.vlan_id) for each in self.routed if self._leg_is_right(each)}
        ours = {name for name, link in self.links.items() if names.is_gateway_port(name) and names.is_ours(link.alias)}
        return ours - right

    def _withdraw_legs(self) -> Iterator[Step]:
        previous = {names.gateway_port(each.vlan_id): each for each in self.before.networks.values() if each.routed}
        for port in sorted(self.wrong_legs, key=natural):
            network = previous.get(port)
            yield Step(_ip(f"link delete {port}"), tuple(self._leg(network, self.before)) if network else ())
        used = {names.namespace(each.name) for each in self.routed}
        for space in sorted(set(self.observed.spaces) - used):
            yield Step(_ip(f"netns delete {space}"), _space(space))
        for network in self.routed:
            if self._leg_is_right(network):
                space, leg = names.namespace(network.name), names.leg(network.vlan_id)
                for address in sorted(self.observed.spaces[space].addresses[leg] - {network.gateway_interface}):
                    yield Step(
                        _ip(f"addr delete {address} dev {leg}", space), (_ip(f"addr add {address} dev {leg}", space),)
                    )

    def _in_bridge(self) -> Iterator[str]:
        """Bridge ports of ours: of other ports of a bridge that we share we know nothing."""
        for name, link in self.links.items():
            if link.master == (self.before.bridge or self.wanted.bridge) and (
                name in self.managed or names.is_ours(link.alias)
            ):
                yield name

    def _withdraw_vlans(self) -> Iterator[Step]:
        for name in self._in_bridge():
            if name in self.wrong_legs:
                continue
            foreign = self._foreign(name) if name not in self.enslaved else frozenset()
            have = self.observed.vlans.get(name, frozenset())
            if name in {*self.wanted.uplinks, *self.before.uplinks} and foreign:
                have -= foreign
            elif name not in self.vlans:
                bridge = str(self.links[name].master)
                undo = [_ip(f"link set {name} master {bridge}"), *(_add(name, vlan) for vlan in sorted(have))]
                yield Step(_ip(f"link set {name} nomaster"), tuple(undo))
                continue
            for vlan in sorted(have - self.vlans.get(name, frozenset())):
                yield Step(_bridge_line(f"vlan delete dev {name} vid {vlan.vid}"), (_add(name, vlan),))

    def _withdraw_channels(self) -> Iterator[Step]:
        for name in sorted(self.wrong_channels):
            link, ports = self.links[name], members(self.links, name)
            undo = [*_channel(name, link.alias, ports, link.mtu), _ip(f"link set {name} up")]
            yield Step(_ip(f"link delete {name}"), tuple(undo))
        for port in sorted(self.leaving, key=natural):
            master = str(self.links[port].master)
            if master not in self.wrong_channels:
                yield Step(_ip(f"link set {port} nomaster"), _enslave(port, master))

    def _bridge(self) -> Iterator[Step]:
        name = self.wanted.bridge
        if not self.wanted.networks:
            return
        link = self.links.get(name)
        if link is None:
            yield Step(
                _ip(f"link add {name} {_BRIDGE_SETTINGS}"),
                (_ip(f"link delete {name}"),),
            )
            yield Step(_ip(f"link set {name} alias {names.MARK}"))
        if link is None or not link.up:
            yield Step(_ip(f"link set {name} up"), (_ip(f"link set {name} down"),) if link else ())

    def _drop_bridge(self) -> Iterator[Step]:
        link = self.links.get(self.before.bridge)
        if not self.wanted.networks and link is not None and names.is_ours(link.alias):
            undo = [
                _ip(f"link add {link.name} {_BRIDGE_SETTINGS}"),
                _ip(f"link set {link.name} alias {names.MARK}"),
                _ip(f"link set {link.name} up"),
            ]
            yield Step(_ip(f"link delete {link.name}"), tuple(undo))

    def _make_channels(self) -> Iterator[Step]:
        mtu = self.wanted.mtu
        for name in sorted(self.channels, key=natural):
            what, ports = self.channels[name]
            link = self.links.get(name) if name not in self.wrong_channels else None
            if link is None:
                made = _channel(name, names.alias(what), (), mtu)
                yield Step(made[0], (_ip(f"link delete {name}"),))
                yield from (Step(line) for line in made[1:])
            for port in sorted(ports, key=natural):
                found = self.links.get(port, Link(port))
                if link is None or found.master != name:
                    up = found.up and port not in self.leaving
                    yield Step(_ip(f"link set {port} down"), (_ip(f"link set {port} up"),) if up else ())
                    yield Step(_ip(f"link set {port} master {name}"), (_ip(f"link set {port} nomaster"),))
            if link is not None and link.mtu != mtu:
                yield Step(_ip(f"link set {name} mtu {mtu}"), (_ip(f"link set {name} mtu {link.mtu}"),))
            if link is None or not link.up:
                yield Step(_ip(f"link set {name} up"), (_ip(f"link set {name} down"),) if link else ())

    def _ports(self) -> Iterator[Step]:
        """Ports that are in no port-channel; in one they follow it."""
        cabled = {*self.wanted.ports, *self.wanted.uplinks} if self.wanted.networks else set()
        for port in sorted(self.managed, key=natural):
            link, before = self.links.get(port), self.wanted.before.get(port)
            if link is None or port in self.enslaved:
                continue
            left = port in self.leaving
            mtu = self.wanted.mtu if port in cabled else (before.mtu if before else link.mtu)
            up = port in cabled or (before.up if before else link.up)
            if left or link.mtu != mtu:
                yield Step(_ip(f"link set {port} mtu {mtu}"), () if left else (_ip(f"link set {port} mtu {link.mtu}"),))
            if left or link.up != up:
                back = "up" if link.up else "down"
                yield Step(
                    _ip(f"link set {port} {'up' if up else 'down'}"), () if left else (_ip(f"link set {port} {back}"),)
                )

    def _join(self) -> Iterator[Step]:
        bridge = self.wanted.bridge
        for name in sorted(self.vlans, key=natural):
            if names.is_gateway_port(name) and name not in self.managed:
                continue
            link = self.links.get(name) if name not in self.wrong_channels else None
            inside = link is not None and link.master == bridge
            if not inside:
                yield Step(_ip(f"link set {name} master {bridge}"), (_ip(f"link set {name} nomaster"),))
                yield from self._default_vlan(name)
            have = self.observed.vlans.get(name, frozenset()) if inside else frozenset()
            for vlan in sorted(self.vlans[name] - have):
                yield Step(_add(name, vlan), (_bridge_line(f"vlan delete dev {name} vid {vlan.vid}"),))

    def _default_vlan(self, name: str) -> Iterator[Step]:
        """A bridge that is not ours may give its ports a VLAN that nobody asked for."""
        link = self.links.get(self.wanted.bridge)
        default = int(link.data.get("vlan_default_pvid") or 0) if link is not None else 0
        if default:
            yield Step(_bridge_line(f"vlan delete dev {name} vid {default}"))

    def _leg(self, network: Network, state: State) -> list[Line]:
        """A network's gateway, from its namespace to its port."""
        space, port, leg = (
            names.namespace(network.name),
            names.gateway_port(network.vlan_id),
            names.leg(network.vlan_id),
        )
        return [
            _ip(
                f"link add {port} mtu {state.mtu} type veth peer name {leg} address"
                f" {names.gateway_mac(network.vlan_id)} mtu {state.mtu} netns {space}"
            ),
            _ip(f"link set {port} alias {names.alias(network.name)}"),
            _ip(f"link set {port} master {state.bridge}"),
            _ip(f"link set {port} up"),
            _add(port, Vlan(network.vlan_id, True)),
            _ip(f"addr add {network.gateway_interface} dev {leg}", space),
            _ip(f"link set {leg} up", space),
        ]

    def _make_legs(self) -> Iterator[Step]:
        for network in self.routed:
            space, port, leg = (
                names.namespace(network.name),
                names.gateway_port(network.vlan_id),
                names.leg(network.vlan_id),
            )
            if space not in self.observed.spaces:
                made = _space(space)
                yield Step(made[0], (_ip(f"netns delete {space}"),))
                yield from (Step(line) for line in made[1:])
            if not self._leg_is_right(network):
                lines = self._leg(network, self.wanted)
                yield Step(lines[0], (_ip(f"link delete {port}"),))
                if self._default_pvid():
                    lines.insert(4, _bridge_line(f"vlan delete dev {port} vid {self._default_pvid()}"))
                yield from (Step(line) for line in lines[1:])
                continue
            link = self.links[port]
            if link.master != self.wanted.bridge:
                yield Step(_ip(f"link set {port} master {self.wanted.bridge}"), (_ip(f"link set {port} nomaster"),))
            if not link.up:
                yield Step(_ip(f"link set {port} up"), (_ip(f"link set {port} down"),))
            have = self.observed.vlans.get(port, frozenset()) if link.master == self.wanted.bridge else frozenset()
            for vlan in sorted(self.vlans[port] - have):
                yield Step(_add(port, vlan), (_bridge_line(f"vlan delete dev {port} vid {vlan.vid}"),))
            found = self.observed.spaces[space]
            if network.gateway_interface not in found.addresses[leg]:
                yield Step(
                    _ip(f"addr add {network.gateway_interface} dev {leg}", space),
                    (_ip(f"addr delete {network.gateway_interface} dev {leg}", space),),
                )
            if leg in found.down:
                yield Step(_ip(f"link set {leg} up", space), (_ip(f"link set {leg} down", space),))

    def _default_pvid(self) -> int:
        link = self.links.get(self.wanted.bridge)
        return int(link.data.get("vlan_default_pvid") or 0) if link is not None else 0

    def _start_dhcp(self) -> Iterator[Step]:
        for network in self.routed:
            name = dhcp_file(network)
            if name and name not in self.observed.dhcp:
                yield Step(_dhcp(f"start {name}"), (_dhcp(f"stop {name}"),))


def _foreign_vlans(port: str, bridge: str, networks: Mapping[str, Network], observed: Observed) -> frozenset[Vlan]:
    """What a port carries of others in a bridge of others."""
    link, owner = observed.links.get(port), observed.links.get(bridge)
    if link is None or owner is None or link.master != bridge or names.is_ours(owner.alias):
        return frozenset()
    ours = {network.vlan_id for network in networks.values()}
    return frozenset(vlan for vlan in observed.vlans.get(port, frozenset()) if vlan.vid not in ours)


def _ip(text: str, namespace: str = "") -> Line:
    return Line("ip", text, namespace)


def _bridge_line(text: str) -> Line:
    return Line("bridge", text)


def _dhcp(text: str) -> Line:
    return Line("dhcp", text)


def _add(device: str, vlan: Vlan) -> Line:
    return _bridge_line(f"vlan add dev {device} vid {vlan.vid}{' pvid untagged' if vlan.untagged else ''}")


def _space(name: str) -> tuple[Line, ...]:
    return _ip(f"netns add {name}"), _ip("link set lo up", name)


def _channel(name: str, alias: str, ports: Iterable[str], mtu: int) -> list[Line]:
    lines = [
        _ip(f"link add {name} type bond mode {_MODE} lacp_rate fast miimon 100 xmit_hash_policy layer3+4"),
        _ip(f"link set {name} alias {alias}"),
    ]
    for port in ports:
        lines += _enslave(port, name)
    return [*lines, _ip(f"link set {name} mtu {mtu}")]


def _enslave(port: str, channel: str) -> tuple[Line, ...]:
    """On again at the end, for a port that never left: what is taken back may not have been done yet."""
    return _ip(f"link set {port} down"), _ip(f"link set {port} master {channel}"), _ip(f"link set {port} up")
