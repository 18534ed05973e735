"""The inventory changes: only what it is about changes with it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml
from fabric_lab.demo.plays import INVENTORY

from .conftest import Tenants, settled, unchanged
from .lab import SERVERS, TestLab

# On these hosts nothing may change when metal3 joins blue.
OTHERS = {"green", "metal1", "metal2", "shared1", "shared2", "shared3", "blue-vm1"}


def copy_inventory(target: Path, tenant_of: dict[str, str]) -> Path:
    """The lab's inventory with servers given to tenant clusters."""
    shutil.copytree(INVENTORY, target)
    variables = target / "group_vars" / "all" / "lab.yml"
    # The installer is named relative to the inventory's place in the repository.
    variables.write_text(variables.read_text().replace("{{ inventory_dir }}/../..", str(INVENTORY.parents[1])))
    hosts = yaml.safe_load((target / "hosts.yml").read_text())
    metal = hosts["all"]["children"]["servers"]["children"]["bare_metal"]["hosts"]
    for server, tenant in tenant_of.items():
        metal[server]["fabric_tenant_cluster"] = tenant
    (target / "hosts.yml").write_text(yaml.safe_dump(hosts))
    return target


@pytest.mark.m5
def test_a_third_server_joins_and_only_it_changes(
    rack: TestLab, tenants: Tenants, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """From here on the inventory has it in blue."""
    tenants.ensure()
    before, green = rack.nodes("blue"), rack.nodes("green")
    states = {server: rack.server_state(server) for server in OTHERS & set(SERVERS)}

    rack.inventory = copy_inventory(tmp_path_factory.mktemp("third") / "inventory", {"metal3": "blue"})
    run = settled(rack.play("tenant_create"))

    assert {each.host for each in run.changed} & OTHERS == set()
    after = rack.nodes("blue")
    assert set(after) == {"metal1", "metal3", "blue-vm1"} and after["metal3"]["ready"] == "True"
    assert after["metal1"]["uid"] == before["metal1"]["uid"]
    assert {node["uid"] for node in rack.nodes("green").values()} == {node["uid"] for node in green.values()}
    assert {server: rack.server_state(server) for server in states} == states
    unchanged(rack.play("verify"))
