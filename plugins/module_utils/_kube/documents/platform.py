"""A control plane as vCluster Platform has it: an object of its management API.

Source: loft-sh/api's storage/v1 (VirtualClusterInstance, VirtualClusterTemplateDefinition) and vCluster's
pkg/cli/create_platform.go, as of vCluster 0.36 and Platform 4.11.
"""

from __future__ import annotations

from .. import yaml_text
from .common import Document, labels, merge, require

GROUP = "management.loft.sh"
API_VERSION = f"{GROUP}/v1"
KIND = "VirtualClusterInstance"
#: On the namespace of a control plane that the Platform has made; others carry none.
WAY_LABEL = "baremetal.fabric/way"
PLATFORM_WAY = "platform"


def virtual_cluster_instance(intent: Document) -> Document:
    """The object by which the Platform makes namespace and control plane, and keeps them as they are.

    `intent`: name, project_namespace, cluster, namespace, chart (name, repository, version), values (of the chart);
    optional: namespace_labels, user or team (its owner), spec (merged last).
    """
    require(intent, ("name", "project_namespace", "cluster", "namespace", "chart", "values"))
    chart = intent["chart"]
    mark = labels(intent["name"])
    spec: Document = {
        "clusterRef": {"cluster": intent["cluster"], "namespace": intent["namespace"]},
        "template": {
            "helmRelease": {
                "chart": {"name": chart["name"], "repo": chart["repository"], "version": chart["version"]},
                "values": yaml_text.dump(yaml_text.plain(intent["values"])),
            },
            # Its licence comes from the Platform by itself.
            "pro": {"enabled": True},
            "spaceTemplate": {
                "metadata": {
                    "labels": {**(intent.get("namespace_labels") or {}), **mark, WAY_LABEL: PLATFORM_WAY},
                }
            },
        },
    }
    owner = {key: intent[key] for key in ("user", "team") if intent.get(key)}
    if owner:
        spec["owner"] = owner
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {"name": intent["name"], "namespace": intent["project_namespace"], "labels": mark},
        "spec": merge(spec, intent.get("spec") or {}),
    }
