"""Network policies around a control plane."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.baremetal.fabric.plugins.module_utils._kube import objects
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.client import Cluster
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.documents import load_balancer
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.documents.network_policy import (
    control_plane_policies,
)

INTENT: dict[str, Any] = {"name": "blue", "namespace": "vcluster-blue"}


def selects(selector: dict[str, Any], labels: dict[str, str]) -> bool:
    return all(labels.get(key) == value for key, value in selector.get("matchLabels", {}).items()) and all(
        labels.get(each["key"]) in each["values"] for each in selector.get("matchExpressions", [])
    )


def admitted(source: dict[str, str] | None, target: dict[str, str], port: int, **more: Any) -> bool:
    """Whether pods with these labels, in the same namespace, may connect; None is anybody from elsewhere."""
    applying = [
        policy["spec"]
        for policy in control_plane_policies({**INTENT, **more})
        if selects(policy["spec"]["podSelector"], target)
    ]
    assert applying, "nothing is restricted without a policy"
    for rule in (rule for spec in applying for rule in spec.get("ingress", [])):
        ports = [each["port"] for each in rule.get("ports", [])]
        peers = [each["podSelector"] for each in rule.get("from", []) if set(each) == {"podSelector"}]
        anybody = "from" not in rule
        if (not ports or port in ports) and (anybody or (source and any(selects(each, source) for each in peers))):
            return True
    return False


API = {"app": "vcluster", "release": "blue"}
ETCD = {"app": "vcluster-etcd", "release": "blue"}
BALANCER = {"app": "apiserver-lb"}
OTHER = {"app": "something"}


@pytest.mark.parametrize(
    ("source", "target", "port", "open_"),
    [
        (BALANCER, API, 8443, True),
        (BALANCER, API, 2379, False),
        (API, API, 2380, True),
        (API, ETCD, 2379, True),
        ({"app": "vcluster-snapshot"}, ETCD, 2379, True),
        (OTHER, ETCD, 2379, False),
        (OTHER, API, 8443, False),
        (None, API, 8443, False),
        (None, BALANCER, 443, False),
        (OTHER, BALANCER, 443, False),
    ],
)
def test_who_reaches_whom(source: dict[str, str] | None, target: dict[str, str], port: int, open_: bool) -> None:
    assert admitted(source, target, port) is open_


def test_on_shared_nodes_the_tenants_pods_reach_their_api() -> None:
    tenant, stranger = {"vcluster.loft.sh/managed-by": "blue"}, {"vcluster.loft.sh/managed-by": "green"}
    assert admitted(tenant, API, 8443, nodes="shared")
    assert not admitted(tenant, ETCD, 2379, nodes="shared")
    assert not admitted(stranger, API, 8443, nodes="shared")
    assert not admitted(tenant, API, 8443)


def test_the_load_balancers_pods_are_the_ones_meant() -> None:
    balancer = {
        "name": "blue", "namespace": "n", "network_namespace": "m", "vip": None, "prefix_length": None, "port": 443,
        "replicas": 2, "envoy_image": "e", "kube_vip_image": "k", "pull_policy": "Always", "cluster_domain": "c",
        "lease": {"duration": 5, "renew_deadline": 3, "retry_period": 1},
    }  # fmt: skip
    pod_labels = load_balancer.load_balancer_objects(balancer)[-1]["spec"]["template"]["metadata"]["labels"]
    assert admitted(pod_labels, API, 8443) and not admitted(OTHER, pod_labels, 443)


@pytest.mark.parametrize(
    "exposure", [{"type": "NodePort"}, {"type": "LoadBalancer"}, {"ingress": {"host": "a"}}, {"gateway": {"host": "a"}}]
)
def test_an_api_that_is_shown_to_others_stays_open(exposure: dict[str, Any]) -> None:
    assert admitted(None, API, 8443, exposure=exposure)
    assert not admitted(None, API, 2379, exposure=exposure)
    assert not admitted(None, API, 8443, exposure={"type": "ClusterIP", "names": ["api.example.test"]})


def test_konnectivity_of_old_releases_has_a_port() -> None:
    assert admitted(BALANCER, API, 8132, chart_version="0.30.4")
    assert not admitted(BALANCER, API, 8132, chart_version="0.31.0")


def test_more_peers() -> None:
    peer = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}
    control_plane, _balancer = control_plane_policies({**INTENT, "allow": [peer]})
    assert peer in control_plane["spec"]["ingress"][1]["from"]


def test_a_real_api_server_takes_them(cluster: Cluster, namespace: str) -> None:
    documents = control_plane_policies({**INTENT, "namespace": namespace, "exposure": {"type": "NodePort"}})
    settings = objects.Settings(wait=False)
    assert all(each.action == "created" for each in objects.present(cluster, documents, settings).outcomes)
    assert not objects.present(cluster, documents, settings).changed
