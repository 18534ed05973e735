# SPDX-License-Identifier: Apache-2.0
"""What a switch carries: networks, and which servers' ports are in them. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Network
from typing import Any, Mapping, Sequence

from . import names
from .errors import SwitchError

VERSION = 1


@dataclass(frozen=True)
class Member:
    """A server in a network: its ports on this switch, in order, with or without a tag."""

    server: str
    ports: tuple[str, ...]
    tagged: bool

    @property
    def device(self) -> str:
        """The bridge port: the one port itself, or the port-channel of several."""
        return self.ports[0] if len(self.ports) == 1 else names.channel(self.server)


@dataclass(frozen=True)
class Network:
    name: str
    vlan_id: int
    subnet: str
    gateway: str
    # First and last address; None where nobody serves DHCP.
    dhcp: tuple[str, str] | None = None
    # Whether gateway and DHCP are on this very switch.
    routed: bool = False
    members: tuple[Member, ...] = ()

    @property
    def gateway_interface(self) -> str:
        return f"{self.gateway}/{IPv4Network(self.subnet).prefixlen}"


@dataclass(frozen=True)
class PortBefore:
    """How a port was when we first touched it."""

    mtu: int
    up: bool


@dataclass(frozen=True)
class State:
    """What a switch shall carry: its own record, from which any machine that runs the plays goes on."""

    networks: Mapping[str, Network] = field(default_factory=dict)
    bridge: str = ""
    mtu: int = 9216
    uplinks: tuple[str, ...] = ()
    # Ports that are cabled to servers: switched on even when nobody uses them, so that LLDP tells what they lead to.
    ports: tuple[str, ...] = ()
    before: Mapping[str, PortBefore] = field(default_factory=dict)

    @property
    def channels(self) -> dict[str, tuple[str, tuple[str, ...]]]:
        """Port-channels by device: what for, and their ports."""
        found = {
            member.device: (member.server, member.ports)
            for network in self.networks.values()
            for member in network.members
            if len(member.ports) > 1
        }
        if self.networks and len(self.uplinks) > 1:
            found[names.UPLINK_CHANNEL] = ("uplinks", self.uplinks)
        return found

    @property
    def uplink(self) -> str | None:
        if not self.uplinks:
            return None
        return self.uplinks[0] if len(self.uplinks) == 1 else names.UPLINK_CHANNEL


def dump(state: State) -> str:
    """The record as it lies on the switch."""
    data: dict[str, Any] = {
        "version": VERSION,
        "bridge": state.bridge,
        "mtu": state.mtu,
        "uplinks": list(state.uplinks),
        "ports": list(state.ports),
        "before": {name: {"mtu": port.mtu, "up": port.up} for name, port in sorted(state.before.items())},
        "networks": [network_as_dict(state.networks[name]) for name in sorted(state.networks)],
    }
    return json.dumps(data, indent=1) + "\n"


def load(text: str | None) -> State:
    """The record; an empty one when there is none."""
    if text is None:
        return State()
    try:
        data = json.loads(text)
        if data["version"] != VERSION:
            raise SwitchError(f"the switch's record is of version {data['version']}, this collection knows {VERSION}")
        networks = [network_from_dict(each) for each in data["networks"]]
        return State(
            networks={each.name: each for each in networks},
            bridge=data["bridge"],
            mtu=data["mtu"],
            uplinks=tuple(data["uplinks"]),
            ports=tuple(data["ports"]),
            before={name: PortBefore(port["mtu"], port["up"]) for name, port in data["before"].items()},
        )
    except (ValueError, KeyError, TypeError) as error:
        raise SwitchError(f"the switch's record cannot be read ({error!r}); bring it back from a backup") from error


def network_as_dict(network: Network) -> dict[str, Any]:
    return {
        "name": network.name,
        "vlan_id": network.vlan_id,
        "subnet": network.subnet,
        "gateway": network.gateway,
        "dhcp": {"start": network.dhcp[0], "end": network.dhcp[1]} if network.dhcp else None,
        "routed": network.routed,
        "members": [
            {"server": each.server, "ports": list(each.ports), "tagged": each.tagged} for each in network.members
        ],
    }


def network_from_dict(data: Mapping[str, Any]) -> Network:
    dhcp = data["dhcp"]
    members = [Member(each["server"], tuple(each["ports"]), bool(each["tagged"])) for each in data["members"]]
    return Network(
        name=data["name"],
        vlan_id=int(data["vlan_id"]),
        subnet=data["subnet"],
        gateway=data["gateway"],
        dhcp=(dhcp["start"], dhcp["end"]) if dhcp else None,
        routed=bool(data["routed"]),
        members=tuple(members),
    )


# --- what is asked for -------------------------------------------------------------------------------------------


def merge(state: State, entries: Sequence[Mapping[str, Any]], reserved: Mapping[str, Mapping[str, Any]]) -> State:
    """The record with the networks of one play as they shall be; others stay as they are.

    SwitchError for everything that the play and the record contradict each other in, all of it at once. A network whose
    VLAN id is not known yet, as in check mode, is left out.
    """
    networks = dict(state.networks)
    problems: list[str] = []
    for entry in entries:
        name = str(entry["name"])
        if entry.get("state") == "absent":
            networks.pop(name, None)
    for entry in entries:
        if entry.get("state") == "absent":
            continue
        try:
            made = _network(networks.get(str(entry["name"])), entry, reserved.get(str(entry["name"])) or {})
        except SwitchError as error:
            problems.append(str(error))
            continue
        if made is not None:
            networks[made.name] = made
    problems += _contradictions(networks)
    if problems:
        raise SwitchError("; ".join(problems))
    return replace(state, networks=networks)


def _network(known: Network | None, entry: Mapping[str, Any], reserved: Mapping[str, Any]) -> Network | None:
    name = str(entry["name"])
    vlan_id = reserved.get("vlan_id") or (known.vlan_id if known else None)
    subnet = reserved.get("subnet") or (known.subnet if known else None)
    if known is not None and (vlan_id, subnet) != (known.vlan_id, known.subnet):
        raise SwitchError(
            f"network {name} has VLAN {known.vlan_id} and {known.subnet} on this switch, {vlan_id} and {subnet} on"
            " another one: remove the tenant cluster and create it again"
        )
    wanted = entry.get("subnet")
    if known is not None and wanted and wanted != known.subnet:
        raise SwitchError(f"network {name} has {known.subnet}, which cannot become {wanted} while it is in use")
    if vlan_id is None or subnet is None:
        return None
    merged = str(entry.get("members_mode") or "exact") == "merge"
    return address(
        Network(
            name=name,
            vlan_id=int(vlan_id),
            subnet=str(subnet),
            gateway="",
            members=_members(known.members if known and merged else (), entry.get("members") or ()),
        ),
        entry,
        known,
    )


def address(network: Network, entry: Mapping[str, Any], known: Network | None = None) -> Network:
    """Gateway and DHCP range, counted from the subnet's first address; a change of members alone keeps them."""
    if entry.get("gateway_host") is None:
        if known is None:
            raise SwitchError(f"network {network.name} is not on this switch, only its members were given")
        return replace(network, gateway=known.gateway, dhcp=known.dhcp, routed=known.routed)
    first = IPv4Network(network.subnet).network_address
    dhcp = entry.get("dhcp") or None
    return replace(
        network,
        gateway=str(first + int(entry["gateway_host"])),
        dhcp=(str(first + int(dhcp["start_host"])), str(first + int(dhcp["end_host"]))) if dhcp else None,
        routed=bool(entry.get("routed")),
    )


def _members(present: Sequence[Member], entries: Sequence[Mapping[str, Any]]) -> tuple[Member, ...]:
    members = {member.server: member for member in present}
    for entry in entries:
        if entry.get("state") == "absent":
            members.pop(str(entry["server"]), None)
        else:
            ports = tuple(sorted((str(each) for each in entry["ports"]), key=natural))
            members[str(entry["server"])] = Member(str(entry["server"]), ports, bool(entry.get("tagged")))
    return tuple(members[server] for server in sorted(members))


def natural(name: str) -> tuple[str, int, str]:
    """Sorts swp2 before swp10."""
    head = name.rstrip("0123456789")
    return head, int(name[len(head) :] or -1), name


def _contradictions(networks: Mapping[str, Network]) -> list[str]:
    problems: list[str] = []
    by_vlan: dict[int, str] = {}
    untagged: dict[str, tuple[str, str]] = {}
    users: dict[str, tuple[str, tuple[str, ...]]] = {}
    for name in sorted(networks):
        network = networks[name]
        other = by_vlan.setdefault(network.vlan_id, name)
        if other != name:
            problems.append(f"networks {other} and {name} would both have VLAN {network.vlan_id}")
        for member in network.members:
            for port in member.ports:
                user, ports = users.setdefault(port, (member.server, member.ports))
                if (user, ports) != (member.server, member.ports):
                    problems.append(f"port {port} would belong to {user} and to {member.server}")
                if not member.tagged:
                    holder, _server = untagged.setdefault(port, (name, member.server))
                    if holder != name:
                        problems.append(
                            f"server {member.server} (port {port}) is held by {holder}, so {name} cannot have it;"
                            " release it there first"
                        )
    return list(dict.fromkeys(problems))
