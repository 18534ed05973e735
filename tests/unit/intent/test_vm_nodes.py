# SPDX-License-Identifier: Apache-2.0
"""Virtual machines as nodes: what they become, and what is wrong with them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.baremetal.fabric.plugins.module_utils._intent import Model
from ansible_collections.baremetal.fabric.plugins.module_utils._intent.targets import select

from .conftest import Inventory

Only = Callable[[dict[str, str], str], str]
IMAGE = "https://images.example.com/noble-20260801.img"
CHECKSUM = "sha256:" + "a" * 64


@pytest.fixture
def machines(inventory: Inventory) -> Inventory:
    """The lab with a virtual machine in blue."""
    inventory.groups["vm_nodes"] = []
    return inventory.add(
        "vm_nodes",
        "blue-vm1",
        fabric_tenant_cluster="blue",
        vm_node_image=IMAGE,
        vm_node_image_checksum=CHECKSUM,
    )


def test_a_rack_without_the_group_has_none(inventory: Inventory) -> None:
    model = inventory.model()
    assert model.vm_nodes == {}
    assert model.tenant_clusters["blue"].vm_nodes == ()


def test_defaults(machines: Inventory) -> None:
    model = machines.model()
    machine = model.vm_nodes["blue-vm1"]
    assert (machine.node_name, machine.cores, machine.memory, machine.disk) == ("blue-vm1", 2, "2Gi", "20Gi")
    assert model.tenant_clusters["blue"].vm_nodes == ("blue-vm1",)
    assert model.tenant_clusters["green"].vm_nodes == ()


def test_the_mac_address_follows_from_the_names(machines: Inventory) -> None:
    first = machines.model().vm_nodes["blue-vm1"].mac
    assert machines.model().vm_nodes["blue-vm1"].mac == first
    assert int(first[:2], 16) & 0b11 == 0b10  # locally administered, of one NIC
    machines.add("vm_nodes", "blue-vm2", fabric_tenant_cluster="blue", vm_node_image="docker://r.example.com/noble:1")
    assert machines.model().vm_nodes["blue-vm2"].mac != first


def test_a_given_mac_address_is_taken(machines: Inventory) -> None:
    machines.set("blue-vm1", vm_node_mac="02:42:A1:00:00:09")
    assert machines.model().vm_nodes["blue-vm1"].mac == "02:42:a1:00:00:09"


def test_the_model_survives_json(machines: Inventory) -> None:
    model = machines.model()
    assert Model.from_dict(json.loads(json.dumps(model.as_dict()))) == model


def test_they_are_targets_with_their_tenant_cluster(machines: Inventory) -> None:
    model = machines.model()
    everyone = list(machines.hostvars)
    assert select(model, ["blue"], everyone).vm_nodes == ["blue-vm1"]
    assert select(model, ["green"], everyone).vm_nodes == []
    assert "blue-vm1" in select(model, ["blue"], everyone).hosts


@pytest.mark.parametrize(
    ("variables", "path", "told"),
    [
        ({"fabric_tenant_cluster": ""}, "fabric_tenant_cluster", "is required"),
        ({"fabric_tenant_cluster": "bleu"}, "fabric_tenant_cluster", "no tenant cluster 'bleu'; known: blue, green"),
        ({"vm_node_image": None, "vm_node_image_checksum": ""}, "vm_node_image", "is required"),
        ({"vm_node_image": "noble.img"}, "vm_node_image", "does not look like https://"),
        ({"vm_node_image_checksum": ""}, "vm_node_image_checksum", "is required, or https://images.example.com/"),
        ({"vm_node_image_checksum": "sha256:12"}, "vm_node_image_checksum", "does not look like sha256:<64"),
        ({"vm_node_image": "docker://r.example.com/noble"}, "vm_node_image_checksum", "by its digest"),
        ({"vm_node_state": "gone"}, "vm_node_state", "'gone' does not look like present or absent"),
        ({"vm_node_cores": 0}, "vm_node_cores", "must be at least 1, not 0"),
        ({"vm_node_memory": "2GB"}, "vm_node_memory", "'2GB' does not look like 20Gi"),
        ({"vm_node_disk": 20}, "vm_node_disk", "must be a string, not 20"),
        ({"vm_node_mac": "0242a1000009"}, "vm_node_mac", "does not look like"),
        ({"vm_node_mac": "03:42:a1:00:00:09"}, "vm_node_mac", "is a group address"),
        ({"vm_node_labels": ["gpu"]}, "vm_node_labels", "must be a dictionary"),
        ({"fabric_node_name": "metal2"}, "fabric_node_name", "'metal2' is also set for metal2"),
        ({"fabric_node_name": "Blue_1"}, "fabric_node_name", "DNS-1123"),
    ],
)
def test_each_mistake_is_the_only_complaint(
    machines: Inventory, only: Only, variables: dict[str, Any], path: str, told: str
) -> None:
    machines.set("blue-vm1", **variables)
    assert told in only(machines.problems(), f"blue-vm1.{path}")


def test_a_name_that_kubernetes_refuses(machines: Inventory, only: Only) -> None:
    machines.add("vm_nodes", "blue_vm2", fabric_tenant_cluster="blue", vm_node_image="docker://r.example.com/noble:1")
    assert "DNS-1123" in only(machines.problems(), "blue_vm2")


def test_one_mac_address_for_two(machines: Inventory, only: Only) -> None:
    machines.set("metal1", fabric_nic_macs={"eth9": "02:42:a1:00:00:09"})
    machines.set("blue-vm1", vm_node_mac="02:42:a1:00:00:09")
    assert only(machines.problems(), "blue-vm1.vm_node_mac") == "'02:42:a1:00:00:09' is also set for metal1"


def test_one_mac_address_in_two_tenant_clusters_is_no_mistake(machines: Inventory) -> None:
    machines.set("metal2", fabric_nic_macs={"eth9": "02:42:a1:00:00:09"})
    machines.set("blue-vm1", vm_node_mac="02:42:a1:00:00:09")
    machines.model()


def test_host_in_two_groups(machines: Inventory) -> None:
    machines.groups["vm_nodes"].append("metal3")
    assert machines.problems()["metal3"].startswith("is in the groups bare_metal and vm_nodes")


def test_two_tenant_clusters_by_group(machines: Inventory, only: Only) -> None:
    machines.groups["tenant_green"] = ["green", "blue-vm1"]
    assert only(machines.problems(), "blue-vm1.fabric_tenant_cluster").startswith("server in two tenant clusters")


def test_they_need_addresses_too(machines: Inventory, only: Only) -> None:
    machines.everywhere(fabric_tenant_prefix_length=29, fabric_gateway_host_number=6)
    assert "and 1 virtual machines" in only(machines.problems(), "fabric_tenant_prefix_length")


def test_kamaji_has_no_way_for_them_to_join(machines: Inventory, only: Only) -> None:
    machines.set("blue", tenant_cluster_backend="kamaji", tenant_cluster_kubernetes_version="v1.35.0")
    assert "serves no join script" in only(machines.problems(), "blue-vm1.fabric_tenant_cluster")
