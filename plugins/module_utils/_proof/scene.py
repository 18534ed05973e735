# Copyright (c) 2026, the baremetal.fabric authors
# Apache License 2.0 (see LICENSE)
"""Who stands where: segments, the servers' places in them, and the addresses that could be reached. Pure and private.

A *segment* is a set of places that may meet: a tenant cluster's VLAN, or the host cluster's. A parked server is alone
in its segment, and so is every server in the management network, where nobody but the operator may be met.
A *place* is a server in a segment, by the interfaces that it has there. A *target* is an address inside a segment.
"""

from __future__ import annotations

import dataclasses
import ipaddress
from collections.abc import Mapping
from typing import Any

from .._intent.model import Model

TENANT, HOST, PARKED, MANAGEMENT = "tenant", "host cluster", "parked", "management"
MANAGEMENT_INTERFACE = "management"
_SSH = 22


@dataclasses.dataclass(frozen=True)
class Place:
    server: str
    segment: str
    interfaces: tuple[str, ...]
    # On a shared server, which carries the VLAN for others and is no member itself: the bridge that pods are put on.
    bridge: str | None = None

    @property
    def ears(self) -> tuple[str, ...]:
        """Where frames have to arrive to be of use."""
        return (self.bridge,) if self.bridge else self.interfaces

    @property
    def label(self) -> str:
        return f"{self.server} ({self.segment})"


@dataclasses.dataclass(frozen=True)
class Target:
    """An address and, where one is known to be open, a port. ``server`` is set for a server's own address."""

    name: str
    segment: str
    address: str
    port: int | None = None
    server: str | None = None
    # Behind the segment's servers rather than on its wire (a pod), so it has no answer to ARP there.
    behind: bool = False


@dataclasses.dataclass(frozen=True)
class Pod:
    """A pod of a tenant cluster's control plane or load balancer, and the server that runs it."""

    name: str
    server: str
    uid: str


@dataclasses.dataclass(frozen=True)
class Member:
    """A server or virtual machine that is to be a node, and what its tenant cluster says of it (None: nothing)."""

    server: str
    node: str
    state: str | None = None
    ready: bool = False


@dataclasses.dataclass(frozen=True)
class Segment:
    name: str
    kind: str
    group: str  # the row of the matrix: all parked servers share one, and so do all management NICs
    vlan: int | None = None
    subnet: str | None = None
    gateway: str | None = None
    endpoint: Target | None = None
    next_hops: tuple[str, ...] = ()
    ca: str | None = None
    control_planes: tuple[Pod, ...] = ()
    endpoint_holder: Pod | None = None
    members: tuple[Member, ...] = ()
    # Why the tenant cluster could not be asked about its nodes.
    problem: str | None = None

    def meets_itself(self) -> bool:
        return self.kind in (TENANT, HOST)


@dataclasses.dataclass(frozen=True)
class Scene:
    segments: Mapping[str, Segment]
    places: tuple[Place, ...]
    targets: tuple[Target, ...]
    # Servers that belong into the picture, but were not looked at: everything about them is unproven.
    unseen: tuple[str, ...] = ()
    # Tenant clusters that the fabric does not know (yet).
    absent: tuple[str, ...] = ()
    # The tenant clusters that the run is about: only of these is it a fault not to exist.
    scope: tuple[str, ...] = ()

    def places_in(self, segment: str) -> list[Place]:
        return [place for place in self.places if place.segment == segment]


def scene_of(given: Mapping[str, Any]) -> Scene:
    """The scene from plain data, as the filters get it."""
    return build_scene(
        Model.from_dict(given["model"]),
        given["facts"],
        given["looks"],
        given.get("clusters") or {},
        given.get("host_targets") or [],
        given.get("scope"),
        given.get("unasked") or "the host cluster was not asked",
    )


def build_scene(
    model: Model,
    facts: Mapping[str, Mapping[str, Any]],
    looks: Mapping[str, Mapping[str, Any]],
    clusters: Mapping[str, Mapping[str, Any]],
    host_targets: list[Mapping[str, Any]],
    scope: list[str] | None = None,
    unasked: str = "the host cluster was not asked",
) -> Scene:
    """Put together what the inventory wants, what the fabric gave, and what was seen on the servers."""
    about = tuple(model.tenant_clusters if scope is None else scope)
    segments: dict[str, Segment] = {}
    places: list[Place] = []
    targets: list[Target] = []
    absent = []

    for name, tenant in sorted(model.tenant_clusters.items()):
        fact = facts.get(name, {})
        if fact.get("fabric_vlan_id") is None:
            absent.append(name)
            continue
        bridge = f"br-vlan-{fact['fabric_vlan_id']}"
        carriers = [server for server in tenant.shared_servers if server in looks]
        bridges = [_device(looks[each], bridge) for each in carriers]
        segments[name] = _tenant_segment(model, name, fact, bridges, clusters.get(name, {"problem": unasked}))
        targets.extend(_tenant_targets(segments[name]))
        # The server's own side of the bridge is cut off, so it sends where a pod's frames leave the bridge.
        vlan = f"{model.fabric.bond}.{fact['fabric_vlan_id']}"
        places.extend(Place(server, name, (vlan, bridge), bridge) for server in carriers)
        members = [server for server in tenant.bare_metal if server in looks]
        places.extend(Place(server, name, (model.fabric.bond,)) for server in members)
        targets.extend(_server_targets(looks, members, model.fabric.bond, name))

    carriers = [server for server in sorted(model.shared_servers) if server in looks]
    segments[HOST] = _host_segment(model)
    targets.extend(_host_targets(segments[HOST], host_targets))
    places.extend(Place(server, HOST, (model.fabric.bond,)) for server in carriers)
    targets.extend(_server_targets(looks, carriers, model.fabric.bond, HOST))

    for server, metal in sorted(model.bare_metal.items()):
        # The fabric parks a server also when its tenant cluster is not built yet, or not any more.
        if server in looks and (metal.tenant_cluster is None or metal.tenant_cluster in absent):
            name = f"{PARKED} {server}"
            segments[name] = Segment(name, PARKED, PARKED)
            places.append(Place(server, name, (model.fabric.bond, *model.fabric.server_nics)))
            targets.extend(_server_targets(looks, [server], model.fabric.bond, name))

    for server in sorted({*model.shared_servers, *model.bare_metal} & set(looks)):
        name = f"{MANAGEMENT} {server}"
        segments[name] = Segment(name, MANAGEMENT, MANAGEMENT)
        places.append(Place(server, name, (MANAGEMENT_INTERFACE,)))
        targets.extend(_server_targets(looks, [server], looks[server].get("management"), name, _SSH))

    unseen = sorted({*model.shared_servers, *model.bare_metal} - set(looks))
    return Scene(segments, tuple(places), tuple(targets), tuple(unseen), tuple(absent), about)


def _tenant_segment(
    model: Model, name: str, fact: Mapping[str, Any], bridges: list[Mapping[str, Any]], cluster: Mapping[str, Any]
) -> Segment:
    control_plane = _range(fact.get("fabric_control_plane_range"))
    gateway = fact["fabric_gateway"].split("/")[0]
    vip = fact["fabric_vip"]
    holder = cluster.get("endpoint_holder")
    return Segment(
        name,
        TENANT,
        name,
        vlan=int(fact["fabric_vlan_id"]),
        subnet=fact["fabric_subnet"],
        gateway=gateway,
        endpoint=Target(f"{name} API endpoint", name, vip, model.tenant_clusters[name].api_port),
        # Everything on the VLAN that has another leg elsewhere: the gateway, the pods, and the shared servers' bridges,
        # which have no address there and can still be handed a packet.
        next_hops=(gateway, *control_plane, vip, *(f"mac:{bridge['mac']}" for bridge in bridges if bridge.get("mac"))),
        ca=cluster.get("ca"),
        control_planes=tuple(_pod(model, pod) for pod in cluster.get("control_planes", [])),
        endpoint_holder=_pod(model, holder) if holder else None,
        members=tuple(_member(server, node, cluster.get("nodes", [])) for server, node in _nodes(model, name)),
        problem=cluster.get("problem"),
    )


def _pod(model: Model, pod: Mapping[str, str]) -> Pod:
    """The server by its inventory name: Kubernetes may know it by another."""
    servers = {server.node_name: name for name, server in model.shared_servers.items()}
    return Pod(pod["name"], servers.get(pod["node"], pod["node"]), pod["uid"])


def _nodes(model: Model, tenant: str) -> list[tuple[str, str]]:
    """Who is to be a node, by the names in the inventory and in the tenant cluster."""
    cluster = model.tenant_clusters[tenant]
    machines = [model.vm_nodes[name] for name in cluster.vm_nodes]
    return [
        *((name, model.bare_metal[name].node_name) for name in cluster.bare_metal),
        *((machine.name, machine.node_name) for machine in machines if machine.state == "present"),
    ]


def _member(server: str, name: str, nodes: list[Mapping[str, Any]]) -> Member:
    node = next((node for node in nodes if node["name"] == name), None)
    return Member(server, name, node["state"], bool(node["ready"])) if node else Member(server, name)


def _tenant_targets(segment: Segment) -> list[Target]:
    endpoint = [segment.endpoint] if segment.endpoint else []
    return [*endpoint, Target(f"{segment.name} gateway", segment.name, str(segment.gateway))]


def _host_segment(model: Model) -> Segment:
    gateway = ipaddress.ip_interface(model.host_cluster.gateway)
    address, _colon, port = model.host_cluster.api_endpoint.rpartition(":")
    endpoint = Target("host cluster API endpoint", HOST, address, int(port))
    return Segment(
        HOST,
        HOST,
        HOST,
        subnet=str(gateway.network),
        gateway=str(gateway.ip),
        endpoint=endpoint,
        next_hops=(str(gateway.ip),),
    )


def _host_targets(segment: Segment, extra: list[Mapping[str, Any]]) -> list[Target]:
    endpoint = [segment.endpoint] if segment.endpoint else []
    behind = [Target(each["name"], HOST, each["address"], each.get("port"), behind=True) for each in extra]
    return [*endpoint, Target("host cluster gateway", HOST, str(segment.gateway)), *behind]


def _server_targets(
    looks: Mapping[str, Mapping[str, Any]],
    servers: list[str],
    interface: str | None,
    segment: str,
    port: int | None = None,
) -> list[Target]:
    return [
        Target(
            f"{server} ({segment.split(' ')[0] if segment.startswith(MANAGEMENT) else segment})",
            segment,
            address.split("/")[0],
            port,
            server,
        )
        for server in servers
        if interface
        for address in _device(looks[server], interface).get("addresses", [])
    ]


def _device(look: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    return next((device for device in look.get("devices", []) if device["name"] == name), {})


def _range(bounds: Mapping[str, str] | None) -> list[str]:
    if not bounds:
        return []
    first, last = ipaddress.IPv4Address(bounds["start"]), ipaddress.IPv4Address(bounds["end"])
    return [str(ipaddress.IPv4Address(number)) for number in range(int(first), int(last) + 1)]
