"""The agent's NAT and peerings: which joints, routes and rules, and the way from any such state to any other.

What they do to packets is tested on a kernel, in tests/integration/outside.
"""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest
from fabric_agent.desired import Desired, Uplink, decode
from fabric_agent.observe import decode_routes, decode_rules
from fabric_agent.outside import extras, restore_text

from .fake_switch import FakeSwitch
from .test_agent_plan import converge, vnet

UPLINK = Uplink("swp8", "203.0.113.1/24", "203.0.113.254")
BLUE = vnet(1, 3, {"swp1": False}, gateway="192.168.67.254/22")
GREEN = vnet(2, 4, {"swp2": False}, gateway="192.168.71.254/22")
SERVICES = vnet(3, 5, {"swp3": False}, gateway="10.80.0.1/24")


def snat(vpc: int, number: int) -> dict[str, Any]:
    return {
        "name": f"out{vpc}", "vpc": vpc, "action": "snat", "protocol": "all", "source": "192.168.64.0/22",
        "source_ports": None, "destination": "0.0.0.0/0", "destination_ports": None,
        "outside": [f"198.51.100.{number}/32"], "to": "", "to_port": None,
    }  # fmt: skip


def dnat(vpc: int, number: int) -> dict[str, Any]:
    return {
        **snat(vpc, number), "name": f"in{vpc}", "action": "dnat", "protocol": "tcp", "source": "0.0.0.0/0",
        "destination": f"198.51.100.{number}/32", "destination_ports": [443, 443], "to": "192.168.67.253",
        "to_port": [6443, 6443],
    }  # fmt: skip


def peering(number: int, tenant: int, network: str) -> dict[str, Any]:
    sides = [{"vpc": tenant, "routes": ["10.80.0.0/24"]}, {"vpc": 3, "routes": [network]}]
    return {"id": number, "name": f"peering{number}", "sides": sides}


def wish(
    *vnets: dict[str, Any], nat: Any = (), peerings: Any = (), uplink: Uplink | None = UPLINK, generation: int = 1
) -> Desired:
    ports = [{"name": f"swp{number}", "mtu": 9000, "admin": "up", "description": ""} for number in range(1, 9)]
    content = {"generation": generation, "ports": ports, "lags": [], "vnets": list(vnets)}
    return decode({**content, "nat": list(nat), "peerings": list(peerings)}, uplink)


def test_nat_joins_the_vpc_to_the_outside() -> None:
    switch = FakeSwitch.with_ports(8)
    assert converge(switch, wish(BLUE, GREEN, nat=[snat(1, 5), dnat(1, 6)])) == ()
    assert switch.spaces["vpc-0"] == {"vnet0": {"203.0.113.1/24"}, "v1": {"169.254.128.2/31"}}
    assert switch.spaces["vpc-1"]["sg"] == {"169.254.128.3/31"}
    assert "sg" not in switch.spaces["vpc-2"]
    assert {vlan.vid for vlan in switch.vlans["swp8"]} == {1}
    assert switch.routes == {
        "vpc-0": {
            "default via 203.0.113.254 dev vnet0",
            "198.51.100.5 via 169.254.128.3 dev v1",
            "198.51.100.6 via 169.254.128.3 dev v1",
        },
        "vpc-1": {"default via 169.254.128.2 dev sg"},
    }
    assert switch.rules["vpc-0"][0] == "filter :FORWARD DROP"
    assert switch.rules["vpc-1"][2:] == (
        "nat -A PREROUTING -d 198.51.100.6/32 -i sg -p tcp -m tcp --dport 443"
        " -j DNAT --to-destination 192.168.67.253:6443",
        "nat -A POSTROUTING -s 192.168.64.0/22 -o sg -j SNAT --to-source 198.51.100.5",
    )


def test_the_last_rule_takes_the_outside_with_it() -> None:
    switch = FakeSwitch.with_ports(8)
    converge(switch, wish(BLUE, nat=[snat(1, 5)]))
    converge(switch, wish(BLUE))
    assert list(switch.spaces) == ["vpc-1"]
    assert switch.spaces["vpc-1"] == {"vnet1": {"192.168.67.254/22"}}
    assert (switch.rules["vpc-1"], switch.routes["vpc-1"], switch.links["swp8"].master) == ((), set(), "")


def test_rules_without_an_outside_port_are_a_problem() -> None:
    switch = FakeSwitch.with_ports(8)
    assert converge(switch, wish(BLUE, nat=[snat(1, 5)], uplink=None)) == (
        "NAT rule out1: this switch has no outside port",
    )


def test_a_vpc_without_a_gateway_here_has_nothing_to_translate() -> None:
    found = extras(wish(BLUE, nat=[snat(7, 5)], peerings=[peering(1, 7, "192.168.64.0/22")]))
    assert (found.joints, found.rules, found.problems) == ([], {}, [])


def test_peerings_are_joints_of_two_vpcs_with_the_routes_taken_over() -> None:
    switch = FakeSwitch.with_ports(8)
    wanted = wish(BLUE, GREEN, SERVICES, peerings=[peering(1, 1, "192.168.64.0/22"), peering(2, 2, "192.168.68.0/22")])
    assert converge(switch, wanted) == ()
    assert switch.routes == {
        "vpc-1": {"10.80.0.0/24 via 169.254.0.3 dev peer1"},
        "vpc-2": {"10.80.0.0/24 via 169.254.0.5 dev peer2"},
        "vpc-3": {"192.168.64.0/22 via 169.254.0.2 dev peer1", "192.168.68.0/22 via 169.254.0.4 dev peer2"},
    }
    assert switch.rules["vpc-3"] == ("filter -A FORWARD -i peer+ -o peer+ -j DROP",)


def test_one_network_through_two_peers_is_a_problem() -> None:
    other = vnet(4, 6, {"swp4": False}, gateway="10.81.0.1/24")
    wanted = wish(
        BLUE, SERVICES, other,
        peerings=[
            peering(1, 1, "192.168.64.0/22"),
            {"id": 2, "name": "again", "sides": [{"vpc": 1, "routes": ["10.80.0.0/24"]}, {"vpc": 4, "routes": []}]},
        ],
    )  # fmt: skip
    assert converge(FakeSwitch.with_ports(8), wanted) == (
        "VPC peering again: 10.80.0.0/24 is reached through another one",
    )


@pytest.mark.parametrize("seed", range(40))
def test_from_any_wish_to_any_other(seed: int) -> None:
    """The fake switch refuses a second device of a name, a route over a device that is down, a joint without rules."""
    dice = random.Random(seed)
    switch = FakeSwitch.with_ports(8)
    for generation in range(6):
        vnets = [each for each in (BLUE, GREEN, SERVICES) if dice.random() < 0.8]
        rules = [snat(1, 5), dnat(1, 6), snat(2, 7), dnat(3, 8)]
        peerings = [peering(1, 1, "192.168.64.0/22"), peering(2, 2, "192.168.68.0/22")]
        wanted = wish(
            *vnets,
            nat=[each for each in rules if dice.random() < 0.6],
            peerings=[each for each in peerings if dice.random() < 0.6],
            generation=generation,
        )
        assert converge(switch, wanted) == ()
        found = extras(wanted)
        assert {space: rules for space, rules in switch.rules.items() if rules} == found.rules
        assert {space: routes for space, routes in switch.routes.items() if routes} == {
            space: routes for space, routes in found.routes.items() if routes
        }
        assert len(switch.joints) == 2 * len(found.joints)


def test_what_was_changed_by_hand_is_set_right() -> None:
    switch = FakeSwitch.with_ports(8)
    wanted = wish(BLUE, SERVICES, nat=[snat(1, 5)], peerings=[peering(1, 1, "192.168.64.0/22")])
    converge(switch, wanted)
    before = switch.observed()
    switch.rules["vpc-1"] = switch.rules["vpc-1"][1:]
    switch.routes["vpc-1"] = {"10.99.0.0/24 via 169.254.0.3 dev peer1"}
    switch.up_in_space.discard(("vpc-3", "peer1"))
    switch.spaces["vpc-0"]["v1"].clear()
    assert converge(switch, wanted) == ()
    assert switch.observed() == replace(before)


def test_what_the_kernel_shows_is_read_as_it_is_written() -> None:
    saved = """# Generated by iptables-save v1.8.9
*nat
:PREROUTING ACCEPT [0:0]
:POSTROUTING ACCEPT [3:180]
-A POSTROUTING -o sg -j SNAT --to-source 198.51.100.5
COMMIT
*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [7:420]
-A FORWARD -d 198.51.100.5/32 -o v1 -j ACCEPT
COMMIT
"""
    rules = decode_rules(saved)
    assert rules == (
        "filter :FORWARD DROP",
        "filter -A FORWARD -d 198.51.100.5/32 -o v1 -j ACCEPT",
        "nat -A POSTROUTING -o sg -j SNAT --to-source 198.51.100.5",
    )
    assert decode_rules(restore_text(rules)) == rules
    shown = [{"dst": "198.51.100.5", "gateway": "169.254.128.3", "dev": "v1", "protocol": "static"}]
    assert decode_routes(shown) == {"198.51.100.5 via 169.254.128.3 dev v1"}


def test_a_rule_that_nobody_knows_is_refused() -> None:
    with pytest.raises(ValueError, match="is not known here"):
        wish(BLUE, nat=[{**snat(1, 5), "action": "masquerade"}])
