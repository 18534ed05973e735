"""Layer 4 load balancers: stored and shown, carried out by nothing in the lab."""

from __future__ import annotations

import ipaddress
from typing import Any

from ..call import Call, Reply, crud, deleted, updated
from ..core import stamped
from ..errors import ApiError, invalid
from ..store import Record, Store
from ..values import choice, flag, integer, items, mapping, needed, ref, text, to_int, unique_name
from . import ipam, vpcs

UNKNOWN = "Invalid load balancer"


def build(store: Store, body: dict[str, Any], current: Record | None = None) -> Record:
    name = text(body, "name", required=True)
    identifier = current["id"] if current else 0
    unique_name(store, "l4lb", name, identifier)
    site = needed(store, "site", body, "site")["id"]
    address = text(body, "ip", current["ip"] if current else "")
    if flag(body, "automatic") and not current:
        address = _free_address(store, site)
    elif not address:
        raise invalid("ip", "ip is required unless automatic is set.")
    listed = body.get("backendIps") if body.get("backendIps") is not None else body.get("backend")
    backends = [mapping(item, "backendIps") for item in items({"backendIps": listed}, "backendIps")]
    return stamped(
        {
            "id": identifier or store.next_id("l4lb"),
            "name": name,
            "tenant": needed(store, "tenant", body, "tenant")["id"],
            "site": site,
            "vpc": vpcs.chosen(store, body)["id"],
            "protocol": choice({"protocol": text(body, "protocol").upper()}, "protocol", ("TCP", "UDP"), "TCP"),
            "ip": address,
            "port": integer(body, "port"),
            "status": choice(body, "status", ("enable", "disable"), "enable"),
            "healthCheck": _health(body),
            "backendIps": [
                {
                    "ip": text(backend, "ip", required=True),
                    "port": to_int(backend.get("port"), "port"),
                    "maintenance": flag(backend, "maintenance"),
                }
                for backend in backends
            ],
        },
        current,
    )


def _health(body: dict[str, Any]) -> dict[str, Any]:
    kind = choice(body, "healthCheck", ("None", "TCP", "HTTP"), "None")
    checks: dict[str, Any] = {name: {"timeOut": "", "requestPath": ""} for name in ("TCP", "HTTP")}
    if kind != "None":
        checks[kind] = {"timeOut": text(body, "timeOut", "2000"), "requestPath": text(body, "requestPath")}
    return checks


def _free_address(store: Store, site: int) -> str:
    used = {balancer["ip"] for balancer in store.all("l4lb")}
    for node in ipam.nodes(store, "subnet"):
        if node["purpose"] == "load-balancer" and site in node["sites"]:
            for host in ipaddress.ip_network(node["prefix"]).hosts():
                if str(host) not in used:
                    return str(host)
    raise ApiError("No free address left in the site's load-balancer subnets.")


def render(store: Store, balancer: Record) -> dict[str, Any]:
    return {
        **balancer,
        "tenant": ref(store, "tenant", balancer["tenant"]),
        "site": ref(store, "site", balancer["site"]),
        "vpc": vpcs.brief(store, balancer["vpc"]),
        "label": None,
        "kubenet_info": None,
        "automatic": False,
    }


def listing(call: Call) -> Reply:
    sites, wanted = call.sites(), call.vpc()
    return Reply(
        [
            render(call.store, balancer)
            for balancer in call.store.all("l4lb")
            if (sites is None or balancer["site"] in sites) and (wanted is None or balancer["vpc"] in wanted)
        ]
    )


def one(call: Call) -> Reply:
    return Reply(render(call.store, call.record("l4lb", UNKNOWN)))


def post(call: Call) -> Reply:
    balancer = build(call.store, call.body)
    call.store.put("l4lb", balancer)
    if flag(call.body, "automatic"):
        return Reply({"id": balancer["id"], "ip": balancer["ip"]}, "Successfully created.")
    return Reply(balancer["id"], "Successfully created.")  # with the address given, `data` is the bare number


def put(call: Call) -> Reply:
    balancer = build(call.store, call.body, call.record("l4lb", UNKNOWN))
    call.store.put("l4lb", balancer)
    return updated(balancer["id"])


def delete(call: Call) -> Reply:
    call.store.delete("l4lb", call.record("l4lb", UNKNOWN)["id"])
    return deleted()


ROUTES = crud("/api/v2/l4lb", listing, one, post, put, delete)
