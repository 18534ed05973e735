# SPDX-License-Identifier: Apache-2.0
"""What each way of installing vCluster needs, before it fails for want of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from .control_plane_variables import CLI_WAY, DEFAULT_CHART, HELM_WAY, PLATFORM_WAY, WAYS
from .model import TenantCluster
from .names import KAMAJI, dns_label_mistake
from .problems import Problems

_WAY, _PLATFORM, _KEY = "tenant_cluster_way", "tenant_cluster_platform", "tenant_cluster_platform_access_key"


def check(tenant: TenantCluster, variables: Mapping[str, Any], problems: Problems) -> None:
    """Mistakes in the way of one tenant cluster, whatever runs its control plane."""
    way = variables.get(_WAY) or HELM_WAY
    if way not in WAYS:
        return  # told already
    found = _of_kamaji(way) if tenant.backend == KAMAJI else _of_vcluster(way, variables)
    for name, message in found:
        if not problems.has(f"{tenant.name}.{name}"):
            problems.add(f"{tenant.name}.{name}", message)


def _of_kamaji(way: str) -> Iterator[tuple[str, str]]:
    if way != HELM_WAY:
        yield _WAY, f"{way} is a way of vCluster's, and Kamaji runs this one: leave it out"


def _of_vcluster(way: str, variables: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if way == PLATFORM_WAY:
        given = variables.get(_PLATFORM)
        yield from _of_the_platform(given if isinstance(given, Mapping) else {}, variables)
    if way == CLI_WAY and str(variables.get("tenant_cluster_chart") or "").startswith("oci://"):
        yield "tenant_cluster_chart", "vCluster's command line takes a name in a repository, or a path"


def _of_the_platform(option: Mapping[str, Any], variables: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    host = str(option.get("host") or "")
    if not host:
        yield f"{_PLATFORM}.host", "is required, or VCLUSTER_PLATFORM_HOST in the environment"
    elif "://" in host and not host.startswith("https://"):
        yield f"{_PLATFORM}.host", f"'{host}' is no https:// address, and an access key is not sent over anything else"
    project = str(option.get("project") or "")
    if not project:
        yield f"{_PLATFORM}.project", "is required: the project of vCluster Platform that it belongs to"
    elif mistake := dns_label_mistake(project):
        yield f"{_PLATFORM}.project", mistake
    if not variables.get(_KEY):
        yield _KEY, "is required (from a vault), or VCLUSTER_PLATFORM_ACCESS_KEY in the environment"
    if option.get("user") and option.get("team"):
        yield f"{_PLATFORM}.team", "it belongs to a user or to a team, not to both"
    if not variables.get("tenant_cluster_licence_tier"):
        yield (
            "tenant_cluster_licence_tier",
            "is required with vCluster Platform: the tier of its licence (Free, Dev, Prod or Scale)",
        )
    if variables.get("tenant_cluster_licence"):
        yield "tenant_cluster_licence", "is for other ways: vCluster Platform gives a control plane its licence itself"
    chart = str(variables.get("tenant_cluster_chart") or DEFAULT_CHART)
    if "/" in chart or Path(chart).exists():
        yield "tenant_cluster_chart", "vCluster Platform fetches the chart itself: a name in a repository, not a path"
