"""Snapshots and the way back, against a real API whose pods a test says to have ended."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.baremetal.fabric.plugins.module_utils._kube import pausing, restoring, snapshots
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.client import Cluster, connect
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.errors import KubeError, WaitTimeout
from ansible_collections.baremetal.fabric.plugins.modules import tenant_restore, tenant_snapshot

URL = "s3://backups/blue"
KEYS = {"access_key_id": "AKIA", "secret_access_key": "not-a-real-secret", "endpoint": "https://s3.example.test"}


# --- where to ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "store", "details"),
    [
        ("s3://backups/a/b", "s3", {"bucket": "backups", "key": "a/b"}),
        ("oci://registry.example.test/blue:1", "oci", {"repository": "registry.example.test/blue:1"}),
        ("https://a.blob.core.windows.net/c/b", "azure", {"blob-url": "https://a.blob.core.windows.net/c/b"}),
        ("container:///data/blue.tar.gz", "container", {"path": "/data/blue.tar.gz"}),
    ],
)
def test_a_place_in_vclusters_words(url: str, store: str, details: dict[str, str]) -> None:
    made = snapshots.options(url, {})
    assert (made["type"], made[store]) == (store, details)


@pytest.mark.parametrize(
    "url", ["s3://backups", "oci://registry.example.test", "container://data/x", "ftp://a/b", "/data/x", "https://a"]
)
def test_a_place_that_is_none(url: str) -> None:
    with pytest.raises(snapshots.SnapshotError, match="none of s3://"):
        snapshots.options(url, {})


@pytest.mark.parametrize("url", ["s3://b/k?secret-access-key=c2VjcmV0", "oci://me:secret@registry.example.test/x"])
def test_a_place_with_a_secret_is_refused_without_saying_it(url: str) -> None:
    with pytest.raises(snapshots.SnapshotError) as caught:
        snapshots.options(url, {})
    assert "secret@" not in str(caught.value) and "c2VjcmV0" not in str(caught.value)


def test_credentials_of_another_store() -> None:
    with pytest.raises(snapshots.SnapshotError, match=r"password: no credentials for s3://b/k; it takes access_key_id"):
        snapshots.options("s3://b/k", {"password": "x"})


def test_every_credential_is_an_option_and_secrets_are_marked() -> None:
    spec = tenant_snapshot.argument_spec()["credentials"]["options"]
    assert set(spec) == {name for known in snapshots.CREDENTIALS.values() for name in known}
    assert {name for name, each in spec.items() if each.get("no_log")} == set(snapshots.SECRETS)


# --- asking --------------------------------------------------------------------------------------------------------


def params(namespace: str, **more: Any) -> dict[str, Any]:
    base = {"name": "blue", "namespace": namespace, "url": URL, "credentials": KEYS, "wait_timeout": 0}
    return {**base, "request": None, "replicas": None, **more}


def tell(cluster: Cluster, namespace: str, name: str, phase: str, message: str = "") -> None:
    """What the control plane would write."""
    found = cluster.get("v1", "ConfigMap", name, namespace)
    assert found is not None
    request = {**snapshots.request_of(found), "status": {"phase": phase, "error": {"message": message}}}
    cluster.merge("v1", "ConfigMap", name, {"data": {snapshots.REQUEST_KEY: json.dumps(request)}}, namespace)


def test_the_request_is_what_the_control_plane_looks_for(cluster: Cluster, namespace: str) -> None:
    name = tenant_snapshot.ask(cluster, params(namespace), namespace)
    secret, config_map = (cluster.get("v1", kind, name, namespace) for kind in ("Secret", "ConfigMap"))
    assert secret is not None and config_map is not None
    labels = {
        "vcluster.loft.sh/snapshot-request": "",
        "vcluster.loft.sh/vcluster-name": "blue",
        "vcluster.loft.sh/vcluster-namespace": namespace,
    }
    assert secret["metadata"]["labels"] == config_map["metadata"]["labels"] == labels
    written = json.loads(base64.b64decode(secret["data"]["snapshotOptions"]))
    assert written["s3"]["secret-access-key"] == "not-a-real-secret"
    assert snapshots.request_of(config_map)["spec"] == {"url": URL}
    assert "not-a-real-secret" not in json.dumps(config_map)


def test_one_that_is_being_written_is_waited_for(cluster: Cluster, namespace: str) -> None:
    first = tenant_snapshot.ask(cluster, params(namespace), namespace)
    assert tenant_snapshot.ask(cluster, params(namespace), namespace) == first
    tell(cluster, namespace, first, "CreatingEtcdBackup")
    assert tenant_snapshot.ask(cluster, params(namespace), namespace) == first
    assert tenant_snapshot.ask(cluster, params(namespace, url="s3://backups/other"), namespace) != first
    tell(cluster, namespace, first, "Completed")
    assert tenant_snapshot.ask(cluster, params(namespace), namespace) != first


def test_how_it_ends(cluster: Cluster, namespace: str) -> None:
    name = tenant_snapshot.ask(cluster, params(namespace), namespace)
    with pytest.raises(WaitTimeout, match="was not taken up") as caught:
        tenant_snapshot.wait(cluster, name, namespace, 0)
    assert caught.value.result["request"] == name
    tell(cluster, namespace, name, "Failed", "access denied")
    with pytest.raises(KubeError, match="ended as Failed: access denied"):
        tenant_snapshot.wait(cluster, name, namespace, 0)
    tell(cluster, namespace, name, "Completed")
    tenant_snapshot.wait(cluster, name, namespace, 0)


# --- the way back --------------------------------------------------------------------------------------------------


def control_plane(namespace: str, replicas: int) -> dict[str, Any]:
    labels = {"app": "vcluster", "release": "blue"}
    syncer = {
        "name": "syncer",
        "image": "example.test/vcluster",
        "env": [{"name": "VCLUSTER_NAME", "value": "blue"}, {"name": "POD_NAME", "value": "x"}],
        "volumeMounts": [{"name": "data", "mountPath": "/data"}, {"name": "tmp", "mountPath": "/tmp"}],
    }
    pod = {
        "containers": [{"name": "other", "image": "example.test/x"}, syncer],
        "volumes": [{"name": "tmp", "emptyDir": {}}],
    }
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    spec: dict[str, Any] = {
        "replicas": replicas,
        "serviceName": "x",
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": pod},
        "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": claim}],
    }
    metadata = {"name": "blue", "namespace": namespace, "labels": labels}
    return {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": metadata, "spec": spec}


@pytest.fixture
def there(cluster: Cluster, namespace: str) -> Cluster:
    cluster.create(control_plane(namespace, 3))
    deadline = time.monotonic() + 30
    while len(cluster.list("v1", "PersistentVolumeClaim", namespace)) < 1:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return cluster


def end(cluster: Cluster, namespace: str, name: str, phase: str) -> None:
    path, body = f"/api/v1/namespaces/{namespace}/pods/{name}/status", {"status": {"phase": phase}}
    try:
        cluster.request("patch", path, body=body, content_type="application/merge-patch+json")
    except KubeError as error:
        if error.status != 404:  # it was removed meanwhile
            raise


@contextmanager
def pods_end(kubeconfig: str, namespace: str, phase: str) -> Iterator[None]:
    """The restore's pod ends like this; pods of the control plane are gone when they are told to go."""
    over = threading.Event()

    def tend() -> None:
        with connect(kubeconfig) as own:
            while not over.is_set():
                for pod in own.list("v1", "Pod", namespace):
                    name = pod["metadata"]["name"]
                    if pod["metadata"].get("deletionTimestamp"):
                        own.delete("v1", "Pod", name, namespace, grace=0)
                    elif name == "blue-restore" and (pod.get("status") or {}).get("phase") != phase:
                        end(own, namespace, name, phase)
                over.wait(0.1)

    thread = threading.Thread(target=tend)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def found(cluster: Cluster, namespace: str) -> dict[str, Any]:
    plane = cluster.get("apps/v1", "StatefulSet", "blue", namespace)
    assert plane is not None
    return plane


def test_restored_with_the_replicas_that_there_were(there: Cluster, namespace: str, kubeconfig: Any) -> None:
    with pods_end(str(kubeconfig), namespace, "Succeeded"):
        tenant_restore.Restore(there, params(namespace, wait_timeout=60)).run()
    plane = found(there, namespace)
    assert pausing.replicas(plane) == 3 and pausing.notes_of(plane) == {}
    assert there.get("v1", "Secret", "blue-restore", namespace) is None
    assert there.get("v1", "Pod", "blue-restore", namespace) is None


def test_one_that_fails_starts_again_as_it_was(
    there: Cluster, namespace: str, kubeconfig: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Cluster, "log_tail", lambda *_args, **_more: "no such key")
    with (
        pods_end(str(kubeconfig), namespace, "Failed"),
        pytest.raises(KubeError, match=r"was not restored, and the control plane starts as it was:\nno such key"),
    ):
        tenant_restore.Restore(there, params(namespace, wait_timeout=60)).run()
    plane = found(there, namespace)
    assert pausing.replicas(plane) == 3 and pausing.notes_of(plane) == {}


def test_an_interrupted_one_is_taken_up(there: Cluster, namespace: str, kubeconfig: Any) -> None:
    """Stopped and with its pod there; another snapshot's would be taken away."""
    plane = {"apiVersion": "apps/v1", "kind": "StatefulSet", **found(there, namespace)}
    patch = restoring.begin_patch(plane, "2026-11-22T00:00:00Z", None)
    there.merge("apps/v1", "StatefulSet", "blue", patch, namespace)
    for url, kept in ((URL, True), ("s3://backups/older", False)):
        there.create(restoring.restore_pod(plane, "blue", "blue-restore", url))
        before = there.get("v1", "Pod", "blue-restore", namespace)
        assert before is not None
        steps = tenant_restore.Restore(there, params(namespace, wait_timeout=60))
        seen: list[str] = []
        steps.write = lambda seen=seen: seen.append("written")  # type: ignore[method-assign]
        steps.finish = lambda: None  # type: ignore[method-assign]
        with pods_end(str(kubeconfig), namespace, "Running"):
            steps.run()
            assert (seen == []) is kept
            steps.remove_pod()


def test_only_the_first_members_volume_stays(namespace: str) -> None:
    claims = [
        {"metadata": {"name": name}} for name in ("data-blue-0", "data-blue-1", "data-blue-2", "data-blue-etcd-0")
    ]
    plane = control_plane(namespace, 3)
    assert restoring.surplus_volumes(plane, claims) == ["data-blue-1", "data-blue-2"]
    assert restoring.first_volumes(plane, claims) == []
    assert [each["metadata"]["name"] for each in restoring.first_volumes(plane, [])] == ["data-blue-0"]


def test_the_pod_is_the_first_member_and_knows_no_secret(namespace: str) -> None:
    pod = restoring.restore_pod(control_plane(namespace, 1), "blue", "blue-restore", URL)
    container = pod["spec"]["containers"][0]
    assert container["command"] == ["/vcluster", "restore"] and container["image"] == "example.test/vcluster"
    environment = {each["name"]: each for each in container["env"]}
    assert environment["POD_NAME"]["value"] == "blue-0"
    assert environment["VCLUSTER_STORAGE_OPTIONS"]["valueFrom"]["secretKeyRef"]["name"] == "blue-restore"
    claimed = {"name": "data", "persistentVolumeClaim": {"claimName": "data-blue-0"}}
    assert claimed in pod["spec"]["volumes"]


def test_a_control_plane_that_is_none_of_vclusters(namespace: str) -> None:
    plane = control_plane(namespace, 1)
    plane["spec"]["template"]["spec"]["containers"].pop()
    with pytest.raises(restoring.RestoreError, match="has no container syncer"):
        restoring.restore_pod(plane, "blue", "x", URL)


def test_check_mode_tells_the_volumes_and_touches_nothing(
    there: Cluster, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tenant_restore.kube_module, "open_cluster", lambda _params: there)
    monkeypatch.setattr(Cluster, "__exit__", lambda *_: None)
    module: Any = SimpleNamespace(params=params(namespace), check_mode=True)
    told = tenant_restore.work(module)
    assert told["changed"] and all(name.startswith("data-blue-") for name in told["volumes"])
    assert pausing.notes_of(found(there, namespace)) == {}
