"""kubectl on the lab's clusters, with a kubectl that only tells what it is given."""

from __future__ import annotations

from pathlib import Path

import pytest
from fabric_lab.cluster import kubectl
from fabric_lab.state import Lab, LabError

KUBECTL = """#!/bin/sh
case "$*" in
*port-forward*) {forward} ;;
*) echo "$*" > {told}; exit 3 ;;
esac
"""
FORWARDS = "echo 'Forwarding from 127.0.0.1:43211 -> 8443'; exec sleep 600"
FAILS = "echo 'error: no pods' >&2; exit 1"


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    monkeypatch.setenv("FABRIC_CACHE", str(tmp_path))
    lab = Lab("demo", 0)
    lab.directory.mkdir(parents=True)
    for name in ("host.kubeconfig", "blue.kubeconfig", "blue-forwarded.kubeconfig"):
        (lab.directory / name).touch()
    return lab


def program(tmp_path: Path, forward: str) -> Path:
    """Where it tells what it was given."""
    path = tmp_path / "bin" / "kubectl"
    path.parent.mkdir()
    told = tmp_path / "told"
    path.write_text(KUBECTL.format(forward=forward, told=told))
    path.chmod(0o755)
    return told


def test_lists_the_clusters_that_can_be_reached(lab: Lab) -> None:
    assert kubectl.clusters(lab) == ["host", "blue"]


def test_reaches_a_tenant_cluster_by_a_forwarded_port(lab: Lab, tmp_path: Path) -> None:
    told = program(tmp_path, FORWARDS)
    assert kubectl.run(lab, "blue", ["get", "nodes"]) == 3
    kubeconfig = lab.directory / "blue-forwarded.kubeconfig"
    assert told.read_text().split() == [
        f"--kubeconfig={kubeconfig}",
        "--server=https://127.0.0.1:43211",
        "get",
        "nodes",
    ]


def test_asks_the_host_cluster_directly(lab: Lab, tmp_path: Path) -> None:
    told = program(tmp_path, FAILS)
    assert kubectl.run(lab, "host", ["get", "pods"]) == 3
    assert told.read_text().split() == [f"--kubeconfig={lab.directory / 'host.kubeconfig'}", "get", "pods"]


def test_says_why_there_is_no_way(lab: Lab, tmp_path: Path) -> None:
    program(tmp_path, FAILS)
    with pytest.raises(LabError, match="no way to tenant cluster 'blue': error: no pods"):
        kubectl.run(lab, "blue", ["get", "nodes"])


def test_names_the_clusters_that_there_are(lab: Lab) -> None:
    with pytest.raises(LabError, match="no cluster 'red' in lab 'demo'; there are: host, blue"):
        kubectl.run(lab, "red", ["get", "nodes"])
