"""A tenant cluster by vCluster's own command line, built from its sources, from nothing to nothing.

On shared nodes, where its own open-source server and chart take part. Of the host cluster it uses no more than that.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from fabric_lab.demo.plays import Run
from fabric_lab.state import cache_dir

from .conftest import settled, unchanged
from .lab import TestLab
from .test_50_change import copy_inventory
from .test_93_shared_nodes import SETTINGS

pytestmark = pytest.mark.m9

NAME, NODE = "opal", "shared3"
OPAL = ("-e", f"fabric_tenants={NAME}")
BY_CLI: dict[str, Any] = {
    **SETTINGS,
    "fabric_shared_servers": [NODE],
    "tenant_cluster_sync": {"names": True},
    "tenant_cluster_way": "cli",
    "tenant_cluster_cli_binary": str(cache_dir() / "bin" / "vcluster" / "vcluster-cli"),
}


def inventory_of(target: Path, **more: Any) -> Path:
    copy_inventory(target, {})
    hosts = yaml.safe_load((target / "hosts.yml").read_text())
    hosts["all"]["children"]["shared_node_clusters"] = {"hosts": {NAME: {**BY_CLI, **more}}}
    (target / "hosts.yml").write_text(yaml.safe_dump(hosts))
    return target


def of_the_user(rack: TestLab) -> dict[str, str]:
    """What the command line may not touch: the kubeconfig that it works with, and what it keeps in a home."""
    home = Path.home() / ".vcluster"
    kept = {str(path): path.read_text(errors="replace") for path in sorted(home.rglob("*")) if path.is_file()}
    return {**kept, "host": rack.kubeconfig(None).read_text()}


@pytest.fixture(scope="module")
def created(rack: TestLab, host_cluster: Run, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    del host_cluster
    before = rack.inventory
    rack.inventory = inventory_of(tmp_path_factory.mktemp("opal") / "inventory")
    users = of_the_user(rack)
    yield settled(rack.play("tenant_create", *OPAL))
    assert of_the_user(rack) == users
    rack.inventory = before


def test_it_runs_and_its_pods_do(rack: TestLab, created: Run) -> None:
    assert created.count("changed") > 0
    assert set(rack.nodes(NAME)) == {NODE}
    labels = "-o", "jsonpath={.items[*].metadata.labels.status}"
    assert rack.kubectl(None, "-n", f"vcluster-{NAME}", "get", "secrets", "-l", "owner=helm", *labels) == "deployed"


def test_no_values_are_left_behind(created: Run) -> None:
    del created
    temporary = Path(os.environ.get("TMPDIR", tempfile.gettempdir()))
    assert list(temporary.glob("fabric-vcluster-*")) == []


def test_a_second_run_changes_nothing(rack: TestLab, created: Run) -> None:
    del created
    unchanged(rack.play("tenant_create", *OPAL))


def test_changed_values_are_deployed(rack: TestLab, created: Run, tmp_path: Path) -> None:
    del created
    before = rack.inventory
    rack.inventory = inventory_of(tmp_path / "inventory", tenant_cluster_resources={"requests": {"cpu": "110m"}})
    run = settled(rack.play("tenant_create", *OPAL))
    assert any("command line" in each.task for each in run.changed)
    requests = "-o", "jsonpath={.spec.template.spec.containers[0].resources.requests.cpu}"
    assert rack.kubectl(None, "-n", f"vcluster-{NAME}", "get", f"statefulset/{NAME}", *requests) == "110m"
    unchanged(rack.play("tenant_create", *OPAL))
    rack.inventory = before


def test_it_goes_and_leaves_nothing(rack: TestLab, created: Run) -> None:
    del created
    settled(rack.play("tenant_delete", "-e", f"fabric_delete={NAME}"))
    assert [name for names in rack.objects().values() for name in names if NAME in name] == []
    assert NAME not in rack.kubectl(None, "get", "clusterroles,clusterrolebindings", "-o", "name")
    unchanged(rack.play("tenant_delete", "-e", f"fabric_delete={NAME}"))
