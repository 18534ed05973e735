# SPDX-License-Identifier: Apache-2.0
"""The filters between the plan and the roles."""

from __future__ import annotations

from typing import Any

from ansible_collections.baremetal.fabric.plugins.filter.tenant_facts import FilterModule as TenantFacts
from ansible_collections.baremetal.fabric.plugins.filter.tenants_on import FilterModule as TenantsOn
from ansible_collections.baremetal.fabric.plugins.module_utils._intent.targets import select

from .conftest import Inventory
from .fabric_now import BLUE, SHARED, cluster

tenant_facts = TenantFacts().filters()["tenant_facts"]
tenants_on = TenantsOn().filters()["tenants_on"]


def checked(inventory: Inventory, *tenants: str) -> dict[str, Any]:
    model = inventory.model()
    return {
        "model": model.as_dict(),
        "targets": select(model, tenants, [*inventory.hostvars]).as_dict(),
    }


def test_facts_from_either_shape(inventory: Inventory) -> None:
    blue = cluster("blue", ["metal1"], SHARED, **BLUE)
    model = inventory.model().as_dict()
    assert tenant_facts({"blue": blue}, model, ["blue"]) == tenant_facts([blue], model, ["blue"])
    assert tenant_facts([blue], model, ["blue"])["blue"]["vip"] == "192.168.67.253"


def test_facts_are_found_by_the_netris_name(inventory: Inventory) -> None:
    inventory.set("blue", fabric_netris_name="customer-7")
    found = tenant_facts([cluster("customer-7", [], [], **BLUE)], inventory.model().as_dict(), ["blue", "green"])
    assert (found["blue"]["vlan_id"], found["green"]["vlan_id"]) == (3, None)


def test_facts_in_print(inventory: Inventory) -> None:
    model = inventory.model().as_dict()
    lines = {
        name: facts["line"]
        for name, facts in tenant_facts([cluster("blue", [], [], **BLUE)], model, ["blue", "green"]).items()
    }
    assert lines["blue"] == (
        "blue: vlan id 3, vpc blue, vnet blue-nodes, subnet 192.168.64.0/22, gateway 192.168.67.254,"
        " vip 192.168.67.253, control plane range 192.168.67.250-192.168.67.252, dhcp range 192.168.64.1-192.168.67.249"
    )
    assert lines["green"].startswith("green: vlan id (known after apply), vpc (known after apply), ")


def test_tenants_on_a_shared_server(inventory: Inventory) -> None:
    inventory.set("blue", fabric_shared_servers=["shared1"])
    now = checked(inventory)
    hostvars: dict[str, dict[str, Any]] = {"blue": {"fabric_vlan_id": 3}, "green": {}}
    assert tenants_on(now, "shared1", hostvars) == [
        {"name": "blue", "vlan_id": 3},
        {"name": "green", "vlan_id": None},
    ]
    assert tenants_on(now, "shared2", hostvars) == [{"name": "green", "vlan_id": None}]


def test_only_the_plays_tenants(inventory: Inventory) -> None:
    assert [each["name"] for each in tenants_on(checked(inventory, "green"), "shared1", {"green": {}})] == ["green"]
