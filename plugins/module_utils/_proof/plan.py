# Copyright (c) 2026, the baremetal.fabric authors
# Apache License 2.0 (see LICENSE)
"""From a scene to what each server is asked to do. Pure and private.

Every question has a name made here, and the judge looks answers up by the same functions: the two cannot drift apart.
"""

from __future__ import annotations

import ipaddress
from typing import Any

from .scene import HOST, MANAGEMENT, PARKED, TENANT, Place, Pod, Scene, Segment, Target

OPERATOR = "@operator"


def reach_id(place: Place, target: Target) -> str:
    """Does ``place`` get through to ``target``?"""
    return f"reach|{place.segment}|{target.name}|{target.address}"


def control_id(place: Place, name: str) -> str:
    """Something that ``place`` must be able to see, or its silence elsewhere proves nothing."""
    return f"control|{place.segment}|{name}"


def pod_id(pod: Pod, segment: Segment) -> str:
    return f"pod|{segment.name}|{pod.name}"


def certificate_id(segment: Segment) -> str:
    return f"certificate|{segment.name}"


def alive_id(target: Target) -> str:
    return f"alive|{target.name}"


def ambiguous(place: Place, target: Target, scene: Scene) -> bool:
    """Tenant clusters may use the same addresses: then an answer would not tell who gave it."""
    subnet = scene.segments[place.segment].subnet
    return (
        subnet is not None
        and place.segment != target.segment
        and ipaddress.ip_address(target.address) in ipaddress.ip_network(subnet)
    )


def foreign_targets(place: Place, scene: Scene) -> list[Target]:
    """What ``place`` must not reach; a server reaching its own other address proves nothing."""
    return [
        target
        for target in scene.targets
        if target.segment != place.segment and target.server != place.server and not ambiguous(place, target, scene)
    ]


def own_targets(place: Place, scene: Scene) -> list[Target]:
    """What ``place`` must reach."""
    if not scene.segments[place.segment].meets_itself():
        return []
    return [t for t in scene.targets if t.segment == place.segment and t.server != place.server and not t.behind]


def has_address(place: Place, scene: Scene) -> bool:
    """A shared server's bridge in a tenant VLAN has no address and asks nothing at layer 3."""
    segment = scene.segments[place.segment]
    return segment.kind != TENANT or any(t.server == place.server and t.segment == place.segment for t in scene.targets)


def plan(scene: Scene, nonce: str, duration: float, minimum: float) -> dict[str, dict[str, Any]]:
    """The order for each server, as the options of the module packet_probe."""
    return {
        server: _order(server, scene, nonce, duration, minimum)
        for server in sorted({place.server for place in scene.places})
    }


def _order(server: str, scene: Scene, nonce: str, duration: float, minimum: float) -> dict[str, Any]:
    places = [place for place in scene.places if place.server == server]
    return {
        "name": server,
        "nonce": nonce,
        "duration": duration,
        "minimum": minimum,
        "interfaces": [_interface(place, name, scene) for place in places for name in place.interfaces],
        "expected": [expected for place in places for expected in _expected(place, scene)],
        "checks": [check for place in places for check in _checks(place, scene)] + _pod_checks(server, scene),
        "capture": _capture(places, scene),
    }


def _interface(place: Place, name: str, scene: Scene) -> dict[str, Any]:
    segment = scene.segments[place.segment]
    # A bare-metal server is free to put any tag on its frames: its port must not take them.
    parked = segment.kind == PARKED
    hostile = parked or (segment.kind == TENANT and not place.bridge)
    tags = (
        sorted(s.vlan for s in scene.segments.values() if s.vlan is not None and s.vlan != segment.vlan)
        if hostile
        else []
    )
    # Nobody configures a parked server's NICs, but whoever has the server can switch them on.
    return {"name": name, "tags": tags, "expect_link": parked, "bring_up": parked}


def _expected(place: Place, scene: Scene) -> list[dict[str, str]]:
    if not scene.segments[place.segment].meets_itself():
        return []
    return [
        {"interface": place.ears[0], "sender": peer.server, "from": peer.interfaces[0]}
        for peer in scene.places_in(place.segment)
        if peer.server != place.server
    ]


def _checks(place: Place, scene: Scene) -> list[dict[str, Any]]:
    segment = scene.segments[place.segment]
    interface = place.interfaces[0]
    checks = _controls(place, segment, interface)
    if has_address(place, scene):
        checks += [
            _route(reach_id(place, target), interface, target, ["@onlink"], "answer")
            for target in own_targets(place, scene)
        ]
        hops = list(_next_hops(segment, scene))
        checks += [
            _route(reach_id(place, target), interface, target, _hops_to(target, hops, segment), "silence")
            for target in foreign_targets(place, scene)
        ]
    if segment.kind == TENANT and segment.ca and segment.endpoint and has_address(place, scene):
        checks.append(
            {
                "id": certificate_id(segment),
                "kind": "tls",
                "interface": interface,
                "address": segment.endpoint.address,
                "port": segment.endpoint.port,
                "ca": segment.ca,
            }
        )
    if segment.kind == HOST:
        # A pod is on no wire: that it lives is asked as the host cluster's servers themselves reach it.
        checks += [
            {"id": alive_id(target), "kind": "tcp", "address": target.address, "port": target.port, "expect": "reply"}
            for target in scene.targets
            if target.behind and target.port
        ]
    return checks


def _controls(place: Place, segment: Segment, interface: str) -> list[dict[str, Any]]:
    if segment.kind == MANAGEMENT:
        operator = {"kind": "route", "interface": interface, "address": OPERATOR, "via": ["@onlink", "@gateways"]}
        return [{"id": control_id(place, "operator"), **operator}]
    if not segment.gateway:
        return []
    return [{"id": control_id(place, "gateway"), "kind": "arp", "interface": interface, "address": segment.gateway}]


def _next_hops(segment: Segment, scene: Scene) -> tuple[str, ...]:
    if segment.kind == MANAGEMENT:
        return (OPERATOR, "@gateways")
    if segment.kind == PARKED:
        return ("@gateways", *(str(other.gateway) for other in scene.segments.values() if other.gateway))
    return (*segment.next_hops, "@gateways")


def _hops_to(target: Target, hops: list[str], segment: Segment) -> list[str]:
    # On the management network, and in a parking lot with addresses, the target itself may be a neighbour.
    return (
        ["@onlink", *hops] if segment.kind in (MANAGEMENT, PARKED) else [hop for hop in hops if hop != target.address]
    )


def _route(ident: str, interface: str, target: Target, via: list[str], expect: str) -> dict[str, Any]:
    check = {
        "id": ident,
        "kind": "route",
        "interface": interface,
        "address": target.address,
        "via": via,
        "expect": expect,
    }
    return {**check, "port": target.port} if target.port else check


def _pod_checks(server: str, scene: Scene) -> list[dict[str, Any]]:
    return [
        {
            "id": pod_id(pod, segment),
            "kind": "tcp",
            "address": segment.endpoint.address,
            "port": segment.endpoint.port,
            "pod_uid": pod.uid,
        }
        for segment in scene.segments.values()
        if segment.endpoint
        for pod in segment.control_planes
        if pod.server == server
    ]


def _capture(places: list[Place], scene: Scene) -> list[dict[str, Any]]:
    """On a shared server's bond, watch connections to the API endpoints of the tenant clusters it carries."""
    bonds = [place.interfaces[0] for place in places if scene.segments[place.segment].kind == HOST]
    endpoints = [
        segment.endpoint
        for segment in (scene.segments[place.segment] for place in places)
        if segment.kind == TENANT and segment.endpoint
    ]
    return [{"interface": bond, "address": each.address, "port": each.port} for bond in bonds for each in endpoints]
