"""Server clusters."""

from __future__ import annotations

from typing import Any

from .. import cluster_engine as engine
from ..call import Call, Reply, Route, created, crud, deleted, updated
from ..core import Controller, stamped
from ..errors import invalid
from ..store import Record
from ..values import items, needed, ref, reference, strings, text, unchanged
from .tenants import ADMIN


def post(call: Call) -> Reply:
    controller, store, body = call.controller, call.store, call.body
    admin = reference(store, "tenant", body.get("admin"), "admin")
    template = needed(store, "template", body, "srvClusterTemplate")
    cluster: Record = {
        "id": store.next_id("cluster"),
        "name": text(body, "name", required=True),
        "admin": admin["id"] if admin else ADMIN,
        "site": needed(store, "site", body, "site")["id"],
        "vpc": 0,
        "vpcMade": False,
        "template": template["id"],
        "tags": strings(body, "tags"),
        "state": "active",
        "servers": [],
        "vnets": [],
        "allocations": [],
        "subnets": [],
        "progress": {"readyAt": 0, "awaits": {}},
    }
    cluster["servers"] = engine.members(store, cluster, items(body, "servers"))
    engine.make_vpc(store, cluster, body)
    engine.make_vnets(controller, cluster, template, engine.Answers(body))
    _begin(controller, cluster, {})
    store.put("cluster", stamped(cluster))
    return created(cluster["id"])


def put(call: Call) -> Reply:
    """Replaces tags and the whole server list; leaving the list out empties it."""
    controller, store, body = call.controller, call.store, call.body
    current = call.record("cluster")
    cluster = {**current, "tags": strings(body, "tags")}
    if text(body, "name", current["name"]) != current["name"]:
        raise invalid("name", "name cannot be changed.")
    unchanged(store, "tenant", body, "admin", current["admin"])
    unchanged(store, "site", body, "site", current["site"])
    unchanged(store, "vpc", body, "vpc", current["vpc"])
    unchanged(store, "template", body, "srvClusterTemplate", current["template"])
    servers = engine.members(store, cluster, items(body, "servers"))
    if _comparable(servers) != _comparable(current["servers"]):
        before = engine.fabric_members(store, cluster)
        template = store.peek("template", cluster["template"])
        if template is None:
            raise LookupError(f"template {cluster['template']} has vanished")
        engine.change_members(controller, cluster, servers, template)
        _begin(controller, cluster, before)
    store.put("cluster", stamped(cluster, current))
    return updated(cluster["id"])


def _comparable(servers: list[Record]) -> list[tuple[int, bool]]:
    return sorted((member["id"], member["shared"]) for member in servers)


def _begin(controller: Controller, cluster: Record, before: engine.Members) -> None:
    """Provisioning starts: over after the delay and once the switches of all members, old and new, have followed."""
    after = engine.fabric_members(controller.store, cluster)
    cluster["progress"] = controller.progress(controller.knobs.active_delay, before, after)


def set_state(call: Call) -> Reply:
    controller, store = call.controller, call.store
    current = call.record("cluster")
    state = call.params["state"]
    if state not in ("active", "disabled"):
        raise invalid("state", "state must be active or disabled.")
    cluster = {**current, "state": state}
    for made in cluster["vnets"]:
        vnet = store.peek("vnet", made["id"])
        if vnet is not None:
            store.put("vnet", stamped({**vnet, "state": state}, vnet))
    _begin(controller, cluster, {})
    store.put("cluster", stamped(cluster, current))
    return updated(cluster["id"])


def delete(call: Call) -> Reply:
    engine.remove(call.controller, call.record("cluster"))
    return deleted()


# --- reading ---------------------------------------------------------------------------------------------------------


def render(controller: Controller, cluster: Record) -> dict[str, Any]:
    store = controller.store
    return {
        "id": cluster["id"],
        "name": cluster["name"],
        "state": cluster["state"],
        "status": _status(controller, cluster),
        "admin": ref(store, "tenant", cluster["admin"]),
        "site": ref(store, "site", cluster["site"]),
        "vpc": ref(store, "vpc", cluster["vpc"]),
        "srvClusterTemplate": ref(store, "template", cluster["template"]),
        "tags": cluster["tags"],
        "servers": [{**ref(store, "hw", member["id"]), "shared": member["shared"]} for member in cluster["servers"]],
        "resources": _resources(controller, cluster),
        "createdDate": cluster["createdDate"],
        "modifiedDate": cluster["modifiedDate"],
    }


def _status(controller: Controller, cluster: Record) -> Any:
    knobs = controller.knobs
    ids = [made["id"] for made in cluster["vnets"]]
    if knobs.clusters == "fail":
        label, value = "Failed", "error"
    elif cluster["state"] == "disabled":
        label, value = "Disabled", "disabled"
    elif knobs.clusters != "stuck" and controller.agents.done(cluster["progress"], ids):
        label, value = "Active", "success"
    else:
        label, value = "Provisioning", "warning"
    return label.lower() if knobs.cluster_status == "string" else {"label": label, "value": value}


def _resources(controller: Controller, cluster: Record) -> dict[str, Any]:
    store = controller.store
    as_text = controller.knobs.cluster_gateways == "string"
    shown = []
    for made in cluster["vnets"]:
        vnet = store.peek("vnet", made["id"])
        if vnet is None:
            continue
        prefixes = [gateway["prefix"] for gateway in vnet["gateways"]]
        families: dict[str, list[Any]] = {
            "ipv4Gateways": [prefix for prefix in prefixes if ":" not in prefix],
            "ipv6Gateways": [prefix for prefix in prefixes if ":" in prefix],
        }
        if not as_text:
            families = {key: [{"prefix": prefix} for prefix in found] for key, found in families.items()}
        shown.append({"id": vnet["id"], "name": vnet["name"], **families})

    def nodes(identifiers: list[int]) -> list[dict[str, Any]]:
        found = (store.peek("ipam", identifier) for identifier in dict.fromkeys(identifiers))
        return [{"id": node["id"], "prefix": node["prefix"]} for node in found if node]

    return {"vnets": shown, "allocations": nodes(cluster["allocations"]), "subnets": nodes(cluster["subnets"])}


def listing(call: Call) -> Reply:
    return Reply([render(call.controller, cluster) for cluster in call.store.all("cluster")])


def one(call: Call) -> Reply:
    return Reply(render(call.controller, call.record("cluster")))


def candidates(call: Call) -> Reply:
    """Servers with the cluster that has them as dedicated members."""
    store = call.store
    dedicated: dict[int, int] = {}
    shared: set[int] = set()
    for cluster in store.all("cluster"):
        for member in cluster["servers"]:
            if member["shared"]:
                shared.add(member["id"])
            else:
                dedicated[member["id"]] = cluster["id"]
    return Reply(
        [
            {
                "id": device["id"],
                "name": device["name"],
                "serverClusterID": dedicated.get(device["id"]),
                "tenant": ref(store, "tenant", device["tenant"]),
                "site": ref(store, "site", device["site"]),
                "shared": device["id"] in shared,
            }
            for device in store.all("hw")
            if device["type"] == "server"
        ]
    )


ROUTES = [
    *crud("/api/v2/server-cluster", listing, one, post, put, delete),
    Route("GET", "/api/v2/server-cluster/servers", candidates),
    Route("PUT", "/api/v2/server-cluster/{id}/{state}", set_state),
]
