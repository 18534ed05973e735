"""Tenants (owners), which only the older API has: whole list, ids in bodies."""

from __future__ import annotations

from typing import Any

from ..call import Call, Reply, Route, created, deleted, updated
from ..core import now_ms
from ..errors import ApiError, not_found
from ..store import Record, Store
from ..values import integer, text, unique_name

ADMIN = 1


def build(store: Store, body: dict[str, Any], current: Record | None = None) -> Record:
    name = text(body, "name", required=True)
    identifier = current["id"] if current else 0
    unique_name(store, "tenant", name, identifier)
    now = now_ms()
    # Clients leave an empty description out, so leaving it out does not clear it.
    description = text(body, "description", current["description"] if current else "")
    return {
        "id": identifier or store.next_id("tenant"),
        "name": name,
        "description": description,
        "create_date": current["create_date"] if current else now,
        "modified_date": now,
    }


def listing(call: Call) -> Reply:
    return Reply([{**tenant, "tenant_id": tenant["id"]} for tenant in call.store.all("tenant")])


def post(call: Call) -> Reply:
    tenant = build(call.store, call.body)
    call.store.put("tenant", tenant)
    return created(tenant["id"])


def put(call: Call) -> Reply:
    current = call.store.get("tenant", integer(call.body, "id"))
    if current is None:
        raise not_found()
    tenant = build(call.store, call.body, current)
    call.store.put("tenant", tenant)
    return updated(tenant["id"])


def _owned(store: Store, identifier: int) -> list[str]:
    found = [vpc["name"] for vpc in store.all("vpc") if vpc["adminTenant"] == identifier]
    for kind in ("ipam", "hw", "vnet"):
        found += [record["name"] for record in store.all(kind) if record["tenant"] == identifier]
    return found + [cluster["name"] for cluster in store.all("cluster") if cluster["admin"] == identifier]


def delete(call: Call) -> Reply:
    for identifier in call.body_ids():
        if call.store.peek("tenant", identifier) is None:
            raise not_found()
        if identifier == ADMIN:
            raise ApiError("The built-in tenant cannot be deleted.")
        owned = _owned(call.store, identifier)
        if owned:
            raise ApiError(f"The tenant still owns {', '.join(owned[:5])}.")
        call.store.delete("tenant", identifier)
    return deleted()


ROUTES = [
    Route("GET", "/api/tenants", listing),
    Route("POST", "/api/tenants", post),
    Route("PUT", "/api/tenants", put),
    Route("DELETE", "/api/tenants", delete),
]
