"""VPC peerings: two VPCs that take over each other's routes. The lab's leaf carries them out."""

from __future__ import annotations

import datetime
import ipaddress
from typing import Any

from .. import addresses, exchange
from ..call import Call, Reply, crud, deleted, updated
from ..core import stamped
from ..errors import ApiError, invalid
from ..exchange import SIDES
from ..knobs import Knobs
from ..store import Record, Store
from ..values import mapping, needed, text, unique_name
from . import ipam

UNKNOWN = "VPC is not found."


def build(store: Store, body: dict[str, Any], current: Record | None = None) -> Record:
    identifier = current["id"] if current else 0
    name = text(body, "name") or f"peering-{identifier or store.next_id('peering')}"
    unique_name(store, "peering", name, identifier)
    sides = {}
    for side in SIDES:
        end = mapping(body.get(side) or {}, side)
        vpc = needed(store, "vpc", {side: end}, side)
        sides[side] = {"vpc": vpc["id"], "inbound": _inbound(end, side)}
    ends = sorted(end["vpc"] for end in sides.values())
    if ends[0] == ends[1]:
        raise invalid("vpcB", "A VPC cannot be peered with itself.")
    if current and ends != sorted(current[side]["vpc"] for side in SIDES):
        raise invalid("vpcA", "The VPCs of a peering cannot be changed.")
    for other in store.all("peering"):
        if other["id"] != identifier and sorted(other[side]["vpc"] for side in SIDES) == ends:
            raise ApiError(f"These VPCs are peered already: {other['name']}.")
    peering = stamped({"id": identifier or store.next_id("peering"), "name": name, **sides}, current)
    _check_overlaps(store, peering)
    return peering


def _inbound(end: dict[str, Any], side: str) -> list[str]:
    keys: tuple[str, ...] = ("prefixListInbound",)
    if any(end.get(key) for key in ("prefixListInboundIPv4", "prefixListInboundIPv6")):
        keys = ("prefixListInboundIPv4", "prefixListInboundIPv6")
    found = [line.strip() for key in keys for line in text(end, key).splitlines() if line.strip()]
    for line in found:
        exchange.parsed(line, f"{side}.prefixListInbound")
    return found


def _check_overlaps(store: Store, peering: Record) -> None:
    """Once peered, addresses mean one place: neither the two VPCs' subnets nor those of other peers may meet."""
    subnets = {
        side: [(ipaddress.ip_network(node["prefix"]), node["name"]) for node in ipam.nodes(store, "subnet", end["vpc"])]
        for side, end in ((side, peering[side]) for side in SIDES)
    }
    for one, one_name in subnets["vpcA"]:
        for other, other_name in subnets["vpcB"]:
            if addresses.overlap(one, other):
                raise ApiError(f"Subnets {one_name} ({one}) and {other_name} ({other}) of the peered VPCs overlap.")


def render(knobs: Knobs, peering: Record) -> dict[str, Any]:
    return {
        "id": peering["id"],
        "name": peering["name"],
        **{side: {"id": peering[side]["vpc"], **_lists(knobs, peering[side]["inbound"])} for side in SIDES},
        **{key: _iso(peering[key]) for key in ("createdDate", "modifiedDate")},
    }


def _lists(knobs: Knobs, inbound: list[str]) -> dict[str, str]:
    if knobs.peering_lists == "one":
        return {"prefixListInbound": "\n".join(inbound)}
    return {
        "prefixListInboundIPv4": "\n".join(line for line in inbound if ":" not in line),
        "prefixListInboundIPv6": "\n".join(line for line in inbound if ":" in line),
    }


def _iso(milliseconds: int) -> str:
    """Of all objects this one alone has dates in words."""
    moment = datetime.datetime.fromtimestamp(milliseconds / 1000, datetime.UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def listing(call: Call) -> Reply:
    return Reply([render(call.controller.knobs, peering) for peering in call.store.all("peering")])


def one(call: Call) -> Reply:
    return Reply(render(call.controller.knobs, call.record("peering", UNKNOWN)))


def post(call: Call) -> Reply:
    peering = build(call.store, call.body)
    call.store.put("peering", peering)
    return Reply(render(call.controller.knobs, peering), "Successfully created.", status=201)


def put(call: Call) -> Reply:
    peering = build(call.store, call.body, call.record("peering", UNKNOWN))
    call.store.put("peering", peering)
    return updated(peering["id"])


def delete(call: Call) -> Reply:
    call.store.delete("peering", call.record("peering", UNKNOWN)["id"])
    return deleted()


ROUTES = crud("/api/v2/vpc-peering", listing, one, post, put, delete)
