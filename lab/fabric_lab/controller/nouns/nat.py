"""NAT rules: stored and shown, carried out by nothing in the lab."""

from __future__ import annotations

from typing import Any

from ..call import Call, Reply, created, crud, deleted, updated
from ..core import stamped
from ..store import Record, Store
from ..values import choice, needed, ref, text, unique_name
from . import vpcs

TEXTS = (
    "comment", "sourceAddress", "sourcePort", "destinationAddress", "destinationPort",
    "dnatToIP", "dnatToPort", "snatToIP", "snatToPool",
)  # fmt: skip


def build(store: Store, body: dict[str, Any], current: Record | None = None) -> Record:
    name = text(body, "name", required=True)
    identifier = current["id"] if current else 0
    unique_name(store, "nat", name, identifier)
    return stamped(
        {
            "id": identifier or store.next_id("nat"),
            "name": name,
            "site": needed(store, "site", body, "site")["id"],
            "vpc": vpcs.chosen(store, body)["id"],
            "state": choice(body, "state", ("enabled", "disabled"), "enabled"),
            "action": choice(body, "action", ("DNAT", "SNAT", "ACCEPT_SNAT"), "SNAT"),
            "protocol": choice(body, "protocol", ("all", "tcp", "udp", "icmp"), "all"),
            **{field: text(body, field) for field in TEXTS},
        },
        current,
    )


def render(store: Store, rule: Record) -> dict[str, Any]:
    shown = {field: {"label": rule[field], "value": rule[field]} for field in ("state", "action", "protocol")}
    site, vpc = ref(store, "site", rule["site"]), vpcs.brief(store, rule["vpc"])
    return {**rule, **shown, "site": site, "vpc": vpc, "portGroup": None, "pool": bool(rule["snatToPool"])}


def listing(call: Call) -> Reply:
    sites, wanted = call.sites(), call.vpc()
    return Reply(
        [
            render(call.store, rule)
            for rule in call.store.all("nat")
            if (sites is None or rule["site"] in sites) and (wanted is None or rule["vpc"] in wanted)
        ]
    )


def one(call: Call) -> Reply:
    return Reply(render(call.store, call.record("nat")))


def post(call: Call) -> Reply:
    rule = build(call.store, call.body)
    call.store.put("nat", rule)
    return created(rule["id"])


def put(call: Call) -> Reply:
    rule = build(call.store, call.body, call.record("nat"))
    call.store.put("nat", rule)
    return updated(rule["id"])


def delete(call: Call) -> Reply:
    call.store.delete("nat", call.record("nat")["id"])
    return deleted()


ROUTES = crud("/api/v2/nat", listing, one, post, put, delete)
