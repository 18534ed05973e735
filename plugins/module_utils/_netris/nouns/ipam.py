# Copyright: Contributors to the baremetal.fabric collection
# SPDX-License-Identifier: Apache-2.0

# This code is private to the baremetal.fabric collection: it may change without notice.

# Hooks and codecs share one signature, whether or not one of them needs all of it.
# ruff: noqa: ARG002

"""The address plan tree: allocations (supernets) and the subnets cut from them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ..model import Entry, Field, Flag, Record, Ref, Refs, Tags, Text, Value, Wire, World
from ..noun import Noun, Source
from ..options import address, blank_or, flag, network, not_blank, text, texts

PURPOSES = ("common", "loopback", "management", "load-balancer", "nat", "inactive", "bgp")


def _walk(nodes: Iterable[Mapping[str, Any]], kind: str) -> Iterator[Mapping[str, Any]]:
    """All nodes of one kind out of a tree."""
    for node in nodes:
        if node.get("type") == kind:
            yield node
        yield from _walk(node.get("children") or [], kind)


class Allocation(Noun):
    key = "allocations"
    label = "allocation"
    rank = 20
    collection = "/api/v2/ipam/allocation"
    removal_may_be_early = True
    identity_fields = ("name", "vpc")
    needed = ("prefix", "vpc", "owner")
    needs = ("vpcs",)
    options = {
        "name": text(required=True, check=not_blank),
        "vpc": text(required=True),
        "prefix": text(check=network),
        "owner": text(),
        "description": text(),
    }
    fields = (
        Field("name", "name", Text()),
        Field("prefix", "prefix", Text()),
        Field("owner", "tenant", Ref("owners"), immutable=True),
        Field("vpc", "vpc", Ref("vpcs"), immutable=True, in_update=False),
        Field("description", "description", Text(), on_create=""),
    )

    def list(self, source: Source, world: World, entries: Sequence[Entry] | None) -> Iterable[Wire]:
        """One request for each VPC: without that filter the controller shows the default VPC's tree only."""
        wanted = None if entries is None else {entry.desired.get("vpc") for entry in entries}
        found: dict[Any, Wire] = {}
        for vpc in world.all("vpcs"):
            if wanted is None or vpc.value["name"] in wanted:
                for node in _walk(source.get_list("/api/v2/ipam", {"filterByVpc": vpc.id}), "allocation"):
                    found.setdefault(node.get("id"), node)
        return list(found.values())


class Subnet(Noun):
    key = "subnets"
    label = "subnet"
    rank = 30
    collection = "/api/v2/ipam/subnet"
    removal_may_be_early = True
    identity_fields = ("name", "vpc")
    needed = ("prefix", "vpc", "owner", "sites")
    options = {
        "name": text(required=True, check=not_blank),
        "vpc": text(required=True),
        "prefix": text(check=network),
        "owner": text(),
        "sites": texts(),
        "purpose": text(choices=PURPOSES),
        "description": text(),
        "default_gateway": text(check=blank_or(address)),
        "global_routing": flag(),
        "tags": texts(),
    }
    fields = (
        Field("name", "name", Text()),
        Field("prefix", "prefix", Text(), immutable=True),
        Field("owner", "tenant", Ref("owners")),
        Field("vpc", "vpc", Ref("vpcs"), immutable=True, in_update=False),
        Field("sites", "sites", Refs("sites")),
        Field("purpose", "purpose", Text(), on_create="common"),
        Field("description", "description", Text(), on_create=""),
        Field("default_gateway", "defaultGateway", Text(), on_create=""),
        Field("global_routing", "globalRouting", Flag(), on_create=False),
        Field("tags", "tags", Tags(), on_create=()),
    )

    def list(self, source: Source, world: World, entries: Sequence[Entry] | None) -> Iterable[Wire]:
        return list(_walk(source.get_list("/api/v2/ipam/subnets"), "subnet"))

    def derived(self, record: Record, world: World) -> bool:
        return any(
            record.id == item.get("id")
            for cluster in world.all("server_clusters")
            for item in (cluster.wire.get("resources") or {}).get("subnets") or []
        )

    def extras(self, record: Record, world: World) -> Value:
        return {"allocation_id": record.wire.get("allocationID")}
