"""From servers in a rack to a Kubernetes cluster that can carry tenant clusters."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from fabric_lab.build import images
from fabric_lab.demo.plays import Run

from .conftest import unchanged
from .lab import SHARED, TestLab


@pytest.mark.m3
def test_shared_servers_are_ready_nodes_on_a_bond(rack: TestLab, host_cluster: Run) -> None:
    assert set(host_cluster.hosts) >= set(SHARED)
    nodes = rack.nodes(None)
    assert {name: node["ready"] for name, node in nodes.items() if name in SHARED} == dict.fromkeys(SHARED, "True")
    for server in SHARED:
        bond = rack.devices(server)["bond0"]
        assert bond["operstate"] == "UP"
        assert any(entry["local"].startswith("192.168.") for entry in bond["addr_info"] if entry["family"] == "inet")


@pytest.mark.m3
def test_there_is_a_default_storage_class_and_the_addons_run(rack: TestLab, host_cluster: Run) -> None:
    del host_cluster
    classes = json.loads(rack.kubectl(None, "get", "storageclass", "-o", "json"))["items"]
    default = "storageclass.kubernetes.io/is-default-class"
    assert [
        each["metadata"]["name"] for each in classes if each["metadata"].get("annotations", {}).get(default) == "true"
    ]
    sets = json.loads(rack.kubectl(None, "get", "daemonsets", "-A", "-o", "json"))["items"]
    ready = {each["metadata"]["name"]: each["status"].get("numberReady", 0) for each in sets}
    assert any("multus" in name and count == len(SHARED) for name, count in ready.items()), ready
    assert any("whereabouts" in name and count == len(SHARED) for name, count in ready.items()), ready


@pytest.mark.m3
def test_a_claim_of_its_default_class_is_bound_and_given_back(rack: TestLab, host_cluster: Run) -> None:
    del host_cluster
    run = unchanged(rack.play(str(Path(__file__).with_name("storage_proof.yml")), "-e", f"proof_image={images.PAUSE}"))
    assert any(task.endswith("Assert that it is bound") for task in run.tasks)
    assert (
        rack.kubectl(None, "-n", "kube-system", "get", "persistentvolumeclaims,pods", "-o", "name").count("proof") == 0
    )


@pytest.mark.m3
def test_second_run_changes_nothing(rack: TestLab, host_cluster: Run) -> None:
    del host_cluster
    unchanged(rack.play("host_cluster"))
