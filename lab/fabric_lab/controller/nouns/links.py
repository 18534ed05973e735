"""Cables between ports."""

from __future__ import annotations

import ipaddress
from typing import Any

from ..call import Call, Reply, Route, crud, deleted, updated
from ..core import stamped
from ..errors import ApiError, invalid
from ..store import Record, Store
from ..topology import Topology
from ..values import choice, mapping
from . import ports


def add(store: Store, body: dict[str, Any]) -> Record:
    topology = Topology(store)
    ends = {side: topology.find(mapping(body.get(side), side), side) for side in ("local", "remote")}
    if ends["local"]["id"] == ends["remote"]["id"]:
        raise invalid("remote", "A port cannot be linked to itself.")
    for side, port in ends.items():
        if port["members"]:
            raise invalid(side, f"{topology.label(port)} is a port-channel and has no cable of its own.")
        peer = topology.peer(port["id"])
        if peer is not None:
            raise invalid(side, f"Port {topology.label(port)} is already linked to {topology.label(peer)}.")
    if topology.device(ends["local"])["site"] != topology.device(ends["remote"])["site"]:
        raise invalid("remote", "Both ends of a link must be in the same site.")
    link = {
        "id": store.next_id("link"),
        "local": ends["local"]["id"],
        "remote": ends["remote"]["id"],
        "mclagPeerLink": body.get("mclagPeerLink") or None,
    }
    link = stamped({**link, **_changeable(body)})
    store.put("link", link)
    return link


def _changeable(body: dict[str, Any]) -> dict[str, Any]:
    """What a PUT may change: addresses and the underlay."""
    found: dict[str, Any] = {"underlay": choice(body, "underlay", ("enabled", "disabled"), "disabled")}
    for side in ("local", "remote"):
        end = mapping(body.get(side) or {}, side)
        for family in ("ipv4", "ipv6"):
            value = str(end.get(family) or "")
            if value:
                try:
                    ipaddress.ip_interface(value)
                except ValueError as error:
                    raise invalid(side, f"{value} is not an {family} address.") from error
            found[f"{side}_{family}"] = value
    return found


def remove(store: Store, link: Record) -> None:
    topology = Topology(store)
    held = ports.holders(store, {link["local"], link["remote"]} & _nics(topology, link))
    if held:
        local = store.peek("port", link["local"])
        raise ApiError(f"Link of port {topology.label(local) if local else ''} is in use by V-Net {held[0]}.")
    store.delete("link", link["id"])


def _nics(topology: Topology, link: Record) -> set[int]:
    """Ends whose place in a V-Net depends on the cable: the NICs of servers."""
    found = set()
    for identifier, other in ((link["local"], link["remote"]), (link["remote"], link["local"])):
        port = topology.peer(other)
        if port is not None and topology.device(port)["type"] != "switch":
            found.add(identifier)
    return found


def replace(store: Store, device: Record, wanted: list[Any]) -> None:
    """Makes a device's links those of its write body."""
    topology = Topology(store)
    own = {port["id"] for port in topology.ports_of(device["id"])}
    pairs: dict[frozenset[int], dict[str, Any]] = {}
    for item in wanted:
        body = mapping(item, "links")
        ends = frozenset(topology.find(mapping(body.get(side), "links"), "links")["id"] for side in ("local", "remote"))
        if not ends & own:
            raise invalid("links", f"A link in links has no end at {device['name']}.")
        pairs[ends] = body
    for link in store.all("link"):
        ends = frozenset((link["local"], link["remote"]))
        if ends & own and pairs.pop(ends, None) is None:
            remove(store, link)
    for body in pairs.values():
        add(store, body)


def render(store: Store, topology: Topology, link: Record) -> dict[str, Any]:
    def end(side: str) -> dict[str, Any]:
        port = store.peek("port", link[side])
        if port is None:
            return {"id": link[side], "name": ""}
        device = topology.device(port)
        return {
            "id": port["id"],
            "name": topology.label(port),
            "port": port["port"],
            "ipv4": link[f"{side}_ipv4"],
            "ipv6": link[f"{side}_ipv6"],
            "hardware": {key: device[key] for key in ("id", "name", "type")},
        }

    return {
        "id": link["id"],
        "local": end("local"),
        "remote": end("remote"),
        "underlay": link["underlay"],
        "mclagPeerLink": link["mclagPeerLink"],
        "createdDate": link["createdDate"],
        "modifiedDate": link["modifiedDate"],
    }


def listing(call: Call) -> Reply:
    topology = Topology(call.store)
    sites = call.sites()
    found = []
    for link in call.store.all("link"):
        local = call.store.peek("port", link["local"])
        if sites is None or (local is not None and topology.device(local)["site"] in sites):
            found.append(render(call.store, topology, link))
    return Reply(found)


def one(call: Call) -> Reply:
    return Reply(render(call.store, Topology(call.store), call.record("link")))


def post(call: Call) -> Reply:
    return Reply({"id": add(call.store, call.body)["id"]}, "Successfully added.")


def put(call: Call) -> Reply:
    link = call.record("link")
    call.store.put("link", stamped({**link, **_changeable(call.body)}, link))
    return updated(link["id"])


def delete(call: Call) -> Reply:
    remove(call.store, call.record("link"))
    return deleted()


def delete_body(call: Call) -> Reply:
    """The older form: the link in the body, by its two ends."""
    topology = Topology(call.store)
    wanted = {topology.find(mapping(call.body.get(side), side), side)["id"] for side in ("local", "remote")}
    for link in call.store.all("link"):
        if {link["local"], link["remote"]} == wanted:
            remove(call.store, link)
            return deleted()
    raise ApiError("Not found.", 404)


ROUTES = [*crud("/api/v2/link", listing, one, post, put, delete), Route("DELETE", "/api/v2/link", delete_body)]
