# SPDX-License-Identifier: Apache-2.0
"""The ways out of a tenant cluster: every mistake, what is asked of Netris, and what is told of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.baremetal.fabric.plugins.module_utils._intent import Model
from ansible_collections.baremetal.fabric.plugins.module_utils._intent.capacity import capacity
from ansible_collections.baremetal.fabric.plugins.module_utils._intent.fabric_rules import check_fabric
from ansible_collections.baremetal.fabric.plugins.module_utils._intent.summary import facts_line, present_lines
from ansible_collections.baremetal.fabric.plugins.module_utils._netris.document import (
    absent_document,
    observe,
    present_document,
    tenant_facts,
)
from ansible_collections.baremetal.fabric.plugins.module_utils._netris.document_schema import parse_document

from .conftest import Inventory
from .fabric_now import BLUE, SHARED, cluster, info

Only = Callable[[dict[str, str], str], str]

INTERNET = {"snat_address": "198.51.100.5"}
WEB = {"address": "198.51.100.6", "port": 443, "to_host_number": 10}
OF_BLUE = {"server_cluster": "blue", "postfix": "nodes"}


@pytest.fixture
def outside(inventory: Inventory) -> Inventory:
    """Public addresses and shared services for all, used by nobody."""
    return inventory.everywhere(
        fabric_nat_subnets=["198.51.100.0/28"], fabric_shared_vpcs=[{"name": "services", "prefixes": ["10.80.0.0/24"]}]
    )


def now() -> dict[str, Any]:
    """What whoever runs Netris has made for it."""
    return {
        **info(),
        "vpcs": [{"name": "VPC-1"}, {"name": "services"}],
        "subnets": [
            {"name": "nat", "prefix": "198.51.100.0/28", "vpc": "VPC-1", "purpose": "nat", "sites": ["Default"]},
            {
                "name": "services",
                "prefix": "10.80.0.0/24",
                "vpc": "services",
                "purpose": "common",
                "sites": ["Default"],
            },
        ],
    }


def rule(name: str, vpc: str = "blue", ours: bool = True, **more: Any) -> dict[str, Any]:
    tags = ["managed-by=baremetal.fabric"] if ours else []
    return {"name": name, "vpc": vpc, "action": "snat", "snat_to": "198.51.100.5", "tags": tags, **more}


# --- mistakes that the inventory shows


def test_a_right_one_is_fine(outside: Inventory) -> None:
    outside.set("blue", fabric_internet={**INTERNET, "dnat": [WEB]}, fabric_peerings=["services"])
    outside.set("green", fabric_internet={"snat_address": "198.51.100.7"}, fabric_peerings=["services"])
    model = outside.model()
    assert model.tenant_clusters["blue"].dnat[0].to_port == 443
    assert Model.from_dict(model.as_dict()) == model


def test_all_mistakes_are_told_at_once(outside: Inventory) -> None:
    dnat = [{**WEB, "address": "203.0.113.1"}, {"address": "x", "port": 80, "to": "10.0.0.1"}, {**WEB, "port": 0}]
    outside.set(
        "blue", fabric_internet={"snat_address": "203.0.113.9", "dnat": dnat}, fabric_peerings=["green", "sevices"]
    )
    assert list(outside.problems()) == [
        "blue.fabric_internet.dnat[2].port",
        "blue.fabric_internet.dnat[1].to",
        "blue.fabric_peerings[0]",
        "blue.fabric_peerings[1]",
        "blue.fabric_internet.snat_address",
        "blue.fabric_internet.dnat[0].address",
        "blue.fabric_internet.dnat[1].address",
    ]


def test_an_address_outside_the_subnets(outside: Inventory, only: Only) -> None:
    outside.set("blue", fabric_internet={"snat_address": "198.51.100.16"})
    message = only(outside.problems(), "blue.fabric_internet.snat_address")
    assert message == "198.51.100.16 lies in none of fabric_nat_subnets: 198.51.100.0/28"


def test_an_address_without_any_subnet(inventory: Inventory, only: Only) -> None:
    inventory.set("blue", fabric_internet=INTERNET)
    assert only(inventory.problems(), "blue.fabric_internet.snat_address").endswith("none is set")


def test_an_address_of_two_tenant_clusters(outside: Inventory, only: Only) -> None:
    outside.set("blue", fabric_internet={"dnat": [{**WEB, "address": "198.51.100.5"}]})
    outside.set("green", fabric_internet=INTERNET)
    message = only(outside.problems(), "green.fabric_internet.snat_address")
    assert "198.51.100.5 is also used by blue (blue.fabric_internet.dnat[0].address)" in message


def test_one_address_in_and_out_of_one_tenant_cluster_is_fine(outside: Inventory) -> None:
    outside.set("blue", fabric_internet={**INTERNET, "dnat": [{**WEB, "address": "198.51.100.5"}]})
    outside.model()


def test_a_port_taken_twice(outside: Inventory, only: Only) -> None:
    udp = {**WEB, "protocol": "udp"}
    again = {**WEB, "to_host_number": 9}
    outside.set("blue", fabric_internet={"dnat": [WEB, udp, again]})
    message = only(outside.problems(), "blue.fabric_internet.dnat[2].port")
    assert message == "tcp port 443 of 198.51.100.6 is taken by blue.fabric_internet.dnat[0]"


@pytest.mark.parametrize(
    ("target", "key", "message"),
    [
        ({}, "to", "is required, or to_host_number"),
        ({"to": "192.168.64.9", "to_host_number": 9}, "to", "one of the two"),
        ({"to": "metal1"}, "to", "is not an IPv4 address"),
        ({"to": "192.168.55.9"}, "to", "lies outside the tenant supernet 192.168.64.0/18"),
        ({"to_host_number": 1023}, "to_host_number", "lies outside a /22, which has 1 to 1022"),
        ({"to_host_number": 1022}, "to_host_number", "is the gateway's"),
        ({"to_host_number": 1021}, "to_host_number", "is of the control plane or its API endpoint"),
        ({"to_host_number": 1018}, "to_host_number", "is of the control plane or its API endpoint"),
        ({"to": "192.168.71.254"}, "to", "is the gateway's"),
        ({"to": "192.168.71.253"}, "to", "is of the control plane or its API endpoint"),
    ],
)
def test_a_wrong_target(outside: Inventory, only: Only, target: dict[str, Any], key: str, message: str) -> None:
    outside.set("blue", fabric_internet={"dnat": [{"address": "198.51.100.6", "port": 443, **target}]})
    assert message in only(outside.problems(), f"blue.fabric_internet.dnat[0].{key}")


def test_a_misspelt_key(outside: Inventory, only: Only) -> None:
    outside.set("blue", fabric_internet={"snat_adress": "198.51.100.5"})
    assert "did you mean snat_address" in only(outside.problems(), "blue.fabric_internet.snat_adress")


@pytest.mark.parametrize(
    ("subnets", "path", "message"),
    [
        (["198.51.100.1/28"], "fabric_nat_subnets[0]", "has host bits set"),
        (["192.168.64.0/28"], "fabric_nat_subnets[0]", "overlaps tenant supernet"),
        (["192.168.55.0/28"], "fabric_nat_subnets[0]", "overlaps host cluster's subnet"),
        (["10.77.1.0/28"], "fabric_nat_subnets[0]", "overlaps reserved network 'management'"),
        (["198.51.100.0/24", "198.51.100.0/28"], "fabric_nat_subnets[1]", "overlaps subnet for NAT"),
    ],
)
def test_wrong_subnets(inventory: Inventory, only: Only, subnets: list[str], path: str, message: str) -> None:
    inventory.everywhere(fabric_nat_subnets=subnets)
    assert message in only(inventory.problems(), path)


@pytest.mark.parametrize(
    ("vpcs", "path", "message"),
    [
        ([{"name": "green", "prefixes": ["10.80.0.0/24"]}], "[0].name", "is the VPC of tenant cluster green"),
        ([{"name": "host", "prefixes": ["10.80.0.0/24"]}], "[0].name", "is the VPC of the host cluster"),
        ([{"name": "a", "prefixes": ["10.80.0.0/24"]}] * 2, "[1].name", "is listed twice"),
        ([{"name": "a", "prefixes": ["192.168.65.0/24"]}], "[0].prefixes[0]", "overlaps tenant supernet"),
        ([{"name": "a", "prefixes": ["10.80.0.1/24"]}], "[0].prefixes[0]", "has host bits set"),
        ([{"name": "a"}], "[0].prefixes", "is required"),
    ],
)
def test_wrong_shared_vpcs(inventory: Inventory, only: Only, vpcs: list[Any], path: str, message: str) -> None:
    inventory.everywhere(fabric_shared_vpcs=vpcs)
    assert message in only(inventory.problems(), f"fabric_shared_vpcs{path}")


def test_a_peer_that_is_not_shared(outside: Inventory, only: Only) -> None:
    outside.set("blue", fabric_peerings=["green"])
    message = only(outside.problems(), "blue.fabric_peerings[0]")
    assert message == "'green' is the VPC of tenant cluster green, which is not shared; fabric_shared_vpcs: services"


def test_two_peerings_that_come_to_one_name(outside: Inventory, only: Only) -> None:
    vpcs = [{"name": "b-shared", "prefixes": ["10.80.0.0/24"]}, {"name": "shared", "prefixes": ["10.81.0.0/24"]}]
    outside.everywhere(fabric_shared_vpcs=vpcs)
    outside.set("blue", fabric_netris_name="a", fabric_peerings=["b-shared"])
    outside.set("green", fabric_netris_name="a-b", fabric_peerings=["b-shared", "shared"])
    message = only(outside.problems(), "green.fabric_peerings[1]")
    assert "would be named 'a-b-shared', as is that of the VPCs 'a' and 'b-shared'" in message
    outside.set("green", fabric_peerings=["b-shared"])
    outside.model()


def test_networks_that_overlap_once_peered(inventory: Inventory) -> None:
    inventory.everywhere(
        fabric_shared_vpcs=[
            {"name": "one", "prefixes": ["10.80.0.0/16"]},
            {"name": "two", "prefixes": ["10.80.1.0/24"]},
            {"name": "three", "prefixes": ["10.244.1.0/24"]},
        ]
    )
    inventory.model()
    inventory.set("blue", fabric_peerings=["one", "two", "three"]).set("green", fabric_peerings=["one"])
    assert inventory.problems() == {
        "blue.fabric_peerings[1]": "shared VPC 'two' 10.80.1.0/24 overlaps shared VPC 'one' 10.80.0.0/16"
        " (blue.fabric_peerings[0])",
        "blue.fabric_peerings[2]": "shared VPC 'three' 10.244.1.0/24 overlaps pod range 10.244.0.0/16"
        " (blue.tenant_cluster_pod_cidr)",
    }


def test_a_prefix_rule_without_its_place(outside: Inventory, only: Only) -> None:
    outside.everywhere(fabric_peering_rule="permit any")
    assert "does not look like permit {prefix}" in only(outside.problems(), "fabric_peering_rule")


def test_shared_nodes_have_no_vlan(outside: Inventory, only: Only) -> None:
    outside.groups["shared_node_clusters"] = []
    outside.add("shared_node_clusters", "tiny", fabric_peerings=["services"]).everywhere(
        fabric_nat_subnets=["198.51.100.0/28"], fabric_shared_vpcs=[{"name": "services", "prefixes": ["10.80.0.0/24"]}]
    )
    assert "with a VLAN of their own" in only(outside.problems(), "tiny.fabric_peerings")


# --- mistakes that the fabric shows


def problems(inventory: Inventory, found: dict[str, Any], *tenants: str) -> dict[str, str]:
    model = inventory.model()
    return {each.path: each.message for each in check_fabric(model, observe(model, found), tenants or ("blue",))}


def test_what_is_there_as_intended_is_fine(outside: Inventory) -> None:
    outside.set("blue", fabric_internet=INTERNET, fabric_peerings=["services"])
    assert problems(outside, now()) == {}
    built = now()
    built["nats"] = [rule("blue-snat")]
    built["subnets"].append({"prefix": "192.168.64.0/22", "vpc": "blue", "purpose": "common", "sites": ["Default"]})
    assert problems(outside, built) == {}


def test_no_subnet_for_nat_in_netris(outside: Inventory) -> None:
    outside.set("blue", fabric_internet=INTERNET)
    (message,) = problems(outside, info()).values()
    assert "no subnet with the purpose nat of site 'Default' in Netris has 198.51.100.5" in message
    found = now()
    found["subnets"][0]["sites"] = ["Elsewhere"]
    assert list(problems(outside, found)) == ["blue.fabric_internet.snat_address"]
    # Who does not use it is not asked for it.
    assert problems(outside, info(), "green") == {}


def test_an_address_that_another_vpc_holds(outside: Inventory) -> None:
    outside.set("blue", fabric_internet=INTERNET)
    found = {**now(), "nats": [rule("old", vpc="red", ours=False)]}
    (message,) = problems(outside, found).values()
    assert message == "198.51.100.5 is still in the NAT rule 'old' of the VPC 'red'; release it there first"


def test_a_peer_that_does_not_exist(outside: Inventory) -> None:
    outside.set("blue", fabric_peerings=["services"])
    found = {**now(), "vpcs": [{"name": "VPC-1"}]}
    assert "no VPC 'services' in Netris; known: VPC-1" in problems(outside, found)["blue.fabric_peerings[0]"]


def test_a_peering_of_others_by_that_name(outside: Inventory) -> None:
    outside.set("blue", fabric_peerings=["services"])
    found = {**now(), "vpc_peerings": [{"name": "blue-services", "vpc_a": "blue-services", "vpc_b": "VPC-1"}]}
    message = problems(outside, found)["blue.fabric_peerings[0]"]
    assert "'blue-services', as is one in Netris of the VPCs blue-services and VPC-1: rename that one" in message
    for ends in (("blue", "services"), ("services", "blue")):
        found["vpc_peerings"] = [{"name": "blue-services", "vpc_a": ends[0], "vpc_b": ends[1]}]
        assert problems(outside, found) == {}


def test_a_target_outside_the_subnet_that_was_chosen(outside: Inventory) -> None:
    outside.set("blue", fabric_internet={"dnat": [{"address": "198.51.100.6", "port": 443, "to": "192.168.68.9"}]})
    assert problems(outside, now()) == {}
    built = now()
    built["subnets"].append({"prefix": "192.168.64.0/22", "vpc": "blue", "purpose": "common", "sites": ["Default"]})
    message = problems(outside, built)["blue.fabric_internet.dnat[0].to"]
    assert message == "192.168.68.9 lies outside its subnet 192.168.64.0/22"


def test_two_peers_of_one_vpc_with_the_same_subnet(outside: Inventory) -> None:
    outside.set("blue", fabric_peerings=["services"]).set("green", fabric_peerings=["services"])
    built = now()
    for vpc in ("blue", "green"):
        built["subnets"].append({"prefix": "192.168.64.0/22", "vpc": vpc, "purpose": "common", "sites": ["Default"]})
    assert "overlaps 192.168.64.0/22 of green" in problems(outside, built)["blue.fabric_peerings[0]"]
    outside.set("green", fabric_peerings=[])
    assert problems(outside, built) == {}


def test_a_subnet_of_the_shared_vpc_that_nobody_wrote_down(outside: Inventory) -> None:
    outside.set("blue", fabric_peerings=["services"])
    found = now()
    found["subnets"].append({"prefix": "192.168.66.0/24", "vpc": "services", "purpose": "common", "sites": []})
    assert (
        "subnet 192.168.66.0/24 of the VPC 'services' overlaps" in problems(outside, found)["blue.fabric_peerings[0]"]
    )


# --- what is asked of Netris


def document(inventory: Inventory, found: dict[str, Any] | None = None) -> dict[str, Any]:
    model = inventory.model()
    made = present_document(model, observe(model, found or now()), ["blue"])
    parse_document(made)
    return made


def test_rules_and_peerings(outside: Inventory) -> None:
    target = {"address": "198.51.100.5", "port": 53, "protocol": "udp", "to": "192.168.64.9", "to_port": 5353}
    outside.set("blue", fabric_internet={**INTERNET, "dnat": [WEB, target]}, fabric_peerings=["services"])
    made = document(outside)
    common = {"site": "Default", "vpc": "blue", **OF_BLUE}
    assert made["nats"] == [
        {"name": "blue-snat", **common, "action": "snat", "snat_to": "198.51.100.5"},
        {
            "name": "blue-dnat-198.51.100.6-tcp-443", **common, "action": "dnat", "protocol": "tcp",
            "destination": "198.51.100.6", "destination_port": "443", "dnat_to_host": 10, "dnat_to_port": "443",
        },
        {
            "name": "blue-dnat-198.51.100.5-udp-53", **common, "action": "dnat", "protocol": "udp",
            "destination": "198.51.100.5", "destination_port": "53", "dnat_to": "192.168.64.9", "dnat_to_port": "5353",
        },
    ]  # fmt: skip
    assert made["vpc_peerings"] == [
        {
            "name": "blue-services", "vpc_a": "blue", "vpc_b": "services", **OF_BLUE,
            "inbound_a": ["permit 10.80.0.0/24"], "inbound_b": ["permit {subnet}"],
        }
    ]  # fmt: skip


def test_nothing_is_asked_for_nothing(outside: Inventory) -> None:
    assert {"nats", "vpc_peerings"}.isdisjoint(document(outside))


def test_what_the_inventory_names_no_more_goes_and_what_others_made_stays(outside: Inventory) -> None:
    outside.set("blue", fabric_internet={"dnat": [WEB]})
    found = {
        **now(),
        "nats": [rule("blue-snat"), rule("by-hand", ours=False), rule("green-snat", vpc="green")],
        "vpc_peerings": [
            {"name": "blue-services", "vpc_a": "services", "vpc_b": "blue"},
            {"name": "by-hand", "vpc_a": "blue", "vpc_b": "other"},
            {"name": "green-services", "vpc_a": "green", "vpc_b": "services"},
        ],
    }
    made = document(outside, found)
    assert [each["name"] for each in made["nats"]] == ["blue-dnat-198.51.100.6-tcp-443", "blue-snat"]
    assert made["nats"][1] == {"name": "blue-snat", "state": "absent"}
    assert made["vpc_peerings"] == [{"name": "blue-services", "state": "absent"}]


def test_deleting_takes_all_of_it(outside: Inventory) -> None:
    outside.set("blue", fabric_internet=INTERNET)
    found = {
        **now(),
        "nats": [rule("blue-snat"), rule("blue-dnat-old", action="dnat"), rule("green-snat", vpc="green")],
        "vpc_peerings": [{"name": "blue-services", "vpc_a": "blue", "vpc_b": "services"}],
    }
    model = outside.model()
    made = absent_document(model, ["blue"], observe(model, found))
    assert [each["name"] for each in made["nats"]] == ["blue-snat", "blue-dnat-old"]
    assert made["vpc_peerings"] == [{"name": "blue-services", "state": "absent"}]
    assert "nats" not in absent_document(model, ["blue"], observe(model, now()))


def test_the_prefix_rule_is_the_controllers_affair(outside: Inventory) -> None:
    outside.set("blue", fabric_peerings=["services"]).everywhere(fabric_peering_rule="{prefix} le 32")
    (peering,) = document(outside)["vpc_peerings"]
    assert (peering["inbound_a"], peering["inbound_b"]) == (["10.80.0.0/24 le 32"], ["{subnet} le 32"])


# --- what is told of it


def test_facts_and_lines(outside: Inventory) -> None:
    outside.set("blue", fabric_internet={**INTERNET, "dnat": [WEB]}, fabric_peerings=["services"])
    model = outside.model()
    before = tenant_facts(model, "blue", None)
    assert (before["snat_address"], before["dnat"], before["peered_vpcs"]) == (None, None, None)
    facts = tenant_facts(model, "blue", cluster("blue", ["metal1"], SHARED, **BLUE))
    assert (facts["snat_address"], facts["peered_vpcs"]) == ("198.51.100.5", ["services"])
    assert facts["dnat"] == [
        {"address": "198.51.100.6", "protocol": "tcp", "port": 443, "to": "192.168.64.10", "to_port": 443}
    ]
    assert facts_line("blue", facts).endswith(
        "snat address 198.51.100.5, dnat 198.51.100.6:443/tcp->192.168.64.10:443, peered vpcs services"
    )
    observed = observe(model, now())
    lines = present_lines(model, observed, ["blue"], capacity(model, observed))
    assert [line for line in lines if " reaches " in line or " leads " in line] == [
        "  reaches the internet as 198.51.100.5",
        "  198.51.100.6 tcp port 443 leads to host number 10 port 443",
        "  reaches the shared VPC services",
    ]
