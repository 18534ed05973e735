# SPDX-License-Identifier: Apache-2.0
"""The address plan: the guide's figures in a /22, the same offsets elsewhere, and never two uses of one address."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network

import pytest
from ansible_collections.baremetal.fabric.plugins.module_utils._intent import AddressPlanError, address_plan
from ansible_collections.baremetal.fabric.plugins.module_utils._intent.address_plan import (
    AddressRange,
    largest_free_range,
)


def test_the_guides_figures() -> None:
    plan = address_plan("192.168.64.0/22", "192.168.67.254/22", replicas=3)
    assert plan.control_plane == AddressRange("192.168.67.250", "192.168.67.252")
    assert plan.vip == "192.168.67.253"
    assert plan.gateway == "192.168.67.254"
    assert plan.dhcp == AddressRange("192.168.64.1", "192.168.67.249")


def test_another_subnet_has_the_same_offsets() -> None:
    plan = address_plan("10.9.8.0/24", "10.9.8.254", replicas=1)
    assert (plan.control_plane.start, plan.control_plane.end) == ("10.9.8.250", "10.9.8.252")
    assert (plan.vip, plan.dhcp.end) == ("10.9.8.253", "10.9.8.249")


@pytest.mark.parametrize(("replicas", "surge", "kept"), [(1, 1, 1), (2, 1, 1), (3, 1, 0), (1, 2, 2), (5, 1, 0)])
def test_surge_only_where_the_range_has_room(replicas: int, surge: int, kept: int) -> None:
    assert address_plan("192.168.64.0/22", "192.168.67.254", replicas, surge).surge == kept


def test_one_or_three_replicas_leave_dhcp_where_it_is() -> None:
    plans = {address_plan("192.168.64.0/22", "192.168.67.254", replicas).dhcp for replicas in (1, 2, 3)}
    assert len(plans) == 1


def test_five_replicas_get_five_addresses() -> None:
    plan = address_plan("192.168.64.0/22", "192.168.67.254", replicas=5)
    assert (plan.control_plane.start, plan.control_plane.size) == ("192.168.67.248", 5)
    assert plan.dhcp.end == "192.168.67.247"


@pytest.mark.parametrize("length", [22, 24, 28, 29])
@pytest.mark.parametrize("replicas", [1, 3])
def test_nothing_overlaps_wherever_the_gateway_is(length: int, replicas: int) -> None:
    network = IPv4Network(f"10.0.0.0/{length}")
    first, last = int(network.network_address) + 1, int(network.broadcast_address) - 1
    numbers = range(first, last + 1) if length > 24 else [*range(first, first + 9), *range(last - 9, last + 1)]
    planned = 0
    for number in numbers:
        gateway = str(IPv4Address(number))
        try:
            plan = address_plan(str(network), gateway, replicas)
        except AddressPlanError:
            continue
        planned += 1
        assert plan.vip != gateway
        ranges = (plan.control_plane, plan.dhcp)
        for each in ranges:
            assert gateway not in each
            assert plan.vip not in each
            assert first <= int(IPv4Address(each.start)) <= int(IPv4Address(each.end)) <= last
        assert plan.control_plane.size >= replicas
        assert plan.control_plane.start not in plan.dhcp
        assert plan.dhcp.start not in plan.control_plane
    assert planned


@pytest.mark.parametrize(
    ("subnet", "gateway", "replicas", "told"),
    [
        ("192.168.64.0/30", "192.168.64.2", 1, "no room"),
        ("192.168.64.0/29", "192.168.64.6", 4, "no room"),
        ("192.168.64.0/22", "192.168.68.1", 1, "not a host address"),
        ("192.168.64.0/22", "192.168.67.255", 1, "not a host address"),
        ("192.168.64.0/31", "192.168.64.0", 1, "not a host address"),
        ("192.168.64.1/22", "192.168.64.1", 1, "not an IPv4 network"),
        ("192.168.64.0/22", "router", 1, "not an IPv4 address"),
        ("192.168.64.0/22", "192.168.67.254", 0, "at least one replica"),
    ],
)
def test_what_cannot_be_planned(subnet: str, gateway: str, replicas: int, told: str) -> None:
    with pytest.raises(AddressPlanError, match=told):
        address_plan(subnet, gateway, replicas)


@pytest.mark.parametrize(
    ("taken", "expected"),
    [
        ([], ("10.0.0.1", "10.0.0.14")),
        (["10.0.0.14", "10.0.0.13"], ("10.0.0.1", "10.0.0.12")),
        (["10.0.0.4"], ("10.0.0.5", "10.0.0.14")),
        (["10.0.0.1", "10.9.9.9"], ("10.0.0.2", "10.0.0.14")),
    ],
)
def test_largest_free_range(taken: list[str], expected: tuple[str, str]) -> None:
    assert largest_free_range("10.0.0.0/28", taken) == AddressRange(*expected)


def test_no_free_range() -> None:
    assert largest_free_range("10.0.0.0/30", ["10.0.0.1", "10.0.0.2"]) is None
