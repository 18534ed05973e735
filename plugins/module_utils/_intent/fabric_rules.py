# SPDX-License-Identifier: Apache-2.0
"""What must hold between the intent and the present fabric before anything of it is changed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from . import outside_rules
from .capacity import capacity
from .model import NETRIS, Model
from .observed import ObservedFabric
from .problems import Problem, Problems


def check_fabric(
    model: Model, observed: ObservedFabric, tenant_clusters: Sequence[str], host_cluster: bool = False
) -> list[Problem]:
    """Every mistake that only the controller's state shows, for the tenant clusters of a play and the host cluster."""
    problems = Problems()
    _check_known("fabric_site", "site", model.fabric.site, observed.sites, problems)
    _check_known("fabric_owner", "owner", model.fabric.owner, observed.owners, problems)
    for path, message in observed.obstacles:
        problems.add(path, message)
    involved = _involved(model, tenant_clusters, host_cluster)
    for host, (server, nics_needed) in involved.items():
        check_server(model, observed, host, server, nics_needed, problems)
    check_agents(model, observed, involved, problems)
    for tenant in tenant_clusters:
        _check_holders(model, observed, tenant, problems)
    _check_room(model, observed, tenant_clusters, problems)
    outside_rules.check_fabric(model, observed, tenant_clusters, problems)
    return problems.as_list()


def missing_clusters(model: Model, observed: ObservedFabric, tenant_clusters: Iterable[str]) -> list[str]:
    """The tenant clusters that are still to be made."""
    return [name for name in tenant_clusters if model.tenant_clusters[name].netris_name not in observed.clusters]


def _involved(model: Model, tenant_clusters: Sequence[str], host_cluster: bool) -> dict[str, tuple[str, bool]]:
    """Servers that are to be touched: by path, the provider's name and whether all fabric NICs must be there.

    The host cluster's extra servers are no hosts of ours: one NIC on the VLAN is enough for them.
    """
    names: dict[str, tuple[str, bool]] = {}
    shared = {host for name in tenant_clusters for host in model.tenant_clusters[name].shared_servers}
    if host_cluster:
        shared = set(model.shared_servers)
    for host in sorted(shared):
        names[host] = (model.shared_servers[host].netris_name, True)
    for name in tenant_clusters:
        for host in model.tenant_clusters[name].bare_metal:
            names[host] = (model.bare_metal[host].netris_name, True)
    if host_cluster:
        for index, server in enumerate(model.host_cluster.extra_servers):
            names[f"fabric_host_cluster.extra_servers[{index}]"] = (server, False)
    return names


def _check_known(path: str, what: str, name: str, known: Sequence[str], problems: Problems) -> None:
    if name not in known:
        problems.add(path, f"no {what} '{name}' in Netris; known: {', '.join(sorted(known)) or 'none'}")


def check_server(
    model: Model,
    observed: ObservedFabric,
    host: str,
    server: str,
    all_nics: bool,
    problems: Problems,
    parked: bool = False,
) -> None:
    """The server is known, and so are the cables of its fabric NICs unless it shall only be parked."""
    found = observed.servers.get(server)
    if found is None:
        known = ", ".join(sorted(observed.servers)) or "none"
        problems.add(host, f"no server '{server}' in {observed.where}; known: {known}")
        return
    if parked:
        return
    for path, message in observed.cable_problems.get(server, ()):
        problems.add(path, message)
    nics = model.fabric.server_nics
    if not all_nics:
        if not any(found.nics.get(nic) for nic in nics):
            problems.add(host, f"none of the NICs {', '.join(nics)} of server '{server}' is linked to a switch port")
        return
    for nic in nics:
        if nic not in found.nics:
            problems.add(
                host,
                f"server '{server}' has no NIC '{nic}' in {observed.where}; it has {', '.join(found.nics) or 'none'}",
            )
        elif found.nics[nic] is None:
            problems.add(host, f"NIC '{nic}' of server '{server}' is not linked to a switch port in {observed.where}")


def check_agents(
    model: Model, observed: ObservedFabric, involved: dict[str, tuple[str, bool]], problems: Problems
) -> None:
    behind: dict[str, list[str]] = {}
    for server, _all in involved.values():
        found = observed.servers.get(server)
        for nic in model.fabric.server_nics:
            port = found.nics.get(nic) if found else None
            if port is not None and server not in behind.setdefault(port.switch, []):
                behind[port.switch].append(server)
    for switch, servers in sorted(behind.items()):
        reason = observed.switches.get(switch)
        if reason is not None:
            problems.add(switch, f"the agent of this switch is not healthy ({reason}); behind it: {', '.join(servers)}")


def _check_holders(model: Model, observed: ObservedFabric, tenant: str, problems: Problems) -> None:
    """A server that another cluster holds is not taken away from it: its node would still be running there."""
    ours = model.tenant_clusters[tenant]
    names = {each.netris_name: each.name for each in model.tenant_clusters.values()}
    for host in ours.bare_metal:
        server = model.bare_metal[host].netris_name
        for cluster in observed.clusters.values():
            if cluster.name != ours.netris_name and server in cluster.dedicated:
                holder = names.get(cluster.name, cluster.name)
                problems.add(
                    f"{host}.fabric_tenant_cluster",
                    f"server '{server}' is held by '{holder}', so '{tenant}' cannot have it; release it there first",
                )


def _check_room(model: Model, observed: ObservedFabric, tenant_clusters: Sequence[str], problems: Problems) -> None:
    missing = missing_clusters(model, observed, tenant_clusters)
    left = capacity(model, observed)
    wanted = f"{', '.join(missing)} {'needs one' if len(missing) == 1 else f'need {len(missing)}'}"
    if left.vlan_ids is not None and left.vlan_ids < len(missing):
        if model.fabric.provider == NETRIS:
            problems.add("fabric_site", f"{left.vlan_ids} VLAN ids left in site '{model.fabric.site}', {wanted}")
        else:
            problems.add("fabric_vlan_range", f"{left.vlan_ids} VLAN ids left in {model.fabric.vlan_range}, {wanted}")
    if left.subnets < len(missing):
        problems.add(
            "fabric_tenant_supernet",
            f"{left.subnets} child subnets of /{model.fabric.tenant_prefix_length} left in"
            f" {model.fabric.tenant_supernet}, {wanted}",
        )
