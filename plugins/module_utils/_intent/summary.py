# SPDX-License-Identifier: Apache-2.0
"""A plan of the fabric in sentences, for whoever starts the play."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .capacity import Capacity
from .model import NETRIS, Model, TenantCluster
from .observed import ObservedCluster, ObservedFabric

UNKNOWN = "(known after apply)"


def present_lines(model: Model, observed: ObservedFabric, tenant_clusters: Sequence[str], left: Capacity) -> list[str]:
    """What these tenant clusters will be, and how many more fit beside them."""
    lines = []
    for name in tenant_clusters:
        tenant = model.tenant_clusters[name]
        found = observed.clusters.get(tenant.netris_name)
        lines.append(f"tenant cluster {name}: {'exists' if found else 'to be created'}{_aliases(model, tenant)}")
        lines += _members(
            "tagged",
            [model.shared_servers[host].netris_name for host in tenant.shared_servers],
            found.shared if found else (),
        )
        lines += _members(
            "untagged",
            [model.bare_metal[host].netris_name for host in tenant.bare_metal],
            found.dedicated if found else (),
        )
        lines += _outside(tenant)
        lines += [f"  licence of tier {tier}: {', '.join(paths)}" for tier, paths in tenant.licences.items()]
    return [*lines, f"capacity: {left} after this play"]


def host_lines(model: Model, observed: ObservedFabric) -> list[str]:
    """What the host cluster's VLAN will be."""
    host = model.host_cluster
    found = observed.clusters.get(host.name)
    members = [*(server.netris_name for server in model.shared_servers.values()), *host.extra_servers]
    return [
        f"host cluster {host.name}: {'exists' if found else 'to be created'}, gateway {host.gateway}",
        *_members("untagged", members, found.dedicated if found else ()),
    ]


def absent_lines(model: Model, observed: ObservedFabric, tenant_clusters: Sequence[str]) -> list[str]:
    """What goes."""
    lines = []
    for name in tenant_clusters:
        found: ObservedCluster | None = observed.clusters.get(model.tenant_clusters[name].netris_name)
        if found is None:
            lines.append(f"tenant cluster {name}: already gone from the fabric")
        else:
            released = ", ".join(sorted(found.dedicated)) or "none"
            lines.append(f"tenant cluster {name}: to be removed; bare-metal servers released: {released}")
    return lines


def facts_line(name: str, facts: dict[str, Any]) -> str:
    """One tenant cluster's figures; what only the controller can tell is named so, what it has none of is left out."""

    def shown(value: Any) -> str:
        if value is None:
            return UNKNOWN
        if isinstance(value, list):
            return " ".join(_entry(each) for each in value)
        return f"{value['start']}-{value['end']}" if isinstance(value, dict) else str(value)

    told = {fact: value for fact, value in facts.items() if value not in ("", [])}
    return f"{name}: " + ", ".join(f"{fact.replace('_', ' ')} {shown(value)}" for fact, value in told.items())


def _entry(value: Any) -> str:
    if isinstance(value, dict):
        return f"{value['address']}:{value['port']}/{value['protocol']}->{value['to']}:{value['to_port']}"
    return str(value)


def _outside(tenant: TenantCluster) -> list[str]:
    """Its ways out, one line each."""
    lines = [f"  reaches the internet as {tenant.snat_address}"] if tenant.snat_address else []
    lines += [
        f"  {rule.address} {rule.protocol} port {rule.port} leads to"
        f" {rule.to or f'host number {rule.to_host_number}'} port {rule.to_port}"
        for rule in tenant.dnat
    ]
    return [*lines, *(f"  reaches the shared VPC {name}" for name in tenant.peerings)]


def _aliases(model: Model, tenant: TenantCluster) -> str:
    where = "in Netris" if model.fabric.provider == NETRIS else "on the switches"
    return "" if tenant.netris_name == tenant.name else f", {where} {tenant.netris_name}"


def _members(how: str, wanted: Sequence[str], present: Sequence[str]) -> list[str]:
    lines = [f"  {how}: {', '.join(sorted(wanted)) or 'none'}"]
    for word, names in (("enters", set(wanted) - set(present)), ("leaves", set(present) - set(wanted))):
        if names:
            lines.append(f"    {word}: {', '.join(sorted(names))}")
    return lines
