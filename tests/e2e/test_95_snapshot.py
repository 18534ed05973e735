"""A tenant cluster with servers of its own goes back to a snapshot, and they with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from .conftest import Tenants, settled, unchanged
from .lab import TestLab
from .test_50_change import copy_inventory

pytestmark = pytest.mark.m6

BLUE = ("-e", "fabric_tenants=blue")
SNAPSHOT = (*BLUE, "-e", "tenant_cluster_snapshot_url=container:///data/blue.json.gz")
# metal1 is in the snapshot; metal3 comes after it
LATER = {"metal1": "blue", "metal3": "blue"}


def test_a_server_that_joined_later_joins_again(rack: TestLab, tenants: Tenants, tmp_path: Path) -> None:
    tenants.ensure()
    before, known = rack.inventory, rack.nodes("blue")["metal1"]["uid"]
    try:
        rack.kubectl("blue", "create", "namespace", "kept")
        settled(rack.play("tenant_snapshot", *SNAPSHOT))
        rack.kubectl("blue", "create", "namespace", "later")
        rack.kubectl("blue", "delete", "namespace", "kept")
        rack.inventory = copy_inventory(tmp_path / "inventory", LATER)
        settled(rack.play("tenant_create", *BLUE))
        assert rack.nodes("blue")["metal3"]["ready"] == "True"
        settled(rack.play("tenant_restore", *SNAPSHOT))
        namespaces = rack.kubectl("blue", "get", "namespaces", "-o", "name")
        assert "namespace/kept" in namespaces and "namespace/later" not in namespaces
        nodes = rack.nodes("blue")
        assert {name: node["ready"] for name, node in nodes.items()} == dict.fromkeys((*LATER, "blue-vm1"), "True")
        assert nodes["metal1"]["uid"] == known
        unchanged(rack.play("tenant_create", *BLUE))
    finally:
        rack.inventory = before
        settled(rack.play("server_move", "-e", "fabric_server=metal3"))


def test_a_snapshot_that_is_not_there_changes_nothing(rack: TestLab, tenants: Tenants) -> None:
    tenants.ensure()
    uid = rack.nodes("blue")["metal1"]["uid"]
    missing = (*BLUE, "-e", "tenant_cluster_snapshot_url=container:///data/none.json.gz")
    run = rack.play("tenant_restore", *missing)
    assert "was not restored, and the control plane starts as it was" in " ".join(each.text() for each in run.failed)
    settled(rack.play("tenant_create", *BLUE))
    assert rack.nodes("blue")["metal1"]["uid"] == uid
