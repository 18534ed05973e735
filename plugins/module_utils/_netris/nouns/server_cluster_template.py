# Copyright: Contributors to the baremetal.fabric collection
# SPDX-License-Identifier: Apache-2.0

# This code is private to the baremetal.fabric collection: it may change without notice.

# Hooks and codecs share one signature, whether or not one of them needs all of it.
# ruff: noqa: ARG002

"""Server cluster templates: which NICs of a cluster's servers form which V-Net."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..errors import Mistake
from ..model import Codec, Entry, Field, Names, Record, Text, World
from ..noun import Noun
from ..options import Option, between, flag, interface, items, network, not_blank, number, suggest, text, texts

# Our names and Netris', for one V-Net of a template and for a gateway that the controller cuts from a supernet.
_VNET_KEYS = {
    "postfix": "postfix",
    "type": "type",
    "vlan": "vlan",
    "vlan_id": "vlanID",
    "server_nics": "serverNics",
    "ip_family": "ipFamily",
    "ipv4_gateway": "ipv4Gateway",
    "ipv4_dhcp_enabled": "ipv4DhcpEnabled",
    "ipv6_gateway": "ipv6Gateway",
    "ipv6_dhcp_enabled": "ipv6DhcpEnabled",
    "ufm": "ufm",
    "pkey": "pkey",
    "partition": "partition",
}
_GATEWAY_KEYS = {
    "assign_type": "assignType",
    "allocation": "allocation",
    "child_subnet_prefix_length": "childSubnetPrefixLength",
    "hostnum": "hostnum",
}
# What a controller may add to an item by itself: equal to saying nothing.
_SERVER_FILLED: Mapping[str, tuple[Any, ...]] = {
    "ip_family": ("dual", ""),
    "ipv4_gateway": ("",),
    "ipv6_gateway": ("",),
    "ipv4_dhcp_enabled": (False,),
    "ipv6_dhcp_enabled": (False,),
    "vlan": ("",),
    "vlan_id": ("",),
    "ufm": ("",),
    "pkey": ("",),
    "partition": ("",),
}

_AUTO_GATEWAY = {
    "assign_type": text(choices=("auto",)),
    "allocation": text(required=True, check=network),
    "child_subnet_prefix_length": number(required=True, check=between(1, 128)),
    "hostnum": number(required=True),
}


def _gateway(value: Any) -> str | None:
    """The shape of a gateway that is not a mapping; mappings are checked key by key in check_entry."""
    if isinstance(value, Mapping) or value in ("specify", ""):
        return None
    if not isinstance(value, str):
        return "must be an address with prefix length, the word specify, or a mapping"
    return interface(value)


class TemplateVnets(Codec):
    """The list of V-Nets, known by postfix, in any order."""

    def read(self, wire: Any, names: Names) -> Any:
        return self.normalise(
            [_translate(item, {theirs: ours for ours, theirs in _VNET_KEYS.items()}) for item in wire or []]
        )

    def normalise(self, desired: Any) -> Any:
        return sorted((_normal_vnet(item) for item in desired), key=lambda item: str(item.get("postfix")))

    def write(self, value: Any, names: Names) -> Any:
        written = []
        for item in value:
            body = _translate(item, _VNET_KEYS)
            for key in ("ipv4Gateway", "ipv6Gateway"):
                if isinstance(body.get(key), Mapping):
                    body[key] = _translate(body[key], _GATEWAY_KEYS)
            written.append(body)
        return written


def _translate(item: Mapping[str, Any], keys: Mapping[str, str]) -> dict[str, Any]:
    return {keys[key]: value for key, value in item.items() if key in keys}


def _normal_vnet(item: Mapping[str, Any]) -> dict[str, Any]:
    normal: dict[str, Any] = {}
    for key, value in item.items():
        if value is None or value in _SERVER_FILLED.get(key, ()):
            continue
        if key in ("ipv4_gateway", "ipv6_gateway") and isinstance(value, Mapping):
            value = {"assign_type": "auto", **_our_gateway(value)}
        elif key == "server_nics":
            value = sorted(value)
        normal[key] = value
    return normal


def _our_gateway(value: Mapping[str, Any]) -> dict[str, Any]:
    """A gateway mapping in our words, whether it was written by us or read."""
    ours = {
        **_translate(value, {theirs: our for our, theirs in _GATEWAY_KEYS.items()}),
        **_translate(value, {our: our for our in _GATEWAY_KEYS}),
    }
    for key in ("child_subnet_prefix_length", "hostnum"):
        if str(ours.get(key, "")).isdigit():
            ours[key] = int(ours[key])
    return {key: content for key, content in ours.items() if content is not None}


class ServerClusterTemplate(Noun):
    key = "server_cluster_templates"
    label = "server cluster template"
    rank = 70
    collection = "/api/v2/server-cluster-template"
    by_id = "/api/v2/server-cluster-template"
    needed = ("vnets",)
    # Whether two templates may have one name is not known of all controllers.
    unique_names = False
    removal_may_be_early = True
    used_by = ("server_clusters",)
    options = {
        "name": text(required=True, check=not_blank),
        "vnets": items(
            {
                "postfix": text(required=True, check=not_blank),
                "type": text(choices=("l2vpn", "l3vpn", "netris-ufm", "netris-nvlink")),
                "vlan": text(choices=("untagged", "tagged")),
                "vlan_id": text(choices=("auto", "specify", "dynamic")),
                "server_nics": texts(required=True, check=not_blank),
                "ip_family": text(choices=("ipv4", "ipv6", "dual")),
                "ipv4_gateway": Option("raw", check=_gateway),
                "ipv4_dhcp_enabled": flag(),
                "ipv6_gateway": Option("raw", check=_gateway),
                "ipv6_dhcp_enabled": flag(),
                "ufm": text(),
                "pkey": text(no_log=False),
                "partition": text(),
            }
        ),
    }
    fields = (Field("name", "name", Text()), Field("vnets", "vnets", TemplateVnets()))

    def check_entry(self, entry: Entry) -> Iterator[Mistake]:
        seen: set[str] = set()
        for position, item in enumerate(entry.raw.get("vnets", ())):
            path = f"{entry.path}.vnets[{position}]"
            if item.get("postfix") in seen:
                yield Mistake(f"{path}.postfix", f"{item['postfix']!r} is used twice in this template")
            seen.add(item.get("postfix", ""))
            for family in ("ipv4", "ipv6"):
                yield from self._check_gateway(item.get(f"{family}_gateway"), f"{path}.{family}_gateway")
                if item.get(f"{family}_dhcp_enabled") and not item.get(f"{family}_gateway"):
                    yield Mistake(f"{path}.{family}_dhcp_enabled", f"needs an {family}_gateway")

    def _check_gateway(self, gateway: Any, path: str) -> Iterator[Mistake]:
        if not isinstance(gateway, Mapping):
            return
        for key in gateway:
            if key not in _AUTO_GATEWAY:
                yield Mistake(f"{path}.{key}", f"is not known here{suggest(str(key), _AUTO_GATEWAY)}")
        for key, option in _AUTO_GATEWAY.items():
            value = gateway.get(key)
            if value is None:
                if option.required:
                    yield Mistake(f"{path}.{key}", "is required")
                continue
            if option.type == "int" and not str(value).isdigit():
                yield Mistake(f"{path}.{key}", f"must be a whole number, not {value!r}")
            elif option.check is not None and (
                problem := option.check(int(value) if option.type == "int" else str(value))
            ):
                yield Mistake(f"{path}.{key}", problem)

    def users(self, record: Record, world: World) -> list[tuple[str, Record]]:
        return [
            ("server_clusters", cluster)
            for cluster in world.all("server_clusters")
            if cluster.value["template"] == record.value["name"]
        ]
