"""The agent's decisions: from any state of the switch to any wish of the controller."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest
from fabric_agent.desired import Desired, decode, lag_device
from fabric_agent.observe import Link, Vlan
from fabric_agent.plan import plan

from .fake_switch import FakeSwitch


def lag(number: int, first: int, **changes: Any) -> dict[str, Any]:
    return {"name": f"agg{number}", "members": [f"swp{first}", f"swp{first + 1}"], "lacp": True, "mtu": 9000, **changes}


def vnet(
    number: int, vlan: int, members: dict[str, bool], *, vpc: int | None = None, gateway: str = ""
) -> dict[str, Any]:
    dhcp = {
        "start": "192.168.64.1",
        "end": "192.168.64.9",
        "lease_time": 3600,
        "dns": [],
        "domain_search": "",
        "options": [],
    }
    return {
        "id": number,
        "name": f"net{number}",
        "vlan": vlan,
        "vpc": {"id": vpc or number, "name": "any"},
        "gateways": [{"address": gateway, "dhcp": dhcp}] if gateway else [],
        "members": [{"interface": name, "tagged": tagged} for name, tagged in members.items()],
    }


def config(*vnets: dict[str, Any], lags: list[dict[str, Any]] | None = None, **changes: Any) -> Desired:
    ports = [{"name": f"swp{number}", "mtu": 9000, "admin": "up", "description": ""} for number in range(1, 9)]
    found = lags if lags is not None else [lag(1, 1), lag(2, 3), lag(3, 5)]
    return decode({"generation": 1, "switch": "leaf1", "ports": ports, "lags": found, "vnets": list(vnets), **changes})


def converge(switch: FakeSwitch, desired: Desired) -> tuple[str, ...]:
    """Apply plans until nothing is left to do; what could not be done."""
    for _ in range(3):
        todo = plan(desired, switch.observed())
        if not todo.steps:
            return todo.problems
        switch.apply(todo.steps, desired)
    left = plan(desired, switch.observed())
    assert not left.steps, left.steps
    return left.problems


BLUE = vnet(1, 3, {"agg1": True, "agg2": False}, gateway="192.168.67.254/22")
GREEN = vnet(2, 4, {"agg1": True, "agg3": False}, gateway="192.168.67.254/22")


def test_builds_port_channels_vlans_gateways_and_dhcp() -> None:
    switch = FakeSwitch.with_ports(8)
    assert converge(switch, config(BLUE, GREEN)) == ()
    assert switch.links["swp1"].master == switch.links["swp2"].master == "agg1"
    assert switch.links["agg1"].bond_mode == "802.3ad"
    assert switch.links["agg1"].mtu == switch.links["swp2"].mtu == 9000
    assert switch.vlans["agg1"] == {Vlan(3, False), Vlan(4, False)}
    assert switch.vlans["agg2"] == {Vlan(3, True)}
    assert switch.vlans["agg3"] == {Vlan(4, True)}
    # the same gateway address twice, each in a namespace of its own
    assert switch.spaces == {"vpc-1": {"vnet1": {"192.168.67.254/22"}}, "vpc-2": {"vnet2": {"192.168.67.254/22"}}}
    assert switch.vlans["gw1"] == {Vlan(3, True)}
    assert len(switch.dhcp) == 2


def test_second_round_does_nothing() -> None:
    switch = FakeSwitch.with_ports(8)
    converge(switch, config(BLUE, GREEN))
    assert plan(config(BLUE, GREEN), switch.observed()).steps == ()


def test_a_port_without_membership_is_outside_the_bridge() -> None:
    switch = FakeSwitch.with_ports(8)
    converge(switch, config(BLUE))
    assert switch.links["agg3"].master == ""
    assert switch.links["agg3"].up
    assert switch.links["swp7"].master == ""
    assert "agg3" not in switch.vlans


def test_bridge_drops_what_no_vlan_allows() -> None:
    todo = plan(config(), FakeSwitch.with_ports(8).observed())
    made = next(step.line for step in todo.steps if step.line.startswith("link add br0"))
    assert "vlan_filtering 1" in made
    assert "vlan_default_pvid 0" in made


def test_withdrawn_vnet_leaves_nothing() -> None:
    switch = FakeSwitch.with_ports(8)
    converge(switch, config(BLUE, GREEN))
    converge(switch, config(BLUE))
    assert set(switch.spaces) == {"vpc-1"}
    assert "gw2" not in switch.links
    assert switch.vlans["agg1"] == {Vlan(3, False)}
    assert switch.links["agg3"].master == ""
    assert len(switch.dhcp) == 1
    assert switch.removed_leases == ["2"]


def test_changed_dhcp_range_restarts_the_server_and_keeps_its_leases() -> None:
    switch = FakeSwitch.with_ports(8)
    converge(switch, config(BLUE))
    before = set(switch.dhcp)
    changed = vnet(1, 3, {"agg1": True, "agg2": False}, gateway="192.168.67.254/22")
    changed["gateways"][0]["dhcp"]["end"] = "192.168.64.200"
    converge(switch, config(changed))
    assert len(switch.dhcp) == 1
    assert switch.dhcp != before
    assert switch.removed_leases == []


def test_a_moved_port_is_never_in_both_vnets() -> None:
    switch = FakeSwitch.with_ports(8)
    converge(switch, config(BLUE, vnet(2, 4, {"agg1": True})))
    switch.history.clear()
    moved = (vnet(1, 3, {"agg1": True}, gateway="192.168.67.254/22"), vnet(2, 4, {"agg1": True, "agg2": False}))
    converge(switch, config(*moved))
    assert switch.vlans["agg2"] == {Vlan(4, True)}
    assert all(len(vlans.get("agg2", frozenset())) <= 1 for vlans in switch.history)


def test_vlan_and_vpc_of_a_vnet_may_change() -> None:
    switch = FakeSwitch.with_ports(8)
    converge(switch, config(BLUE))
    converge(switch, config(vnet(1, 30, {"agg2": False}, vpc=9, gateway="192.168.67.254/22")))
    assert set(switch.spaces) == {"vpc-9"}
    assert switch.vlans["gw1"] == {Vlan(30, True)}
    assert switch.vlans["agg2"] == {Vlan(30, True)}


def test_changed_gateway_replaces_the_address() -> None:
    switch = FakeSwitch.with_ports(8)
    converge(switch, config(BLUE))
    converge(switch, config(vnet(1, 3, {"agg2": False}, gateway="192.168.67.250/22")))
    assert switch.spaces["vpc-1"]["vnet1"] == {"192.168.67.250/22"}


def test_two_vnets_of_a_vpc_share_its_namespace() -> None:
    switch = FakeSwitch.with_ports(8)
    second = vnet(2, 4, {"agg3": False}, vpc=1, gateway="10.0.0.1/24")
    converge(switch, config(BLUE, second))
    assert set(switch.spaces["vpc-1"]) == {"vnet1", "vnet2"}
    assert switch.forwarding == {"vpc-1"}


def test_undoes_what_somebody_changed_by_hand() -> None:
    switch = FakeSwitch.with_ports(8)
    converge(switch, config(BLUE, GREEN))
    switch.vlans["agg2"].add(Vlan(4, False))
    switch.links["swp7"] = replace(switch.links["swp7"], master="br0")
    switch.links["agg1"] = replace(switch.links["agg1"], up=False)
    switch.links["bond9"] = Link("bond9", kind="bond", bond_mode="802.3ad")
    switch.spaces["vpc-77"] = {}
    converge(switch, config(BLUE, GREEN))
    assert switch.vlans["agg2"] == {Vlan(3, True)}
    assert switch.links["swp7"].master == ""
    assert switch.links["agg1"].up
    assert "bond9" not in switch.links
    assert set(switch.spaces) == {"vpc-1", "vpc-2"}


def test_removed_port_channel_frees_its_ports() -> None:
    switch = FakeSwitch.with_ports(8)
    converge(switch, config(BLUE))
    converge(switch, config(lags=[lag(1, 1)]))
    assert "agg2" not in switch.links
    assert switch.links["swp3"].master == ""
    assert switch.links["swp3"].up


def test_port_channel_without_lacp_is_made_anew() -> None:
    switch = FakeSwitch.with_ports(8)
    converge(switch, config(BLUE))
    converge(switch, config(BLUE, lags=[lag(1, 1), lag(2, 3, lacp=False), lag(3, 5)]))
    assert switch.links["agg2"].bond_mode == "balance-xor"
    assert switch.vlans["agg2"] == {Vlan(3, True)}


def test_disabled_port_goes_down() -> None:
    desired = config()
    ports = tuple(replace(port, up=port.name not in ("swp1", "swp7")) for port in desired.ports)
    switch = FakeSwitch.with_ports(8)
    converge(switch, replace(desired, ports=ports))
    assert not switch.links["swp7"].up
    assert not switch.links["swp1"].up
    assert switch.links["swp2"].up


@pytest.mark.parametrize(
    ("desired", "said"),
    [
        (config(vnet(1, 3, {"swp40": False})), "V-Net net1: there is no port swp40"),
        (config(vnet(1, 3, {"swp1": False})), "V-Net net1: port swp1 is part of port-channel agg1"),
        (
            config(vnet(1, 3, {"agg1": False}), vnet(2, 4, {"agg1": False})),
            "V-Net net2: agg1 is untagged in another V-Net",
        ),
        (config(lags=[lag(1, 1, members=["swp1", "swp40"])]), "port-channel agg1: there is no port swp40"),
        (config(lags=[lag(1, 1), lag(2, 2)]), "port-channel agg2: port swp2 is in another one"),
    ],
)
def test_what_cannot_be_done_is_told_and_the_rest_is_done(desired: Desired, said: str) -> None:
    switch = FakeSwitch.with_ports(8)
    assert said in converge(switch, desired)
    assert switch.links["agg1"].up


def test_names_the_kernel_does_not_take_are_replaced() -> None:
    assert lag_device("agg1") == "agg1"
    for name in ("a-name-that-is-too-long", "swp3", "br0", "with space", "gw5"):
        assert lag_device(name).startswith("lag-")
        assert len(lag_device(name)) <= 15
    switch = FakeSwitch.with_ports(8)
    long = lag(1, 1, name="a-name-that-is-too-long")
    assert converge(switch, config(vnet(1, 3, {"a-name-that-is-too-long": False}), lags=[long])) == ()
    assert switch.vlans[lag_device("a-name-that-is-too-long")] == {Vlan(3, True)}


def _random_config(source: random.Random) -> Desired:
    lags = [lag(number, 2 * number - 1, lacp=source.random() < 0.9) for number in range(1, 5) if source.random() < 0.8]
    interfaces = [entry["name"] for entry in lags]
    vnets = []
    free = set(interfaces)
    for number in range(1, 5):
        if source.random() < 0.7:
            untagged = {name for name in free if source.random() < 0.3}
            free -= untagged
            members = {name: name not in untagged for name in interfaces if name in untagged or source.random() < 0.3}
            gateway = f"192.168.{source.randrange(4)}.254/24" if source.random() < 0.7 else ""
            vlan = 10 * number + source.randrange(3)
            vnets.append(vnet(number, vlan, members, vpc=source.randrange(1, 4), gateway=gateway))
    return config(*vnets, lags=lags)


@pytest.mark.parametrize("seed", range(20))
def test_converges_between_any_two_configurations(seed: int) -> None:
    source = random.Random(seed)
    switch = FakeSwitch.with_ports(8)
    for _ in range(12):
        desired = _random_config(source)
        assert converge(switch, desired) == ()
        members = {name for name, link in switch.links.items() if link.master == "br0"}
        wanted: dict[str, set[Vlan]] = {}
        for each in desired.vnets:
            for member in each.members:
                wanted.setdefault(member.interface, set()).add(Vlan(each.vlan, not member.tagged))
            if each.gateways:
                wanted[each.gateway_port] = {Vlan(each.vlan, True)}
        assert {name: switch.vlans.get(name, set()) for name in members} == wanted


def test_vlan_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="VLAN 4095"):
        config(vnet(1, 4095, {"agg1": True}))
