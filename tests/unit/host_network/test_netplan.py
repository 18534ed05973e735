# SPDX-License-Identifier: Apache-2.0
"""Rendered files against golden ones: `UPDATE_GOLDEN=1 pytest` writes them anew, the diff is the review."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml
from ansible_collections.baremetal.fabric.plugins.module_utils._host_network import netplan
from ansible_collections.baremetal.fabric.plugins.module_utils._host_network.guard import render_rules
from ansible_collections.baremetal.fabric.plugins.module_utils._host_network.model import Bond, Nic, Tenant

GOLDEN = Path(__file__).with_name("golden")
NICS = (Nic("eth9"), Nic("eth10"))
BLUE = Tenant("blue", 3, "bond0", "br-vlan-3")
FILES = {
    "bond.yaml": netplan.render_bond(Bond("bond0", NICS), ("eth9", "eth10"), "02:00:00:00:00:09"),
    "bond-jumbo-static.yaml": netplan.render_bond(
        Bond("bond0", NICS, mtu=9000, dhcp4=False, optional=True), ("ens1f0np0", "ens1f1np1"), "02:00:00:00:00:09"
    ),
    "bond-jumbo.yaml": netplan.render_bond(Bond("bond0", NICS, mtu=9000), ("eth9", "eth10"), None),
    "bond-active-backup.yaml": netplan.render_bond(
        Bond("bond1", NICS, mode="active-backup", use_routes=False, use_dns=False), ("eth9", "eth10"), None
    ),
    "tenant.yaml": netplan.render_tenant(BLUE),
    "tenant-jumbo.yaml": netplan.render_tenant(Tenant("green-2", 4094, "bond0", "br-green", 9000)),
    "tenant.rules": render_rules(netplan.TenantDevices("blue", "bond0", 3, "bond0.3", "br-vlan-3")),
}


@pytest.mark.parametrize("name", sorted(FILES))
def test_golden(name: str) -> None:
    golden = GOLDEN / name
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(FILES[name])
    assert FILES[name] == golden.read_text()


@pytest.mark.parametrize("name", sorted(name for name in FILES if name.endswith(".yaml")))
def test_files_are_netplan_yaml(name: str) -> None:
    document = yaml.safe_load(FILES[name])
    assert document["network"]["version"] == 2
    for kind in ("bonds", "vlans", "bridges"):
        for device in document["network"].get(kind, {}):
            assert len(device) <= 15


def test_tenant_devices_have_nothing_of_their_own() -> None:
    network = yaml.safe_load(FILES["tenant.yaml"])["network"]
    for device in (network["vlans"]["bond0.3"], network["bridges"]["br-vlan-3"]):
        assert device["link-local"] == []
        assert not device["dhcp4"] and not device["dhcp6"] and not device["accept-ra"]
        assert "addresses" not in device
    # netplan turns it on as soon as the map is there
    assert network["bridges"]["br-vlan-3"]["parameters"]["stp"] is False


def test_a_file_tells_its_devices() -> None:
    found = netplan.tenant_devices(netplan.render_tenant(BLUE))
    assert found == netplan.TenantDevices("blue", "bond0", 3, "bond0.3", "br-vlan-3")
    assert netplan.tenant_devices("network:\n  version: 2\n") is None
    assert netplan.tenant_of_file("90-fabric-tenant-blue.yaml") == "blue"
    assert netplan.tenant_of_file("80-fabric-bond.yaml") is None


def test_odd_names_stay_names() -> None:
    text = netplan.render_bond(Bond("no", NICS), ("1e3", "on"), None)
    network = yaml.safe_load(text)["network"]
    assert list(network["ethernets"]) == ["1e3", "on"]
    assert network["bonds"]["no"]["interfaces"] == ["1e3", "on"]
