"""The stand-in for Kamaji: whose CRDs, and what the nodes of its tenant clusters install."""

from pathlib import Path

import pytest
import yaml
from fabric_lab.build import binaries
from fabric_lab.cluster import kamaji
from fabric_lab.state import REPOSITORY, LabError


def test_the_crds_are_kamajis_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FABRIC_SCHEMAS", str(tmp_path))
    with pytest.raises(
        LabError, match=r"no kamaji\.clastix\.io_tenantcontrolplanes\.yaml, kamaji\.clastix\.io_datastores\.yaml"
    ):
        kamaji.crds()
    for name in kamaji.CRDS:
        (tmp_path / f"kamaji.clastix.io_{name}.yaml").touch()
    assert [path.parent for path in kamaji.crds()] == [tmp_path, tmp_path]


def test_the_manifest_is_complete_and_says_what_it_is() -> None:
    documents = list(yaml.safe_load_all(kamaji.manifest()))
    (deployment,) = [each for each in documents if each["kind"] == "Deployment"]
    assert deployment["metadata"]["name"] == "standin-kamaji"
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert container["image"].startswith("lab.local/standin-")
    assert {each["name"]: each["value"] for each in container["env"]}["IMAGE"] == container["image"]
    assert "@" not in kamaji.manifest().replace("@sha256", "")


def test_nodes_take_everything_from_the_shared_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binaries, "checksum", lambda path: f"sum-of-{path}")
    packages = kamaji.node_packages()
    files = {each["dest"]: each for each in packages["files"]}
    assert files["/usr/local/bin/kubelet"] == {
        "url": "file:///mnt/host/bin/kubelet",
        "checksum": "sha256:sum-of-kubelet",
        "dest": "/usr/local/bin/kubelet",
    }
    assert {"/usr/local/bin/kubeadm", "/usr/local/bin/kube-proxy", "/opt/cni/bin/loopback"} <= set(files)
    assert "/mnt/host/images/lab.local_pause_1.tar" in packages["images"]


def test_the_pod_network_is_one_that_kubernetes_reads() -> None:
    path = REPOSITORY / "lab" / "kubernetes" / "kamaji" / "node-network.yaml"
    kinds = [each["kind"] for each in yaml.safe_load_all(path.read_text())]
    assert kinds == ["ServiceAccount", "ClusterRoleBinding", "DaemonSet"]
