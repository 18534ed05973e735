# Copyright: Contributors to the baremetal.fabric collection
# SPDX-License-Identifier: Apache-2.0

# This code is private to the baremetal.fabric collection: it may change without notice.

# Hooks and codecs share one signature, whether or not one of them needs all of it.

"""Server clusters: the servers of one tenant cluster, from which Netris makes V-Nets as the template says."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..errors import Mistake
from ..model import Codec, Entry, Field, Names, Record, Ref, Reference, Tags, Text, Value, Wire, World
from ..noun import Document, Noun
from ..options import flag, interface, items, not_blank, text, texts
from .port import Port

ALL_PORTS = Port()
ACTIVE_WORDS = frozenset({"active", "success"})
FAILED_WORDS = frozenset({"error", "failed", "failure"})


class Members(Codec):
    """The servers of a cluster, in any order, each dedicated (untagged) or shared (tagged)."""

    def read(self, wire: Any, names: Names) -> Any:
        members = []
        for item in wire or []:
            name = names.name_of("servers", int(item["id"])) or str(item.get("name") or f"#{item['id']}")
            members.append({"name": name, "shared": bool(item.get("shared"))})
        return _by_name(members)

    def normalise(self, desired: Any) -> Any:
        return _by_name(
            [
                {"name": item["name"], "shared": item.get("shared", False)}
                for item in desired
                if item.get("state", "present") == "present"
            ]
        )

    def merge(self, before: Any, desired: Any, entry: Mapping[str, Any]) -> Any:
        if entry.get("servers_mode") != "merge":
            return desired
        leaving = {item["name"] for item in entry.get("servers", ()) if item.get("state") == "absent"}
        wanted = {item["name"] for item in desired}
        kept = [item for item in before or [] if item["name"] not in leaving | wanted]
        return _by_name(kept + desired)

    def write(self, value: Any, names: Names) -> Any:
        return [
            {"id": names.id_of("servers", item["name"]), "name": item["name"], "shared": item["shared"]}
            for item in value
        ]

    def references(self, value: Any, path: str) -> Iterator[Reference]:
        for item in value:
            yield Reference("servers", item["name"], path)


def _by_name(members: Sequence[Value]) -> list[Value]:
    return sorted(members, key=lambda item: str(item["name"]))


class ServerCluster(Noun):
    key = "server_clusters"
    label = "server cluster"
    rank = 80
    collection = "/api/v2/server-cluster"
    by_id = "/api/v2/server-cluster"
    identity_fields = ("name", "site")
    needed = ("site", "owner", "vpc", "template")
    needs = ("servers", "server_cluster_templates", "vnets", "links", "ports")
    affects = ("vnets", "subnets", "allocations")
    unique_names = False
    removal_is_slow = True
    options = {
        "name": text(required=True, check=not_blank),
        "site": text(),
        "owner": text(),
        "vpc": text(),
        "template": text(),
        "servers": items(
            {
                "name": text(required=True, check=not_blank),
                "shared": flag(),
                "state": text(choices=("present", "absent")),
            }
        ),
        "servers_mode": text(choices=("exact", "merge")),
        "gateways": items({"postfix": text(required=True), "address": text(required=True, check=interface)}),
        "tags": texts(),
    }
    fields = (
        Field("name", "name", Text(), immutable=True, in_update=False),
        Field("site", "site", Ref("sites"), immutable=True, in_update=False),
        Field("owner", "admin", Ref("owners"), immutable=True, in_update=False),
        Field("vpc", "vpc", Ref("vpcs"), immutable=True, in_update=False),
        Field("template", "srvClusterTemplate", Ref("server_cluster_templates"), immutable=True, in_update=False),
        Field("servers", "servers", Members(), on_create=()),
        Field("gateways", "", create_only=True),
        Field("tags", "tags", Tags(), on_create=()),
    )

    def check_entry(self, entry: Entry) -> Iterator[Mistake]:
        seen: set[str] = set()
        for position, item in enumerate(entry.raw.get("servers", ())):
            if item.get("name") in seen:
                yield Mistake(f"{entry.path}.servers[{position}].name", f"{item['name']!r} is listed twice")
            seen.add(item.get("name", ""))
            if item.get("state") == "absent" and entry.raw.get("servers_mode") != "merge":
                yield Mistake(
                    f"{entry.path}.servers[{position}].state", "absent has a meaning only with servers_mode: merge"
                )

    def references(self, entry: Entry) -> Iterator[Reference]:
        for reference in super().references(entry):
            if reference.noun != "servers":
                yield reference
        for position, item in enumerate(entry.raw.get("servers", ())):
            # One that shall leave may be gone already.
            if item.get("state") != "absent":
                yield Reference("servers", item["name"], f"servers[{position}].name")

    def check_against(self, entry: Entry, world: World, document: Document) -> Iterator[Mistake]:
        site = entry.desired.get("site")
        for position, item in enumerate(entry.raw.get("servers", ())):
            server = world.by_name("servers", item["name"])
            path = f"{entry.path}.servers[{position}].name"
            if item.get("state") == "absent":
                continue
            if server is not None and site and server.value["site"] not in (None, site):
                yield Mistake(
                    path, f"the server {item['name']!r} is in the site {server.value['site']!r}, not in {site!r}"
                )
            yield from self._check_nics(entry, item["name"], path, world, document)

    def _check_nics(self, entry: Entry, server: str, path: str, world: World, document: Document) -> Iterator[Mistake]:
        """The template's NICs must be cabled, or the controller has no switch port to set.

        A NIC that this server lacks while it has others of them is left to the controller: some can pass over it.
        """
        linked = {end for link in world.all("links") for end in (link.value["local"], link.value["remote"])}
        for link in document.of("links"):
            ends = {link.desired["local"], link.desired["remote"]}
            linked = linked - ends if link.absent else linked | ends
        names = {nic: f"{nic}@{server}" for nic in self._nics(entry, world, document)}
        present = {
            nic
            for nic, name in names.items()
            if name in linked or world.names.knows("ports", name) or ALL_PORTS.promised(name, document)
        }
        if names and not present:
            yield Mistake(path, f"the server {server!r} has none of the template's NICs ({', '.join(names)})")
        for nic in sorted(present):
            if names[nic] not in linked:
                yield Mistake(path, f"the NIC {nic!r} of {server!r} is not linked to a switch port")

    def _nics(self, entry: Entry, world: World, document: Document) -> Sequence[str]:
        name = entry.desired.get("template")
        if name is None:
            found = self.find(entry, world)
            name = found[0].value["template"] if found else None
        for template in document.of("server_cluster_templates"):
            if template.name == name and "vnets" in template.desired:
                return _nics_of(template.desired["vnets"])
        known = world.by_name("server_cluster_templates", name) if name else None
        return _nics_of(known.value["vnets"]) if known else []

    def claims(self, value: Mapping[str, Any]) -> frozenset[str]:
        return frozenset(f"server {item['name']}" for item in value.get("servers") or () if not item["shared"])

    def release_only(self, before: Value, after: Value) -> Value | None:
        """Take out the dedicated servers that leave, and touch nothing else."""
        staying = {item["name"] for item in after["servers"]}
        return {**before, "servers": [item for item in before["servers"] if item["shared"] or item["name"] in staying]}

    def create_body(self, after: Mapping[str, Any], names: Names) -> dict[str, Any]:
        body = super().create_body(after, names)
        if after.get("gateways"):
            body["srvClusterTemplate"]["ipv4Gateways"] = [
                dict(item) for item in after["gateways"] if ":" not in item["address"]
            ]
            body["srvClusterTemplate"]["ipv6Gateways"] = [
                dict(item) for item in after["gateways"] if ":" in item["address"]
            ]
        return body

    def extras(self, record: Record, world: World) -> Value:
        return {"status": status_of(record.wire), "vnets": vnets_of(record, world)}


def _nics_of(vnets: Sequence[Mapping[str, Any]]) -> list[str]:
    return sorted({nic for item in vnets for nic in item.get("server_nics") or ()})


def status_of(wire: Wire) -> str:
    """The label of a status, whether the controller gives it as text or as an object."""
    status = wire.get("status")
    if isinstance(status, Mapping):
        return str(status.get("label") or status.get("value") or "")
    return str(status or "")


def is_active(wire: Wire) -> bool:
    return bool(_status_words(wire) & ACTIVE_WORDS)


def has_failed(wire: Wire) -> bool:
    return bool(_status_words(wire) & FAILED_WORDS)


def _status_words(wire: Wire) -> set[str]:
    status = wire.get("status")
    words = [status.get("label"), status.get("value")] if isinstance(status, Mapping) else [status]
    return {str(word).strip().lower() for word in words if word}


def made_vnets(record: Record) -> list[Mapping[str, Any]]:
    """The V-Nets that the controller says it made for a cluster."""
    resources = record.wire.get("resources")
    found = resources.get("vnets") if isinstance(resources, Mapping) else None
    return [item for item in found or [] if isinstance(item, Mapping)]


def unknown_vnet() -> Value:
    """What can be said of a V-Net before the controller has made it."""
    return {
        "vnet": None,
        "vnet_id": None,
        "vlan_id": None,
        "vpc": None,
        "subnet": None,
        "gateway": None,
        "dhcp_range": {"start": None, "end": None},
    }


def postfixes_of(template: Value | None) -> list[str]:
    return [str(item["postfix"]) for item in (template or {}).get("vnets") or [] if item.get("postfix")]


def vnets_of(record: Record, world: World) -> dict[str, Value]:
    """The cluster's V-Nets by the postfix of the template entry that each came from."""
    template = world.by_name("server_cluster_templates", str(record.value["template"]))
    found: dict[str, Value] = {
        postfix: unknown_vnet() for postfix in postfixes_of(template.value if template else None)
    }
    for item in made_vnets(record):
        postfix = match_postfix(str(item.get("name")), str(record.value["name"]), list(found))
        vnet = world.by_id("vnets", int(item["id"]))
        if vnet is not None:
            found[postfix] = {"vpc": record.value["vpc"], **vnet_facts(vnet)}
    return found


def match_postfix(vnet: str, cluster: str, postfixes: Sequence[str]) -> str:
    """A V-Net's name starts with its cluster's and ends with the postfix; what is between is not ours."""
    fitting = [postfix for postfix in postfixes if vnet.endswith(postfix)]
    if fitting:
        return max(fitting, key=len)
    return vnet[len(cluster) :].lstrip("-_. ") if vnet.startswith(cluster) else vnet


def vnet_facts(vnet: Record) -> Value:
    """What later layers need to know of a V-Net, from its first IPv4 gateway."""
    facts = unknown_vnet()
    facts.update(vnet=vnet.value["name"], vnet_id=vnet.id, vlan_id=vnet.value["vlan"] or None, vpc=vnet.value["vpc"])
    for gateway in vnet.value["gateways"]:
        parsed = ipaddress.ip_interface(gateway["prefix"])
        if parsed.version != 4:
            continue
        dhcp = gateway["dhcp"] or {}
        facts.update(
            subnet=str(parsed.network),
            gateway=str(parsed.ip),
            dhcp_range={"start": dhcp.get("start"), "end": dhcp.get("end")},
        )
        break
    return facts
