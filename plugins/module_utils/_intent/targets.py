# SPDX-License-Identifier: Apache-2.0
"""Which tenant clusters a play is about, and which hosts it therefore needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from .model import Model
from .problems import IntentError, Problems


@dataclass(frozen=True)
class Targets:
    tenant_clusters: list[str]
    shared_servers: list[str]
    bare_metal: list[str]
    vm_nodes: list[str]
    # Servers that the user knows not to answer: nothing is done on them.
    unreachable: list[str] = field(default_factory=list)
    # Tenant clusters that no server of their own belongs to, and no VLAN.
    shared_node_clusters: list[str] = field(default_factory=list)
    # By which the host cluster is asked about all of them at once.
    host_kubeconfig: str = ""

    @property
    def all_tenant_clusters(self) -> list[str]:
        return [*self.tenant_clusters, *self.shared_node_clusters]

    @property
    def hosts(self) -> list[str]:
        return [*self.all_tenant_clusters, *self.shared_servers, *self.bare_metal, *self.vm_nodes]

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "hosts": self.hosts}


def select(
    model: Model,
    selected: Sequence[str],
    play_hosts: Sequence[str],
    variable: str = "fabric_tenants",
    all_by_default: bool = True,
    host_cluster: bool = False,
) -> Targets:
    """The targets of a play whose hosts, after `--limit`, are `play_hosts`; raises IntentError.

    A tenant cluster is more than its own host: with some of its servers left out by `--limit` a play would end half
    way, so that is refused before anything is touched.
    """
    problems = Problems()
    reached, every = set(play_hosts), model.all_tenant_clusters
    for name in selected:
        if name not in every:
            known = ", ".join(sorted(every)) or "none"
            problems.add(variable, f"no tenant cluster '{name}'; known: {known}")
    if not selected and not all_by_default and not host_cluster:
        problems.add(variable, f"names no tenant cluster; say which ones, for example -e {variable}=<name>[,<name>]")
    if problems:
        raise IntentError(problems.as_list())

    by_default = [name for name in every if name in reached] if all_by_default else []
    targets = _targets(model, list(selected) or by_default, host_cluster)
    if not targets.all_tenant_clusters and not host_cluster and every:
        problems.add("--limit", f"leaves no tenant cluster; leave it away and use -e {variable}=<name>[,<name>]")
    left_out = [host for host in targets.hosts if host not in reached]
    if left_out:
        chosen = targets.all_tenant_clusters
        what = ", ".join(chosen) if chosen else "the host cluster"
        groups = [*(_group(name) for name in targets.tenant_clusters), *targets.shared_node_clusters]
        hint = (
            f" and use -e {variable}={','.join(chosen)}, or limit to '{':'.join(['shared_servers', *groups])}'"
            if chosen
            else ""
        )
        problems.add("--limit", f"leaves out {', '.join(left_out)}, which {what} needs; leave it away{hint}")
    if problems:
        raise IntentError(problems.as_list())
    return targets


def _targets(model: Model, names: Sequence[str], host_cluster: bool) -> Targets:
    every = model.all_tenant_clusters
    chosen = [every[name] for name in names]
    shared = {host for tenant in chosen for host in tenant.shared_servers}
    if host_cluster:
        shared = set(model.shared_servers)
    return Targets(
        tenant_clusters=[tenant.name for tenant in chosen if tenant.private_nodes],
        shared_node_clusters=[tenant.name for tenant in chosen if not tenant.private_nodes],
        shared_servers=sorted(shared),
        bare_metal=sorted(host for tenant in chosen for host in tenant.bare_metal),
        vm_nodes=sorted(host for tenant in chosen for host in tenant.vm_nodes),
        host_kubeconfig=model.host_cluster.kubeconfig if host_cluster else _host_kubeconfig(model, names),
    )


def _host_kubeconfig(model: Model, names: Sequence[str]) -> str:
    """The host cluster's own; one of the tenant clusters' if none of them is asked about by that."""
    theirs = [model.all_tenant_clusters[name].host_kubeconfig for name in names]
    return theirs[0] if theirs and model.host_cluster.kubeconfig not in theirs else model.host_cluster.kubeconfig


def _group(tenant_cluster: str) -> str:
    return f"tenant_{tenant_cluster.replace('-', '_')}"


def select_servers(model: Model, selected: Sequence[str], play_hosts: Sequence[str], variable: str) -> Targets:
    """The targets of a play that is about bare-metal servers; raises IntentError.

    Which tenant cluster a server comes from only the present tells, so all of them belong to it; they are read only.
    """
    problems = Problems()
    if not selected:
        problems.add(variable, f"names no server; say which ones, for example -e {variable}=<name>[,<name>]")
    _check_servers(model, selected, variable, problems)
    every = sorted(model.tenant_clusters)
    kubeconfig = _host_kubeconfig(model, every)
    targets = Targets(every, [], bare_metal=list(selected), vm_nodes=[], host_kubeconfig=kubeconfig)
    left_out = [host for host in targets.hosts if host not in set(play_hosts)]
    if left_out and not problems:
        problems.add("--limit", f"leaves out {', '.join(left_out)}; leave it away and use -e {variable}=<name>")
    if problems:
        raise IntentError(problems.as_list())
    return targets


def select_any_servers(model: Model, selected: Sequence[str], play_hosts: Sequence[str], variable: str) -> Targets:
    """The targets of a play that is about servers as such, shared ones as well; without names all that it has."""
    problems = Problems()
    known = [*model.shared_servers, *model.bare_metal]
    unknown = [name for name in selected if name not in known]
    if unknown:
        listed = ", ".join(sorted(known)) or "none"
        problems.add(variable, f"no server {', '.join(repr(name) for name in unknown)}; known: {listed}")
    left_out = [name for name in selected if name in known and name not in play_hosts]
    if left_out:
        problems.add("--limit", f"leaves out {', '.join(left_out)}; leave it away and use -e {variable}=<name>")
    if problems:
        raise IntentError(problems.as_list())
    chosen = [name for name in (selected or known) if name in play_hosts]
    return Targets(
        tenant_clusters=[],
        shared_servers=[name for name in chosen if name in model.shared_servers],
        bare_metal=[name for name in chosen if name in model.bare_metal],
        vm_nodes=[],
    )


def check_unreachable(model: Model, names: Sequence[str], variable: str = "fabric_unreachable") -> None:
    """Only bare-metal servers can be done without: a shared server that is left out would keep what goes."""
    problems = Problems()
    _check_servers(model, names, variable, problems)
    if problems:
        raise IntentError(problems.as_list())


def _check_servers(model: Model, names: Sequence[str], variable: str, problems: Problems) -> None:
    unknown = [name for name in names if name not in model.bare_metal]
    if unknown:
        known = ", ".join(sorted(model.bare_metal)) or "none"
        problems.add(variable, f"no bare-metal server {', '.join(repr(name) for name in unknown)}; known: {known}")
