"""Tenant VLANs go from the servers' own hands into an operator's and back, while pods are connected to their bridges.

The operator is the lab's stand-in for kubernetes-nmstate, on the real definitions.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from fabric_lab import state
from fabric_lab.cluster.api import wait_established
from fabric_lab.cluster.settings import Cluster

from .conftest import Tenants, settled, unchanged
from .lab import ROOT, SHARED, TestLab

pytestmark = pytest.mark.bridges

DEFINITIONS = ("nodenetworkconfigurationpolicies", "nodenetworkconfigurationenactments")


def with_backend(source: Path, target: Path, backend: str) -> Path:
    """The lab's inventory with another backend; its machines have no NetworkManager."""
    shutil.copytree(source, target)
    settings = target / "group_vars" / "all" / "lab.yml"
    # The installer is named relative to the inventory's place in the repository.
    settings.write_text(settings.read_text().replace("{{ inventory_dir }}/../..", str(source.parents[1])))
    chosen = {"host_network_backend": backend, "host_network_require_network_manager": False}
    (target / "group_vars" / "all" / "bridges.yml").write_text(yaml.safe_dump(chosen))
    return target


@pytest.fixture(scope="module")
def nmstate(rack: TestLab, tenants: Tenants, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The inventory with nmstate, and its stand-in running."""
    tenants.ensure()
    home, source = tmp_path_factory.mktemp("bridges"), rack.inventory
    if not (state.schemas_dir() / f"knmstate_{DEFINITIONS[0]}.crd.yaml").exists():
        pytest.skip(f"no definitions of kubernetes-nmstate in {state.schemas_dir()} (FABRIC_SCHEMAS)")
    with (rack.lab.directory / "log" / "standin-nmstate.log").open("w") as log:
        argv = [sys.executable, "-m", "fabric_lab.standin_nmstate", rack.lab.name]
        running = subprocess.Popen(argv, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT)
    try:
        for name in DEFINITIONS:
            rack.kubectl(None, "wait", "--for=create", "--timeout=60s", f"crd/{name}.nmstate.io")
        wait_established(Cluster(rack.lab), "nmstate.io", *DEFINITIONS)
        yield with_backend(source, home / "nmstate", "nmstate")
        assert running.poll() is None, "the stand-in ended by itself"
    finally:
        running.kill()
        running.wait()
        rack.inventory = source
        rack.kubectl(None, "delete", "crd", *(f"{name}.nmstate.io" for name in DEFINITIONS), "--ignore-not-found")


def vlan_of(rack: TestLab, tenant: str) -> int:
    return next(int(each["vlan"]) for each in rack.controller()["vnet"] if each["name"] == f"{tenant}-nodes")


def bridge_of(rack: TestLab, server: str, vlan: int) -> dict[str, Any]:
    """The bridge and what is connected to it, by the kernel's numbers: a device that was made anew has another."""
    devices = rack.devices(server)
    ports = {name: each["ifindex"] for name, each in devices.items() if each.get("master") == f"br-vlan-{vlan}"}
    return {"bridge": devices[f"br-vlan-{vlan}"]["ifindex"], "ports": ports}


def policies(rack: TestLab) -> list[str]:
    listed = json.loads(rack.kubectl(None, "get", "nodenetworkconfigurationpolicies", "-o", "json"))
    return sorted(each["metadata"]["name"] for each in listed["items"])


def has_file(rack: TestLab, server: str, tenant: str) -> bool:
    return rack.ssh(server, f"ls /etc/netplan/90-fabric-tenant-{tenant}.yaml 2>/dev/null || true").strip() != ""


def test_to_nmstate_and_back_without_a_pod_losing_its_bridge(rack: TestLab, nmstate: Path) -> None:
    vlan, own = vlan_of(rack, "blue"), rack.inventory
    before = {server: bridge_of(rack, server, vlan) for server in SHARED}
    assert any(len(each["ports"]) > 1 for each in before.values()), "no pod is connected anywhere"

    rack.inventory = nmstate
    settled(rack.play("tenant_create", "-e", "fabric_tenants=blue"))
    assert policies(rack) == ["tenant-blue"]
    assert {server: bridge_of(rack, server, vlan) for server in SHARED} == before
    assert not any(has_file(rack, server, "blue") for server in SHARED)
    assert all(each["ready"] == "True" for each in rack.nodes("blue").values())
    unchanged(rack.play("tenant_create", "-e", "fabric_tenants=blue"))

    rack.inventory = own
    settled(rack.play("tenant_create", "-e", "fabric_tenants=blue"))
    assert policies(rack) == []
    assert {server: bridge_of(rack, server, vlan) for server in SHARED} == before
    assert all(has_file(rack, server, "blue") for server in SHARED)
    assert all(each["ready"] == "True" for each in rack.nodes("blue").values())
    unchanged(rack.play("tenant_create", "-e", "fabric_tenants=blue"))


def test_made_by_nmstate_from_the_start_proven_and_removed(rack: TestLab, tenants: Tenants, nmstate: Path) -> None:
    own = rack.inventory
    settled(rack.play("tenant_delete", "-e", "fabric_delete=green"))
    tenants.spoil()
    rack.inventory = nmstate
    settled(rack.play("tenant_create", "-e", "fabric_tenants=green"))
    vlan = vlan_of(rack, "green")
    assert policies(rack) == ["tenant-green"] and all(bridge_of(rack, server, vlan) for server in SHARED)
    settled(rack.play("verify"))
    settled(rack.play("tenant_delete", "-e", "fabric_delete=green"))
    assert policies(rack) == []
    for server in SHARED:
        assert not {f"br-vlan-{vlan}", f"bond0.{vlan}"} & set(rack.devices(server))
        assert rack.ssh(server, "ls /etc/udev/rules.d").count("fabric-tenant-green") == 0
    rack.inventory = own
