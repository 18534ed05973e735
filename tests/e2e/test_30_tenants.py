"""Two tenant clusters with a bare-metal server each, and a virtual machine in one of them."""

from __future__ import annotations

import ipaddress
import json
import time

import pytest

from .conftest import Tenants, unchanged
from .lab import SERVERS, SHARED, TestLab

SERVER_OF = {"blue": "metal1", "green": "metal2"}
MACHINES_OF = {"blue": ("blue-vm1",), "green": ()}
NODES = [(tenant, node) for tenant, server in SERVER_OF.items() for node in (server, *MACHINES_OF[tenant])]
POD_DEADLINE = 120.0


def subnet_of(lab: TestLab, tenant: str) -> ipaddress.IPv4Network:
    """By the controller's own word."""
    vnets = [each for each in lab.controller()["vnet"] if each["name"] == f"{tenant}-nodes"]
    assert len(vnets) == 1
    return ipaddress.IPv4Interface(vnets[0]["gateways"][0]["prefix"]).network


@pytest.mark.m4
def test_two_plays_at_once_lose_no_member_of_anything(rack: TestLab, tenants: Tenants) -> None:
    runs = tenants.ensure()
    for tenant, run in runs.items():
        assert {tenant, SERVER_OF[tenant], *SHARED} <= set(run.hosts)
    members = {
        each["name"]: {server["name"] for server in each["servers"]}
        for each in rack.controller()["server-cluster"]
        if each["name"] in runs
    }
    assert members == {tenant: {*SHARED, server} for tenant, server in SERVER_OF.items()}


@pytest.mark.m4
@pytest.mark.parametrize("tenant", SERVER_OF)
def test_its_server_is_a_ready_node_with_a_leased_address(rack: TestLab, tenants: Tenants, tenant: str) -> None:
    tenants.ensure()
    server = SERVER_OF[tenant]
    nodes = rack.nodes(tenant)
    assert {name: node["ready"] for name, node in nodes.items()} == dict.fromkeys(
        (server, *MACHINES_OF[tenant]), "True"
    )
    assert nodes[server]["version"] == rack.ssh(server, "kubelet --version").split()[1]
    bond = rack.devices(server)["bond0"]
    assert bond["operstate"] == "UP"
    leased = [entry for entry in bond["addr_info"] if entry["family"] == "inet"]
    assert len(leased) == 1 and leased[0].get("dynamic"), leased
    assert ipaddress.IPv4Address(leased[0]["local"]) in subnet_of(rack, tenant)


@pytest.mark.m4
@pytest.mark.parametrize(("tenant", "node"), NODES)
def test_a_pod_of_a_local_image_runs_on_it(rack: TestLab, tenants: Tenants, tenant: str, node: str) -> None:
    tenants.ensure()
    images = rack.ssh(SERVER_OF[tenant], "ctr -n k8s.io image ls -q").split()
    pause = next(image for image in images if "pause" in image and "@" not in image)
    spec = {
        "containers": [{"name": "pause", "image": pause, "imagePullPolicy": "Never"}],
        "nodeSelector": {"kubernetes.io/hostname": node},
    }
    rack.kubectl(tenant, "run", "e2e", f"--image={pause}", "--overrides", json.dumps({"spec": spec}))
    try:
        deadline = time.monotonic() + POD_DEADLINE
        phase = ""
        while phase != "Running" and time.monotonic() < deadline:
            phase = rack.kubectl(tenant, "get", "pod", "e2e", "-o", "jsonpath={.status.phase}")
        assert phase == "Running"
        assert rack.kubectl(tenant, "get", "pod", "e2e", "-o", "jsonpath={.spec.nodeName}") == node
    finally:
        rack.kubectl(tenant, "delete", "pod", "e2e", "--now")


@pytest.mark.m4
def test_second_run_changes_nothing(rack: TestLab, tenants: Tenants) -> None:
    tenants.ensure()
    run = unchanged(rack.play("tenant_create"))
    assert set(run.hosts) - {"localhost"} == {*SERVER_OF, *SERVERS, *MACHINES_OF["blue"]}
