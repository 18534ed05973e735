"""A tenant cluster's control plane as documents for those who keep theirs in Git, instead of a Helm release."""

from __future__ import annotations

from ..._vcluster.paths import at
from .. import yaml_text
from .common import KNOWN_AFTER_APPLY, Document, DocumentError, require

_KEYS = ("name", "namespace", "namespace_labels", "chart", "vip", "port", "values")
_CAPI_CLUSTER = "cluster.x-k8s.io/v1beta1"
_CAPI_PROVIDER = "infrastructure.cluster.x-k8s.io/v1alpha1"


def argocd_application(intent: Document) -> Document:
    """An Argo CD Application of vCluster's chart.

    `intent`: name, namespace, namespace_labels, chart (name, repository, version), vip, port, values (of the chart);
    argocd (namespace, project, server: where Argo CD finds the host cluster).
    """
    _check(intent, (*_KEYS, "argocd"))
    chart, argocd = intent["chart"], intent["argocd"]
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": {"name": intent["namespace"], "namespace": argocd["namespace"]},
        "spec": {
            "project": argocd["project"],
            "source": {
                "repoURL": chart["repository"],
                "chart": chart["name"],
                "targetRevision": chart["version"],
                # The names of Service, Secrets and volumes follow from that of the release.
                "helm": {"releaseName": intent["name"], "valuesObject": intent["values"]},
            },
            "destination": {"server": argocd["server"], "namespace": intent["namespace"]},
            "syncPolicy": {
                "managedNamespaceMetadata": {"labels": intent["namespace_labels"]},
                "syncOptions": ["CreateNamespace=true", "ServerSideApply=true"],
            },
        },
    }


def cluster_api_objects(intent: Document) -> list[Document]:
    """The objects of Cluster API's provider for vCluster; `intent` as for an Application, without argocd."""
    _check(intent, _KEYS)
    name, chart = intent["name"], intent["chart"]
    metadata = {"name": name, "namespace": intent["namespace"]}
    reference = {"apiVersion": _CAPI_PROVIDER, "kind": "VCluster", "name": name}
    namespace = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": intent["namespace"], "labels": intent["namespace_labels"]},
    }
    # One object of the provider is both the control plane and the infrastructure of a cluster.
    cluster = {
        "apiVersion": _CAPI_CLUSTER,
        "kind": "Cluster",
        "metadata": metadata,
        "spec": {"controlPlaneRef": reference, "infrastructureRef": dict(reference)},
    }
    release = {
        "chart": {"name": chart["name"], "repo": chart["repository"], "version": chart["version"]},
        "values": yaml_text.dump(yaml_text.plain(intent["values"])),
    }
    control_plane = {
        "apiVersion": _CAPI_PROVIDER,
        "kind": "VCluster",
        "metadata": dict(metadata),
        "spec": {
            # on shared nodes the provider finds the Service by itself
            **({"controlPlaneEndpoint": {"host": intent["vip"], "port": int(intent["port"])}} if intent["vip"] else {}),
            "helmRelease": release,
        },
    }
    return [namespace, cluster, control_plane]


def _check(intent: Document, keys: tuple[str, ...]) -> None:
    require(intent, keys)
    private_nodes = at(intent["values"], "privateNodes.enabled")
    if (private_nodes and not intent["vip"]) or KNOWN_AFTER_APPLY in str(intent["values"]):
        raise DocumentError(
            f"the VIP of tenant cluster {intent['name']} is not known before its fabric is there:"
            " run tenant_create first, or set tenant_cluster_vip"
        )
    missing = [key for key in ("name", "repository", "version") if not intent["chart"].get(key)]
    if missing or "/" in str(intent["chart"]["name"]):
        raise DocumentError(
            f"tenant cluster {intent['name']} has no chart that others can fetch: set tenant_cluster_chart to a name,"
            " not a path, and tenant_cluster_chart_repository and tenant_cluster_chart_version"
        )
