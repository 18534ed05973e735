"""Bridges that an operator of the host cluster makes: golden files, the operators' own CRDs in a real API server."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.baremetal.fabric.plugins.module_utils._kube import bridges, compare, objects
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.client import Cluster, connect
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.documents import bridges as documents
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.documents.bridges import BRIDGE_OPERATOR, NMSTATE
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.documents.common import DocumentError, labels
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.errors import KubeError, WaitTimeout
from ansible_collections.baremetal.fabric.plugins.modules import host_bridge

from tests.support import paper_nmstate, schemas

GOLDEN = Path(__file__).parent / "golden"
CRDS = (
    "knmstate_nodenetworkconfigurationpolicies.crd.yaml",
    "knmstate_nodenetworkconfigurationenactments.crd.yaml",
    "bridgeoperator_bridgeconfigurations.crd.yaml",
    "bridgeoperator_bridgeinformation.crd.yaml",
)
BLUE = {"name": "blue", "link": "bond0", "vlan_id": 3, "bridge": "br-vlan-3"}
JUMBO = {**BLUE, "mtu": 9000, "max_unavailable": 1}
OPERATOR = {"namespace": "bridge-operator-system", "image": "registry.example.com/bridge-operator@sha256:" + "0" * 64}
POLICY = (documents.POLICY_VERSION, documents.POLICY_KIND, "tenant-blue")


@pytest.mark.parametrize(
    ("name", "built"),
    [
        ("bridge_nmstate", [documents.node_network_policy(BLUE), documents.node_network_policy(JUMBO)]),
        ("bridge_nmstate_absent", [documents.removing_policy(documents.node_network_policy(JUMBO))]),
        ("bridge_operator", [documents.bridge_configuration(BLUE), *documents.bridge_operator_objects(OPERATOR)]),
    ],
)
def test_golden(name: str, built: list[dict[str, Any]]) -> None:
    """FABRIC_GOLDEN=write writes the files anew."""
    path = GOLDEN / f"{name}.yml"
    if os.environ.get("FABRIC_GOLDEN") == "write":
        path.write_text("---\n" + "---\n".join(compare.as_text(document) for document in built))
    assert list(yaml.safe_load_all(path.read_text())) == built


def test_missing_input_is_named() -> None:
    with pytest.raises(DocumentError, match="missing: bridge"):
        documents.node_network_policy({key: value for key, value in BLUE.items() if key != "bridge"})


def test_the_name_of_the_longest_tenant_cluster_fits_into_a_label() -> None:
    assert len(documents.policy_name("b" * 52)) <= 63


@pytest.fixture(scope="module")
def operators(kubeconfig: Path) -> Iterator[Cluster]:
    """A cluster with the operators' CRDs, and a stand-in for nmstate's handlers."""
    crds = [yaml.safe_load(schemas.find(name).read_text()) for name in CRDS]
    over = threading.Event()
    with connect(str(kubeconfig)) as connection:
        objects.present(connection, objects.validate(crds), objects.Settings())
        thread = threading.Thread(target=paper_nmstate.serve, args=(kubeconfig, over))
        thread.start()
        yield connection
        over.set()
        thread.join()
        objects.absent(connection, objects.validate(crds), objects.Settings())


@pytest.fixture
def nodes(operators: Cluster) -> Iterator[tuple[str, ...]]:
    names = ("node-a", "node-b")
    listed = [
        {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": documents.vlan_label("blue")}}
        for name in names
    ]
    objects.present(operators, listed, objects.Settings(wait=False))
    yield names
    for kind, version in (
        (documents.POLICY_KIND, documents.POLICY_VERSION),
        (documents.BRIDGE_KIND, documents.BRIDGE_VERSION),
    ):
        for each in operators.list(version, kind):
            # at once: the garbage collector, which foreground deletion waits for, gets to know new kinds late
            operators.delete(version, kind, each["metadata"]["name"], propagation="Background")
    objects.absent(operators, listed, objects.Settings())


@pytest.fixture
def order(nodes: tuple[str, ...]) -> bridges.Order:
    return bridges.Order("blue", "bond0", 3, "br-vlan-3", nodes)


def note(cluster: Cluster, node: str, **annotations: str | None) -> None:
    named = {f"paper-nmstate/{key}": value for key, value in annotations.items()}
    cluster.merge("v1", "Node", node, {"metadata": {"annotations": named}})


def actions(report: objects.Report) -> list[str]:
    return [each.action for each in report.outcomes]


WAIT = bridges.settings_of(False, 20)
HASTE = bridges.settings_of(False, 1)
DRY = bridges.settings_of(True, 20)


def enactments(cluster: Cluster) -> list[str]:
    return [each["metadata"]["name"] for each in cluster.list(documents.ENACTMENT_VERSION, documents.ENACTMENT_KIND)]


def test_a_policy_is_made_seen_changed_and_removed(operators: Cluster, order: bridges.Order) -> None:
    assert actions(bridges.present(operators, NMSTATE, order, DRY)) == ["created"]
    assert operators.get(*POLICY) is None
    assert actions(bridges.present(operators, NMSTATE, order, WAIT)) == ["created"]
    assert enactments(operators) == ["node-a.tenant-blue", "node-b.tenant-blue"]
    assert actions(bridges.present(operators, NMSTATE, order, WAIT)) == ["unchanged"]
    jumbo = replace(order, mtu=9000)
    assert actions(bridges.present(operators, NMSTATE, jumbo, DRY)) == ["updated"]
    assert actions(bridges.present(operators, NMSTATE, jumbo, WAIT)) == ["updated"]
    assert actions(bridges.absent(operators, NMSTATE, "blue", True, DRY)) == ["updated", "deleted"]
    assert operators.get(*POLICY) is not None
    assert actions(bridges.absent(operators, NMSTATE, "blue", True, WAIT)) == ["updated", "deleted"]
    assert operators.get(*POLICY) is None and enactments(operators) == []
    assert actions(bridges.absent(operators, NMSTATE, "blue", True, WAIT)) == []


def test_the_devices_are_absent_before_the_policy_is(operators: Cluster, order: bridges.Order) -> None:
    """A node that does not answer keeps the policy, which the next run finds and takes up."""
    bridges.present(operators, NMSTATE, order, WAIT)
    note(operators, "node-b", silent="yes")
    with pytest.raises(WaitTimeout, match="node-b: no enactment yet; does kubernetes-nmstate's handler run"):
        bridges.absent(operators, NMSTATE, "blue", True, HASTE)
    kept = operators.get(*POLICY)
    assert kept is not None and documents.is_removing(kept)
    assert [each["name"] for each in kept["spec"]["desiredState"]["interfaces"]] == ["br-vlan-3", "bond0.3"]
    note(operators, "node-b", silent=None)
    assert actions(bridges.absent(operators, NMSTATE, "blue", True, WAIT)) == ["deleted"]


def test_devices_that_somebody_else_has_now_are_kept(operators: Cluster, order: bridges.Order) -> None:
    bridges.present(operators, NMSTATE, order, WAIT)
    report = bridges.absent(operators, NMSTATE, "blue", False, WAIT)
    assert actions(report) == ["deleted"] and not documents.is_removing(report.outcomes[0].before or {})


def test_a_refused_policy_is_told_and_deleted_again(operators: Cluster, order: bridges.Order) -> None:
    note(operators, "node-b", fails="bond0 is not managed")
    with pytest.raises(KubeError, match="node-b: Failing FailedToConfigure bond0 is not managed") as caught:
        bridges.present(operators, NMSTATE, order, WAIT)
    assert not isinstance(caught.value, WaitTimeout) and "was deleted again" in caught.value.message
    assert operators.get(*POLICY) is None
    note(operators, "node-b", fails=None)
    assert actions(bridges.present(operators, NMSTATE, order, WAIT)) == ["created"]


def test_a_node_without_a_handler_is_named(operators: Cluster, order: bridges.Order) -> None:
    note(operators, "node-a", silent="yes")
    with pytest.raises(WaitTimeout, match="node-a: no enactment yet") as caught:
        bridges.present(operators, NMSTATE, order, HASTE)
    assert caught.value.result["changed"] is True
    assert operators.get(*POLICY) is not None, "what is only late goes on"


@pytest.mark.parametrize("backend", [NMSTATE, BRIDGE_OPERATOR])
def test_what_is_not_ours_is_left_alone(operators: Cluster, order: bridges.Order, backend: str) -> None:
    theirs = bridges.document_of(backend, order)
    theirs["metadata"].pop("labels")
    objects.present(operators, [theirs], objects.Settings(wait=False))
    with pytest.raises(KubeError, match="was not made by this collection"):
        bridges.present(operators, backend, order, WAIT)
    assert actions(bridges.absent(operators, backend, "blue", True, WAIT)) == []
    assert operators.get(theirs["apiVersion"], theirs["kind"], theirs["metadata"]["name"]) is not None


def test_the_bridge_of_another_tenant_cluster_is_refused(operators: Cluster, order: bridges.Order) -> None:
    theirs = documents.bridge_configuration({**BLUE, "name": "green"})
    objects.present(operators, [theirs], objects.Settings(wait=False))
    with pytest.raises(KubeError, match="belongs to tenant cluster 'green'"):
        bridges.present(operators, BRIDGE_OPERATOR, order, WAIT)


def information(cluster: Cluster, node: str, *ports: str) -> None:
    """As bridge-operator's daemon writes it."""
    document = {
        "apiVersion": documents.BRIDGE_VERSION,
        "kind": documents.INFORMATION_KIND,
        "metadata": {"name": documents.information_name(node, "br-vlan-3")},
    }
    objects.present(cluster, [document], objects.Settings(wait=False))
    status = {
        "name": "br-vlan-3",
        "node": node,
        "managed": bool(ports),
        "ports": [{"name": port, "managed": True} for port in ports],
    }
    where = cluster.path(documents.BRIDGE_VERSION, documents.INFORMATION_KIND, document["metadata"]["name"])
    cluster.request("patch", f"{where}/status", body={"status": status}, content_type="application/merge-patch+json")


def test_bridge_operator_is_done_when_every_node_has_the_port(operators: Cluster, order: bridges.Order) -> None:
    with pytest.raises(WaitTimeout, match="node-b: no BridgeInformation yet"):
        bridges.present(operators, BRIDGE_OPERATOR, order, HASTE)
    information(operators, "node-a", "bond0.3")
    information(operators, "node-b")
    with pytest.raises(WaitTimeout, match=r"br-vlan-3 is without bond0\.3 and was there before"):
        bridges.present(operators, BRIDGE_OPERATOR, order, HASTE)
    information(operators, "node-b", "bond0.3")
    assert actions(bridges.present(operators, BRIDGE_OPERATOR, order, WAIT)) == ["unchanged"]
    with pytest.raises(WaitTimeout, match="BridgeInformation node-a-br-vlan-3 is still there"):
        bridges.absent(operators, BRIDGE_OPERATOR, "blue", True, HASTE)
    for node in order.nodes:
        name = documents.information_name(node, "br-vlan-3")
        operators.delete(documents.BRIDGE_VERSION, documents.INFORMATION_KIND, name, propagation="Background")


def test_another_vlan_id_is_another_bridge(operators: Cluster, order: bridges.Order) -> None:
    unwaited = replace(WAIT, wait=False)
    bridges.present(operators, BRIDGE_OPERATOR, order, unwaited)
    moved = replace(order, vlan_id=30, bridge="br-vlan-30")
    assert actions(bridges.present(operators, BRIDGE_OPERATOR, moved, unwaited)) == ["deleted", "created"]
    assert [each["metadata"]["name"] for each in bridges.found(operators, BRIDGE_OPERATOR, "blue")] == ["br-vlan-30"]


def test_the_operator_of_ours_is_taken(operators: Cluster) -> None:
    listed = objects.validate(documents.bridge_operator_objects(OPERATOR))
    unwaited = objects.Settings(wait=False)
    assert set(actions(objects.present(operators, listed, unwaited))) == {"created"}
    assert set(actions(objects.present(operators, listed, unwaited))) == {"unchanged"}
    objects.absent(operators, listed, unwaited)


class Call:
    check_mode = True

    def __init__(self, kubeconfig: Path, **params: Any) -> None:
        given = {"kubeconfig": str(kubeconfig), "context": None, "backend": NMSTATE, "name": "blue", **params}
        self.params = {name: given.get(name, spec.get("default")) for name, spec in host_bridge.argument_spec().items()}


def test_a_plan_needs_neither_cluster_nor_vlan_id(tmp_path: Path, kubeconfig: Path) -> None:
    for where in (tmp_path / "none", kubeconfig):
        result = host_bridge.work(Call(where))
        assert result["changed"] and "(known after apply)" in result["diff"][0]["after"]
        assert not host_bridge.work(Call(where, state="absent"))["changed"]


def test_nothing_is_applied_without_a_vlan_id_or_a_node(kubeconfig: Path) -> None:
    for params, message in (
        ({"nodes": ["a"]}, "VLAN id"),
        ({"vlan_id": 3}, "nodes: name"),
        ({"vlan_id": 4095}, "4095"),
    ):
        call = Call(kubeconfig, **params)
        call.check_mode = message == "4095"
        with pytest.raises(KubeError, match=message):
            host_bridge.work(call)


def test_ours_is_what_bears_both_marks() -> None:
    policy = documents.node_network_policy(BLUE)
    assert documents.is_ours(policy, "blue") and not documents.is_ours(policy, "green")
    assert policy["metadata"]["labels"] == labels("blue")
