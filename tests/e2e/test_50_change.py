"""The inventory changes: only what it is about changes with it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml
from fabric_lab.demo.plays import INVENTORY, Playing

from .conftest import Tenants, settled, unchanged
from .lab import TestLab

# On these hosts nothing may change when metal3 joins blue.
OTHERS = {"green", "metal1", "metal2", "shared1", "shared2", "shared3"}


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
def test_a_third_server_joins_and_only_it_changes(rack: TestLab, tenants: Tenants, tmp_path: Path) -> None:
    tenants.ensure()
    inventory = copy_inventory(tmp_path / "inventory", {"metal3": "blue"})
    before, green = rack.nodes("blue"), rack.nodes("green")
    states = {server: rack.server_state(server) for server in OTHERS - {"green"}}

    run = settled(rack.play("tenant_create", inventory=inventory))

    assert {each.host for each in run.changed} & OTHERS == set()
    after = rack.nodes("blue")
    assert set(after) == {"metal1", "metal3"} and after["metal3"]["ready"] == "True"
    assert after["metal1"]["uid"] == before["metal1"]["uid"]
    assert {node["uid"] for node in rack.nodes("green").values()} == {node["uid"] for node in green.values()}
    assert {server: rack.server_state(server) for server in states} == states
    unchanged(rack.play("tenant_create", inventory=inventory))
    unchanged(rack.play("verify", inventory=inventory))

    # Only the inventory that has the server in blue can take it out again.
    tenants.spoil()
    settled(rack.play("tenant_delete", "-e", "fabric_delete=blue", inventory=inventory))


@pytest.mark.m5
def test_two_plays_at_once_lose_no_member_of_anything(rack: TestLab, tenants: Tenants) -> None:
    """Both start from nothing, and write the same ports of the shared servers."""
    tenants.spoil()
    for tenant in ("blue", "green"):
        settled(rack.play("tenant_delete", "-e", f"fabric_delete={tenant}"))
    both = [Playing(rack.lab, "tenant_create", ["-e", f"fabric_tenants={tenant}"]) for tenant in ("blue", "green")]
    for run in [each.wait() for each in both]:
        settled(run)
    members = {
        each["name"]: {server["name"] for server in each["servers"]}
        for each in rack.controller()["server-cluster"]
        if each["name"] in ("blue", "green")
    }
    shared = {"shared1", "shared2", "shared3"}
    assert members == {"blue": shared | {"metal1"}, "green": shared | {"metal2"}}
    unchanged(rack.play("tenant_create"))
    unchanged(rack.play("verify"))
