"""Labels and taints of nodes: ours come and go with the inventory, others' stay. Against a real API."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.baremetal.fabric.plugins.filter.node_marks_due import node_marks_due
from ansible_collections.baremetal.fabric.plugins.module_utils._kube import drain, marks
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.client import Cluster
from ansible_collections.baremetal.fabric.plugins.modules import tenant_node

GPU = {"key": "example.com/gpu", "value": "a100", "effect": "NoSchedule"}
FOREIGN = {"key": "node.example.com/broken", "effect": "NoExecute"}


@pytest.fixture
def name(cluster: Cluster, namespace: str) -> str:
    """A node with a label and a taint of somebody else's."""
    node: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": f"{namespace}-m", "labels": {"theirs": "1"}},
        "spec": {"taints": [FOREIGN]},
    }
    cluster.create(node)
    return f"{namespace}-m"


def read(cluster: Cluster, name: str) -> dict[str, Any]:
    node = cluster.get("v1", "Node", name)
    assert node is not None
    return node


def seen(cluster: Cluster, name: str) -> tuple[dict[str, str], list[dict[str, str]]]:
    node = read(cluster, name)
    taints = node["spec"].get("taints") or []
    # The API server's own for a node that is not Ready.
    return node["metadata"]["labels"], [each for each in taints if each["key"] != "node.kubernetes.io/not-ready"]


def give(cluster: Cluster, name: str, labels: Any, taints: Any) -> dict[str, Any]:
    return tenant_node.mark(cluster, read(cluster, name), {"name": name, "labels": labels, "taints": taints})


def test_ours_come_and_go_and_theirs_stay(cluster: Cluster, name: str) -> None:
    told = give(cluster, name, {"rack": "r7", "slot": 3}, [GPU])
    assert told["changed"] and "rack: r7" in told["diff"]["after"] and "rack" not in told["diff"]["before"]
    labels, taints = seen(cluster, name)
    assert labels == {"theirs": "1", "rack": "r7", "slot": "3"} and taints == [FOREIGN, GPU]
    assert give(cluster, name, {"rack": "r7", "slot": "3"}, [GPU]) == {}

    give(cluster, name, {"rack": "r8"}, [{**GPU, "value": "h100"}])
    labels, taints = seen(cluster, name)
    assert labels == {"theirs": "1", "rack": "r8"} and taints == [FOREIGN, {**GPU, "value": "h100"}]

    give(cluster, name, {}, [])
    assert seen(cluster, name) == ({"theirs": "1"}, [FOREIGN])
    assert marks.OWNED not in (read(cluster, name)["metadata"].get("annotations") or {})
    assert give(cluster, name, {}, []) == {}


def test_nothing_asked_for_is_nothing_done(cluster: Cluster, name: str) -> None:
    give(cluster, name, {"rack": "r7"}, [])
    assert give(cluster, name, None, None) == {}
    assert seen(cluster, name)[0]["rack"] == "r7"


def test_a_node_that_changed_meanwhile_is_read_again(cluster: Cluster, name: str) -> None:
    stale = read(cluster, name)
    later = {"key": "node.example.com/later", "effect": "NoSchedule"}
    cluster.merge("v1", "Node", name, {"spec": {"taints": [*stale["spec"]["taints"], later]}})
    assert tenant_node.mark(cluster, stale, {"name": name, "labels": {}, "taints": [GPU]})["changed"]
    assert [FOREIGN, later, GPU] == seen(cluster, name)[1]


def test_a_dry_run_writes_nothing(cluster: Cluster, name: str) -> None:
    params = {"name": name, "labels": {"rack": "r7"}, "taints": []}
    assert "rack: r7" in tenant_node.mark(cluster, read(cluster, name), params, dry_run=True)["diff"]["after"]
    assert "rack" not in seen(cluster, name)[0]


def test_what_we_closed_is_opened_and_nothing_else(cluster: Cluster, name: str) -> None:
    assert drain.cordon(cluster, name)
    assert node_marks_due([read(cluster, name)], {}, []) == [name]
    give(cluster, name, {}, [])
    node = read(cluster, name)
    assert not drain.closed(node) and seen(cluster, name)[1] == [FOREIGN]
    assert node_marks_due([node], {}, []) == []

    cluster.merge("v1", "Node", name, {"spec": {"unschedulable": True}})
    assert not drain.cordon(cluster, name)
    assert give(cluster, name, {}, []) == {} and drain.closed(read(cluster, name))


def test_the_filter_and_the_module_agree(cluster: Cluster, name: str) -> None:
    wanted: dict[str, Any] = {"labels": {"rack": "r7"}, "taints": [GPU]}
    assert node_marks_due([read(cluster, name)], **wanted) == [name]
    give(cluster, name, **wanted)
    assert node_marks_due([read(cluster, name)], **wanted) == []
    assert node_marks_due([read(cluster, name)], {"rack": "r7"}, []) == [name]


def test_an_unreadable_note_is_none() -> None:
    node = {"metadata": {"annotations": {marks.OWNED: "[broken"}, "labels": {"a": "1"}}}
    assert marks.owned(node) == (set(), set())
    assert marks.change(node, {}, []) == {"metadata": {"annotations": {marks.OWNED: None}}}


@pytest.fixture
def here(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    """The tenant cluster's API is that of the tests."""
    monkeypatch.setattr(tenant_node.kube_module, "open_cluster", lambda _params: cluster)
    monkeypatch.setattr(Cluster, "__exit__", lambda *_: None)
    return cluster


def asked(name: str, state: str, check_mode: bool = False) -> Any:
    params = {"name": name, "state": state, "drain": True, "drain_timeout": 5, "drain_force": False}
    return SimpleNamespace(params={**params, "tenant": {"name": "blue"}}, check_mode=check_mode)


def test_draining_leaves_the_node(here: Cluster, name: str) -> None:
    assert tenant_node.leaving(asked(name, "drained", check_mode=True))["changed"]
    assert not drain.closed(read(here, name))
    assert tenant_node.leaving(asked(name, "drained"))["changed"]
    assert drain.closed(read(here, name))
    assert not tenant_node.leaving(asked(name, "drained"))["changed"]
    assert tenant_node.leaving(asked(name, "absent"))["changed"]
    assert here.get("v1", "Node", name) is None
    assert not tenant_node.leaving(asked(name, "absent"))["changed"]
    with pytest.raises(tenant_node.KubeError, match="no node"):
        tenant_node.leaving(asked(name, "drained"))
