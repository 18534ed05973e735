# Copyright: Contributors to the baremetal.fabric collection
# SPDX-License-Identifier: Apache-2.0

# This code is private to the baremetal.fabric collection: it may change without notice.

# Hooks and codecs share one signature, whether or not one of them needs all of it.
# ruff: noqa: ARG002

"""Ports of switches and servers (read only), and the link aggregation groups made of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ..errors import Mistake
from ..model import (
    Codec,
    Entry,
    Field,
    Flag,
    Identity,
    Names,
    Number,
    Record,
    Ref,
    Reference,
    Text,
    Value,
    Wire,
    World,
)
from ..noun import Document, Noun, Source
from ..options import between, flag, not_blank, number, text, texts

PORTS = "/api/v2/ports"


def device_of(wire: Wire) -> str:
    switch = wire.get("switch")
    name = switch.get("name") if isinstance(switch, Mapping) else None
    return str(wire.get("switchName") or name or str(wire.get("name") or "").partition("@")[2])


def port_of(wire: Wire) -> str:
    info = wire.get("info")
    name = info.get("port") if isinstance(info, Mapping) else None
    return str(wire.get("port") or name or wire.get("_port") or str(wire.get("name") or "").partition("@")[0])


def full_name(wire: Wire) -> str:
    """port@device, from whichever of the fields a controller fills."""
    return f"{port_of(wire)}@{device_of(wire)}"


def _is_lag(wire: Wire) -> bool:
    state = wire.get("stateInHierarchy")
    return bool(wire.get("slavePorts")) or bool(isinstance(state, Mapping) and state.get("aggregated"))


class Port(Noun):
    key = "ports"
    label = "port"
    collection = PORTS
    fields = (
        Field("description", "description", Text()),
        Field("owner", "tenant", Ref("owners")),
        Field("mtu", "mtu", Number()),
        Field("speed", "desiredSpeed", Text()),
    )

    def read(self, wire: Wire, names: Names) -> Value:
        switch = wire.get("switch")
        return {
            "name": full_name(wire),
            "port": port_of(wire),
            "device": device_of(wire),
            "device_type": str(switch.get("type") or "") if isinstance(switch, Mapping) else "",
            **super().read(wire, names),
        }

    def extras(self, record: Record, world: World) -> Value:
        status = record.wire.get("status")
        label = status.get("label") if isinstance(status, Mapping) else status
        return {"status": str(label or ""), "lag": _is_lag(record.wire)}

    def promised(self, name: str, document: Document) -> bool:
        """A server of this document brings its NICs along."""
        port, _at, device = name.partition("@")
        for entry in document.of("servers"):
            count = entry.desired.get("nics")
            if entry.name == device and not entry.absent and isinstance(count, int):
                return port.startswith("eth") and port[3:].isdigit() and 1 <= int(port[3:]) <= count
        return False


class LagPorts(Codec):
    """The members of a LAG; which switch they are on is the LAG's own field."""

    def normalise(self, desired: Any) -> Any:
        return sorted(set(desired), key=_natural)


class Lag(Noun):
    key = "lags"
    label = "LAG"
    rank = 60
    collection = "/api/v2/ports/lag"
    by_id = PORTS
    identity_fields = ("switch", "ports")
    needed = ("ports", "owner")
    needs = ("ports",)
    affects = ("ports",)
    options = {
        "switch": text(required=True, check=not_blank),
        "ports": texts(required=True, check=not_blank),
        "lacp": flag(),
        "description": text(),
        "mtu": number(check=between(68, 9216)),
        "owner": text(),
    }
    fields = (
        Field("switch", "", Text()),
        Field("ports", "ports", LagPorts()),
        Field("lacp", "lacp", Flag("on", "off"), on_create=True),
        Field("description", "description", Text(), on_create=""),
        Field("mtu", "mtu", Number(), on_create=9000),
        Field("owner", "tenant", Ref("owners")),
    )

    def list(self, source: Source, world: World, entries: Sequence[Entry] | None) -> Iterable[Wire]:
        return source.get_list(PORTS)

    def selects(self, wire: Wire) -> bool:
        return _is_lag(wire)

    def read(self, wire: Wire, names: Names) -> Value:
        value = super().read(wire, names)
        members = [port_of(member) for member in wire.get("slavePorts") or []]
        return {
            **value,
            "name": full_name(wire),
            "switch": device_of(wire),
            "ports": sorted(members, key=_natural),
        }

    def identity(self, value: Mapping[str, Any]) -> Identity:
        return (value.get("switch"), *(value.get("ports") or []))

    def title(self, value: Mapping[str, Any]) -> str:
        return f"{'+'.join(value.get('ports') or [])}@{value.get('switch')}"

    def find(self, entry: Entry, world: World) -> Sequence[Record]:
        """A LAG has no name of its own choice: it is the one that shares most ports with the entry."""
        wanted = set(entry.desired["ports"])
        shared = [
            (len(wanted & set(record.value["ports"])), -record.id, record)
            for record in world.all(self.key)
            if record.value["switch"] == entry.desired["switch"] and wanted & set(record.value["ports"])
        ]
        return [max(shared)[2]] if shared else []

    def check_entry(self, entry: Entry) -> Iterator[Mistake]:
        for position, name in enumerate(entry.raw.get("ports", ())):
            if "@" in name:
                yield Mistake(
                    f"{entry.path}.ports[{position}]", f"{name!r}: name the port alone, the switch is given already"
                )

    def references(self, entry: Entry) -> Iterator[Reference]:
        yield from super().references(entry)
        yield Reference("switches", entry.desired["switch"], "switch")
        for position, name in enumerate(entry.raw["ports"]):
            yield Reference("ports", f"{name}@{entry.desired['switch']}", f"ports[{position}]")

    def claims(self, value: Mapping[str, Any]) -> frozenset[str]:
        return frozenset(f"port {name}@{value.get('switch')}" for name in value.get("ports") or ())

    def release_only(self, before: Value, after: Value) -> Value | None:
        kept = [name for name in before["ports"] if name in after["ports"]]
        return {**before, "ports": kept} if kept else None

    def create_body(self, after: Mapping[str, Any], names: Names) -> dict[str, Any]:
        return self._body(0, {}, after, names)

    def update_body(self, after: Mapping[str, Any], record: Record, names: Names) -> dict[str, Any]:
        return self._body(record.id, record.wire, after, names)

    def _body(self, ident: int, wire: Wire, after: Mapping[str, Any], names: Names) -> dict[str, Any]:
        """One endpoint both creates and updates."""
        return {
            "id": ident,
            "aggregatedPort": {"id": ident, "name": after["name"]} if ident else {},
            "description": after.get("description") or "",
            "extension": _extension(wire.get("extension")),
            "mtu": after["mtu"],
            "ports": [{"name": f"{name}@{after['switch']}"} for name in after["ports"]],
            "tenant": {"id": names.id_of("owners", after["owner"])},
            "lacp": "on" if after.get("lacp") else "off",
            "mclagId": wire.get("mclagId") or 0,
        }

    def update_path(self, record: Record) -> str:
        return self.collection

    def update_method(self) -> str:
        return "POST"

    def delete_path(self, record: Record) -> str:
        return f"{PORTS}/{record.id}"


def _extension(read: Any) -> dict[str, Any]:
    """Read as a number (or object), written as an object."""
    if isinstance(read, Mapping):
        return dict(read)
    return {"id": read} if isinstance(read, int) and read else {}


def _natural(name: str) -> tuple[str, int, str]:
    """swp2 before swp10."""
    digits = "".join(char for char in name if char.isdigit())
    return (name.rstrip("0123456789"), int(digits) if digits else 0, name)
