# Copyright: Contributors to the baremetal.fabric collection
# SPDX-License-Identifier: Apache-2.0

# This code is private to the baremetal.fabric collection: it may change without notice.

# Hooks and codecs share one signature, whether or not one of them needs all of it.
# ruff: noqa: ARG002

"""NAT rules: addresses of a VPC towards the outside, and ports of the outside towards it."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from ..errors import Mistake
from ..model import Codec, Entry, Field, Names, Record, Ref, Reference, Tags, Text, Value, World
from ..noun import Document, Noun
from ..options import between, blank_or, flag, not_blank, number, text, texts
from .of_cluster import CLUSTER_OPTIONS, awaited_subnet, check_cluster, cluster_reference, cluster_subnet

ACTIONS = ("snat", "dnat", "accept_snat")
PROTOCOLS = ("all", "tcp", "udp", "icmp")
EVERYWHERE = "0.0.0.0/0"
ALL_PORTS = "1-65535"
_PORTS = re.compile(r"^(\d{1,5})(-(\d{1,5}))?$")


class Word(Codec):
    """A word that readings wrap as {label, value}; ours are in small letters."""

    def __init__(self, write_upper: bool = False) -> None:
        self._upper = write_upper

    def read(self, wire: Any, names: Names) -> Any:
        value = wire.get("value") if isinstance(wire, Mapping) else wire
        return str(value or "").lower()

    def write(self, value: Any, names: Names) -> Any:
        return str(value).upper() if self._upper else value


class Enabled(Codec):
    def read(self, wire: Any, names: Names) -> Any:
        return Word().read(wire, names) == "enabled"

    def write(self, value: Any, names: Names) -> Any:
        return "enabled" if value else "disabled"


class Prefix(Codec):
    """A prefix or a single address, which is written with its /32 and compared without."""

    def read(self, wire: Any, names: Names) -> Any:
        return self.normalise(str(wire or ""))

    def normalise(self, desired: Any) -> Any:
        if desired == "0.0.0.0":
            return EVERYWHERE
        return str(desired).removesuffix("/32")

    def merge(self, before: Any, desired: Any, entry: Mapping[str, Any]) -> Any:
        # Some controllers show a destination without its mask: then only the address can be compared.
        same = before and "/" not in str(before) and str(before) == str(desired).partition("/")[0]
        return before if same else desired

    def write(self, value: Any, names: Names) -> Any:
        return f"{value}/32" if value and "/" not in value else value


class Ports(Codec):
    """A port or a range; all of them is the same as none given."""

    def read(self, wire: Any, names: Names) -> Any:
        return self.normalise("" if wire in (None, 0) else str(wire))

    def normalise(self, desired: Any) -> Any:
        return "" if desired in (ALL_PORTS, "0") else str(desired)


class Comment(Tags):
    """The only free text of a rule, so it carries the tags, separated by commas."""

    def read(self, wire: Any, names: Names) -> Any:
        return self.normalise([word for each in str(wire or "").split(",") if (word := each.strip())])

    def write(self, value: Any, names: Names) -> Any:
        return ", ".join(value)


def prefix(value: Any) -> str | None:
    try:
        ipaddress.IPv4Network(value)
    except ValueError:
        return f"{value!r} is neither an IPv4 address nor a network without host bits such as 192.168.64.0/22"
    return None


def host(value: Any) -> str | None:
    try:
        found = ipaddress.IPv4Network(value)
    except ValueError:
        found = None
    return None if found is not None and found.prefixlen == 32 else f"{value!r} is not an IPv4 address"


def ports(value: Any) -> str | None:
    found = _PORTS.match(str(value))
    low, high = (int(found[1]), int(found[3] or found[1])) if found else (0, 0)
    return None if 1 <= low <= high <= 65535 else f"{value!r} is neither a port nor a range such as 8000-8100"


class Nat(Noun):
    key = "nats"
    label = "NAT rule"
    rank = 90
    collection = "/api/v2/nat"
    by_id = "/api/v2/nat"
    needed = ("site", "vpc", "action")
    needs = ("vpcs",)
    resend = ("portGroup",)
    options = {
        "name": text(required=True, check=not_blank),
        **CLUSTER_OPTIONS,
        "site": text(),
        "vpc": text(),
        "enabled": flag(),
        "action": text(choices=ACTIONS),
        "protocol": text(choices=PROTOCOLS),
        "source": text(check=blank_or(prefix)),
        "source_port": text(check=blank_or(ports)),
        "destination": text(check=blank_or(prefix)),
        "destination_port": text(check=blank_or(ports)),
        "snat_to": text(check=blank_or(host)),
        "snat_to_pool": text(check=blank_or(prefix)),
        "dnat_to": text(check=blank_or(host)),
        "dnat_to_host": number(check=between(1, 2**31)),
        "dnat_to_port": text(check=blank_or(ports)),
        "tags": texts(),
    }
    fields = (
        Field("name", "name", Text()),
        Field("site", "site", Ref("sites")),
        Field("vpc", "vpc", Ref("vpcs"), immutable=True),
        Field("enabled", "state", Enabled(), on_create=True),
        Field("action", "action", Word(write_upper=True)),
        Field("protocol", "protocol", Word(), on_create="all"),
        Field("source", "sourceAddress", Prefix(), on_create=EVERYWHERE),
        Field("source_port", "sourcePort", Ports(), on_create=""),
        Field("destination", "destinationAddress", Prefix(), on_create=EVERYWHERE),
        Field("destination_port", "destinationPort", Ports(), on_create=""),
        Field("snat_to", "snatToIP", Prefix(), on_create=""),
        Field("snat_to_pool", "snatToPool", Prefix(), on_create=""),
        Field("dnat_to", "dnatToIP", Prefix(), on_create=""),
        Field("dnat_to_port", "dnatToPort", Ports(), on_create=""),
        Field("tags", "comment", Comment(), on_create=()),
    )

    def check_entry(self, entry: Entry) -> Iterator[Mistake]:
        raw, path = entry.raw, entry.path
        yield from check_cluster(entry)
        if entry.absent:
            return
        if "dnat_to" in raw and "dnat_to_host" in raw:
            yield Mistake(f"{path}.dnat_to_host", "cannot be given together with dnat_to")
        if "dnat_to_host" in raw and "server_cluster" not in raw:
            yield Mistake(f"{path}.server_cluster", "is required with dnat_to_host")
        action = raw.get("action")
        if action == "snat" and bool(raw.get("snat_to")) == bool(raw.get("snat_to_pool")):
            yield Mistake(f"{path}.snat_to", "is required with action: snat, or snat_to_pool; one of the two")
        if action == "dnat":
            if not raw.get("destination") or raw["destination"].removesuffix("/32").find("/") >= 0:
                yield Mistake(f"{path}.destination", "is required with action: dnat, and is one address")
            if not raw.get("dnat_to") and "dnat_to_host" not in raw:
                yield Mistake(f"{path}.dnat_to", "is required with action: dnat, or dnat_to_host")
        for name in ("source_port", "destination_port", "dnat_to_port"):
            if raw.get(name) and raw.get("protocol") not in (None, "tcp", "udp"):
                yield Mistake(f"{path}.{name}", f"has no meaning with protocol: {raw['protocol']}")

    def check_against(self, entry: Entry, world: World, document: Document) -> Iterator[Mistake]:
        number_, subnet = entry.raw.get("dnat_to_host"), cluster_subnet(entry, world)
        if number_ is not None and subnet is not None and not 0 < number_ < subnet.num_addresses - 1:
            yield Mistake(f"{entry.path}.dnat_to_host", f"{number_} is not a host number of {subnet}")

    def references(self, entry: Entry) -> Iterator[Reference]:
        yield from super().references(entry)
        yield from cluster_reference(entry)

    def resolved(self, entry: Entry, world: World) -> Entry:
        """The server cluster's subnet as the source, and a host number of it as an address."""
        subnet = cluster_subnet(entry, world)
        if subnet is None or entry.absent:
            return entry
        desired = dict(entry.desired)
        if entry.raw.get("action") == "snat":
            desired.setdefault("source", str(subnet))
        number_ = entry.raw.get("dnat_to_host")
        if number_ is not None and number_ < subnet.num_addresses:
            desired["dnat_to"] = str(subnet[number_])
        return replace(entry, desired=desired)

    def awaited(self, entry: Entry, world: World, document: Document) -> str:
        return awaited_subnet(entry, world) if any(self.awaited_fields(entry)) else ""

    def awaited_fields(self, entry: Entry) -> Iterator[str]:
        if entry.raw.get("action") == "snat" and "source" not in entry.desired:
            yield "source"
        if "dnat_to_host" in entry.raw and "dnat_to" not in entry.desired:
            yield "dnat_to"

    def claims(self, value: Mapping[str, Any]) -> frozenset[str]:
        """An address, protocol and port of the outside lead to one place."""
        if value.get("action") != "dnat" or value.get("enabled") is False or not value.get("destination"):
            return frozenset()
        protocol = value.get("protocol") or "all"
        return frozenset({f"{value['destination']} port {value.get('destination_port') or 'any'}/{protocol}"})

    def release_only(self, before: Value, after: Value) -> Value | None:
        return {**before, "enabled": False}

    def create_body(self, after: Mapping[str, Any], names: Names) -> dict[str, Any]:
        return {**super().create_body(after, names), "portGroup": _port_group(None)}

    def update_body(self, after: Mapping[str, Any], record: Record, names: Names) -> dict[str, Any]:
        body = super().update_body(after, record, names)
        return {**body, "portGroup": _port_group(record.wire.get("portGroup"))}


def _port_group(wire: Any) -> Any:
    """An update replaces the whole rule, so a group of ports that it has is sent again."""
    return wire if isinstance(wire, Mapping) and wire.get("id") else {"id": 0, "name": "", "ports": None}
