"""What vCluster's schema lets pass and vCluster does not."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.documents.common import merge
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.documents.control_plane import control_plane_values
from ansible_collections.baremetal.fabric.plugins.module_utils._vcluster import value_rules
from ansible_collections.baremetal.fabric.plugins.module_utils._vcluster.paths import nested

from tests.support.control_planes import EXAMPLE

from .charts import schema_of
from .paths import knows


def ours(replicas: int = 1) -> dict[str, Any]:
    return control_plane_values({**EXAMPLE, "vip": None, "replicas": replicas})


def found(*theirs: dict[str, Any], replicas: int = 1) -> dict[str, str]:
    values: dict[str, Any] = {}
    for each in theirs:
        values = merge(values, each)
    return dict(value_rules.mistakes(ours(replicas), values))


@pytest.mark.parametrize("replicas", [1, 3])
def test_our_own_values_are_fine(replicas: int) -> None:
    assert found(replicas=replicas) == {}


def test_values_that_are_fine() -> None:
    assert (
        found(nested("controlPlane.endpoint", "api.example.test:6443"), nested("deploy.metricsServer.enabled", True))
        == {}
    )
    assert (
        found(nested("networking.podCIDR", "10.244.0.0/16"), nested("policies.podSecurityStandard", "baseline")) == {}
    )


@pytest.mark.parametrize("path", sorted(value_rules.NOT_WITH_PRIVATE_NODES))
def test_what_private_nodes_exclude(path: str) -> None:
    assert list(found(nested(path, True))) == [path]
    assert found(nested(path, False)) == {}


def test_private_nodes_cannot_be_switched_off() -> None:
    assert list(found(nested("privateNodes.enabled", False))) == ["privateNodes.enabled"]


@pytest.mark.parametrize("path", value_rules.SCHEDULERS)
def test_a_scheduler_needs_the_hosts_nodes(path: str) -> None:
    message = found(nested(path, True))[path]
    assert "sync.fromHost.nodes.enabled" in message
    assert found(nested(path, True), nested("sync.fromHost.nodes.enabled", True)) == {}


@pytest.mark.parametrize("path", [path for path in value_rules.BACKING_STORES if "etcd.embedded" not in path])
def test_one_backing_store_takes_the_place_of_the_other(path: str) -> None:
    message = found(nested(path, True))[path]
    assert message.endswith("set controlPlane.backingStore.etcd.embedded.enabled to false")
    instead = nested("controlPlane.backingStore.etcd.embedded.enabled", False)
    assert found(nested(path, True), instead) == {}


def test_sqlite_has_one_replica() -> None:
    no_etcd = nested("controlPlane.backingStore.etcd.embedded.enabled", False)
    assert found(no_etcd) == {}
    assert "tenant_cluster_replicas is 3" in found(no_etcd, replicas=3)["controlPlane.backingStore"]


@pytest.mark.parametrize(("path", "variable"), value_rules.VARIABLES.items())
def test_what_a_variable_decides(path: str, variable: str) -> None:
    value = 5 if path.endswith("replicas") else "10.9.0.0/16"
    assert variable in found(nested(path, value))[path]


def test_an_annotation_that_reaches_no_pod() -> None:
    values = nested("controlPlane.statefulSet.annotations", {"k8s.v1.cni.cncf.io/networks": "a/b"})
    (message,) = found(values).values()
    assert message == "reaches no pod: write it below controlPlane.statefulSet.pods.annotations"


@pytest.mark.parametrize("endpoint", ["192.168.67.253", "https://api", ":443", "api:https"])
def test_an_endpoint_is_host_and_port(endpoint: str) -> None:
    assert found(nested("controlPlane.endpoint", endpoint)) == {
        "controlPlane.endpoint": f"'{endpoint}' is not HOST:PORT"
    }


def test_a_pod_security_standard_has_a_name() -> None:
    assert (
        "privileged, baseline, restricted"
        in found(nested("policies.podSecurityStandard", "strict"))["policies.podSecurityStandard"]
    )


@pytest.mark.parametrize(
    "path",
    [
        *value_rules.NOT_WITH_PRIVATE_NODES,
        *value_rules.SCHEDULERS,
        *value_rules.BACKING_STORES,
        *value_rules.VARIABLES,
        "controlPlane.statefulSet.pods.annotations",
        "deploy.metricsServer.enabled",
        "sync.fromHost.nodes.enabled",
    ],
)
def test_the_schema_has_every_key_that_is_spoken_of(path: str) -> None:
    assert knows(schema_of("0.36"), path.split("."))
