"""VLAN ids set aside for use outside of V-Nets."""

from __future__ import annotations

from typing import Any

from .. import vlans
from ..call import Call, Reply, Route, deleted
from ..core import stamped
from ..errors import not_found
from ..store import Record, Store
from ..values import integer, mapping, needed, ref, to_int


def render(store: Store, reservation: Record) -> dict[str, Any]:
    return {**reservation, "site": ref(store, "site", reservation["site"])}


def listing(call: Call) -> Reply:
    site = call.query.get("filterBySite")
    vlan = call.params.get("vlan")
    return Reply(
        [
            render(call.store, reservation)
            for reservation in call.store.all("vlan_reservation")
            if (not site or str(reservation["site"]) == site) and (vlan is None or str(reservation["vlan"]) == vlan)
        ]
    )


def post(call: Call) -> Reply:
    site = needed(call.store, "site", call.body, "site")
    vlan = integer(call.body, "vlan")
    vlan = vlans.claim(call.store, [site], vlan) if vlan else vlans.allot(call.store, [site])
    reservation = stamped(
        {
            "id": call.store.next_id("vlan_reservation"),
            "vlan": vlan,
            "site": site["id"],
            "consumer": mapping(call.body.get("consumer") or {"type": "sys"}, "consumer"),
            "meta": mapping(call.body.get("meta") or {}, "meta"),
        }
    )
    call.store.put("vlan_reservation", reservation)
    return Reply({"id": reservation["id"], "vlan": vlan}, "Successfully created.")


def delete(call: Call) -> Reply:
    vlan, site = to_int(call.params["vlan"], "vlan"), to_int(call.params["site"], "site")
    for reservation in call.store.all("vlan_reservation"):
        if (reservation["vlan"], reservation["site"]) == (vlan, site):
            call.store.delete("vlan_reservation", reservation["id"])
            return deleted()
    raise not_found()


ROUTES = [
    Route("GET", "/api/v2/reservation/vlan", listing),
    Route("POST", "/api/v2/reservation/vlan", post),
    Route("GET", "/api/v2/reservation/vlan/{vlan}", listing),
    Route("DELETE", "/api/v2/reservation/vlan/{vlan}/{site}", delete),
    Route("DELETE", "/api/v2/reservation/vlan/{vlan}/{site}/{consumer:path}", delete),
]
