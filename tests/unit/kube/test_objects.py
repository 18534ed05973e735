"""kube_objects against a real API server."""

from __future__ import annotations

import base64
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.baremetal.fabric.plugins.module_utils._kube import objects
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.client import Cluster
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.errors import KubeError, UnknownKind, WaitTimeout

APPLY = objects.Settings(wait_timeout=30)
PLAN = objects.Settings(dry_run=True)


def config_map(namespace: str, name: str = "settings", **data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": namespace}, "data": data}


def crd(group: str) -> dict[str, Any]:
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"pebbles.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"plural": "pebbles", "singular": "pebble", "kind": "Pebble"},
            "versions": [
                {
                    "name": "v1",
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
                }
            ],
        },
    }


def pebble(group: str, namespace: str) -> dict[str, Any]:
    return {
        "apiVersion": f"{group}/v1",
        "kind": "Pebble",
        "metadata": {"name": "one", "namespace": namespace},
        "spec": {"colour": "grey"},
    }


def deployment(namespace: str, replicas: int) -> dict[str, Any]:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": namespace},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "web", "image": "example.test/web:1"}]},
            },
        },
    }


def actions(report: objects.Report) -> list[str]:
    return [outcome.action for outcome in report.outcomes]


def test_create_update_and_nothing(cluster: Cluster, namespace: str) -> None:
    first = objects.present(cluster, [config_map(namespace, a="1", b="2")], APPLY)
    assert actions(first) == ["created"]
    again = objects.present(cluster, [config_map(namespace, a="1", b="2")], APPLY)
    assert actions(again) == ["unchanged"] and not again.changed and again.as_result()["diff"] == []
    changed = objects.present(cluster, [config_map(namespace, a="9")], APPLY)
    assert actions(changed) == ["updated"]
    diff = changed.as_result()["diff"][0]
    assert "a: '1'" in diff["before"] and "a: '9'" in diff["after"] and "b:" not in diff["after"]
    assert "managedFields" not in diff["before"] + diff["after"] and "resourceVersion" not in diff["before"]


def test_a_plan_changes_nothing(cluster: Cluster, namespace: str) -> None:
    objects.present(cluster, [config_map(namespace, a="1")], APPLY)
    report = objects.present(cluster, [config_map(namespace, a="2"), config_map(namespace, "other", b="1")], PLAN)
    assert actions(report) == ["updated", "created"]
    stored = cluster.get("v1", "ConfigMap", "settings", namespace)
    assert stored is not None and stored["data"] == {"a": "1"}
    assert cluster.get("v1", "ConfigMap", "other", namespace) is None


def test_a_plan_shows_the_servers_objections(cluster: Cluster, namespace: str) -> None:
    broken = deployment(namespace, 1)
    broken["spec"]["replicas"] = "many"
    with pytest.raises(KubeError, match="web"):
        objects.present(cluster, [broken], PLAN)


def test_a_plan_before_namespace_and_crd_exist(cluster: Cluster) -> None:
    group = "unborn.example.test"
    documents = [
        pebble(group, "unborn"),
        config_map("unborn", a="1"),
        crd(group),
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "unborn"}},
    ]
    report = objects.present(cluster, documents, PLAN)
    assert actions(report) == ["created"] * 4
    assert [o.document["kind"] for o in report.outcomes][:2] == ["Namespace", "CustomResourceDefinition"]
    assert cluster.get("v1", "Namespace", "unborn") is None


def test_crd_and_its_resource_in_one_call(cluster: Cluster, namespace: str) -> None:
    group = f"{namespace}.example.test"
    documents = [pebble(group, namespace), crd(group)]
    assert actions(objects.present(cluster, documents, APPLY)) == ["created", "created"]
    assert actions(objects.present(cluster, documents, APPLY)) == ["unchanged", "unchanged"]
    removed = objects.absent(cluster, documents, APPLY)
    assert [o.document["kind"] for o in removed.outcomes] == ["Pebble", "CustomResourceDefinition"]
    assert actions(removed) == ["deleted", "deleted"]
    assert actions(objects.absent(cluster, documents, APPLY)) == ["absent", "absent"]


def test_a_kind_that_nobody_serves_is_named(cluster: Cluster, namespace: str) -> None:
    with pytest.raises(UnknownKind, match=r"Pebble of nowhere\.test/v1.*CustomResourceDefinition"):
        objects.present(cluster, [pebble("nowhere.test", namespace)], APPLY)


def test_secret_values_stay_hidden(cluster: Cluster, namespace: str) -> None:
    def secret(value: str) -> dict[str, Any]:
        return {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "s", "namespace": namespace},
            "stringData": {"password": value, "user": "me"},
        }

    created = objects.present(cluster, objects.validate([secret("hunter2!")]), APPLY).as_result()
    changed = objects.present(cluster, objects.validate([secret("correct horse")]), APPLY).as_result()
    same = objects.present(cluster, objects.validate([secret("correct horse")]), APPLY)
    assert not same.changed
    shown = str(created) + str(changed)
    for value in ("hunter2!", "correct horse"):
        assert value not in shown and base64.b64encode(value.encode()).decode() not in shown
    assert "(hidden, new value)" in changed["diff"][0]["after"]


def test_drift_is_taken_back(cluster: Cluster, namespace: str) -> None:
    objects.present(cluster, [config_map(namespace, a="1")], APPLY)
    cluster.merge("v1", "ConfigMap", "settings", {"data": {"a": "2", "theirs": "x"}}, namespace)
    assert actions(objects.present(cluster, [config_map(namespace, a="1")], APPLY)) == ["updated"]
    stored = cluster.get("v1", "ConfigMap", "settings", namespace)
    assert stored is not None and stored["data"] == {"a": "1", "theirs": "x"}


def test_waits_for_a_rollout(cluster: Cluster, namespace: str) -> None:
    def run_the_pods() -> None:
        done: set[str] = set()
        while len(done) < 2:
            for pod in cluster_of_thread.list("v1", "Pod", namespace):
                name = pod["metadata"]["name"]
                if name not in done:
                    _report_ready(cluster_of_thread, namespace, name)
                    done.add(name)
            time.sleep(0.1)

    cluster_of_thread = Cluster(cluster.api_client)
    kubelet = threading.Thread(target=run_the_pods)
    kubelet.start()
    report = objects.present(cluster, [deployment(namespace, 2)], APPLY)
    kubelet.join()
    assert actions(report) == ["created"]
    stored = cluster.get("apps/v1", "Deployment", "web", namespace)
    assert stored is not None and stored["status"]["availableReplicas"] == 2


def _report_ready(cluster: Cluster, namespace: str, pod: str) -> None:
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    cluster.request(
        "patch",
        f"/api/v1/namespaces/{namespace}/pods/{pod}/status",
        body={
            "status": {
                "phase": "Running",
                "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": now}],
            }
        },
        content_type="application/merge-patch+json",
    )


def test_a_rollout_that_does_not_come_is_accounted_for(
    cluster: Cluster, namespace: str, eventually: Callable[[Callable[[], bool]], None]
) -> None:
    objects.present(cluster, [deployment(namespace, 1)], objects.Settings(wait=False))
    eventually(lambda: bool(cluster.list("v1", "Pod", namespace)))
    with pytest.raises(WaitTimeout) as failure:
        objects.present(cluster, [deployment(namespace, 1)], objects.Settings(wait_timeout=1))
    text = failure.value.message
    assert f"Deployment {namespace}/web: 1/1 updated, 0/1 available" in text
    assert "condition Available=False" in text and "event web" in text and "pod web-" in text


def test_absent_waits_and_leaves_the_rest(cluster: Cluster, namespace: str) -> None:
    objects.present(cluster, [config_map(namespace, a="1"), config_map(namespace, "other", b="1")], APPLY)
    planned = objects.absent(cluster, [config_map(namespace)], PLAN)
    assert actions(planned) == ["deleted"]
    assert cluster.get("v1", "ConfigMap", "settings", namespace) is not None
    assert actions(objects.absent(cluster, [config_map(namespace)], APPLY)) == ["deleted"]
    assert cluster.get("v1", "ConfigMap", "settings", namespace) is None
    assert cluster.get("v1", "ConfigMap", "other", namespace) is not None


def test_absent_says_what_holds_an_object(cluster: Cluster, namespace: str) -> None:
    held = config_map(namespace, a="1")
    held["metadata"]["finalizers"] = ["example.test/hold"]
    objects.present(cluster, [held], APPLY)
    with pytest.raises(WaitTimeout, match=r"finalizers .*example\.test/hold"):
        objects.absent(cluster, [held], objects.Settings(wait_timeout=1))
    cluster.merge("v1", "ConfigMap", "settings", {"metadata": {"finalizers": None}}, namespace)


def test_a_namespace_is_waited_for(cluster: Cluster, namespace: str) -> None:
    objects.present(cluster, [config_map(namespace, a="1")], APPLY)
    document = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
    assert actions(objects.absent(cluster, [document], APPLY)) == ["deleted"]
    assert cluster.get("v1", "Namespace", namespace) is None


def test_all_mistakes_at_once() -> None:
    with pytest.raises(KubeError) as failure:
        objects.validate([{"kind": "X"}, "text", config_map("a"), config_map("a")])
    text = failure.value.message
    assert "objects[0]: apiVersion, metadata.name missing" in text
    assert "objects[1]: not a dictionary" in text and "objects[3]: ConfigMap a/settings is there twice" in text
