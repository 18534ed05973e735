"""Kamaji's own CRD in a real API server, which also evaluates the rules that no schema validator does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.baremetal.fabric.plugins.module_utils._kamaji import spec_rules
from ansible_collections.baremetal.fabric.plugins.module_utils._kube import objects
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.client import Cluster, connect
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.documents import common, kamaji
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.errors import KubeError

from tests.support import schemas

from .test_control_plane import INTENT

UNWAITED = objects.Settings(wait=False)
LOAD_BALANCER = {"controlPlane": {"service": {"serviceType": "LoadBalancer"}}}


@pytest.fixture(scope="module")
def cluster(kubeconfig: Path) -> Iterator[Cluster]:
    """With Kamaji's CRDs, and namespaces, but no Kamaji."""
    names = ("kamaji.clastix.io_tenantcontrolplanes.yaml", "kamaji.clastix.io_datastores.yaml")
    crds = [yaml.safe_load(schemas.find(name).read_text()) for name in names]
    namespace = common.namespace("vcluster-green", "green")
    with connect(str(kubeconfig)) as connection:
        objects.present(connection, objects.validate([namespace, *crds]), objects.Settings())
        yield connection


def apply(cluster: Cluster, name: str, **changes: Any) -> str:
    document = kamaji.tenant_control_plane({**INTENT, "name": name, **changes})
    (outcome,) = objects.present(cluster, objects.validate([document]), UNWAITED).outcomes
    return outcome.action


def test_it_is_taken_and_a_second_time_nothing_changes(cluster: Cluster) -> None:
    assert apply(cluster, "twice") == "created"
    assert apply(cluster, "twice") == "unchanged"
    assert apply(cluster, "twice", replicas=3) == "updated"


@pytest.mark.parametrize(
    "spec",
    [
        {"networkProfile": {"loadBalancerClass": "x"}},
        {"networkProfile": {"loadBalancerSourceRanges": ["10.0.0.0/8"]}},
        {"controlPlane": {"service": {"allocateLoadBalancerNodePorts": False}}},
        {**LOAD_BALANCER, "networkProfile": {"loadBalancerSourceRanges": ["ten"]}},
        {"controlPlane": {"service": {"serviceType": "None"}}},
        {"networkProfile": {"clusterDomain": "local"}},
        {"addons": {"konnectivity": {"agent": {"mode": "DaemonSet", "replicas": 2}}}},
        {"addons": {"konnectivity": {"agent": {"mode": "Deployment", "replicas": 0}}}},
    ],
)
def test_what_it_refuses_is_what_the_intent_check_refuses(cluster: Cluster, spec: dict[str, Any]) -> None:
    options = {"konnectivity": True}
    ours = kamaji.control_plane_spec({**INTENT, "kamaji": options})
    assert list(spec_rules.mistakes(ours, spec))
    with pytest.raises(KubeError):
        apply(cluster, "refused", kamaji={**options, "spec": spec})


def test_what_the_intent_check_allows_it_takes(cluster: Cluster) -> None:
    spec = {
        "controlPlane": {"service": {"serviceType": "LoadBalancer", "allocateLoadBalancerNodePorts": False}},
        "networkProfile": {"loadBalancerClass": "x", "loadBalancerSourceRanges": ["10.0.0.0/8"]},
        "addons": {"coreDNS": {"imageTag": "v1.12.0"}},
    }
    assert list(spec_rules.mistakes(kamaji.control_plane_spec({**INTENT, "kamaji": {}}), spec)) == []
    assert apply(cluster, "allowed", kamaji={"datastore": "default", "spec": spec}) == "created"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"networkProfile": {"clusterDomain": "a.b"}}, {"networkProfile": {"clusterDomain": "c.d"}}),
        ({"dataStoreSchema": "x"}, {"dataStoreSchema": "y"}),
        (
            {**LOAD_BALANCER, "networkProfile": {"loadBalancerClass": "x"}},
            {**LOAD_BALANCER, "networkProfile": {"loadBalancerClass": "y"}},
        ),
    ],
)
def test_what_it_does_not_let_change(cluster: Cluster, before: dict[str, Any], after: dict[str, Any]) -> None:
    name = f"fixed-{next(iter(before)).lower()}-{len(str(before))}"
    options = {"datastore": "default"}
    assert apply(cluster, name, kamaji={**options, "spec": before}) == "created"
    wanted = kamaji.tenant_control_plane({**INTENT, "kamaji": {**options, "spec": after}})["spec"]
    present = cluster.get(kamaji.API_VERSION, kamaji.KIND, name, "vcluster-green")
    assert present is not None
    assert len(spec_rules.refused_changes(present["spec"], wanted)) == 1
    with pytest.raises(KubeError):
        apply(cluster, name, kamaji={**options, "spec": after})
