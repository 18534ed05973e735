# SPDX-License-Identifier: Apache-2.0
"""The documents of a tenant cluster for roles; what they are made of is described beside each filter."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.baremetal.fabric.plugins.module_utils._kamaji import preflight
from ansible_collections.baremetal.fabric.plugins.module_utils._kube import yaml_text
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.documents.bridges import bridge_operator_objects
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.documents.common import Document, DocumentError
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.documents.control_plane import (
    control_plane_values,
)
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.documents.control_plane_options import (
    workload_kind,
)
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.documents.credentials import credentials_objects
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.documents.flannel import flannel_objects
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.documents.gitops import (
    argocd_application,
    cluster_api_objects,
)
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.documents.kamaji import tenant_control_plane
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.documents.kubevirt import kubevirt_objects
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.documents.load_balancer import (
    load_balancer_objects,
)
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.documents.network import network_objects
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.documents.network_policy import (
    control_plane_policies,
)
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.documents.virtual_machine import (
    virtual_machine_plan,
)
from ansible_collections.baremetal.fabric.plugins.module_utils._vcluster import chart as charts
from ansible_collections.baremetal.fabric.plugins.module_utils._vcluster import immutable, kubernetes
from ansible_collections.baremetal.fabric.plugins.plugin_utils import inventory_intent


def _checked(build: Callable[[Document], Any]) -> Callable[[Any], Any]:
    name = getattr(build, "func", build).__name__

    def build_from(intent: Any) -> Any:
        if not isinstance(intent, dict):
            raise AnsibleFilterError(f"{name} takes a dictionary, not {type(intent).__name__}")
        try:
            return build(intent)
        except DocumentError as error:
            raise AnsibleFilterError(f"{name}: {error}") from error

    return build_from


def _yaml_documents(documents: Any) -> str:
    listed = [documents] if isinstance(documents, dict) else documents
    if not isinstance(listed, list) or not listed:
        raise AnsibleFilterError("yaml_documents takes a document or a list of them")
    return "".join(f"---\n{yaml_text.readable(yaml_text.plain(each))}" for each in listed)


def _deployed(name: str, records: Any, values: Any) -> dict[str, Any] | None:
    """The newest of Helm's records that is deployed; None where there is none yet."""
    if not isinstance(records, list) or not isinstance(values, dict):
        raise AnsibleFilterError(f"{name} takes a list of Helm's records, and values")
    labelled = [(each, (each.get("metadata") or {}).get("labels") or {}) for each in records]
    deployed = [
        (int(labels["version"]), each)
        for each, labels in labelled
        if labels.get("status") == "deployed" and "helm_values" in each
    ]
    return max(deployed, key=lambda each: each[0])[1] if deployed else None


def _refused_changes(records: Any, values: Any) -> list[str]:
    """A sentence for each value that the newest of Helm's records keeps a control plane from taking."""
    record = _deployed("tenant_cluster_refused_changes", records, values)
    return list(immutable.refused(record["helm_values"], values)) if record else []


def _asks_chart(records: Any, values: Any, chart: Any) -> bool:
    """Whether only the chart itself can tell which Kubernetes it would make of the one that runs; it is not read."""
    record = _deployed("tenant_cluster_asks_chart", records, values)
    if record is None:
        return False
    name, version = _named(chart)
    step = kubernetes.step(record["helm_values"], _was(record), values, kubernetes.Brought(version or None, None))
    return step.unknown and charts.find(name, version, inventory_intent.helm_caches()) is None


def _version_step(records: Any, values: Any, chart: Any, upgrade: Any = False, told: str = "") -> dict[str, str]:
    """What a chart and its values would make of the Kubernetes that runs, and why that is refused."""
    record = _deployed("tenant_cluster_version_step", records, values)
    if record is None:
        return {"running": "", "wanted": "", "refusal": ""}
    was = _was(record)
    try:
        shall = _brought(chart, was, told)
    except (charts.ChartError, ValueError) as error:
        raise AnsibleFilterError(f"tenant_cluster_version_step: {error}") from error
    step = kubernetes.step(record["helm_values"], was, values, shall)
    return {"running": step.running, "wanted": step.wanted, "refusal": kubernetes.refusal(step, bool(upgrade))}


def _was(record: dict[str, Any]) -> kubernetes.Brought:
    return kubernetes.Brought(record.get("helm_chart_version"), record.get("helm_defaults"))


def _named(chart: Any) -> tuple[str, str]:
    return str(chart["name"]), str(chart.get("version") or "").removeprefix("v")


def _brought(chart: Any, was: kubernetes.Brought, told: str) -> kubernetes.Brought:
    """What the chart says of itself: by what `told` has of it, or where it is on this machine."""
    name, version = _named(chart)
    if told:
        return kubernetes.brought(version, yaml_text.load(told))
    if version == was.version and was.defaults is not None and not Path(name).expanduser().exists():
        return was
    path = charts.find(name, version, inventory_intent.helm_caches())
    if path is None:
        return kubernetes.Brought(version or None, None)
    found = charts.read(path)
    return kubernetes.brought(found.version, found.values)


def _virtual_machine_plan(intent: Any, found: Any) -> Any:
    return _checked(partial(virtual_machine_plan, found=found))(intent)


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {
            "tenant_network_objects": _checked(network_objects),
            "tenant_cluster_values": _checked(control_plane_values),
            "tenant_cluster_policies": _checked(control_plane_policies),
            "tenant_cluster_kind": _checked(workload_kind),
            "tenant_cluster_refused_changes": _refused_changes,
            "tenant_cluster_asks_chart": _asks_chart,
            "tenant_cluster_version_step": _version_step,
            "tenant_cluster_application": _checked(argocd_application),
            "tenant_cluster_capi_objects": _checked(cluster_api_objects),
            "flannel_objects": _checked(flannel_objects),
            "tenant_control_plane": _checked(tenant_control_plane),
            "tenant_control_plane_obstacles": preflight.obstacles,
            "yaml_documents": _yaml_documents,
            "api_load_balancer_objects": _checked(load_balancer_objects),
            "tenant_credentials_objects": _checked(credentials_objects),
            "kubevirt_objects": _checked(kubevirt_objects),
            "bridge_operator_objects": _checked(bridge_operator_objects),
            "virtual_machine_plan": _virtual_machine_plan,
        }
