"""Port-channels. One POST makes a new one (id 0) and changes an old one."""

from __future__ import annotations

from typing import Any

from ..call import Call, Reply, Route, created, updated
from ..core import stamped
from ..errors import ApiError, invalid, not_found
from ..store import Record, Store
from ..topology import Topology
from ..values import choice, integer, items, needed, text
from . import ports, vnets


def post(call: Call) -> Reply:
    store, body = call.store, call.body
    identifier = integer(body, "id")
    current = store.get("port", identifier) if identifier else None
    if identifier and (current is None or not current["members"]):
        raise not_found()
    topology = Topology(store)
    members = [topology.find(item, "ports") for item in items(body, "ports")]
    switch = _check(topology, members, identifier)
    mtu = integer(body, "mtu", 9000)
    if not 68 <= mtu <= 9216:
        raise invalid("mtu", "mtu must be between 68 and 9216.")
    lag = {
        "description": text(body, "description"),
        "tenant": needed(store, "tenant", body, "tenant")["id"],
        "mtu": mtu,
        "lacp": choice(body, "lacp", ("on", "off"), "off"),
        "mclagId": integer(body, "mclagId"),
        "extension": ports.extension(store, body.get("extension")),
        "members": [member["id"] for member in members],
    }
    if current is None:
        current = ports.add(store, switch, _free_name(topology, switch), **lag)
    else:
        if current["hw"] != switch["id"]:
            raise invalid("ports", "A port-channel cannot move to another switch.")
        store.put("port", stamped({**current, **lag}, current))
    _join(store, current["id"], current["members"] if identifier else [], members)
    vnets.check_untagged(store)
    return updated(identifier) if identifier else created(current["id"])


def _check(topology: Topology, members: list[Record], own_id: int) -> Record:
    if not members:
        raise invalid("ports", "A port-channel needs at least one port.")
    devices = {member["hw"] for member in members}
    if len(devices) > 1 or topology.device(members[0])["type"] != "switch":
        raise invalid("ports", "All ports of a port-channel must belong to one switch.")
    for member in members:
        label = topology.label(member)
        if member["members"]:
            raise invalid("ports", f"{label} is a port-channel itself.")
        if member["lag"] and member["lag"] != own_id:
            raise invalid("ports", f"Port {label} is already a member of another port-channel.")
    if len({member["id"] for member in members}) != len(members):
        raise invalid("ports", "A port is listed twice.")
    return topology.device(members[0])


def _free_name(topology: Topology, switch: Record) -> str:
    names = {port["port"] for port in topology.ports_of(switch["id"])}
    return next(name for number in range(1, 10_000) if (name := f"agg{number}") not in names)


def _join(store: Store, lag_id: int, before: list[int], members: list[Record]) -> None:
    now = {member["id"] for member in members}
    for identifier in {*before, *now}:
        port: dict[str, Any] | None = store.get("port", identifier)
        if port is None:
            raise ApiError("A member has vanished.")
        wanted = lag_id if identifier in now else 0
        if port["lag"] != wanted:
            store.put("port", stamped({**port, "lag": wanted}, port))


ROUTES = [Route("POST", "/api/v2/ports/lag", post)]
