"""VPCs."""

from __future__ import annotations

from typing import Any

from ..call import Call, Reply, Route, created, crud, deleted, updated
from ..core import stamped
from ..errors import ApiError
from ..store import Record, Store
from ..values import items, needed, ref, reference, strings, text, unchanged, unique_name

FIRST_VNI = 4096


def build(store: Store, body: dict[str, Any], current: Record | None = None) -> Record:
    name = text(body, "name", required=True)
    identifier = current["id"] if current else 0
    unique_name(store, "vpc", name, identifier)
    if current:
        unchanged(store, "tenant", body, "adminTenant", current["adminTenant"])
        admin = current["adminTenant"]
    else:
        admin = needed(store, "tenant", body, "adminTenant")["id"]
    guests = [reference(store, "tenant", guest, "guestTenant") for guest in items(body, "guestTenant")]
    identifier = identifier or store.next_id("vpc")
    return stamped(
        {
            "id": identifier,
            "name": name,
            "adminTenant": admin,
            "guestTenant": [guest["id"] for guest in guests if guest],
            "tags": strings(body, "tags"),
            "isSystem": bool(current and current["isSystem"]),
            "isDefault": bool(current and current["isDefault"]),
            "vni": FIRST_VNI + identifier,
        },
        current,
    )


def render(store: Store, vpc: Record) -> dict[str, Any]:
    return {
        **vpc,
        "adminTenant": ref(store, "tenant", vpc["adminTenant"]),
        "guestTenant": [ref(store, "tenant", guest) for guest in vpc["guestTenant"]],
    }


def default(store: Store) -> Record:
    """Where everything lands that names no VPC."""
    return next(vpc for vpc in store.all("vpc") if vpc["isDefault"])


def chosen(store: Store, body: dict[str, Any]) -> Record:
    """The VPC of a write body, or the default one."""
    return reference(store, "vpc", body.get("vpc"), "vpc") or default(store)


def brief(store: Store, identifier: int) -> dict[str, Any]:
    """A VPC as other objects carry it."""
    vpc = store.peek("vpc", identifier)
    flags = {key: bool(vpc and vpc[key]) for key in ("isDefault", "isSystem")}
    return {**ref(store, "vpc", identifier), **flags}


def children(store: Store, identifier: int) -> dict[str, list[dict[str, Any]]]:
    """What lives in a VPC, by kind."""

    def within(kind: str, **same: Any) -> list[dict[str, Any]]:
        return [
            {"id": record["id"], "name": record["name"]}
            for record in store.all(kind)
            if record["vpc"] == identifier and all(record[key] == value for key, value in same.items())
        ]

    return {
        "vnet": within("vnet"),
        "allocation": within("ipam", type="allocation"),
        "ipam": within("ipam", type="subnet"),
        "nat": within("nat"),
        "l4lb": within("l4lb"),
        "serverCluster": within("cluster"),
        "vpcPeering": [
            {"id": peering["id"], "name": peering["name"]}
            for peering in store.all("peering")
            if identifier in (peering["vpcA"]["vpc"], peering["vpcB"]["vpc"])
        ],
        "bgp": [],
        "roh": [],
        "route": [],
    }


def listing(call: Call) -> Reply:
    return Reply([render(call.store, vpc) for vpc in call.store.all("vpc")])


def one(call: Call) -> Reply:
    return Reply(render(call.store, call.record("vpc")))


def post(call: Call) -> Reply:
    vpc = build(call.store, call.body)
    call.store.put("vpc", vpc)
    return created(vpc["id"])


def put(call: Call) -> Reply:
    vpc = build(call.store, call.body, call.record("vpc"))
    call.store.put("vpc", vpc)
    return updated(vpc["id"])


def delete(call: Call) -> Reply:
    vpc = call.record("vpc")
    if vpc["isSystem"] or vpc["isDefault"]:
        raise ApiError(f"VPC {vpc['name']} is the system or default VPC and cannot be deleted.")
    held = [f"{kind} {child['name']}" for kind, found in children(call.store, vpc["id"]).items() for child in found]
    if held:
        raise ApiError(f"VPC {vpc['name']} still has dependent resources: {', '.join(held[:5])}.")
    call.store.delete("vpc", vpc["id"])
    return deleted()


def make_default(call: Call) -> Reply:
    chosen_id = call.record("vpc")["id"]
    for vpc in call.store.all("vpc"):
        if vpc["isDefault"] != (vpc["id"] == chosen_id):
            call.store.put("vpc", {**vpc, "isDefault": vpc["id"] == chosen_id})
    return updated(chosen_id)


def resources(call: Call) -> Reply:
    return Reply(children(call.store, call.record("vpc")["id"]))


ROUTES = [
    *crud("/api/v2/vpc", listing, one, post, put, delete),
    Route("PUT", "/api/v2/vpc/{id}/make-default", make_default),
    Route("GET", "/api/v2/vpc/{id}/resources", resources),
]
