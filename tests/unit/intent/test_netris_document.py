# SPDX-License-Identifier: Apache-2.0
"""The model in Netris' words, and Netris' answers as facts."""

from __future__ import annotations

from typing import Any

from ansible_collections.baremetal.fabric.plugins.module_utils._netris.document import (
    absent_document,
    host_document,
    observe,
    present_document,
    tenant_facts,
)

from .conftest import Inventory
from .fabric_now import BLUE, SHARED, cluster, info


def present(inventory: Inventory, tenants: list[str], now: dict[str, Any] | None = None) -> dict[str, Any]:
    model = inventory.model()
    return present_document(model, observe(model, now or info()), tenants)


def test_template_of_the_guide(inventory: Inventory) -> None:
    assert present(inventory, ["blue"])["server_cluster_templates"] == [
        {
            "name": "tenant-nodes",
            "vnets": [
                {
                    "postfix": "nodes",
                    "type": "l2vpn",
                    "vlan": "untagged",
                    "vlan_id": "auto",
                    "server_nics": ["eth9", "eth10"],
                    "ipv4_gateway": {
                        "assign_type": "auto",
                        "allocation": "192.168.64.0/18",
                        "child_subnet_prefix_length": 22,
                        "hostnum": 1022,
                    },
                    "ipv4_dhcp_enabled": True,
                }
            ],
        }
    ]


def test_members_are_exact_and_in_netris_names(inventory: Inventory) -> None:
    inventory.set("metal1", fabric_netris_name="hgx-00").set("blue", fabric_shared_servers=["shared2", "shared1"])
    assert present(inventory, ["blue"])["server_clusters"] == [
        {
            "name": "blue",
            "site": "Default",
            "owner": "Admin",
            "vpc": "blue",
            "template": "tenant-nodes",
            "servers": [
                {"name": "shared1", "shared": True},
                {"name": "shared2", "shared": True},
                {"name": "hgx-00", "shared": False},
            ],
        }
    ]


def test_only_the_tenant_clusters_of_the_play(inventory: Inventory) -> None:
    document = present(inventory, ["green"])
    assert [each["name"] for each in document["vpcs"]] == ["green"]
    assert {each["description"] for each in document["lags"]} == {*SHARED, "metal2"}


def test_dhcp_range_is_kept_off_the_address_plan(inventory: Inventory) -> None:
    assert present(inventory, ["blue"])["vnets"] == [
        {
            "server_cluster": "blue",
            "postfix": "nodes",
            # .1 of the first /24 to .249 of the fourth.
            "gateways": [{"dhcp": {"start_host": 1, "end_host": 3 * 256 + 249}}],
        }
    ]


def test_lag_for_each_server(inventory: Inventory) -> None:
    lags = present(inventory, ["blue"])["lags"]
    assert {each["description"]: each["ports"] for each in lags} == {
        "shared1": ["swp1", "swp2"],
        "shared2": ["swp3", "swp4"],
        "shared3": ["swp5", "swp6"],
        "metal1": ["swp7", "swp8"],
    }
    assert all(each["lacp"] and each["switch"] == "leaf1" for each in lags)


def test_no_lag_for_single_cables(inventory: Inventory) -> None:
    now = info()
    now["switches"].append({"name": "leaf2", "health": {"ok": True}})
    for link in now["links"]:
        for side in ("local", "remote"):
            if link[side] == "swp8@leaf1":
                link[side] = "swp8@leaf2"
    assert "metal1" not in {each["description"] for each in present(inventory, ["blue"], now)["lags"]}


def test_host_cluster(inventory: Inventory) -> None:
    model = inventory.model()
    document = host_document(model, observe(model, info()))
    template = document["server_cluster_templates"][0]
    assert (template["name"], template["vnets"][0]["ipv4_gateway"]) == ("host-nodes", "192.168.55.254/21")
    assert document["server_clusters"][0]["servers"] == [
        {"name": name, "shared": False} for name in ("hostcp1", "shared1", "shared2", "shared3")
    ]
    # Gateway .254 and endpoint .253 stay out.
    assert document["vnets"][0]["gateways"] == [{"dhcp": {"start": "192.168.48.1", "end": "192.168.55.252"}}]
    # The outside port is one cable and no bond.
    assert [each["description"] for each in document["lags"]] == SHARED


def test_absent_takes_the_template_only_if_unused(inventory: Inventory) -> None:
    document = absent_document(inventory.model(), ["green"])
    assert document == {
        "server_clusters": [{"name": "green", "site": "Default", "state": "absent"}],
        "vpcs": [{"name": "green", "state": "absent"}],
        "server_cluster_templates": [{"name": "tenant-nodes", "state": "absent", "if_unused": True}],
    }


def test_facts_of_an_existing_tenant_cluster(inventory: Inventory) -> None:
    assert tenant_facts(inventory.model(), "blue", cluster("blue", ["metal1"], SHARED, **BLUE)) == {
        "vlan_id": 3,
        "vpc": "blue",
        "vnet": "blue-nodes",
        "subnet": "192.168.64.0/22",
        "gateway": "192.168.67.254",
        "vip": "192.168.67.253",
        "control_plane_range": {"start": "192.168.67.250", "end": "192.168.67.252"},
        "dhcp_range": {"start": "192.168.64.1", "end": "192.168.67.249"},
        "snat_address": "",
        "dnat": [],
        "peered_vpcs": [],
    }


def test_facts_before_creation_are_null(inventory: Inventory) -> None:
    model = inventory.model()
    unknown = dict.fromkeys(BLUE)
    for before in (None, cluster("blue", [], []), cluster("blue", [], [], **unknown)):
        facts = tenant_facts(model, "blue", before)
        assert [fact for fact, value in facts.items() if value is not None] == ["snat_address", "dnat", "peered_vpcs"]


def test_the_controllers_own_dhcp_range_is_told_as_it_is(inventory: Inventory) -> None:
    entry = {**BLUE, "dhcp_range": {"start": "192.168.64.2", "end": "192.168.64.9"}}
    facts = tenant_facts(inventory.model(), "blue", cluster("blue", [], [], **entry))
    assert facts["dhcp_range"] == {"start": "192.168.64.2", "end": "192.168.64.9"}


def test_no_dhcp_range_where_dhcp_is_off(inventory: Inventory) -> None:
    entry = {**BLUE, "dhcp_range": {"start": None, "end": None}}
    facts = tenant_facts(inventory.model(), "blue", cluster("blue", [], [], **entry))
    assert (facts["dhcp_range"], facts["vip"]) == (None, "192.168.67.253")
