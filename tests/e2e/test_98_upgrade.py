"""A tenant cluster of the minor before goes to the present one: its control plane, its server, its virtual machine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from fabric_lab.build.components import FORMER_KUBERNETES, KUBERNETES
from fabric_lab.demo.plays import Run

from .conftest import Tenants, settled, unchanged
from .lab import TestLab
from .test_50_change import copy_inventory

pytestmark = pytest.mark.m6

TENANT, NODES = "blue", ("blue-vm1", "metal1")
BLUE = ("-e", f"fabric_tenants={TENANT}")


def inventory_of(target: Path, version: str) -> Path:
    copy_inventory(target, {})
    variables = target / "host_vars" / f"{TENANT}.yml"
    values = yaml.safe_load(variables.read_text())
    variables.write_text(yaml.safe_dump({**values, "tenant_cluster_kubernetes_version": version}))
    return target


def server_version(rack: TestLab) -> str:
    return str(json.loads(rack.kubectl(TENANT, "version", "-o", "json"))["serverVersion"]["gitVersion"])


def versions(rack: TestLab) -> dict[str, str]:
    nodes = rack.nodes(TENANT)
    assert {node["ready"] for node in nodes.values()} == {"True"}
    return {name: node["version"] for name, node in nodes.items()}


@pytest.fixture(scope="module")
def former(rack: TestLab, tenants: Tenants, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """blue is made anew with the minor before."""
    tenants.ensure()
    settled(rack.play("tenant_delete", "-e", f"fabric_delete={TENANT}"))
    tenants.spoil()
    before = rack.inventory
    rack.inventory = inventory_of(tmp_path_factory.mktemp("former") / "inventory", FORMER_KUBERNETES)
    try:
        yield settled(rack.play("tenant_create", *BLUE))
    finally:
        rack.inventory = before


def test_a_new_minor_is_refused_where_nodes_would_not_follow(rack: TestLab, former: Run) -> None:
    """The chart's own version is another minor than the chosen one: to leave the choice out would be an upgrade."""
    del former
    for chosen in (None, KUBERNETES):
        version = json.dumps({"tenant_cluster_kubernetes_version": chosen})
        run = rack.play("tenant_create", *BLUE, "-e", version)
        said = " ".join(each.text() for each in run.failed)
        assert f"is Kubernetes {KUBERNETES}, and {FORMER_KUBERNETES} runs" in said
        assert "run the playbook tenant_upgrade" in said
    assert server_version(rack) == FORMER_KUBERNETES


@pytest.fixture(scope="module")
def upgraded(rack: TestLab, former: Run, tmp_path_factory: pytest.TempPathFactory) -> Run:
    del former
    assert server_version(rack) == FORMER_KUBERNETES
    assert versions(rack) == dict.fromkeys(NODES, FORMER_KUBERNETES)
    rack.kubectl(TENANT, "create", "namespace", "kept")
    rack.inventory = inventory_of(tmp_path_factory.mktemp("present") / "inventory", KUBERNETES)
    return settled(rack.play("tenant_upgrade", *BLUE))


def test_control_plane_and_nodes_have_the_new_version(rack: TestLab, upgraded: Run) -> None:
    """The control plane first: a kubelet must not be newer than its API server."""
    assert server_version(rack) == KUBERNETES
    assert versions(rack) == dict.fromkeys(NODES, KUBERNETES)
    rack.kubectl(TENANT, "get", "namespace", "kept")
    phases = [name for name, _seconds in upgraded.phases]
    steps = [phases.index(f"Upgrade the {what}") for what in ("control planes", "nodes", "virtual machines")]
    assert steps == sorted(steps)


def test_a_second_run_changes_nothing(rack: TestLab, upgraded: Run) -> None:
    del upgraded
    unchanged(rack.play("tenant_upgrade", *BLUE))
    unchanged(rack.play("tenant_create", *BLUE))


def test_pods_run_on_it_and_find_the_api(rack: TestLab, upgraded: Run) -> None:
    del upgraded
    rack.kubectl(TENANT, "-n", "kube-system", "rollout", "status", "deployment/coredns", "--timeout=110s")


def test_there_is_no_way_back(rack: TestLab, upgraded: Run) -> None:
    del upgraded
    run = rack.play("tenant_upgrade", *BLUE, "-e", f"tenant_cluster_kubernetes_version={FORMER_KUBERNETES}")
    assert "is older than" in " ".join(each.text() for each in run.failed)
    assert run.count("changed") == 0
