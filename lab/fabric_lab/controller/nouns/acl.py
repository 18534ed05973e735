"""Classic access lists of the older API: stored and shown, carried out by nothing in the lab."""

from __future__ import annotations

import ipaddress
from typing import Any

from ..call import Call, Reply, Route, created, deleted, updated
from ..core import now_ms
from ..errors import ApiError, invalid, not_found
from ..store import Record, Store
from ..values import choice, integer, text, unique_name

PROTOCOLS = ("all", "ip", "tcp", "udp", "icmp", "icmpv6")


def build(store: Store, body: dict[str, Any], current: Record | None = None) -> Record:
    name = text(body, "name", required=True)
    identifier = current["id"] if current else 0
    unique_name(store, "acl", name, identifier)
    rule: Record = {
        "name": name,
        "action": choice(body, "action", ("permit", "deny"), "permit"),
        "protocol": choice({"proto": text(body, "proto") or text(body, "protocol")}, "proto", PROTOCOLS, "all"),
        "established": integer(body, "established"),
        "icmp_type": integer(body, "icmp_type"),
        "reverse": choice(body, "reverse", ("yes", "no"), "no"),
        "comment": text(body, "comment"),
        "valid_until": body.get("valid_until"),
        "sites": [],
    }
    for side in ("src", "dst"):
        prefix = text(body, f"{side}_prefix", "0.0.0.0/0")
        try:
            net = ipaddress.ip_network(prefix, strict=False)
        except ValueError as error:
            raise invalid(f"{side}_prefix", f"{prefix} is not a prefix.") from error
        rule |= {
            f"{side}_prefix": str(net.network_address),
            f"{side}_length": net.prefixlen,
            f"{side}_port_from": body.get(f"{side}_port_from"),
            f"{side}_port_to": body.get(f"{side}_port_to"),
            f"{side}_port_group": body.get(f"{side}_port_group"),
        }
    for other in store.all("acl"):
        if other["id"] != identifier and all(other[key] == value for key, value in rule.items() if key != "name"):
            raise ApiError("This kind of acl already exists")
    if current and all(current[key] == value for key, value in rule.items()):
        raise ApiError("This kind of acl already exists")
    now = now_ms()
    made = current["create_date"] if current else now
    return {"id": identifier or store.next_id("acl"), **rule, "create_date": made, "modified_date": now}


def listing(call: Call) -> Reply:
    return Reply(call.store.all("acl"))


def post(call: Call) -> Reply:
    rule = build(call.store, call.body)
    call.store.put("acl", rule)
    return created(rule["id"])


def put(call: Call) -> Reply:
    current = call.store.get("acl", integer(call.body, "id"))
    if current is None:
        raise not_found()
    rule = build(call.store, call.body, current)
    call.store.put("acl", rule)
    return updated(rule["id"])


def delete(call: Call) -> Reply:
    for identifier in call.body_ids():
        if call.store.peek("acl", identifier) is None:
            raise not_found()
        call.store.delete("acl", identifier)
    return deleted()


ROUTES = [
    Route("GET", "/api/acl", listing),
    Route("POST", "/api/acl", post),
    Route("PUT", "/api/acl", put),
    Route("DELETE", "/api/acl", delete),
]
