# Copyright (c) 2026, the baremetal.fabric authors
# Apache License 2.0 (see LICENSE)
"""What is still there of tenant clusters that were deleted. Pure and private."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

_WORDS = {"vpcs": "VPC", "server_clusters": "server cluster", "vnets": "V-Net", "subnets": "subnet"}


def leftovers(
    gone: Sequence[Mapping[str, Any]],
    looks: Mapping[str, Mapping[str, Any]],
    files: Mapping[str, Sequence[Mapping[str, Any]]],
    remains: Mapping[str, Sequence[str]],
    controller: Mapping[str, Any],
) -> list[str]:
    """One line for each thing that is left, with the place where it is."""
    found: list[str] = []
    for tenant in gone:
        found += [f"controller: {line}" for line in _on_controller(tenant, controller)]
        found += [f"host cluster: {line}" for line in remains.get(tenant["name"], [])]
        found += [line for server in sorted(looks) for line in _on_server(tenant, server, looks[server])]
    found += [f"{server}: file {each['path']}" for server in sorted(files) for each in files[server]]
    return found


def _on_controller(tenant: Mapping[str, Any], controller: Mapping[str, Any]) -> Iterable[str]:
    name = tenant.get("netris_name") or tenant["name"]
    for noun, word in _WORDS.items():
        for entry in controller.get(noun) or []:
            # A V-Net or subnet of the tenant cluster carries another name, but it lives in the tenant cluster's VPC.
            own_vpc = noun != "vpcs" and _name(entry.get("vpc")) == name
            if entry.get("name") == name or own_vpc or (noun == "vnets" and _name(entry.get("server_cluster")) == name):
                yield f"{word} {entry.get('name') or entry.get('prefix')}"


def _name(reference: Any) -> Any:
    return reference.get("name") if isinstance(reference, Mapping) else reference


def _on_server(tenant: Mapping[str, Any], server: str, look: Mapping[str, Any]) -> Iterable[str]:
    vlan = tenant.get("vlan_id")
    if vlan is None:
        return
    for device in look.get("devices", []):
        if device["name"] == f"br-vlan-{vlan}" or device.get("vlan") == int(vlan):
            yield f"{server}: device {device['name']}"
