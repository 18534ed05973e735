# Copyright: Contributors to the baremetal.fabric collection
# SPDX-License-Identifier: Apache-2.0

# This code is private to the baremetal.fabric collection: it may change without notice.

# Hooks and codecs share one signature, whether or not one of them needs all of it.
# ruff: noqa: ARG002

"""V-Nets: our own, and those that a server cluster makes, of which we only change details."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ..errors import Mistake
from ..model import (
    Codec,
    Entry,
    Field,
    Flag,
    Names,
    Number,
    Record,
    Ref,
    Reference,
    Refs,
    Tags,
    Text,
    Value,
    Wire,
    World,
    read_reference,
)
from ..noun import Document, EntryProblem, Noun, Source
from ..options import Option, address, between, flag, interface, items, not_blank, number, port, text, texts
from .port import full_name
from .server_cluster import made_vnets, match_postfix

_RANGE = {
    "start": text(check=address),
    "end": text(check=address),
    "start_host": number(check=between(1, 2**31)),
    "end_host": number(check=between(1, 2**31)),
    "option_set": text(),
}


class Vlan(Codec):
    """A number, auto (any number will do) or disabled (0 on the wire)."""

    def read(self, wire: Any, names: Names) -> Any:
        return int(wire) if str(wire or "").isdigit() else 0

    def normalise(self, desired: Any) -> Any:
        if desired == "disabled":
            return 0
        return int(desired) if str(desired).isdigit() else desired

    def merge(self, before: Any, desired: Any, entry: Mapping[str, Any]) -> Any:
        return before if desired == "auto" and before else desired

    def write(self, value: Any, names: Names) -> Any:
        return value if value in ("auto", 0) else str(value)


class Gateways(Codec):
    """Gateways by prefix, in any order, with the DHCP range of each."""

    def read(self, wire: Any, names: Names) -> Any:
        return _by_prefix([self._read_one(item, names) for item in wire or [] if item.get("prefix")])

    def _read_one(self, item: Mapping[str, Any], names: Names) -> Value:
        dhcp = item.get("dhcp")
        value: Value = {"prefix": str(item["prefix"]), "dhcp_enabled": bool(item.get("dhcpEnabled")), "dhcp": None}
        if isinstance(dhcp, Mapping) and dhcp.get("start"):
            value["dhcp"] = {
                "start": str(dhcp["start"]),
                "end": str(dhcp.get("end")),
                "option_set": read_reference("dhcp_option_sets", dhcp.get("optionSet"), names),
            }
        return value

    def merge(self, before: Any, desired: Any, entry: Mapping[str, Any]) -> Any:
        present: list[Value] = before or []
        # In a V-Net that a cluster made, the gateways that are not mentioned are the template's.
        after = {item["prefix"]: item for item in present} if "server_cluster" in entry else {}
        for position, wanted in enumerate(desired):
            path = f"gateways[{position}]"
            old = self._match(present, wanted, path)
            merged = self._merge_one(old, wanted, path)
            after[merged["prefix"]] = merged
        return _by_prefix(after.values())

    def _match(self, present: Sequence[Value], wanted: Mapping[str, Any], path: str) -> Value | None:
        if "prefix" in wanted:
            return next((item for item in present if item["prefix"] == wanted["prefix"]), None)
        found = [item for item in present if ":" not in item["prefix"]]
        if len(found) != 1:
            raise EntryProblem(f"{path}.prefix", f"is needed: the V-Net has {len(found)} IPv4 gateways, not one")
        return found[0]

    def _merge_one(self, old: Value | None, wanted: Mapping[str, Any], path: str) -> Value:
        prefix = wanted["prefix"] if "prefix" in wanted else (old or {})["prefix"]
        dhcp = (old or {}).get("dhcp")
        if "dhcp" in wanted:
            dhcp = {"option_set": None, **(dhcp or {}), **_range(wanted["dhcp"], prefix, f"{path}.dhcp")}
        enabled = wanted.get("dhcp_enabled", True if "dhcp" in wanted else bool((old or {}).get("dhcp_enabled")))
        return {"prefix": prefix, "dhcp_enabled": enabled, "dhcp": dhcp if enabled else None}

    def write(self, value: Any, names: Names) -> Any:
        return [self._write_one(item, names) for item in value]

    def _write_one(self, item: Mapping[str, Any], names: Names) -> dict[str, Any]:
        dhcp: dict[str, Any] | None = None
        if item["dhcp"]:
            dhcp = {"start": item["dhcp"]["start"], "end": item["dhcp"]["end"]}
            if item["dhcp"]["option_set"]:
                name = item["dhcp"]["option_set"]
                dhcp["optionSet"] = {"id": names.id_of("dhcp_option_sets", name), "name": name}
        return {
            "prefix": item["prefix"],
            "vlan": "",
            "dhcpEnabled": item["dhcp_enabled"],
            "dhcpLeaseCount": 2 if item["dhcp_enabled"] else 0,
            "dhcp": dhcp,
        }

    def references(self, value: Any, path: str) -> Iterator[Reference]:
        for position, item in enumerate(value):
            name = (item.get("dhcp") or {}).get("option_set")
            if name:
                yield Reference("dhcp_option_sets", name, f"{path}[{position}].dhcp.option_set")


def _by_prefix(gateways: Iterable[Value]) -> list[Value]:
    return sorted(gateways, key=lambda item: str(item["prefix"]))


def _range(wanted: Mapping[str, Any], prefix: str, path: str) -> dict[str, Any]:
    """Addresses of a DHCP range, also from host numbers, checked against the subnet that they must lie in."""
    gateway = ipaddress.ip_interface(prefix)
    result: dict[str, Any] = {key: wanted[key] for key in ("start", "end", "option_set") if key in wanted}
    for edge in ("start", "end"):
        if f"{edge}_host" in wanted:
            hostnum = wanted[f"{edge}_host"]
            if not 0 < hostnum < gateway.network.num_addresses - 1:
                raise EntryProblem(f"{path}.{edge}_host", f"{hostnum} is not a host number of {gateway.network}")
            result[edge] = str(gateway.network[hostnum])
        if edge in result and ipaddress.ip_address(result[edge]) not in gateway.network:
            raise EntryProblem(f"{path}.{edge}", f"{result[edge]} is not in {gateway.network}")
    return result


class VnetPorts(Codec):
    """Member ports by port@device, in any order; order and extra detail of a reading mean nothing."""

    def read(self, wire: Any, names: Names) -> Any:
        return _by_port([{"name": full_name(item), "tagged": not _untagged(item)} for item in wire or []])

    def normalise(self, desired: Any) -> Any:
        return _by_port(
            [
                {"name": item["name"], "tagged": item.get("tagged", False)}
                for item in desired
                if item.get("state", "present") == "present"
            ]
        )

    def merge(self, before: Any, desired: Any, entry: Mapping[str, Any]) -> Any:
        if entry.get("ports_mode") != "merge":
            return desired
        leaving = {item["name"] for item in entry.get("ports", ()) if item.get("state") == "absent"}
        wanted = {item["name"] for item in desired}
        return _by_port([item for item in before or [] if item["name"] not in leaving | wanted] + desired)


def _by_port(ports: Sequence[Value]) -> list[Value]:
    return sorted(ports, key=lambda item: str(item["name"]))


def _untagged(item: Mapping[str, Any]) -> bool:
    for key in ("untagged", "accessMode"):
        if isinstance(item.get(key), bool):
            return bool(item[key])
    return str(item.get("vlan")) == "1"


class Vnet(Noun):
    key = "vnets"
    label = "V-Net"
    rank = 75
    collection = "/api/v2/vnet"
    by_id = "/api/v2/vnet"
    needed = ("vpc", "owner", "sites")
    needs = ("vpcs", "server_clusters")
    removal_is_slow = True
    # Part of the whole object that an update replaces; not managed here.
    resend = (
        "l3vpn",
        "vlans",
        "nativeVlan",
        "portTags",
        "customAnycastMac",
        "provisioning",
        "ipv6ND",
    )
    options = {
        "name": text(check=not_blank),
        "server_cluster": text(check=not_blank),
        "postfix": text(check=not_blank),
        "vpc": text(),
        "owner": text(),
        "sites": texts(),
        "vlan": text(),
        "enabled": flag(),
        "ip_family": text(choices=("ipv4", "ipv6", "dual")),
        "vxlan_id": number(),
        "guest_owners": texts(),
        "gateways": items(
            {
                "prefix": text(check=interface),
                "dhcp_enabled": flag(),
                "dhcp": Option("dict", options=_RANGE),
            }
        ),
        "ports": items(
            {
                "name": text(required=True, check=port),
                "tagged": flag(),
                "state": text(choices=("present", "absent")),
            }
        ),
        "ports_mode": text(choices=("exact", "merge")),
        "tags": texts(),
    }
    fields = (
        Field("name", "name", Text()),
        Field("vpc", "vpc", Ref("vpcs"), immutable=True, in_update=False),
        Field("owner", "tenant", Ref("owners"), immutable=True, in_update=False),
        Field("sites", "sites", Refs("sites")),
        Field("vlan", "vlan", Vlan(), on_create="auto"),
        Field("enabled", "state", Flag("active", "disabled"), on_create=True),
        Field("ip_family", "ipFamily", Text()),
        Field("vxlan_id", "vxlanID", Number()),
        Field("guest_owners", "guestTenants", Refs("owners"), on_create=()),
        Field("gateways", "gateways", Gateways(), on_create=()),
        Field("ports", "ports", VnetPorts(), on_create=()),
        Field("tags", "tags", Tags(), on_create=()),
    )

    def list(self, source: Source, world: World, entries: Sequence[Entry] | None) -> Iterable[Wire]:
        """Controllers differ in whether an unfiltered list covers every VPC; ask VPC by VPC only where it does not."""
        found = {item.get("id"): item for item in source.get_list(self.collection)}
        default = {vpc.id for vpc in world.all("vpcs") if vpc.wire.get("isDefault")}
        if any((item.get("vpc") or {}).get("id") not in default for item in found.values()):
            return list(found.values())
        made = {int(item["id"]) for cluster in world.all("server_clusters") for item in made_vnets(cluster)}
        missing = made - set(found)
        wanted = {entry.desired.get("vpc") for entry in entries or ()}
        for vpc in world.all("vpcs"):
            holds = any(
                int(item["id"]) in missing
                for cluster in world.all("server_clusters")
                if cluster.value["vpc"] == vpc.value["name"]
                for item in made_vnets(cluster)
            )
            if vpc.id not in default and (holds or vpc.value["name"] in wanted):
                for item in source.get_list(self.collection, {"filterByVpc": vpc.id}):
                    found.setdefault(item.get("id"), item)
        return list(found.values())

    def title(self, value: Mapping[str, Any]) -> str:
        return str(value.get("name") or "V-Net of a server cluster")

    def check_entry(self, entry: Entry) -> Iterator[Mistake]:
        raw = entry.raw
        if "server_cluster" in raw:
            if entry.absent:
                yield Mistake(f"{entry.path}.state", "the V-Net of a server cluster goes away with its cluster")
            if "name" not in raw and "postfix" not in raw:
                yield Mistake(f"{entry.path}.postfix", "is required with server_cluster (or name)")
        elif "name" not in raw:
            yield Mistake(f"{entry.path}.name", "is required")
        for position, gateway in enumerate(raw.get("gateways", ())):
            path = f"{entry.path}.gateways[{position}]"
            if "prefix" not in gateway and "server_cluster" not in raw:
                yield Mistake(f"{path}.prefix", "is required")
            yield from _check_range(gateway.get("dhcp") or {}, f"{path}.dhcp")
        vlan = raw.get("vlan")
        if vlan is not None and vlan not in ("auto", "disabled") and not (vlan.isdigit() and 2 <= int(vlan) <= 4094):
            yield Mistake(f"{entry.path}.vlan", f"{vlan!r} is neither auto nor disabled nor between 2 and 4094")
        seen: set[str] = set()
        for position, item in enumerate(raw.get("ports", ())):
            path = f"{entry.path}.ports[{position}]"
            if item.get("name") in seen:
                yield Mistake(f"{path}.name", f"{item['name']!r} is listed twice")
            seen.add(item.get("name", ""))
            if item.get("state") == "absent" and raw.get("ports_mode") != "merge":
                yield Mistake(f"{path}.state", "absent has a meaning only with ports_mode: merge")

    def references(self, entry: Entry) -> Iterator[Reference]:
        yield from super().references(entry)
        if "server_cluster" in entry.raw:
            yield Reference("server_clusters", entry.raw["server_cluster"], "server_cluster")
        for position, item in enumerate(entry.raw.get("ports", ())):
            if item.get("state") != "absent":
                yield Reference("ports", item["name"], f"ports[{position}].name")

    def find(self, entry: Entry, world: World) -> Sequence[Record]:
        if "server_cluster" not in entry.raw:
            return super().find(entry, world)
        cluster = world.by_name("server_clusters", entry.raw["server_cluster"])
        if cluster is None:
            return []
        name, postfix = entry.raw.get("name"), entry.raw.get("postfix")
        found = []
        for item in made_vnets(cluster):
            made = str(item.get("name"))
            fits = made == name or (
                postfix is not None and match_postfix(made, str(cluster.value["name"]), [postfix]) == postfix
            )
            vnet = world.by_id(self.key, int(item["id"]))
            if fits and vnet is not None:
                found.append(vnet)
        return found

    def derived(self, record: Record, world: World) -> bool:
        return any(
            int(item["id"]) == record.id for cluster in world.all("server_clusters") for item in made_vnets(cluster)
        )

    def awaited(self, entry: Entry, world: World, document: Document) -> str:
        cluster = entry.raw.get("server_cluster")
        return f"once the server cluster {cluster!r} is Active" if cluster else ""

    def claims(self, value: Mapping[str, Any]) -> frozenset[str]:
        return frozenset(f"untagged port {item['name']}" for item in value.get("ports") or () if not item["tagged"])

    def release_only(self, before: Value, after: Value) -> Value | None:
        staying = {item["name"] for item in after["ports"]}
        return {**before, "ports": [item for item in before["ports"] if item["name"] in staying]}

    def create_body(self, after: Mapping[str, Any], names: Names) -> dict[str, Any]:
        body = super().create_body(after, names)
        vlan = body["vlan"]
        body["ports"] = [_new_port(item, vlan) for item in after.get("ports") or ()]
        return {
            "ipFamily": "dual",
            "nativeVlan": 0,
            "vlans": "",
            "vlanAware": False,
            "provisioning": False,
            "portTags": [],
            "vxlanID": 0,
            **body,
        }

    def update_body(self, after: Mapping[str, Any], record: Record, names: Names) -> dict[str, Any]:
        body = super().update_body(after, record, names)
        vlan = after["vlan"]
        known = {full_name(item): item for item in record.wire.get("ports") or []}
        body["ports"] = [
            _old_port(item, known[item["name"]], vlan) if item["name"] in known else _new_port(item, str(vlan))
            for item in after["ports"]
        ]
        tags = {str(item.get("prefix")): item.get("vlan") for item in record.wire.get("gateways") or []}
        for gateway in body["gateways"]:
            gateway["vlan"] = tags.get(gateway["prefix"]) or ""
        # Left out, a relay stays as it is; an empty one would be refused beside a DHCP server.
        relay = record.wire.get("dhcpRelay")
        if isinstance(relay, Mapping) and relay.get("enabled"):
            body["dhcpRelay"] = relay
        return body

    def extras(self, record: Record, world: World) -> Value:
        status = record.wire.get("status")
        label = status.get("label") if isinstance(status, Mapping) else status
        return {"status": str(label or "")}


def _check_range(dhcp: Mapping[str, Any], path: str) -> Iterator[Mistake]:
    for edge in ("start", "end"):
        if edge in dhcp and f"{edge}_host" in dhcp:
            yield Mistake(f"{path}.{edge}_host", f"cannot be given together with {edge}")
    low, high = dhcp.get("start_host"), dhcp.get("end_host")
    if low is not None and high is not None and low > high:
        yield Mistake(f"{path}.end_host", f"{high} is below start_host {low}")


def _new_port(item: Mapping[str, Any], vlan: Any) -> dict[str, Any]:
    return {
        "id": 0,
        "name": item["name"],
        "vlan": "disabled" if vlan in (0, "0") else vlan,
        "access": False,
        "accessMode": not item["tagged"],
        "untagged": not item["tagged"],
        "state": "active",
        "lacp": "",
    }


def _old_port(item: Mapping[str, Any], wire: Mapping[str, Any], vlan: Any) -> dict[str, Any]:
    """A port that stays is sent by id, with the VLAN that it has: `auto` would choose a new one."""
    return {
        "id": wire.get("id"),
        "name": "",
        "vlan": str(vlan) if vlan not in (0, "auto") else str(wire.get("vlan") or "disabled"),
        "accessMode": not item["tagged"],
        "untagged": not item["tagged"],
        "state": "active",
        "lacp": "",
        "macCount": 0,
    }
