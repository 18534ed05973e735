"""What happens to tenant clusters and servers between order and cancellation."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from fabric_lab.demo.plays import INVENTORY, Run

from .conftest import Tenants, settled, unchanged
from .lab import RemoteError, TestLab
from .test_30_tenants import subnet_of
from .test_50_change import copy_inventory

SERVER = "metal1"
MARKS: dict[str, Any] = {
    "node_join_labels": {"example.com/rack": "r7"},
    "node_join_taints": [{"key": "example.com/gpu", "value": "a100", "effect": "PreferNoSchedule"}],
    "node_join_kubelet_config": {"maxPods": 99},
}


@pytest.fixture
def own_inventory(rack: TestLab) -> Any:
    """Whatever a test makes of the inventory ends with it."""
    before = rack.inventory
    yield
    rack.inventory = before


def assign(rack: TestLab, target: Path, tenant: str, **variables: Any) -> None:
    """metal1 belongs to that tenant cluster from now on, with these variables."""
    shutil.rmtree(target, ignore_errors=True)
    rack.inventory = copy_inventory(target, {SERVER: tenant, "metal3": ""})
    if variables:
        (rack.inventory / "host_vars" / f"{SERVER}.yml").write_text(yaml.safe_dump(variables))


def members(rack: TestLab) -> dict[str, set[str]]:
    return {
        each["name"]: {server["name"] for server in each["servers"] if not server.get("shared")}
        for each in rack.controller()["server-cluster"]
    }


def marks_of(rack: TestLab, tenant: str) -> dict[str, Any]:
    node = json.loads(rack.kubectl(tenant, "get", "node", SERVER, "-o", "json"))
    return {
        "label": node["metadata"]["labels"].get("example.com/rack"),
        "taints": [each["key"] for each in node["spec"].get("taints") or []],
        "pods": node["status"]["capacity"]["pods"],
    }


@pytest.fixture
def blue_has_metal1(rack: TestLab, tenants: Tenants, own_inventory: None) -> TestLab:
    del own_inventory
    tenants.ensure()
    rack.inventory = INVENTORY
    if members(rack)["blue"] != {SERVER}:
        settled(rack.play("server_move", "-e", f"fabric_server={SERVER},metal3"))
    return rack


@pytest.mark.m6
def test_labels_taints_and_settings_come_and_go(blue_has_metal1: TestLab, tmp_path: Path) -> None:
    rack, uid = blue_has_metal1, blue_has_metal1.nodes("blue")[SERVER]["uid"]
    assign(rack, tmp_path / "inventory", "blue", **MARKS)
    run = settled(rack.play("tenant_create", "-e", "fabric_tenants=blue"))
    assert {each.host for each in run.changed} == {SERVER}
    wanted = {"label": "r7", "taints": ["example.com/gpu"], "pods": "99"}
    deadline = time.monotonic() + 60  # a kubelet reports its capacity a while after its start
    while marks_of(rack, "blue") != wanted and time.monotonic() < deadline:
        time.sleep(2)
    assert marks_of(rack, "blue") == wanted
    unchanged(rack.play("tenant_create", "-e", "fabric_tenants=blue"))
    assign(rack, tmp_path / "inventory", "blue")
    settled(rack.play("tenant_create", "-e", "fabric_tenants=blue"))
    found = marks_of(rack, "blue")
    assert (found["label"], found["taints"]) == (None, [])
    assert rack.ssh(SERVER, "ls /var/lib/baremetal.fabric/kubelet.conf.d 2>/dev/null || true") == ""
    assert rack.nodes("blue")[SERVER]["uid"] == uid


@pytest.mark.m6
def test_a_server_moves_to_the_neighbour_and_back(blue_has_metal1: TestLab, tmp_path: Path) -> None:
    rack = blue_has_metal1
    green = rack.nodes("green")["metal2"]["uid"]
    for tenant, other in (("green", "blue"), ("blue", "green")):
        assign(rack, tmp_path / "inventory", tenant)
        settled(rack.play("server_move", "-e", f"fabric_server={SERVER}"))
        assert SERVER in members(rack)[tenant] and SERVER not in members(rack)[other]
        assert rack.nodes(tenant)[SERVER]["ready"] == "True" and SERVER not in rack.nodes(other)
        addresses = [each["local"] for each in rack.devices(SERVER)["bond0"]["addr_info"] if each["family"] == "inet"]
        node = json.loads(rack.kubectl(tenant, "get", "node", SERVER, "-o", "json"))
        internal = next(each["address"] for each in node["status"]["addresses"] if each["type"] == "InternalIP")
        assert internal in addresses and subnet_of(rack, tenant).supernet_of(type(subnet_of(rack, tenant))(internal))
        unchanged(rack.play("server_move", "-e", f"fabric_server={SERVER}"))
    assert rack.nodes("green")["metal2"]["uid"] == green
    unchanged(rack.play("verify"))


@pytest.mark.m6
def test_a_move_that_fails_is_undone(blue_has_metal1: TestLab, tmp_path: Path) -> None:
    """The join script of green is given an option that it does not know; by then the server is in green's VLAN."""
    rack = blue_has_metal1
    wrong = "{{ ['--no-such-option'] if node_join_tenant == 'green' else [] }}"
    assign(rack, tmp_path / "inventory", "green", node_join_arguments=wrong)
    run: Run = rack.play("server_move", "-e", f"fabric_server={SERVER}")
    assert run.returncode != 0
    told = " ".join(each.text() for each in run.failed)
    assert "could not be moved to green" in told and "It is in blue again" in told
    assert SERVER in members(rack)["blue"] and SERVER not in members(rack)["green"]
    assert rack.nodes("blue")[SERVER]["ready"] == "True" and SERVER not in rack.nodes("green")
    assign(rack, tmp_path / "inventory", "blue")
    unchanged(rack.play("server_move", "-e", f"fabric_server={SERVER}"))


@pytest.mark.m6
def test_paused_and_resumed_with_the_replicas_that_it_had(blue_has_metal1: TestLab) -> None:
    rack = blue_has_metal1
    sets = ("-n", "vcluster-blue", "get", "statefulset/blue", "deployment/apiserver-lb")
    replicas = ("-o", "jsonpath={.items[*].spec.replicas}")
    before, uid = rack.kubectl(None, *sets, *replicas), rack.nodes("blue")[SERVER]["uid"]
    settled(rack.play("tenant_pause", "-e", "fabric_tenants=blue"))
    assert rack.kubectl(None, *sets, *replicas) == "0 0"
    with pytest.raises(RemoteError):
        rack.nodes("blue")
    unchanged(rack.play("tenant_pause", "-e", "fabric_tenants=blue"))
    refused = rack.play("tenant_create", "-e", "fabric_tenants=blue")
    assert "blue is paused since" in " ".join(each.text() for each in refused.failed)
    assert rack.kubectl(None, *sets, *replicas) == "0 0"
    settled(rack.play("tenant_resume", "-e", "fabric_tenants=blue"))
    assert rack.kubectl(None, *sets, *replicas) == before
    nodes = rack.nodes("blue")
    assert nodes[SERVER] == {**nodes[SERVER], "ready": "True", "uid": uid}
    unchanged(rack.play("tenant_create", "-e", "fabric_tenants=blue"))


@pytest.mark.m6
def test_an_upgrade_that_kubernetes_cannot_do_is_refused(blue_has_metal1: TestLab) -> None:
    rack = blue_has_metal1
    version = rack.nodes("blue")[SERVER]["version"]
    minor = int(version.split(".")[1])
    for wanted, said in ((f"v1.{minor + 2}.0", "upgrade one minor at a time"), (f"v1.{minor - 1}.0", "is older than")):
        run = rack.play(
            "tenant_upgrade", "-e", "fabric_tenants=blue", "-e", f"tenant_cluster_kubernetes_version={wanted}"
        )
        assert said in " ".join(each.text() for each in run.failed)
        assert run.count("changed") == 0
