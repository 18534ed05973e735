"""Pausing and resuming, against a real API without anything that would run pods."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.baremetal.fabric.plugins.module_utils._kube import pausing
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.client import Cluster
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.errors import Gone, WaitTimeout
from ansible_collections.baremetal.fabric.plugins.modules import tenant_cluster_power as power


def workload(kind: str, name: str, namespace: str, replicas: int) -> dict[str, Any]:
    labels = {"app": "vcluster" if kind == "StatefulSet" else "lb", "release": "blue"}
    pod = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "x", "image": "example.test/x"}]}}
    spec: dict[str, Any] = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": pod}
    if kind == "StatefulSet":
        spec["serviceName"] = "x"
    metadata = {"name": name, "namespace": namespace, "labels": labels}
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": metadata, "spec": spec}


@pytest.fixture
def there(cluster: Cluster, namespace: str) -> Cluster:
    cluster.create(workload("StatefulSet", "blue", namespace, 3))
    cluster.create(workload("Deployment", "apiserver-lb", namespace, 2))
    return cluster


def params(namespace: str, state: str, **more: Any) -> dict[str, Any]:
    base = {"name": "blue", "namespace": namespace, "state": state, "load_balancer": "apiserver-lb", "replicas": None}
    return {**base, "wait_timeout": 0, "context": None, **more}


def counts(cluster: Cluster, namespace: str) -> tuple[int, int]:
    found = [
        cluster.get("apps/v1", kind, name, namespace)
        for kind, name in (("StatefulSet", "blue"), ("Deployment", "apiserver-lb"))
    ]
    return tuple(pausing.replicas(each) for each in found if each)  # type: ignore[return-value]


def annotations(cluster: Cluster, namespace: str) -> dict[str, str]:
    found = cluster.get("apps/v1", "StatefulSet", "blue", namespace)
    assert found is not None
    return pausing.notes_of(found)


def test_paused_and_back_to_the_replicas_that_there_were(there: Cluster, namespace: str) -> None:
    _after, told = power.scale(there, params(namespace, "paused"), dry_run=True)
    assert told["changed"] and counts(there, namespace) == (3, 2)
    _after, told = power.scale(there, params(namespace, "paused"), dry_run=False)
    assert told["changed"] and counts(there, namespace) == (0, 0)
    assert list(told["replicas"]) == ["Deployment apiserver-lb", "StatefulSet blue"]
    notes = annotations(there, namespace)
    assert (notes[pausing.PAUSED], notes[pausing.REPLICAS]) == ("true", "3") and notes[pausing.DATE].endswith("Z")
    _after, told = power.scale(there, params(namespace, "paused"), dry_run=False)
    assert told["paused"] and not told["changed"] and annotations(there, namespace) == notes

    _after, told = power.scale(there, params(namespace, "running"), dry_run=False)
    assert told["changed"] and counts(there, namespace) == (3, 2)
    assert list(told["replicas"]) == ["StatefulSet blue", "Deployment apiserver-lb"]
    assert annotations(there, namespace) == {}
    assert not power.scale(there, params(namespace, "running"), dry_run=False)[1]["changed"]


def test_a_pause_that_was_killed_halfway_is_finished(there: Cluster, namespace: str) -> None:
    front = there.get("apps/v1", "Deployment", "apiserver-lb", namespace)
    assert front is not None
    there.merge("apps/v1", "Deployment", "apiserver-lb", pausing.companion_pause_patch(front), namespace)
    power.scale(there, params(namespace, "paused"), dry_run=False)
    power.scale(there, params(namespace, "running"), dry_run=False)
    assert counts(there, namespace) == (3, 2)


def test_resumed_by_vclusters_own_command_line(there: Cluster, namespace: str) -> None:
    """It knows nothing of the load balancer."""
    power.scale(there, params(namespace, "paused"), dry_run=False)
    patch = {
        "metadata": {"annotations": dict.fromkeys((pausing.PAUSED, pausing.REPLICAS, pausing.DATE))},
        "spec": {"replicas": 3},
    }
    there.merge("apps/v1", "StatefulSet", "blue", patch, namespace)
    assert power.scale(there, params(namespace, "running"), dry_run=False)[1]["changed"]
    assert counts(there, namespace) == (3, 2)


def test_one_that_somebody_scaled_down(there: Cluster, namespace: str) -> None:
    there.merge("apps/v1", "StatefulSet", "blue", {"spec": {"replicas": 0}}, namespace)
    power.scale(there, params(namespace, "paused", replicas=5), dry_run=False)
    assert annotations(there, namespace)[pausing.REPLICAS] == "5"
    power.scale(there, params(namespace, "running"), dry_run=False)
    assert counts(there, namespace)[0] == 5


def test_one_that_does_not_exist(cluster: Cluster, namespace: str) -> None:
    with pytest.raises(Gone, match="no control plane in namespace"):
        power.scale(cluster, params(namespace, "paused"), dry_run=False)


def test_it_waits_until_the_pods_are_gone_and_says_which_are_not(
    there: Cluster, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(power.kube_module, "open_cluster", lambda _params: there)
    monkeypatch.setattr(Cluster, "__exit__", lambda *_: None)
    monkeypatch.setattr(power, "settled", lambda workload, _state: workload["kind"] != "StatefulSet")
    module: Any = SimpleNamespace(params=params(namespace, "paused"), check_mode=False)
    with pytest.raises(WaitTimeout, match=r"not paused in time:\nStatefulSet .*/blue") as failure:
        power.work(module)
    assert failure.value.result["changed"]


def test_settled() -> None:
    assert power.settled({"status": {}}, "paused") and not power.settled({"status": {"replicas": 1}}, "paused")
    assert pausing.resume_patch({"metadata": {}, "spec": {"replicas": 0}}, None) == {"spec": {"replicas": 1}}
