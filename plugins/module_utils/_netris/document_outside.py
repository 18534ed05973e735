# SPDX-License-Identifier: Apache-2.0

# This code is private to the baremetal.fabric collection: it may change without notice.

"""Between the intent and Netris: the ways out of a tenant cluster, NAT rules and VPC peerings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from ipaddress import IPv4Network
from typing import Any

from .._intent.model import Model, TenantCluster
from .._intent.observed import ObservedFabric, ObservedNat, ObservedPeering
from .._intent.outside_rules import peering_name
from .model import OWNERSHIP_MARK

Info = Mapping[str, Sequence[Mapping[str, Any]]]
Document = dict[str, Any]


def observe_outside(site: str, info: Info) -> dict[str, Any]:
    """These parts of the present fabric, by the names of its fields."""
    subnets: dict[str, list[str]] = {}
    for each in info["subnets"]:
        subnets.setdefault(str(each.get("vpc") or ""), []).append(str(each["prefix"]))
    return {
        "vpcs": [str(each["name"]) for each in info["vpcs"]],
        "vpc_subnets": subnets,
        "nat_subnets": [
            str(each["prefix"])
            for each in info["subnets"]
            if each.get("purpose") == "nat" and site in (each.get("sites") or ())
        ],
        "nat_rules": [
            ObservedNat(
                name=str(each["name"]),
                vpc=str(each.get("vpc") or ""),
                addresses=_public(each),
                owned=OWNERSHIP_MARK in (each.get("tags") or ()),
            )
            for each in info["nats"]
        ],
        "peerings": [
            ObservedPeering(str(each["name"]), (str(each.get("vpc_a") or ""), str(each.get("vpc_b") or "")))
            for each in info["vpc_peerings"]
        ],
    }


def _public(rule: Mapping[str, Any]) -> list[str]:
    if rule.get("action") == "dnat":
        found = [rule.get("destination")]
    elif rule.get("action") == "snat":
        found = [rule.get("snat_to"), rule.get("snat_to_pool")]
    else:
        found = []
    return [str(each) for each in found if each]


def present_outside(model: Model, observed: ObservedFabric, tenants: Iterable[TenantCluster]) -> Document:
    """Rules and peerings of these tenant clusters, and the removal of those of ours that are not wanted any more."""
    nats: list[dict[str, Any]] = []
    peerings: list[dict[str, Any]] = []
    for tenant in tenants:
        nats += _rules(model, tenant)
        peerings += _peerings(model, tenant)
        wanted = {each["name"] for each in (*nats, *peerings)}
        gone = absent_outside(observed, [tenant.netris_name])
        nats += [each for each in gone.get("nats", []) if each["name"] not in wanted]
        peerings += [each for each in gone.get("vpc_peerings", []) if each["name"] not in wanted]
    return _filled(nats, peerings)


def absent_outside(observed: ObservedFabric, vpcs: Sequence[str]) -> Document:
    """The removal of all that is ours of these VPCs."""
    rules = [each.name for each in observed.nat_rules if each.owned and each.vpc in vpcs]
    peerings = [
        each.name
        for each in observed.peerings
        for mine, other in (each.vpcs, each.vpcs[::-1])
        if mine in vpcs and each.name == peering_name(mine, other)
    ]
    return _filled(*([{"name": name, "state": "absent"} for name in names] for names in (rules, peerings)))


def _filled(nats: list[dict[str, Any]], peerings: list[dict[str, Any]]) -> Document:
    """Without what is empty: a controller is not asked for what nobody uses."""
    return {key: entries for key, entries in (("vpc_peerings", peerings), ("nats", nats)) if entries}


def _rules(model: Model, tenant: TenantCluster) -> list[dict[str, Any]]:
    name = tenant.netris_name
    common = {"site": model.fabric.site, "vpc": name, **_of(model, tenant)}
    rules: list[dict[str, Any]] = []
    if tenant.snat_address:
        rules.append({"name": f"{name}-snat", **common, "action": "snat", "snat_to": tenant.snat_address})
    for rule in tenant.dnat:
        rules.append(
            {
                "name": f"{name}-dnat-{rule.address}-{rule.protocol}-{rule.port}",
                **common,
                "action": "dnat",
                "protocol": rule.protocol,
                "destination": rule.address,
                "destination_port": str(rule.port),
                **({"dnat_to": rule.to} if rule.to else {"dnat_to_host": rule.to_host_number}),
                "dnat_to_port": str(rule.to_port),
            }
        )
    return rules


def _peerings(model: Model, tenant: TenantCluster) -> list[dict[str, Any]]:
    """The tenant cluster takes over the shared networks, and the shared VPC its subnet; nothing else."""
    rule = model.fabric.peering_rule
    found = []
    for name in tenant.peerings:
        vpc = model.fabric.shared_vpc(name)
        found.append(
            {
                "name": peering_name(tenant.netris_name, name),
                "vpc_a": tenant.netris_name,
                "vpc_b": name,
                **_of(model, tenant),
                "inbound_a": [rule.replace("{prefix}", each) for each in (vpc.prefixes if vpc else ())],
                "inbound_b": [rule.replace("{prefix}", "{subnet}")],
            }
        )
    return found


def _of(model: Model, tenant: TenantCluster) -> dict[str, str]:
    return {"server_cluster": tenant.netris_name, "postfix": model.fabric.template_postfix}


def outside_facts(tenant: TenantCluster, subnet: str | None) -> dict[str, Any]:
    """Its public addresses and peers. What it has none of is empty; None is what is not known or not there yet."""
    if subnet is None:
        return {
            "snat_address": None if tenant.snat_address else "",
            "dnat": None if tenant.dnat else [],
            "peered_vpcs": None if tenant.peerings else [],
        }
    return {
        "snat_address": tenant.snat_address,
        "dnat": [
            {
                "address": rule.address,
                "protocol": rule.protocol,
                "port": rule.port,
                "to": rule.to or str(IPv4Network(subnet)[rule.to_host_number]),
                "to_port": rule.to_port,
            }
            for rule in tenant.dnat
        ],
        "peered_vpcs": list(tenant.peerings),
    }
