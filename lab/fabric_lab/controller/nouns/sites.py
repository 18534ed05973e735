"""Sites, in both API versions."""

from __future__ import annotations

from typing import Any

from ..call import Call, Reply, Route, created, crud, deleted, updated
from ..core import stamped
from ..errors import ApiError, not_found
from ..store import Record, Store
from ..values import choice, integer, text, unique_name
from ..vlans import parse_range

MESH = ("disabled", "hub", "spoke", "dspoke")
ROH_PROFILES = ("default", "default_agg", "full_table")
FABRICS = ("netris", "equinix_metal", "dot1q_trunk", "phoenixnap_bmc")


def build(store: Store, body: dict[str, Any], current: Record | None = None) -> Record:
    """A site's record from a write body."""
    name = text(body, "name", required=True)
    identifier = current["id"] if current else 0
    unique_name(store, "site", name, identifier)
    vlan_range = text(body, "vlanRange", "2-4094")
    automatic = text(body, "vlanRangeAutoAssign")
    allowed = {vlan for span in parse_range(vlan_range, "vlanRange") for vlan in span}
    for span in parse_range(automatic, "vlanRangeAutoAssign") if automatic else []:
        if not allowed.issuperset(span):
            raise ApiError(
                f"vlanRangeAutoAssign {automatic} must lie within vlanRange {vlan_range}.",
                errors={"vlanRangeAutoAssign": "Outside vlanRange."},
            )
    profile = body.get("rohProfile")
    profile_id = profile.get("id") if isinstance(profile, dict) else profile
    return stamped(
        {
            "id": identifier or store.next_id("site"),
            "name": name,
            "publicAsn": integer(body, "publicAsn", 65000),
            "rohAsn": integer(body, "rohAsn"),
            "vmAsn": integer(body, "vmAsn"),
            "siteMesh": choice(body, "siteMesh", MESH, "disabled"),
            "rohProfile": profile_id if profile_id in (1, 2, 3) else 1,
            "aclPolicy": choice(body, "aclPolicy", ("permit", "deny"), "permit"),
            "switchFabric": choice(body, "switchFabric", FABRICS, "netris"),
            "switchFabricProviders": body.get("switchFabricProviders"),
            "vlanRange": vlan_range,
            "vlanRangeAutoAssign": automatic,
        },
        current,
    )


def render(site: Record) -> dict[str, Any]:
    profile = site["rohProfile"]
    return {
        **site,
        "siteMesh": {"name": site["siteMesh"].capitalize(), "value": site["siteMesh"]},
        "rohProfile": {"id": profile, "name": ROH_PROFILES[profile - 1], "value": ROH_PROFILES[profile - 1]},
    }


def render_v1(site: Record) -> dict[str, Any]:
    return {
        "id": site["id"],
        "name": site["name"],
        "public_asn": site["publicAsn"],
        "acl_policy": site["aclPolicy"],
        "switch_fabric": site["switchFabric"],
        "vlan_range": site["vlanRange"],
        "create_date": site["createdDate"],
        "modified_date": site["modifiedDate"],
    }


def listing(call: Call) -> Reply:
    return Reply([render(site) for site in call.store.all("site")])


def one(call: Call) -> Reply:
    return Reply(render(call.record("site")))


def listing_v1(call: Call) -> Reply:
    return Reply([render_v1(site) for site in call.store.all("site")])


def post(call: Call) -> Reply:
    site = build(call.store, call.body)
    call.store.put("site", site)
    return created(site["id"])


def put(call: Call) -> Reply:
    site = build(call.store, call.body, call.record("site"))
    call.store.put("site", site)
    return updated(site["id"])


def remove(store: Store, identifier: int) -> None:
    if store.peek("site", identifier) is None:
        raise not_found()
    users = [device["name"] for device in store.all("hw") if device["site"] == identifier]
    users += [vnet["name"] for vnet in store.all("vnet") if identifier in vnet["sites"]]
    users += [node["name"] for node in store.all("ipam") if identifier in node["sites"]]
    users += [cluster["name"] for cluster in store.all("cluster") if cluster["site"] == identifier]
    if users:
        raise ApiError(f"The site is in use by {', '.join(users[:5])}.")
    store.delete("site", identifier)


def delete(call: Call) -> Reply:
    remove(call.store, call.record("site")["id"])
    return deleted()


def delete_v1(call: Call) -> Reply:
    for identifier in call.body_ids():
        remove(call.store, identifier)
    return deleted()


ROUTES = [
    *crud("/api/v2/sites", listing, one, post, put, delete),
    Route("GET", "/api/sites", listing_v1),
    Route("POST", "/api/sites", post),
    Route("DELETE", "/api/sites", delete_v1),
]
