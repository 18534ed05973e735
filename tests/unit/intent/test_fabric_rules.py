# SPDX-License-Identifier: Apache-2.0
"""Intent against the present fabric: one test per reason to refuse, and what is none."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.baremetal.fabric.plugins.module_utils._intent.capacity import capacity
from ansible_collections.baremetal.fabric.plugins.module_utils._intent.fabric_rules import (
    check_fabric,
    missing_clusters,
)
from ansible_collections.baremetal.fabric.plugins.module_utils._netris.document import observe

from .conftest import Inventory
from .fabric_now import BLUE, SHARED, cluster, info


def problems(
    inventory: Inventory,
    now: dict[str, Any],
    tenants: list[str] | None = None,
    host_cluster: bool = False,
) -> dict[str, str]:
    model = inventory.model()
    names = (["blue", "green"] if tenants is None else tenants) if not host_cluster else []
    return {each.path: each.message for each in check_fabric(model, observe(model, now), names, host_cluster)}


def without_link(now: dict[str, Any], port: str) -> None:
    now["links"] = [each for each in now["links"] if port not in (each["local"], each["remote"])]


def without_port(now: dict[str, Any], port: str) -> None:
    without_link(now, port)
    now["ports"] = [each for each in now["ports"] if each["name"] != port]


def test_an_empty_rack_is_fine(inventory: Inventory) -> None:
    assert problems(inventory, info()) == {}
    assert problems(inventory, info(), host_cluster=True) == {}


def test_what_exists_as_intended_is_fine(inventory: Inventory) -> None:
    now = info()
    now["server_clusters"] = [cluster("blue", ["metal1"], SHARED, **BLUE), cluster("green", ["metal2"], SHARED)]
    assert problems(inventory, now) == {}


def test_all_mistakes_are_told_at_once(inventory: Inventory) -> None:
    now = info()
    now["switches"][0]["health"] = {"ok": False, "message": "no report for 20 s"}
    without_link(now, "eth9@metal1")
    inventory.set("metal2", fabric_netris_name="metal9")
    assert list(problems(inventory, now)) == ["metal1", "metal2", "leaf1"]


def test_unknown_site_and_owner(inventory: Inventory) -> None:
    inventory.everywhere(fabric_site="Elsewhere", fabric_owner="Nobody")
    found = problems(inventory, info())
    assert found == {
        "fabric_site": "no site 'Elsewhere' in Netris; known: Default",
        "fabric_owner": "no owner 'Nobody' in Netris; known: Admin",
    }


def test_unknown_server(inventory: Inventory) -> None:
    inventory.set("metal1", fabric_netris_name="metal9")
    assert problems(inventory, info())["metal1"].startswith("no server 'metal9' in Netris; known: hostcp1, metal1, ")


def test_unknown_server_of_another_tenant_cluster_does_not_matter(inventory: Inventory) -> None:
    inventory.set("metal2", fabric_netris_name="metal9")
    assert problems(inventory, info(), ["blue"]) == {}


def test_unknown_extra_server(inventory: Inventory) -> None:
    inventory.host_cluster(extra_servers=["hostcp2"])
    assert (
        "no server 'hostcp2'" in problems(inventory, info(), host_cluster=True)["fabric_host_cluster.extra_servers[0]"]
    )


def test_nic_that_does_not_exist(inventory: Inventory) -> None:
    now = info()
    without_port(now, "eth10@shared2")
    message = problems(inventory, now)["shared2"]
    assert message.startswith("server 'shared2' has no NIC 'eth10' in Netris; it has eth1, ")


def test_nic_that_is_not_linked(inventory: Inventory) -> None:
    now = info()
    without_link(now, "eth10@shared2")
    assert problems(inventory, now) == {
        "shared2": "NIC 'eth10' of server 'shared2' is not linked to a switch port in Netris"
    }


def test_nic_that_is_linked_to_no_switch(inventory: Inventory) -> None:
    now = info()
    without_link(now, "eth10@shared2")
    now["links"].append({"local": "eth10@shared2", "remote": "eth8@metal1", "underlay": False})
    assert "is not linked to a switch port" in problems(inventory, now)["shared2"]


def test_an_extra_server_needs_one_cable_only(inventory: Inventory) -> None:
    now = info()
    assert problems(inventory, now, host_cluster=True) == {}
    without_link(now, "eth9@hostcp1")
    message = problems(inventory, now, host_cluster=True)["fabric_host_cluster.extra_servers[0]"]
    assert message == "none of the NICs eth9, eth10 of server 'hostcp1' is linked to a switch port"


def test_agent_that_is_not_healthy(inventory: Inventory) -> None:
    now = info()
    now["switches"][0]["health"] = {"ok": False, "message": "no report for 20 s"}
    assert problems(inventory, now, ["blue"]) == {
        "leaf1": "the agent of this switch is not healthy (no report for 20 s);"
        " behind it: shared1, shared2, shared3, metal1"
    }


def test_agent_of_a_switch_that_is_not_touched(inventory: Inventory) -> None:
    now = info()
    now["switches"].append({"name": "leaf2", "health": {"ok": False, "message": "down"}})
    assert problems(inventory, now) == {}


@pytest.mark.parametrize("holder", ["green", "foreign"])
def test_server_held_by_another_cluster(inventory: Inventory, holder: str) -> None:
    now = info()
    now["server_clusters"] = [cluster(holder, ["metal1"], [])]
    assert problems(inventory, now, ["blue"]) == {
        "metal1.fabric_tenant_cluster": f"server 'metal1' is held by '{holder}', so 'blue' cannot have it;"
        " release it there first"
    }


def test_server_that_another_cluster_shares_is_not_held(inventory: Inventory) -> None:
    now = info()
    now["server_clusters"] = [cluster("foreign", [], ["metal1"])]
    assert problems(inventory, now, ["blue"]) == {}


def test_no_vlan_id_left(inventory: Inventory) -> None:
    now = info()
    now["sites"][0].update(vlan_range_auto_assign="2-4", vlans_used=[2, 3])
    assert problems(inventory, now) == {
        "fabric_site": "1 VLAN ids left in site 'Default', blue, green need 2",
    }
    assert problems(inventory, now, ["blue"]) == {}


def test_no_child_subnet_left(inventory: Inventory) -> None:
    inventory.everywhere(fabric_tenant_supernet="192.168.64.0/21")
    now = info()
    now["subnets"] = [{"prefix": "192.168.68.0/30"}]
    assert problems(inventory, now) == {
        "fabric_tenant_supernet": "1 child subnets of /22 left in 192.168.64.0/21, blue, green need 2",
    }
    assert problems(inventory, now, ["blue"]) == {}


def test_what_exists_needs_no_room(inventory: Inventory) -> None:
    inventory.everywhere(fabric_tenant_supernet="192.168.64.0/21")
    now = info()
    now["sites"][0].update(vlan_range_auto_assign="2-3", vlans_used=[2, 3])
    now["subnets"] = [{"prefix": "192.168.64.0/22"}, {"prefix": "192.168.68.0/22"}]
    now["server_clusters"] = [cluster("blue", ["metal1"], SHARED), cluster("green", ["metal2"], SHARED)]
    assert problems(inventory, now) == {}


def test_missing_clusters_by_netris_name(inventory: Inventory) -> None:
    inventory.set("blue", fabric_netris_name="customer-7")
    now = info()
    now["server_clusters"] = [cluster("customer-7", [], [])]
    model = inventory.model()
    assert missing_clusters(model, observe(model, now), ["blue", "green"]) == ["green"]


@pytest.mark.parametrize(
    ("supernet", "subnets", "left"),
    [
        ("192.168.64.0/18", [], 16),
        ("192.168.64.0/18", ["192.168.64.0/22", "192.168.48.0/21", "10.0.0.0/8"], 15),
        # Two small ones in one child take one child, a big one takes all that it covers.
        ("192.168.64.0/18", ["192.168.64.0/24", "192.168.65.0/24", "192.168.72.0/21"], 13),
        ("192.168.64.0/18", ["192.168.0.0/16"], 0),
        ("192.168.64.0/18", ["192.168.64.0/20", "192.168.68.0/22", "fd00::/64"], 12),
        ("10.0.0.0/8", [], 16384),
    ],
)
def test_free_child_subnets(inventory: Inventory, supernet: str, subnets: list[str], left: int) -> None:
    inventory.everywhere(fabric_tenant_supernet=supernet, fabric_reserved_networks=[])
    if supernet.startswith("10."):
        inventory.host_cluster(pod_cidr="172.16.0.0/16", service_cidr="172.17.0.0/16")
        for tenant in ("blue", "green"):
            inventory.set(tenant, tenant_cluster_pod_cidr="172.16.0.0/16", tenant_cluster_service_cidr="172.17.0.0/16")
    now = info()
    now["subnets"] = [{"prefix": each} for each in subnets]
    model = inventory.model()
    assert capacity(model, observe(model, now)).subnets == left


def test_capacity_is_the_scarcer_of_two(inventory: Inventory) -> None:
    now = info()
    now["sites"][0].update(vlan_range_auto_assign="2-10,100", vlans_used=[2, 99])
    model = inventory.model()
    found = capacity(model, observe(model, now))
    assert (found.vlan_ids, found.subnets, found.tenant_clusters) == (9, 16, 9)
    assert found.after(2).tenant_clusters == 7
    assert found.after(100).tenant_clusters == 0


def test_capacity_where_the_controller_does_not_tell(inventory: Inventory) -> None:
    now = info()
    now["sites"][0].update(vlan_range_auto_assign="", vlan_range="")
    model = inventory.model()
    found = capacity(model, observe(model, now))
    assert (found.vlan_ids, found.tenant_clusters) == (None, 16)
    assert "VLAN ids left: unknown" in str(found)
