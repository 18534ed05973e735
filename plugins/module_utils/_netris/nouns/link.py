# Copyright: Contributors to the baremetal.fabric collection
# SPDX-License-Identifier: Apache-2.0

# This code is private to the baremetal.fabric collection: it may change without notice.

# Hooks and codecs share one signature, whether or not one of them needs all of it.
# ruff: noqa: ARG002

"""Links: the cables between ports."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..errors import Mistake
from ..model import Entry, Field, Flag, Identity, Names, Record, Reference, Text, Value, Wire, World
from ..noun import Noun
from ..options import blank_or, flag, interface, port, text
from .port import full_name

_ADDRESSES = ("local_ipv4", "local_ipv6", "remote_ipv4", "remote_ipv6")


class Link(Noun):
    key = "links"
    label = "link"
    rank = 50
    collection = "/api/v2/link"
    by_id = "/api/v2/link"
    identity_fields = ("local", "remote")
    options = {
        "local": text(required=True, check=port),
        "remote": text(required=True, check=port),
        "underlay": flag(),
        **{name: text(check=blank_or(interface)) for name in _ADDRESSES},
    }
    fields = (
        Field("local", "", Text()),
        Field("remote", "", Text()),
        Field("underlay", "underlay", Flag("enabled", "disabled"), on_create=False),
        *(Field(name, "", Text(), may_be_unread=True) for name in _ADDRESSES),
    )

    def read(self, wire: Wire, names: Names) -> Value:
        value: Value = {"underlay": wire.get("underlay") in ("enabled", True)}
        for side in ("local", "remote"):
            end = wire.get(side) or {}
            value[side] = _end_name(end)
            for family in ("ipv4", "ipv6"):
                # Not every controller shows a link's addresses: what it does not show cannot be compared.
                value[f"{side}_{family}"] = str(end[family] or "") if family in end else None
        return value

    def identity(self, value: Mapping[str, Any]) -> Identity:
        return tuple(sorted((str(value.get("local")), str(value.get("remote")))))

    def title(self, value: Mapping[str, Any]) -> str:
        return f"{value.get('local')} - {value.get('remote')}"

    def find(self, entry: Entry, world: World) -> Sequence[Record]:
        """A cable has no direction: one read the other way round is turned to the entry's."""
        wanted = self.identity(entry.desired)
        found = [record for record in world.all(self.key) if self.identity(record.value) == wanted]
        return [
            record if record.value["local"] == entry.desired["local"] else replace(record, value=_turned(record.value))
            for record in found
        ]

    def check_entry(self, entry: Entry) -> Iterator[Mistake]:
        if entry.desired.get("local") == entry.desired.get("remote"):
            yield Mistake(f"{entry.path}.remote", "is the same port as local")

    def references(self, entry: Entry) -> Iterator[Reference]:
        for side in ("local", "remote"):
            yield Reference("ports", entry.desired[side], side)

    def claims(self, value: Mapping[str, Any]) -> frozenset[str]:
        return frozenset(f"port {value[side]}" for side in ("local", "remote") if value.get(side))

    def create_body(self, after: Mapping[str, Any], names: Names) -> dict[str, Any]:
        ends = {side: {"id": 0, "name": after[side], **_addresses(after, side)} for side in ("local", "remote")}
        return {**ends, "underlay": "enabled" if after.get("underlay") else "disabled"}

    def update_body(self, after: Mapping[str, Any], record: Record, names: Names) -> dict[str, Any]:
        same_way = _end_name(record.wire.get("local") or {}) == after["local"]
        sides = ("local", "remote") if same_way else ("remote", "local")
        body: dict[str, Any] = {"local": _addresses(after, sides[0]), "remote": _addresses(after, sides[1])}
        return {**body, "underlay": "enabled" if after.get("underlay") else "disabled"}


def _end_name(end: Mapping[str, Any]) -> str:
    name = str(end.get("name") or "")
    if "@" in name:
        return name
    hardware = end.get("hardware")
    device = hardware.get("name") if isinstance(hardware, Mapping) else None
    return f"{end.get('port') or name}@{device}" if device else full_name(end)


def _addresses(after: Mapping[str, Any], side: str) -> dict[str, Any]:
    return {family: after.get(f"{side}_{family}") or "" for family in ("ipv4", "ipv6")}


def _turned(value: Value) -> Value:
    swap = {"local": "remote", "remote": "local"}
    swap.update(
        {name: name.replace("local", "x").replace("remote", "local").replace("x", "remote") for name in _ADDRESSES}
    )
    return {swap.get(name, name): content for name, content in value.items()}
