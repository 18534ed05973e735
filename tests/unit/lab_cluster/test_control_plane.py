"""The host cluster's control plane: configuration and processes."""

import json
from pathlib import Path

import pytest
from fabric_lab.cluster import addons, kubeadm, processes
from fabric_lab.cluster.settings import Cluster
from fabric_lab.state import Lab, LabError


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    monkeypatch.setenv("FABRIC_CACHE", str(tmp_path))
    return Cluster(Lab("demo", 7))


def test_certificate_holds_for_nodes_and_for_the_operator(cluster: Cluster) -> None:
    documents = [json.loads(text) for text in kubeadm.configuration(cluster).split("---\n")]
    by_kind = {document["kind"]: document for document in documents}
    assert by_kind["ClusterConfiguration"]["controlPlaneEndpoint"] == "192.168.55.253:6443"
    assert {"192.168.55.253", "10.77.7.5"} <= set(by_kind["ClusterConfiguration"]["apiServer"]["certSANs"])
    assert by_kind["KubeletConfiguration"]["clusterDNS"] == ["10.96.0.10"]


def test_all_processes_live_in_the_control_planes_namespace(cluster: Cluster) -> None:
    specs = processes.all_of(cluster)
    assert [spec.name for spec in specs] == list(processes.NAMES)
    # what starts virtual machines is no part of the control plane, and stands outside
    inside = [spec for spec in specs if spec.name != processes.VIRTUAL_MACHINES]
    assert {spec.netns for spec in inside} == {"fabric-demo-cp"}
    assert {spec.restart for spec in specs} == {"always"}


def test_secrets_are_not_in_command_lines(cluster: Cluster) -> None:
    words = " ".join(word for spec in processes.all_of(cluster) for word in spec.argv)
    assert "token" not in words.replace("--enable-bootstrap-token-auth=true", "").replace("tokencleaner", "")


def test_joining_needs_signed_cluster_info(cluster: Cluster) -> None:
    assert "--controllers=*,bootstrapsigner,tokencleaner" in processes.controller_manager(cluster).argv


def test_other_ranges_than_those_it_was_made_with_are_refused(cluster: Cluster) -> None:
    cluster.directory.mkdir(parents=True)
    cluster.configuration.write_text(kubeadm.configuration(cluster))
    with pytest.raises(LabError, match="made with other settings"):
        kubeadm.ensure_files(Cluster(cluster.lab, pod_cidr="10.200.0.0/16"))


def test_a_range_that_is_none_is_refused(cluster: Cluster) -> None:
    with pytest.raises(LabError, match="pod_cidr"):
        Cluster(cluster.lab, pod_cidr="10.244.0.1/16")


def test_manifests_are_complete(cluster: Cluster) -> None:
    yaml = pytest.importorskip("yaml")
    documents = [document for document in yaml.safe_load_all(addons.manifests(cluster)) if document]
    objects = {(document["kind"], document["metadata"]["name"]): document for document in documents}
    assert objects["Service", "kube-dns"]["spec"]["clusterIP"] == cluster.dns_address
    annotations = objects["StorageClass", "local-path"]["metadata"]["annotations"]
    assert annotations["storageclass.kubernetes.io/is-default-class"] == "true"
    containers = [
        container
        for document in documents
        if document["kind"] in ("Deployment", "DaemonSet")
        for container in document["spec"]["template"]["spec"]["containers"]
    ]
    assert containers and all(container["imagePullPolicy"] == "IfNotPresent" for container in containers)
