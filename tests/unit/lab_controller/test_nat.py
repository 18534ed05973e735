"""NAT rules and VPC peerings: what is refused, and what the switches' agents are told."""

from __future__ import annotations

from typing import Any

import pytest

from .rack import Rack

SITE = {"id": 1}


def allocation(rack: Rack, name: str, prefix: str, **more: Any) -> None:
    rack.post("/api/v2/ipam/allocation", name=name, prefix=prefix, tenant=SITE, **more)


@pytest.fixture
def nat(demo: Rack) -> Rack:
    """VPCs a and b with a V-Net each, and addresses for NAT in the system VPC."""
    allocation(demo, "public", "198.51.100.0/24")
    demo.post("/api/v2/ipam/subnet", name="nat", prefix="198.51.100.0/28", purpose="nat", sites=[SITE], tenant=SITE)
    for name, prefix in (("a", "10.1.0.0/24"), ("b", "10.2.0.0/24")):
        vpc = demo.post("/api/v2/vpc", name=name, adminTenant=SITE)
        allocation(demo, name, prefix, vpc={"id": vpc})
        demo.post(
            "/api/v2/ipam/subnet",
            name=name, prefix=prefix, purpose="common", sites=[SITE], tenant=SITE, vpc={"id": vpc},
        )  # fmt: skip
        gateway = prefix.replace(".0/24", ".1/24")
        demo.vnet(name, vpc={"id": vpc}, gateways=[{"prefix": gateway}])
    return demo


def snat(**more: Any) -> dict[str, Any]:
    return {
        "name": "out", "action": "SNAT", "protocol": "all", "site": SITE, "vpc": {"id": 2}, "state": "enabled",
        "sourceAddress": "10.1.0.0/24", "destinationAddress": "0.0.0.0/0", "snatToIP": "198.51.100.5/32", **more,
    }  # fmt: skip


def dnat(**more: Any) -> dict[str, Any]:
    return {
        "name": "in", "action": "DNAT", "protocol": "tcp", "site": SITE, "vpc": {"id": 2}, "state": "enabled",
        "sourceAddress": "0.0.0.0/0", "destinationAddress": "198.51.100.6/32", "destinationPort": "443",
        "dnatToIP": "10.1.0.9/32", "dnatToPort": "6443", **more,
    }  # fmt: skip


def peering(**more: Any) -> dict[str, Any]:
    return {"name": "a-b", "vpcA": {"id": 2}, "vpcB": {"id": 3}, **more}


def peer(rack: Rack, **more: Any) -> int:
    status, answer = rack.call("POST", "/api/v2/vpc-peering", peering(**more))
    assert status == 201, answer
    return int(answer["data"]["id"])


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        (snat(snatToIP="203.0.113.1/32"), "lies in no subnet with the purpose nat"),
        (snat(snatToIP=""), "One of snatToIP and snatToPool"),
        (snat(snatToPool="198.51.100.8/30"), "One of snatToIP and snatToPool"),
        (snat(snatToIP="198.51.100.0/28"), "not a single address"),
        (snat(sourceAddress="10.1.0.1/24"), "not an IPv4 prefix"),
        (snat(sourcePort="80"), "needs the protocol tcp or udp"),
        (dnat(dnatToIP=""), "dnatToIP is required"),
        (dnat(destinationPort="0"), "neither a port nor a range"),
        (dnat(destinationPort="90-80"), "neither a port nor a range"),
        (dnat(dnatToPort="80-90"), "dnatToPort is one port"),
        (dnat(vpc={"id": 99}), "does not exist"),
    ],
)
def test_wrong_rules_are_refused(nat: Rack, body: dict[str, Any], complaint: str) -> None:
    assert complaint in nat.refused("POST", "/api/v2/nat", body)
    assert nat.get("/api/v2/nat") == []


def test_a_port_leads_to_one_place_and_an_address_to_one_vpc(nat: Rack) -> None:
    first = nat.post("/api/v2/nat", **dnat())
    assert "leads these ports" in nat.refused("POST", "/api/v2/nat", dnat(name="2", destinationPort="400-500"))
    assert "of another VPC" in nat.refused("POST", "/api/v2/nat", snat(vpc={"id": 3}, snatToIP="198.51.100.6/32"))
    nat.post("/api/v2/nat", **dnat(name="3", protocol="udp"))
    nat.put(f"/api/v2/nat/{first}", **dnat(state="disabled"))
    nat.post("/api/v2/nat", **dnat(name="2"))


def test_what_rules_use_is_not_deleted(nat: Rack) -> None:
    rule = nat.post("/api/v2/nat", **snat())
    subnet = next(each["id"] for each in nat.get("/api/v2/ipam/subnets") if each["purpose"] == "nat")
    assert "in use by NAT rule out" in nat.refused("DELETE", f"/api/v2/ipam/subnet/{subnet}")
    assert "nat out" in nat.refused("DELETE", "/api/v2/vpc/2")
    nat.delete(f"/api/v2/nat/{rule}")
    nat.delete(f"/api/v2/ipam/subnet/{subnet}")


def test_agents_are_told_of_rules_in_force(nat: Rack) -> None:
    before = nat.agent()
    assert (before["nat"], before["peerings"]) == ([], [])
    nat.post("/api/v2/nat", **snat())
    rule = nat.post("/api/v2/nat", **dnat())
    told = nat.agent()
    assert told["generation"] > before["generation"]
    assert [(each["action"], each["vpc"], each["outside"]) for each in told["nat"]] == [
        ("snat", 2, ["198.51.100.5/32"]),
        ("dnat", 2, ["198.51.100.6/32"]),
    ]
    assert (told["nat"][1]["destination_ports"], told["nat"][1]["to"], told["nat"][1]["to_port"]) == (
        [443, 443],
        "10.1.0.9",
        [6443, 6443],
    )
    nat.put(f"/api/v2/nat/{rule}", **dnat(state="disabled"))
    assert [each["name"] for each in nat.agent()["nat"]] == ["out"]


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        (peering(vpcB={"id": 2}), "with itself"),
        (peering(vpcB={}), "vpcB is required"),
        (peering(vpcA={"id": 2, "prefixListInbound": "allow 10.0.0.0/8"}), "not of the form"),
        (peering(vpcA={"id": 2, "prefixListInbound": "permit 10.0.0.0/8 le 4"}), "impossible lengths"),
    ],
)
def test_wrong_peerings_are_refused(nat: Rack, body: dict[str, Any], complaint: str) -> None:
    assert complaint in nat.refused("POST", "/api/v2/vpc-peering", body)


def test_a_peering_exchanges_the_routes_that_its_lists_let_in(nat: Rack) -> None:
    identifier = peer(nat, vpcA={"id": 2, "prefixListInbound": "permit 10.2.0.0/16 le 24"})
    (told,) = nat.agent()["peerings"]
    assert told["sides"] == [{"vpc": 2, "routes": ["10.2.0.0/24"]}, {"vpc": 3, "routes": ["10.1.0.0/24"]}]
    status, _ = nat.call(
        "PUT",
        f"/api/v2/vpc-peering/{identifier}",
        peering(vpcA={"id": 2, "prefixListInboundIPv4": "deny 10.2.0.0/24\npermit 10.0.0.0/8 le 32"}),
    )
    assert status == 200
    assert nat.agent()["peerings"][0]["sides"][0]["routes"] == []


def test_two_vpcs_are_peered_once_and_a_peered_one_stays(nat: Rack) -> None:
    identifier = peer(nat)
    again = peering(name="b-a", vpcA={"id": 3}, vpcB={"id": 2})
    assert "peered already" in nat.refused("POST", "/api/v2/vpc-peering", again)
    assert "vpcPeering a-b" in nat.refused("DELETE", "/api/v2/vpc/3")
    nat.delete(f"/api/v2/vpc-peering/{identifier}")
    assert nat.call("GET", f"/api/v2/vpc-peering/{identifier}")[0] == 404


def test_overlapping_subnets_are_not_peered(nat: Rack) -> None:
    allocation(nat, "more", "10.1.0.0/16", vpc={"id": 3})
    nat.post(
        "/api/v2/ipam/subnet",
        name="more", prefix="10.1.0.128/25", purpose="common", sites=[SITE], tenant=SITE, vpc={"id": 3},
    )  # fmt: skip
    assert "overlap" in nat.refused("POST", "/api/v2/vpc-peering", peering())


def test_the_lists_forms_are_a_knob(nat: Rack) -> None:
    peer(nat, vpcA={"id": 2, "prefixListInbound": "permit 10.2.0.0/24"})
    (two,) = nat.get("/api/v2/vpc-peering")
    nat.controller.knobs.peering_lists = "one"
    (one,) = nat.get("/api/v2/vpc-peering")
    assert two["vpcA"] == {"id": 2, "prefixListInboundIPv4": "permit 10.2.0.0/24", "prefixListInboundIPv6": ""}
    assert one["vpcA"] == {"id": 2, "prefixListInbound": "permit 10.2.0.0/24"}
    assert isinstance(one["createdDate"], str)
