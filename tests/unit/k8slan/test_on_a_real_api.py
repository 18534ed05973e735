# SPDX-License-Identifier: Apache-2.0
"""LANs in a real API server with k8slan's own CRD; k8slan itself and its nodes are on paper."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.baremetal.fabric.plugins.module_utils._k8slan import cluster as lans_of
from ansible_collections.baremetal.fabric.plugins.module_utils._k8slan import model
from ansible_collections.baremetal.fabric.plugins.module_utils._k8slan.cluster import Settings
from ansible_collections.baremetal.fabric.plugins.module_utils._k8slan.model import Lan
from ansible_collections.baremetal.fabric.plugins.module_utils._kube import objects
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.client import Cluster, connect
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.errors import KubeError, WaitTimeout
from ansible_collections.baremetal.fabric.plugins.modules import k8slan_lans
from kubernetes import client, config

from tests.support import kube_api, paper_k8slan, schemas

from .world import EXAMPLE, OTHER, lan

SOON = Settings(wait_timeout=20)
IMPATIENT = Settings(wait_timeout=0)
PLAN = Settings(dry_run=True)
NODES = ("shared1", "shared2")
DAEMON_SET: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "DaemonSet",
    "metadata": {"name": "k8slan-ds", "namespace": "k8slan-system"},
    "spec": {
        "selector": {"matchLabels": {"app": "k8slan"}},
        "template": {
            "metadata": {"labels": {"app": "k8slan"}},
            "spec": {"containers": [{"name": "manager", "image": "ghcr.io/hujun-open/k8slan:0.0.2"}]},
        },
    },
}


def networks_crd() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(schemas.find("nad.crd.yaml").read_text())
    return found


class Paper:
    """The nodes' part, which can be stopped."""

    def __init__(self, kubeconfig: Path) -> None:
        configuration = client.Configuration()
        config.load_kube_config(str(kubeconfig), client_configuration=configuration)
        api = client.ApiClient(configuration)
        self.core, self._custom = client.CoreV1Api(api), client.CustomObjectsApi(api)
        self._ends = threading.Event()
        self._thread: threading.Thread | None = None

    def run(self) -> None:
        self._ends.clear()
        self._thread = threading.Thread(target=self._work)
        self._thread.start()

    def _work(self) -> None:
        while not self._ends.wait(0.3):
            try:
                paper_k8slan.tend(self.core, self._custom)
                self._say_that_pods_run()
            except client.ApiException as error:
                assert error.status in (404, 409, 422), error

    def _say_that_pods_run(self) -> None:
        fine = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
        for pod in self.core.list_namespaced_pod("k8slan-system").items:
            if pod.spec.node_name and pod.status.phase == "Pending":
                self.core.patch_namespaced_pod_status(pod.metadata.name, "k8slan-system", {"status": fine})

    def stop(self) -> None:
        self._ends.set()
        if self._thread:
            self._thread.join()


@pytest.fixture(scope="module")
def kubeconfig() -> Iterator[Path]:
    """An API server of these tests' own: nodes and definitions would be in the way of others."""
    with kube_api.running() as path:
        yield path


@pytest.fixture(scope="module")
def cluster(kubeconfig: Path) -> Iterator[Cluster]:
    """With k8slan's and the network attachments' CRDs, nodes, and k8slan's DaemonSet."""
    crds = [yaml.safe_load(schemas.find("k8slan_lans.crd.yaml").read_text()), networks_crd()]
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "k8slan-system"}}
    nodes = [{"apiVersion": "v1", "kind": "Node", "metadata": {"name": each}} for each in NODES]
    with connect(str(kubeconfig)) as connection:
        made = objects.validate([namespace, *crds, *nodes, DAEMON_SET])
        objects.present(connection, made, objects.Settings(wait=False))
        yield connection


@pytest.fixture(scope="module")
def paper(kubeconfig: Path, cluster: Cluster) -> Iterator[Paper]:
    del cluster
    nodes = Paper(kubeconfig)
    nodes.run()
    yield nodes
    nodes.stop()


def present(cluster: Cluster, lans: list[Lan], settings: Settings) -> objects.Report:
    return lans_of.bring(cluster, lans, [], settings)[0]


def absent(
    cluster: Cluster, leaving: list[tuple[str, str]] | None, settings: Settings
) -> tuple[objects.Report, list[str]]:
    return lans_of.bring(cluster, [], leaving, settings)


def actions(report: objects.Report) -> list[tuple[str, str]]:
    return [(each.document["metadata"]["name"], each.action) for each in report.outcomes]


def test_a_first_plan_touches_nothing(cluster: Cluster, paper: Paper) -> None:
    del paper
    report = present(cluster, [lan(device="eth0", devices={})], PLAN)
    assert actions(report) == [("lan-example", "created")]
    assert cluster.list(model.API_VERSION, model.KIND) == []


def test_they_come_once_change_only_anew_and_go(cluster: Cluster, paper: Paper) -> None:
    del paper
    both = [lan(), lan(OTHER)]
    assert actions(present(cluster, both, SOON)) == [("lan-example", "created"), ("other", "created")]
    again = present(cluster, both, SOON)
    assert actions(again) == [("lan-example", "unchanged"), ("other", "unchanged")] and not again.changed

    # what one has had goes to the other
    swapped = [lan(vni=223), lan(OTHER, vni=222)]
    with pytest.raises(KubeError, match=r"cannot be changed, only made anew \(recreate\)"):
        present(cluster, swapped, SOON)
    anew = [("other", "deleted"), ("lan-example", "deleted"), ("lan-example", "created"), ("other", "created")]
    assert actions(present(cluster, swapped, Settings(recreate=True, dry_run=True))) == anew
    assert actions(present(cluster, swapped, Settings(recreate=True, wait_timeout=20))) == anew
    found = {each["metadata"]["name"]: each["spec"]["vni"] for each in cluster.list(model.API_VERSION, model.KIND)}
    assert found == {"lan-example": 223, "other": 222}

    # one goes, and what it had is free at once
    heir = lan(OTHER, name="heir", vni=222)
    report, freed = lans_of.bring(cluster, [heir], [("default", "other"), ("default", "never")], SOON)
    assert actions(report) == [("other", "deleted"), ("never", "absent"), ("heir", "created")] and freed == []
    absent(cluster, [("default", "heir")], SOON)
    report, _freed = absent(cluster, None, SOON)
    assert actions(report) == [("lan-example", "deleted")]
    assert cluster.list(model.API_VERSION, model.KIND) == []


def test_who_is_attached_keeps_it(cluster: Cluster, paper: Paper) -> None:
    del paper
    present(cluster, [lan()], SOON)
    metadata = {
        "name": "router",
        "namespace": "k8slan-system",
        "annotations": {"k8s.v1.cni.cncf.io/networks": "default/k8slan-veth-srl@e1-1"},
    }
    spec = {"containers": [{"name": "main", "image": "example.com/router:1"}]}
    cluster.create({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
    for work in (
        lambda: absent(cluster, [("default", "lan-example")], SOON),
        lambda: present(cluster, [lan(vni=7)], Settings(recreate=True)),
    ):
        with pytest.raises(KubeError, match="still has Pod k8slan-system/router attached"):
            work()
    cluster.delete("v1", "Pod", "router", "k8slan-system", grace=0)
    absent(cluster, None, SOON)


def test_rules_come_before_anything(cluster: Cluster, paper: Paper) -> None:
    del paper
    with pytest.raises(KubeError) as caught:
        present(cluster, [lan(OTHER), lan(namespace="nowhere", devices={"shared9": "eth0"})], SOON)
    assert caught.value.message.startswith("nothing was touched:\n  - lans[1].namespace: there is no namespace")
    assert "lans[1].devices.shared9: there is no node" in caught.value.message
    assert cluster.list(model.API_VERSION, model.KIND) == []


def test_somebody_elses_lan_is_not_touched(cluster: Cluster, paper: Paper) -> None:
    del paper
    document = model.document(lan())
    del document["metadata"]["labels"]
    cluster.create(document)
    with pytest.raises(KubeError, match="was not made by this collection"):
        absent(cluster, [("default", "lan-example")], SOON)
    assert actions(absent(cluster, None, SOON)[0]) == []
    with pytest.raises(KubeError, match=r"vni 222 must be used once .* default/lan-example \(exists\)"):
        present(cluster, [lan(OTHER, vni=222)], SOON)
    mark = {"metadata": {"labels": {model.MANAGED_BY_LABEL: "baremetal.fabric"}}}
    cluster.merge(model.API_VERSION, model.KIND, "lan-example", mark, "default")
    absent(cluster, None, SOON)


def test_without_its_nodes_it_waits_and_is_freed_only_when_asked(cluster: Cluster, paper: Paper) -> None:
    del paper
    absent(cluster, None, SOON)
    present(cluster, [lan(devices={})], SOON)
    mark = {"metadata": {"labels": {paper_k8slan.DEAD: ""}}}
    cluster.merge("v1", "Node", "shared2", mark)
    with pytest.raises(WaitTimeout) as caught:
        absent(cluster, None, Settings(wait_timeout=3))
    assert "LAN default/lan-example is still there, held by finalizer.k8slan.io/shared2" in caught.value.message
    assert caught.value.result["changed"] is True

    # as long as its node is there and k8slan runs on it, it may still do so
    with pytest.raises(WaitTimeout):
        absent(cluster, None, Settings(wait_timeout=1, free_finalizers=True))
    cluster.delete("v1", "Node", "shared2")
    report, freed = absent(cluster, None, Settings(wait_timeout=20, free_finalizers=True))
    assert not report.changed
    (told,) = freed
    assert told.startswith("LAN default/lan-example: took off the finalizer finalizer.k8slan.io/shared2")
    assert cluster.list(model.API_VERSION, model.KIND) == []
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "shared2"}}
    cluster.create(node)


def test_what_is_not_ready_is_told(cluster: Cluster, paper: Paper) -> None:
    paper.stop()
    with pytest.raises(WaitTimeout) as caught:
        present(cluster, [lan(OTHER)], IMPATIENT)
    assert "LAN default/other: no network attachment k8slan-veth-third" in caught.value.message
    assert "has not taken it up" in caught.value.message
    assert "k8slan has written no condition to it" in caught.value.message
    paper.run()
    assert not present(cluster, [lan(OTHER)], SOON).changed
    absent(cluster, None, SOON)


class Asked:
    def __init__(self, check_mode: bool = False, **params: Any) -> None:
        spec = k8slan_lans.argument_spec()
        defaults = {name: each.get("default") for name, each in spec.items()}
        self.params: dict[str, Any] = {**defaults, **params}
        self.check_mode = check_mode


def test_a_cluster_s_mistakes_are_told_with_the_others(kubeconfig: Path, cluster: Cluster) -> None:
    del cluster
    wrong = {"namespace": "default", "state": "present", **EXAMPLE, "vni": 0, "devices": {"shared9": "eth0"}}
    with pytest.raises(KubeError) as caught:
        k8slan_lans.work(Asked(lans=[wrong], kubeconfig=str(kubeconfig), context=None))
    for mistake in ("lans[0].vni: 0 is not in", "devices.shared9: there is no node"):
        assert mistake in caught.value.message


def test_without_a_cluster_rules_hold_and_a_plan_is_made(tmp_path: Path) -> None:
    place = {"kubeconfig": str(tmp_path / "none"), "context": None}
    example = {"state": "present", **EXAMPLE}
    made = k8slan_lans.work(Asked(check_mode=True, lans=[example], **place))
    assert [each["action"] for each in made["objects"]] == ["created"]
    assert made["lans"][0]["spokes"][0] == {
        "name": "srl",
        "consumer": "pod",
        "attachment": "default/k8slan-veth-srl",
        "resource": "macvtap.k8slan.io/k8slan-veth-srl",
    }
    with pytest.raises(KubeError, match=r"lans\[0\].vni: is required"):
        k8slan_lans.work(Asked(check_mode=True, lans=[{**example, "vni": None}], **place))
    with pytest.raises(KubeError, match="lans: default/lan-example shall be there and shall not be there"):
        torn = {"name": "lan-example", "namespace": "default", "state": "absent"}
        k8slan_lans.work(Asked(check_mode=True, lans=[{"namespace": "default", **example}, torn], **place))
    gone = [{"name": "lan-example", "namespace": "default", "state": "present"}]
    assert k8slan_lans.work(Asked(check_mode=True, state="absent", lans=gone, **place))["objects"] == []
