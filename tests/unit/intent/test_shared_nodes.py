# SPDX-License-Identifier: Apache-2.0
"""Tenant clusters without servers of their own: what they become, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from ansible_collections.baremetal.fabric.plugins.module_utils._intent import IntentError, Model
from ansible_collections.baremetal.fabric.plugins.module_utils._intent.targets import Targets, select

from .conftest import Inventory

Only = Callable[[dict[str, str], str], str]


@pytest.fixture
def amber(inventory: Inventory) -> Inventory:
    """The lab with amber on two of the shared servers."""
    inventory.groups["shared_node_clusters"] = []
    return inventory.add("shared_node_clusters", "amber", fabric_shared_servers=["shared2", "shared1"])


def test_it_is_none_of_those_that_the_fabric_knows(amber: Inventory) -> None:
    model = amber.model()
    assert list(model.tenant_clusters) == ["blue", "green"]
    cluster = model.shared_node_clusters["amber"]
    assert (cluster.shared_servers, cluster.namespace) == (("shared1", "shared2"), "vcluster-amber")
    assert not cluster.private_nodes and model.tenant_clusters["blue"].private_nodes
    assert cluster.licences == {}


def test_the_model_survives_a_round_trip(amber: Inventory) -> None:
    model = amber.model()
    assert Model.from_dict(model.as_dict()) == model


def test_it_takes_no_subnet(amber: Inventory) -> None:
    """There is room for two, and it is a third."""
    assert amber.everywhere(fabric_tenant_supernet="192.168.64.0/21").model().shared_node_clusters


def everything(inventory: Inventory) -> list[str]:
    return [host for hosts in inventory.groups.values() for host in hosts]


def targets(inventory: Inventory, *names: str) -> Targets:
    return select(inventory.model(), names, everything(inventory))


def test_a_play_about_it_needs_its_shared_servers(amber: Inventory) -> None:
    chosen = targets(amber, "amber")
    assert (chosen.tenant_clusters, chosen.shared_node_clusters) == ([], ["amber"])
    assert chosen.hosts == ["amber", "shared1", "shared2"]


def test_by_default_a_play_is_about_both_kinds(amber: Inventory) -> None:
    chosen = targets(amber)
    assert (chosen.tenant_clusters, chosen.shared_node_clusters) == (["blue", "green"], ["amber"])


def test_a_limit_that_leaves_out_its_servers(amber: Inventory) -> None:
    with pytest.raises(IntentError) as caught:
        select(amber.model(), ["amber"], ["amber", "shared1"])
    assert "leaves out shared2, which amber needs" in str(caught.value)
    assert "limit to 'shared_servers:amber'" in str(caught.value)


INNER = "/etc/fabric/amber-forwarded.kubeconfig"


def test_one_may_be_in_the_other(amber: Inventory) -> None:
    """A play about the inner one is about the outer one's API and no other."""
    amber.set("amber", tenant_cluster_host_nodes={"show": "labelled", "scheduler": True})
    amber.add("shared_node_clusters", "inner", fabric_shared_servers=["shared1"], tenant_cluster_host_kubeconfig=INNER)
    model = amber.model()
    kubeconfigs = {name: each.host_kubeconfig for name, each in model.shared_node_clusters.items()}
    assert kubeconfigs == {"amber": model.host_cluster.kubeconfig, "inner": INNER}
    assert targets(amber, "inner").host_kubeconfig == INNER
    assert targets(amber, "amber").host_kubeconfig == model.host_cluster.kubeconfig


@pytest.mark.parametrize("group", ["bare_metal", "vm_nodes"])
def test_nothing_joins_it(amber: Inventory, only: Only, group: str) -> None:
    amber.groups.setdefault(group, [])
    amber.add(group, "one", fabric_tenant_cluster="amber", vm_node_image="docker://r.example.com/noble:1")
    assert "belongs into tenant_clusters" in only(amber.problems(), "one.fabric_tenant_cluster")


def test_kamaji_has_none(amber: Inventory, only: Only) -> None:
    message = only(amber.set("amber", tenant_cluster_backend="kamaji").problems(), "amber.tenant_cluster_backend")
    assert message == "'kamaji' is none of vcluster"


def test_its_namespace_is_its_own(amber: Inventory, only: Only) -> None:
    amber.set("amber", tenant_cluster_namespace="vcluster-blue")
    path = "amber.tenant_cluster_namespace"
    assert only(amber.problems(), path) == "namespace 'vcluster-blue' is taken by blue.tenant_cluster_namespace"


def test_a_host_is_of_one_kind(amber: Inventory) -> None:
    amber.add("shared_node_clusters", "blue")
    assert "is in the groups" in amber.problems()["blue"]


@pytest.mark.parametrize("name", ["tenant_cluster_host_nodes", "tenant_cluster_sync", "tenant_cluster_plugins"])
def test_servers_of_its_own_have_nothing_of_the_host_clusters(inventory: Inventory, only: Only, name: str) -> None:
    option = {"tenant_cluster_host_nodes": {"show": "all"}, "tenant_cluster_sync": {"ingresses": True}}
    inventory.set("blue", **{name: option.get(name, {"hooks": {"image": "x"}})})
    assert "shared_node_clusters" in only(inventory.problems(), f"blue.{name}")


def test_a_label_for_nodes_that_are_all_shown(amber: Inventory, only: Only) -> None:
    amber.set("amber", tenant_cluster_host_nodes={"show": "all", "labels": {"zone": "a"}})
    assert "is for show: labelled" in only(amber.problems(), "amber.tenant_cluster_host_nodes.labels")


@pytest.mark.parametrize("show", ["pseudo", "used"])
def test_a_scheduler_that_sees_no_nodes(amber: Inventory, show: str) -> None:
    amber.set("amber", tenant_cluster_host_nodes={"show": show, "scheduler": True})
    assert "set show to labelled or all" in amber.problems()["amber.tenant_cluster_host_nodes.scheduler"]


@pytest.mark.parametrize(
    ("values", "path", "told"),
    [
        ({"privateNodes": {"enabled": True}}, "privateNodes.enabled", "into the group tenant_clusters"),
        ({"controlPlane": {"endpoint": "10.0.0.1:443"}}, "controlPlane.endpoint", "without private nodes"),
    ],
)
def test_values_of_the_other_kind(amber: Inventory, values: dict[str, object], path: str, told: str) -> None:
    amber.set("amber", tenant_cluster_values=values)
    assert told in amber.problems()[f"amber.tenant_cluster_values.{path}"]


def test_what_private_nodes_refuse_is_allowed(amber: Inventory) -> None:
    values = {"integrations": {"metricsServer": {"enabled": True}}, "networking": {"podCIDR": "10.9.0.0/16"}}
    assert amber.set("amber", tenant_cluster_values=values).model()


def test_more_replicas_than_sqlite_can_serve(amber: Inventory) -> None:
    amber.set("amber", tenant_cluster_replicas=2)
    assert "take etcd" in " ".join(amber.problems().values())
    amber.set("amber", tenant_cluster_backing_store={"kind": "deployed_etcd"})
    assert amber.model()
