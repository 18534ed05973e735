# Copyright: Contributors to the baremetal.fabric collection
# SPDX-License-Identifier: Apache-2.0

# This code is private to the baremetal.fabric collection: it may change without notice.

# Hooks and codecs share one signature, whether or not one of them needs all of it.
# ruff: noqa: ARG002

"""Hardware: servers (managed) and switches (read only), which share one list."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..model import Codec, Entry, Field, Names, Number, Record, Ref, Tags, Text, Value, Wire, World
from ..noun import Noun, Source
from ..options import Check, address, between, not_blank, number, text, texts

HARDWARE = "/api/v2/hw"


class AutoOr(Codec):
    """A value that may be left to the controller with the word auto: any choice of the controller's then fits."""

    def __init__(self, inner: Codec) -> None:
        self._inner = inner

    def read(self, wire: Any, names: Names) -> Any:
        return wire if wire == "auto" else self._inner.read(wire, names)

    def normalise(self, desired: Any) -> Any:
        if isinstance(self._inner, Number) and str(desired).isdigit():
            return int(desired)
        return desired

    def merge(self, before: Any, desired: Any, entry: Mapping[str, Any]) -> Any:
        return before if desired == "auto" and before not in (None, "", 0) else desired


def _auto_or(check: Check) -> Check:
    def either(value: Any) -> str | None:
        return None if value in ("auto", "") else check(value)

    return either


def _asn(value: Any) -> str | None:
    if value == "auto":
        return None
    if not str(value).isdigit():
        return f"{value!r} is neither a number nor auto"
    return between(0, 4294967295)(int(value))


class Server(Noun):
    key = "servers"
    label = "server"
    rank = 40
    collection = "/api/v2/hw/server"
    by_id = HARDWARE
    needed = ("site", "owner", "nics")
    # An update without them takes the server's cables away.
    resend = ("links", "profile", "uuid")
    options = {
        "name": text(required=True, check=not_blank),
        "site": text(),
        "owner": text(),
        "nics": number(check=between(0, 60)),
        "description": text(),
        "main_address": text(check=_auto_or(address)),
        "management_address": text(check=_auto_or(address)),
        "asn": text(check=_asn),
        "custom_data": text(),
        "role": text(),
        "tags": texts(),
    }
    fields = (
        Field("name", "name", Text()),
        Field("site", "site", Ref("sites"), immutable=True),
        Field("owner", "tenant", Ref("owners")),
        Field("nics", "portCount", Number(), immutable=True),
        Field("description", "description", Text(), on_create=""),
        Field("main_address", "mainAddress", AutoOr(Text()), on_create=""),
        Field("management_address", "mgmtAddress", AutoOr(Text()), on_create=""),
        Field("asn", "asn", AutoOr(Number()), on_create=0),
        Field("custom_data", "customData", Text(), on_create=""),
        Field("role", "srvRole", Text(), on_create=""),
        Field("tags", "tags", Tags(), on_create=()),
    )

    def list(self, source: Source, world: World, entries: Sequence[Entry] | None) -> Iterable[Wire]:
        return source.get_list(HARDWARE)

    def selects(self, wire: Wire) -> bool:
        return wire.get("type") == "server"

    def create_body(self, after: Mapping[str, Any], names: Names) -> dict[str, Any]:
        return {"links": [], "profile": {}, "uuid": "", **super().create_body(after, names)}


class Switch(Noun):
    key = "switches"
    label = "switch"
    collection = HARDWARE
    fields = (
        Field("name", "name", Text()),
        Field("site", "site", Ref("sites")),
        Field("owner", "tenant", Ref("owners")),
        Field("description", "description", Text()),
        Field("main_address", "mainAddress", Text()),
        Field("management_address", "mgmtAddress", Text()),
        Field("asn", "asn", Number()),
        Field("ports", "portCount", Number()),
    )

    def selects(self, wire: Wire) -> bool:
        return wire.get("type") == "switch"

    def extras(self, record: Record, world: World) -> Value:
        return {"health": _health(record.wire)}


def _health(wire: Wire) -> Value:
    """One verdict from the several forms in which controllers report a device's health."""
    health = wire.get("health")
    details: Mapping[str, Any] = health if isinstance(health, Mapping) else {}
    verdict = details.get("ok", health if isinstance(health, (bool, int)) else None)
    if isinstance(details.get("critical"), int) and details["critical"] > 0:
        verdict = False
    status = wire.get("status")
    label = str(status.get("label") if isinstance(status, Mapping) else status or "")
    if verdict is None:
        verdict = label.lower() in ("ok", "active", "healthy", "online", "up")
    message = details.get("message") or details.get("statusDetails") or label
    return {"ok": bool(verdict), "message": str(message), "last_seen": wire.get("lastSeen")}
