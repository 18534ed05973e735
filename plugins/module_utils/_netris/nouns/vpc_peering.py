# Copyright: Contributors to the baremetal.fabric collection
# SPDX-License-Identifier: Apache-2.0

# This code is private to the baremetal.fabric collection: it may change without notice.

# Hooks and codecs share one signature, whether or not one of them needs all of it.
# ruff: noqa: ARG002

"""VPC peerings: two routing domains that take over each other's routes, as far as their prefix lists let them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..errors import Mistake, RequestFailed
from ..model import Entry, Field, Names, Record, Ref, Reference, Text, Texts, Value, Wire, World, read_reference
from ..noun import Document, Noun, Source
from ..options import not_blank, text, texts
from .of_cluster import CLUSTER_OPTIONS, awaited_subnet, check_cluster, cluster_reference, cluster_subnet

SIDES = {"vpc_a": ("vpcA", "inbound_a"), "vpc_b": ("vpcB", "inbound_b")}
# Stands for the subnet of the server cluster that the entry names.
PLACE = "{subnet}"
# The published API has one list; newer clients read one for each address family.
_ONE = "prefixListInbound"
_FAMILIES = ("prefixListInboundIPv4", "prefixListInboundIPv6")


class VpcPeering(Noun):
    key = "vpc_peerings"
    label = "VPC peering"
    rank = 85
    collection = "/api/v2/vpc-peering"
    by_id = "/api/v2/vpc-peering"
    needed = ("vpc_a", "vpc_b")
    needs = ("vpcs",)
    options = {
        "name": text(required=True, check=not_blank),
        **CLUSTER_OPTIONS,
        "vpc_a": text(),
        "vpc_b": text(),
        "inbound_a": texts(),
        "inbound_b": texts(),
    }
    fields = (
        Field("name", "name", Text()),
        Field("vpc_a", "", Ref("vpcs"), immutable=True),
        Field("vpc_b", "", Ref("vpcs"), immutable=True),
        Field("inbound_a", "", Texts(ordered=True), on_create=()),
        Field("inbound_b", "", Texts(ordered=True), on_create=()),
    )

    def list(self, source: Source, world: World, entries: Sequence[Entry] | None) -> Iterable[Wire]:
        """Controllers before peerings have no such list, and so no peering either."""
        try:
            return source.get_list(self.collection)
        except RequestFailed as error:
            if error.status != 404:
                raise
            return []

    def read(self, wire: Wire, names: Names) -> Value:
        value: Value = {"name": str(wire.get("name") or "")}
        for side, (key, inbound) in SIDES.items():
            end = wire.get(key) or {}
            value[side] = read_reference("vpcs", end, names)
            value[inbound] = _lines(end)
        return value

    def check_entry(self, entry: Entry) -> Iterator[Mistake]:
        yield from check_cluster(entry)
        if entry.desired.get("vpc_a") is not None and entry.desired.get("vpc_a") == entry.desired.get("vpc_b"):
            yield Mistake(f"{entry.path}.vpc_b", "is the same VPC as vpc_a")
        for _key, inbound in SIDES.values():
            for position, line in enumerate(entry.desired.get(inbound) or ()):
                if PLACE in line and "server_cluster" not in entry.raw:
                    yield Mistake(f"{entry.path}.{inbound}[{position}]", f"{PLACE} needs server_cluster and postfix")

    def references(self, entry: Entry) -> Iterator[Reference]:
        yield from super().references(entry)
        yield from cluster_reference(entry)

    def resolved(self, entry: Entry, world: World) -> Entry:
        subnet = cluster_subnet(entry, world)
        desired = dict(entry.desired)
        for _key, inbound in SIDES.values():
            lines = desired.get(inbound)
            if lines is None or not any(PLACE in line for line in lines):
                continue
            if subnet is None:  # what cannot be said yet is left as it is
                del desired[inbound]
            else:
                desired[inbound] = [line.replace(PLACE, str(subnet)) for line in lines]
        return replace(entry, desired=desired)

    def awaited(self, entry: Entry, world: World, document: Document) -> str:
        return awaited_subnet(entry, world) if any(self.awaited_fields(entry)) else ""

    def awaited_fields(self, entry: Entry) -> Iterator[str]:
        for _key, inbound in SIDES.values():
            if inbound in entry.raw and inbound not in entry.desired:
                yield inbound

    def claims(self, value: Mapping[str, Any]) -> frozenset[str]:
        """Two VPCs are peered once."""
        ends = sorted(str(value[side]) for side in SIDES if value.get(side))
        return frozenset({f"the peering of the VPCs {' and '.join(ends)}"}) if len(ends) == 2 else frozenset()

    def create_body(self, after: Mapping[str, Any], names: Names) -> dict[str, Any]:
        body: dict[str, Any] = {"name": after["name"]}
        for side, (key, inbound) in SIDES.items():
            body[key] = {"id": names.id_of("vpcs", after[side]), _ONE: "\n".join(after.get(inbound) or ())}
        return body

    def update_body(self, after: Mapping[str, Any], record: Record, names: Names) -> dict[str, Any]:
        """The lists go under the keys that this controller shows."""
        body: dict[str, Any] = {"name": after["name"]}
        for side, (key, inbound) in SIDES.items():
            lines = after.get(inbound) or ()
            end = record.wire.get(key) or {}
            body[key] = {"id": names.id_of("vpcs", after[side])}
            if any(family in end for family in _FAMILIES):
                body[key][_FAMILIES[0]] = "\n".join(line for line in lines if ":" not in line)
                body[key][_FAMILIES[1]] = "\n".join(line for line in lines if ":" in line)
            else:
                body[key][_ONE] = "\n".join(lines)
        return body


def _lines(end: Mapping[str, Any]) -> list[str]:
    """A VPC's prefix list, whether the controller keeps one or one for each address family."""
    keys = _FAMILIES if any(family in end for family in _FAMILIES) else (_ONE,)
    return [line.strip() for key in keys for line in str(end.get(key) or "").splitlines() if line.strip()]
