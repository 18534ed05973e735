# SPDX-License-Identifier: Apache-2.0
"""What must hold of a control plane's options and values, before the chart, vCluster or the cluster refuse them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from .._kube.documents import common, shared_nodes
from .._kube.documents import control_plane_options as translation
from .._kube.documents.common import Document, merge
from .._kube.documents.control_plane import OURS, THEIRS, control_plane_parts
from .._vcluster import chart_schema, former_keys, licence, options, quota, value_rules
from .._vcluster.chart import Chart, ChartError
from .._vcluster.paths import at
from .control_plane_variables import CONTROL_PLANE, DEFAULT_CHART_VERSION, ENDPOINT_MODES, SHARED_NODES
from .model import TenantCluster
from .problems import Problems

#: Finds the chart that a tenant cluster's variables name, if it is on this machine.
FindChart = Callable[[Mapping[str, Any]], "Chart | None"]

#: Keys of the control plane's intent and the variables that they come from, as the role has them.
_INTENT = {
    key: f"tenant_cluster_{key}"
    for key in (
        "kubernetes_version", "storage_class", "storage_size", "storage", "backing_store", "images", "resources",
        "priority_class", "extra_args", "dns", "isolation", "addons", "exposure", "values",
        "host_nodes", "sync", "plugins",
    )
}  # fmt: skip
_OF_KIND = {
    "replicas": translation.DEPLOYED_ETCD,
    "image": translation.DEPLOYED_ETCD,
    "persistent": translation.DEPLOYED_ETCD,
    "storage_size": translation.DEPLOYED_ETCD,
    "storage_class": translation.DEPLOYED_ETCD,
    "data_source": translation.EXTERNAL_DATABASE,
    "connector": translation.EXTERNAL_DATABASE,
    "tls_secret": translation.EXTERNAL_DATABASE,
}
EXTERNAL = ENDPOINT_MODES[2]
#: What vCluster's own kube-vip serves.
EMBEDDED_PORT = 8443


def check(
    tenant: TenantCluster, variables: Mapping[str, Any], find_chart: FindChart, problems: Problems
) -> dict[str, list[str]]:
    """Adds every mistake; returns what needs a licence, by tier."""
    sound = {name for name in (*CONTROL_PLANE, *SHARED_NODES) if not problems.has(f"{tenant.name}.{name}")}
    found = _chart(tenant, variables, find_chart, problems)
    version = found.version if found and found.version else variables.get("tenant_cluster_chart_version")
    intent = _intent(tenant, variables, sound, str(version or DEFAULT_CHART_VERSION))
    parts = control_plane_parts(intent)
    release = former_keys.release_of(intent["chart_version"])

    for name, message in _between_options(tenant, intent):
        problems.add(f"{tenant.name}.{name}", message)
    values: Document = {}
    for _variable, fragment in parts:
        values = merge(values, fragment)
    for path, message in _in_values(parts, values, release, intent, variables):
        _add(problems, tenant.name, parts, path, message)
    # What was told above in better words is also unknown to the schema.
    if found and found.schema is not None:
        for path, message in list(chart_schema.mistakes(found.schema, values)):
            if not problems.has(_place(tenant.name, parts, path)[0]):
                _add(problems, tenant.name, parts, path, message)
    if "tenant_cluster_licence_tier" in sound:
        tier = str(variables.get("tenant_cluster_licence_tier") or "")
        if refusal := licence.refusal(values, bool(variables.get("tenant_cluster_licence")), tier):
            problems.add(f"{tenant.name}.tenant_cluster_licence_tier", refusal)
    return licence.tiers(values)


def _chart(
    tenant: TenantCluster, variables: Mapping[str, Any], find_chart: FindChart, problems: Problems
) -> Chart | None:
    try:
        return find_chart(variables)
    except ChartError as error:
        named = (
            "tenant_cluster_chart_schema" if variables.get("tenant_cluster_chart_schema") else "tenant_cluster_chart"
        )
        problems.add(f"{tenant.name}.{named}", str(error))
        return None


def _intent(tenant: TenantCluster, variables: Mapping[str, Any], sound: set[str], version: str) -> Document:
    chosen = {key: variables[name] for key, name in _INTENT.items() if name in sound and variables.get(name)}
    mode = variables.get("api_load_balancer_mode")
    if not tenant.private_nodes:
        # nothing of it has a VIP
        mode = EXTERNAL
        chosen.pop("addons", None)
    return {
        "name": tenant.name,
        "nodes": tenant.nodes,
        "network_namespace": tenant.network_namespace,
        "vip": None,
        "port": tenant.api_port,
        "replicas": tenant.replicas,
        "pod_cidr": tenant.pod_cidr,
        "service_cidr": tenant.service_cidr,
        "chart_version": version,
        "endpoint_mode": mode if mode in ENDPOINT_MODES else ENDPOINT_MODES[0],
        **chosen,
    }


def _in_values(
    parts: list[tuple[str, Document]],
    values: Document,
    release: former_keys.Version | None,
    intent: Document,
    variables: Mapping[str, Any],
) -> Iterator[tuple[str, str]]:
    theirs = intent.get("values") or {}
    ours: Document = {}
    for variable, fragment in parts:
        if variable != THEIRS:
            ours = merge(ours, fragment)
    yield from former_keys.found_in(theirs, release)
    yield from value_rules.mistakes(ours, theirs, not common.on_shared_nodes(intent))
    if release is not None:
        yield from options.too_new(ours, release)
    isolation = intent.get("isolation") or {}
    pods = int(variables.get("api_load_balancer_replicas") or 2) if intent["endpoint_mode"] == ENDPOINT_MODES[0] else 0
    stateful = translation.workload_kind(values) == "StatefulSet" and _persistent(values)
    yield from quota.mistakes(values, pods, (isolation.get("quota") or {}).get("room") or {}, stateful)


def _persistent(values: Document) -> bool:
    return at(values, "controlPlane.statefulSet.persistence.volumeClaim.enabled") is not False


def _between_options(tenant: TenantCluster, intent: Document) -> Iterator[tuple[str, str]]:
    yield from _backing_store(tenant, intent)
    yield from _on_nodes(tenant, intent)
    storage = intent.get("storage") or {}
    if storage.get("persistent") is False:
        for key in ("storage_class", "storage_size"):
            if intent.get(key):
                yield f"tenant_cluster_{key}", "is for volumes, and tenant_cluster_storage.persistent is false"
    for program, arguments in (intent.get("extra_args") or {}).items():
        for index, argument in enumerate(arguments or []):
            if not str(argument).startswith("--"):
                yield f"tenant_cluster_extra_args.{program}[{index}]", f"'{argument}' does not look like --name=value"
    yield from _exposure(intent.get("exposure") or {})
    if intent["endpoint_mode"] == translation.EMBEDDED_KUBE_VIP and tenant.api_port != EMBEDDED_PORT:
        yield (
            "tenant_cluster_api_port",
            f"vCluster's own kube-vip serves port {EMBEDDED_PORT} and no other: set it to that",
        )


def _backing_store(tenant: TenantCluster, intent: Document) -> Iterator[tuple[str, str]]:
    option, kind = intent.get("backing_store") or {}, translation.backing_store_kind(intent)
    name = "tenant_cluster_backing_store"
    for key, wanted in _OF_KIND.items():
        if option.get(key) not in (None, "") and kind != wanted:
            yield f"{name}.{key}", f"is for the kind {wanted}, and this is {kind}"
    if kind == translation.EXTERNAL_DATABASE and not option.get("data_source") and not option.get("connector"):
        yield name, "an external database needs data_source, or connector if vCluster Platform makes it"
    if kind == translation.DEPLOYED_ETCD and option.get("persistent") is False:
        for key in ("storage_class", "storage_size"):
            if option.get(key):
                yield f"{name}.{key}", f"is for volumes, and {name}.persistent is false"
    values: Document = {}
    for _variable, fragment in control_plane_parts(intent):
        values = merge(values, fragment)
    if translation.workload_kind(values) == "Deployment" and tenant.replicas == 1 and len(tenant.shared_servers) == 1:
        yield (
            "fabric_shared_servers",
            "without a volume or embedded etcd the control plane is a Deployment, which starts a new pod beside the old"
            " one: that takes two shared servers, or two replicas",
        )


def _on_nodes(tenant: TenantCluster, intent: Document) -> Iterator[tuple[str, str]]:
    if tenant.private_nodes:
        for name in SHARED_NODES:
            if intent.get(name.removeprefix("tenant_cluster_")):
                yield name, "is for tenant clusters in the group shared_node_clusters; this one has servers of its own"
        return
    option = intent.get("host_nodes") or {}
    show = option.get("show") or shared_nodes.LABELLED
    if option.get("labels") and show != shared_nodes.LABELLED:
        yield "tenant_cluster_host_nodes.labels", f"is for show: {shared_nodes.LABELLED}, and this is {show}"
    if option.get("scheduler") and show not in (shared_nodes.LABELLED, shared_nodes.ALL):
        yield (
            "tenant_cluster_host_nodes.scheduler",
            f"has to see nodes before they run anything: set show to {shared_nodes.LABELLED} or {shared_nodes.ALL}",
        )


def _exposure(option: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    name = "tenant_cluster_exposure"
    if option.get("node_port") and option.get("type") != "NodePort":
        yield f"{name}.node_port", f"is for the type NodePort, and this is {option.get('type') or 'ClusterIP'}"
    if option.get("ingress") and not option["ingress"].get("host"):
        yield f"{name}.ingress.host", "is required"
    gateway = option.get("gateway") or {}
    for key in ("host", "parents"):
        if gateway and not gateway.get(key):
            yield f"{name}.gateway.{key}", "is required"


def _add(problems: Problems, tenant: str, parts: list[tuple[str, Document]], path: str, message: str) -> None:
    place, inside = _place(tenant, parts, path)
    problems.add(place, message if inside else f"{message} ({path})")


def _place(tenant: str, parts: list[tuple[str, Document]], path: str) -> tuple[str, bool]:
    """Where a value can be mended, and whether that names the value's own path.

    It is the variable that has the last word on the value; of values that nobody has set, the free ones.
    """
    above = path
    while True:
        for variable, fragment in reversed(parts):
            if variable != OURS and at(fragment, above) is not None:
                return (f"{tenant}.{variable}.{path}", True) if variable == THEIRS else (f"{tenant}.{variable}", False)
        above = above.rpartition(".")[0]
        if "." not in above:  # everything shares the topmost keys
            break
    return f"{tenant}.{THEIRS}.{path}", True
