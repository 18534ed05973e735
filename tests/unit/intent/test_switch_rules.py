# SPDX-License-Identifier: Apache-2.0
"""Without a controller the inventory has to know the switches: one test per mistake."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.baremetal.fabric.plugins.module_utils._intent import IntentError, Model
from ansible_collections.baremetal.fabric.plugins.module_utils._intent.fabric_rules import check_fabric
from ansible_collections.baremetal.fabric.plugins.module_utils._intent.moves import moves
from ansible_collections.baremetal.fabric.plugins.module_utils._netris.document import FACTS, tenant_facts
from ansible_collections.baremetal.fabric.plugins.module_utils._switch import document
from ansible_collections.baremetal.fabric.plugins.module_utils._switch.model import load

from .conftest import WIDE, Inventory

Only = Callable[[dict[str, str], str], str]
REPOSITORY = Path(__file__).parents[3]
SERVERS = ("shared1", "shared2", "shared3", "metal1", "metal2", "metal3")
LINKS = {
    **{
        f"swp{2 * index + number}": f"{nic}@{server}"
        for index, server in enumerate(SERVERS)
        for number, nic in ((1, "eth9"), (2, "eth10"))
    },
    "swp13": "eth9@hostcp1",
}


@pytest.fixture(params=["linux_switch", "manual"])
def inventory(request: pytest.FixtureRequest) -> Inventory:
    made = Inventory()
    made.groups["switches"] = ["leaf1"]
    made.hostvars["leaf1"] = {**deepcopy(WIDE), "fabric_links": dict(LINKS)}
    return made.everywhere(fabric_provider=request.param, fabric_vlan_range="100-109")


def link(inventory: Inventory, port: str, end: str | None, switch: str = "leaf1") -> Inventory:
    links = inventory.hostvars[switch].setdefault("fabric_links", {})
    if end is None:
        del links[port]
    else:
        links[port] = end
    return inventory


def test_the_rack_is_fine_and_comes_back_from_plain_data(inventory: Inventory) -> None:
    model = inventory.model()
    assert Model.from_dict(model.as_dict()) == model
    assert model.switches["leaf1"].links["swp7"] == "eth9@metal1"


def test_netris_does_not_ask_for_any_of_it() -> None:
    made = Inventory()
    made.groups["switches"] = ["shared1", "router7"]
    made.hostvars["router7"] = {"fabric_links": "whatever another collection means by it"}
    assert made.model().switches == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is required with fabric_provider"),
        ("200-100", "'200-100' ends before it begins"),
        ("1-20", "'1-20' goes beyond the VLAN ids 2 to 4094"),
        ("4090-4099", "'4090-4099' goes beyond"),
        ("100-101", "'100-101' has 2 VLAN ids; the host cluster and 2 tenant clusters need 3"),
        ("ten", "does not look like 100-199,300"),
    ],
)
def test_vlan_range(inventory: Inventory, only: Only, text: str, message: str) -> None:
    inventory.everywhere(fabric_vlan_range=text)
    assert message in only(inventory.problems(), "fabric_vlan_range")


def test_only_netris_has_ways_out(inventory: Inventory) -> None:
    inventory.everywhere(
        fabric_nat_subnets=["198.51.100.0/28"], fabric_shared_vpcs=[{"name": "services", "prefixes": ["10.80.0.0/24"]}]
    )
    inventory.set("blue", fabric_internet={"snat_address": "198.51.100.5"}, fabric_peerings=["services"])
    found = inventory.problems()
    assert set(found) == {"blue.fabric_internet", "blue.fabric_peerings"}
    assert all("is what Netris does, and fabric_provider is " in message for message in found.values())


def test_no_switch(inventory: Inventory) -> None:
    inventory.groups["switches"] = []
    del inventory.hostvars["leaf1"]
    assert "the group has no hosts" in inventory.problems()["switches"]


def test_a_host_of_two_kinds(inventory: Inventory) -> None:
    inventory.groups["switches"].append("metal3")
    assert "groups bare_metal and switches" in inventory.problems()["metal3"]


def test_all_mistakes_of_the_cabling_at_once(inventory: Inventory) -> None:
    link(inventory, "swp1", "eth9@shred1")
    link(inventory, "swp3", "eth7@shared2")
    link(inventory, "swp7", "eth10@metal1")
    link(inventory, "a-port-with-a-long-name", "eth9@metal3")
    inventory.set("leaf1", fabric_uplinks=["swp12"])
    found = inventory.problems()
    assert "no server 'shred1'; known: hostcp1, metal1" in found["leaf1.fabric_links.swp1"]
    assert found["leaf1.fabric_links.swp3"] == "no fabric NIC 'eth7'; fabric_server_nics: eth9, eth10"
    assert found["leaf1.fabric_links.swp8"] == "eth10@metal1 is also at the other end of swp7@leaf1"
    assert "Linux allows 15" in found["leaf1.fabric_links.a-port-with-a-long-name"]
    assert found["leaf1.fabric_links.swp12"] == "is also one of fabric_uplinks"
    assert found["shared1"] == "no switch has eth9@shared1 in its fabric_links"
    assert found["metal1"] == "no switch has eth9@metal1 in its fabric_links"


def test_a_link_that_is_none(inventory: Inventory) -> None:
    assert "does not look like eth9@server1" in link(inventory, "swp1", "shared1").problems()["leaf1.fabric_links.swp1"]


def test_a_parked_server_needs_no_cables_and_an_extra_one_does(inventory: Inventory, only: Only) -> None:
    link(link(inventory, "swp11", None), "swp12", None).model()
    link(inventory, "swp13", None)
    assert "hostcp1" in only(inventory.problems(), "fabric_host_cluster.extra_servers[0]")


def test_a_server_on_two_switches(inventory: Inventory) -> None:
    inventory.groups["switches"].append("leaf2")
    inventory.hostvars["leaf2"] = {**deepcopy(inventory.hostvars["leaf1"]), "fabric_links": {}}
    link(link(inventory, "swp8", None), "swp8", "eth10@metal1", "leaf2")
    found = inventory.problems()
    assert found["metal1"].startswith("its NICs end on leaf1 and leaf2")
    assert found["leaf2.fabric_uplinks"].startswith("names no port; with 2 switches")


def second_switch(inventory: Inventory, name: str) -> Inventory:
    """A switch more, with metal1 behind it."""
    inventory.groups["switches"].append(name)
    inventory.hostvars[name] = {**deepcopy(inventory.hostvars["leaf1"]), "fabric_links": {}}
    for switch in ("leaf1", name):
        inventory.set(switch, fabric_uplinks=["swp16"])
    for port in ("swp7", "swp8"):
        link(link(inventory, port, None), port, LINKS[port], name)
    return inventory


def test_with_several_switches_the_gateway_is_said(inventory: Inventory, only: Only) -> None:
    """A switch that sorts before all others must not become it by being added."""
    message = only(second_switch(inventory, "aaa").problems(), "fabric_gateway_switch")
    assert message.startswith("is required with 2 switches (aaa, leaf1)")
    assert inventory.everywhere(fabric_gateway_switch="leaf1").model().fabric.gateway_switch == "leaf1"
    inventory.everywhere(fabric_gateway_switch="leaf7")
    assert only(inventory.problems(), "fabric_gateway_switch").startswith("no switch 'leaf7'")


def test_one_switch_is_the_gateway_unsaid_and_another_cannot_be_named(inventory: Inventory, only: Only) -> None:
    assert inventory.model().fabric.gateway_switch == ""
    inventory.everywhere(fabric_gateway_switch="spine1")
    assert only(inventory.problems(), "fabric_gateway_switch").endswith("known: leaf1")


def test_mtu_bridge_and_dhcp(inventory: Inventory) -> None:
    inventory.everywhere(
        fabric_mtu=9000, fabric_switch_mtu=1500, fabric_switch_bridge="a/b", fabric_switch_gateway=False
    )
    assert set(inventory.problems()) == {"fabric_switch_mtu", "fabric_switch_bridge", "fabric_switch_dhcp"}


def test_names_that_no_switch_takes(inventory: Inventory) -> None:
    inventory.set("blue", fabric_netris_name="blue cluster")
    assert "cannot be the name of a network" in inventory.problems()["blue.fabric_netris_name"]


def test_a_misspelt_variable_of_a_switch(inventory: Inventory) -> None:
    inventory.set("leaf1", fabric_uplink=["swp14"])
    assert "did you mean fabric_uplinks" in inventory.problems()["leaf1.fabric_uplink"]


@pytest.mark.parametrize("name", ["linux-switch", "manual"])
def test_the_example_is_cabled_as_the_lab(name: str) -> None:
    """What is laid over inventories/lab fits the rack that the lab's controller is seeded with."""
    overlay = REPOSITORY / "inventories" / name
    hosts = yaml.safe_load((overlay / "hosts.yml").read_text())["all"]["children"]["switches"]["hosts"]
    seed = yaml.safe_load((REPOSITORY / "lab" / "rack" / "demo.seed.yaml").read_text())
    assert {(end, f"{port}@leaf1") for port, end in hosts["leaf1"]["fabric_links"].items()} == {
        tuple(each) for each in seed["links"]
    }
    values = yaml.safe_load((overlay / "group_vars" / "all" / "switch.yml").read_text())
    made = Inventory()
    made.groups["switches"] = ["leaf1"]
    made.hostvars["leaf1"] = {**deepcopy(WIDE), "fabric_links": hosts["leaf1"]["fabric_links"]}
    assert made.everywhere(**values).model().fabric.provider == name.replace("-", "_")


# --- the plan ----------------------------------------------------------------------------------------------------


def info(networks: list[dict[str, Any]] | None = None, **more: Any) -> dict[str, Any]:
    return {"switches": {"leaf1": {"switch": "leaf1", "networks": networks or [], "neighbours": None, **more}}}


def carried(name: str, vlan_id: int, *members: tuple[str, bool]) -> dict[str, Any]:
    return {
        "name": name,
        "vlan_id": vlan_id,
        "subnet": f"192.168.{4 * (vlan_id - 84)}.0/22",
        "gateway": f"192.168.{4 * (vlan_id - 84) + 3}.254",
        "dhcp": {"start": f"192.168.{4 * (vlan_id - 84)}.1", "end": f"192.168.{4 * (vlan_id - 84) + 3}.249"},
        "routed": True,
        "members": [{"server": server, "ports": [], "tagged": tagged} for server, tagged in members],
    }


SHARED = [(f"shared{number}", True) for number in (1, 2, 3)]


def test_the_document_of_an_empty_rack(inventory: Inventory) -> None:
    model = inventory.model()
    observed = document.observe(model, info())
    assert check_fabric(model, observed, ["blue", "green"]) == []
    made = document.present_document(model, observed, ["blue"])
    assert made["registry"] == "leaf1"
    (entry,) = made["reserve"]
    assert entry == {
        "name": "blue",
        "supernet": "192.168.64.0/18",
        "prefix_length": 22,
        "gateway_host": 1022,
        "dhcp": {"start_host": 1, "end_host": 1017},
        "routed": True,
    }
    (network,) = made["switches"]["leaf1"]["networks"]
    assert [(each["server"], each["ports"], each["tagged"]) for each in network["members"]] == [
        ("metal1", ["swp7", "swp8"], False),
        ("shared1", ["swp1", "swp2"], True),
        ("shared2", ["swp3", "swp4"], True),
        ("shared3", ["swp5", "swp6"], True),
    ]
    host = document.host_document(model, document.observe(model, info()))
    assert host["reserve"][0]["subnet"] == "192.168.48.0/21"
    assert host["reserve"][0]["dhcp"] == {"start_host": 1, "end_host": 2044}


def test_facts_are_those_of_netris(inventory: Inventory) -> None:
    model = inventory.model()
    looks = info([carried("blue", 100, *SHARED)])["switches"]
    (cluster,) = document.server_clusters(model, looks)
    facts = tenant_facts(model, "blue", cluster)
    assert tuple(facts) == FACTS
    assert facts == {
        "vlan_id": 100,
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


def test_a_move_is_one_call_of_its_switch(inventory: Inventory) -> None:
    model = inventory.model()
    now = info([carried("blue", 100, ("metal1", False)), carried("green", 101, ("metal2", False))])
    observed = document.observe(model, now)
    (found,) = moves(model, observed, {"metal1": "green"})
    assert (found.source, found.target) == ("blue", "green")
    made = document.membership_document(model, observed, "metal1", "green")
    leave, enter = made["switches"]["leaf1"]["networks"]
    assert leave == {"name": "blue", "members_mode": "merge", "members": [{"server": "metal1", "state": "absent"}]}
    assert (enter["name"], enter["members_mode"], [each["server"] for each in enter["members"]]) == (
        "green",
        "merge",
        ["metal1"],
    )
    parked = document.membership_document(model, observed, "metal1", "")
    assert parked["switches"]["leaf1"]["networks"] == [leave]


def test_lldp_that_says_otherwise_stops_the_play_before_anything(inventory: Inventory) -> None:
    model = inventory.model()
    heard = {
        "swp7": {"system": "metal2", "port": "eth9"},
        "swp8": {"system": "metal1.example.com", "port": "eth10"},
        "swp11": {"system": "somebody", "port": "eth0"},
    }
    now = info()
    now["switches"]["leaf1"]["neighbours"] = heard
    problems = check_fabric(model, document.observe(model, now), ["blue"])
    assert {each.path: each.message for each in problems} == {
        "leaf1.fabric_links.swp7": "says eth9@metal1, but LLDP hears eth9 of metal2 there;"
        " mend the cable or the inventory"
    }


def test_what_runs_out_is_told_by_the_variable_that_mends_it(inventory: Inventory) -> None:
    model = inventory.model()
    now = info(vlan_ids_used=list(range(100, 110)))
    found = {each.path: each.message for each in check_fabric(model, document.observe(model, now), ["blue", "green"])}
    assert found["fabric_vlan_range"] == "0 VLAN ids left in 100-109, blue, green need 2"


def test_a_server_of_another_network_is_refused(inventory: Inventory) -> None:
    model = inventory.model()
    now = info([carried("red", 100, ("metal1", False))])
    found = {each.path: each.message for each in check_fabric(model, document.observe(model, now), ["blue"])}
    assert "server 'metal1' is held by 'red'" in found["metal1.fabric_tenant_cluster"]


def test_switches_that_disagree_are_not_built_upon(inventory: Inventory) -> None:
    model = second_switch(inventory, "leaf2").everywhere(fabric_gateway_switch="leaf1").model()
    now = info([carried("blue", 100, *SHARED)])
    now["switches"]["leaf2"] = {"networks": [carried("blue", 101, ("metal1", False))], "neighbours": None}
    found = {each.path: each.message for each in check_fabric(model, document.observe(model, now), ["blue"])}
    assert "network blue on VLAN 101" in found["leaf2"]

    now["switches"]["leaf2"] = {"networks": [], "neighbours": None}
    made = document.present_document(model, document.observe(model, now), ["blue"])
    assert made["reserve"] == [] and made["records"] == {"blue": {"vlan_id": 100, "subnet": "192.168.64.0/22"}}
    (there,) = made["switches"]["leaf2"]["networks"]
    assert ([each["server"] for each in there["members"]], there["routed"]) == (["metal1"], False)


def test_a_switch_that_is_added_moves_no_gateway(inventory: Inventory) -> None:
    model = second_switch(inventory, "aaa").everywhere(fabric_gateway_switch="leaf1").model()
    now = info([carried("blue", 100, *SHARED)])
    now["switches"]["aaa"] = {"networks": [], "neighbours": None}
    observed = document.observe(model, now)
    assert check_fabric(model, observed, ["blue"]) == []
    made = document.present_document(model, observed, ["blue"])
    assert made["registry"] == "leaf1"
    assert {switch: [each["routed"] for each in there["networks"]] for switch, there in made["switches"].items()} == {
        "leaf1": [True],
        "aaa": [False],
    }


def test_a_gateway_in_use_is_not_moved_by_a_word(inventory: Inventory) -> None:
    """Two switches would have its address, until the old one is asked, too."""
    model = second_switch(inventory, "aaa").everywhere(fabric_gateway_switch="aaa").model()
    now = info([carried("blue", 100, *SHARED)])
    now["switches"]["aaa"] = {"networks": [], "neighbours": None}
    (problem,) = check_fabric(model, document.observe(model, now), ["green"])
    assert problem.path == "fabric_gateway_switch"
    assert problem.message.startswith("is aaa, but leaf1 is the gateway of blue: name leaf1.")
    with pytest.raises(IntentError, match="leaf1 is the gateway of blue"):
        moves(model, document.observe(model, now), {"metal3": ""})
    without = inventory.everywhere(fabric_switch_gateway=False, fabric_switch_dhcp=False).model()
    assert document.observe(without, now).obstacles == []


def test_an_empty_record_is_a_state() -> None:
    assert load(None).networks == {}
