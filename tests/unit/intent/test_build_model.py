# SPDX-License-Identifier: Apache-2.0
"""What a good inventory becomes."""

from __future__ import annotations

import json

import pytest
from ansible_collections.baremetal.fabric.plugins.module_utils._intent import Model

from .conftest import Inventory


def test_defaults_are_the_guides_figures(inventory: Inventory) -> None:
    fabric = inventory.model().fabric
    assert (fabric.site, fabric.owner, fabric.bond, fabric.template_postfix) == ("Default", "Admin", "bond0", "nodes")
    assert (fabric.host_template, fabric.tenant_template) == ("host-nodes", "tenant-nodes")
    assert (fabric.tenant_prefix_length, fabric.gateway_host_number) == (22, 1022)


def test_a_tenant_cluster_needs_nothing_but_a_name(inventory: Inventory) -> None:
    blue = inventory.model().tenant_clusters["blue"]
    assert blue.netris_name == "blue"
    assert blue.shared_servers == ("shared1", "shared2", "shared3")
    assert blue.bare_metal == ("metal1",)
    assert (blue.replicas, blue.api_port) == (1, 443)
    assert (blue.namespace, blue.network_namespace) == ("vcluster-blue", "vcluster-blue-networks")


def test_servers_without_a_tenant_cluster_are_parked(inventory: Inventory) -> None:
    inventory.set("metal2", fabric_tenant_cluster="")
    model = inventory.model()
    assert [name for name, each in model.bare_metal.items() if each.tenant_cluster is None] == ["metal2", "metal3"]
    assert model.tenant_clusters["green"].bare_metal == ()


def test_names_may_differ(inventory: Inventory) -> None:
    inventory.set("metal1", fabric_netris_name="hgx-00", fabric_hostname="hgx-00.rack", fabric_node_name="node-a").set(
        "blue", fabric_netris_name="customer-7"
    )
    model = inventory.model()
    metal1 = model.bare_metal["metal1"]
    assert (metal1.netris_name, metal1.hostname, metal1.node_name) == ("hgx-00", "hgx-00.rack", "node-a")
    assert model.tenant_clusters["blue"].netris_name == "customer-7"
    assert model.tenant_clusters["blue"].namespace == "vcluster-blue"


def test_mac_addresses_are_lower_case(inventory: Inventory) -> None:
    inventory.set("metal1", fabric_nic_macs={"eth9": "0C:42:A1:00:00:09"})
    assert inventory.model().bare_metal["metal1"].nic_macs == {"eth9": "0c:42:a1:00:00:09"}


def test_numbers_from_the_command_line_are_text(inventory: Inventory) -> None:
    inventory.everywhere(fabric_tenant_prefix_length="24", fabric_gateway_host_number="254")
    assert inventory.model().fabric.tenant_prefix_length == 24


def test_a_variable_may_be_set_on_one_group_only(inventory: Inventory) -> None:
    for host in inventory.groups["shared_servers"] + inventory.groups["bare_metal"]:
        del inventory.hostvars[host]["fabric_tenant_supernet"]
    assert inventory.model().fabric.tenant_supernet == "192.168.64.0/18"


def test_without_tenant_clusters_the_model_is_that_of_the_host_cluster(inventory: Inventory) -> None:
    inventory.groups["tenant_clusters"] = []
    inventory.set("metal1", fabric_tenant_cluster="").set("metal2", fabric_tenant_cluster="")
    assert inventory.model().tenant_clusters == {}


def test_overlapping_pods_of_two_clusters_are_no_mistake(inventory: Inventory) -> None:
    inventory.set("blue", tenant_cluster_pod_cidr="10.250.0.0/16").set("green", tenant_cluster_pod_cidr="10.250.0.0/16")
    assert inventory.model().tenant_clusters["green"].pod_cidr == "10.250.0.0/16"


def test_the_model_survives_json(inventory: Inventory) -> None:
    inventory.set("metal1", fabric_nic_macs={"eth9": "0c:42:a1:00:00:09"})
    model = inventory.model()
    assert Model.from_dict(json.loads(json.dumps(model.as_dict()))) == model


def test_reading_changes_nothing(inventory: Inventory) -> None:
    before = json.dumps(inventory.hostvars, sort_keys=True)
    inventory.model()
    assert json.dumps(inventory.hostvars, sort_keys=True) == before


@pytest.mark.parametrize("replicas", [1, 2, 3])
def test_as_many_replicas_as_shared_servers(inventory: Inventory, replicas: int) -> None:
    inventory.set("blue", tenant_cluster_replicas=replicas)
    assert inventory.model().tenant_clusters["blue"].replicas == replicas
