# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.baremetal.fabric.plugins.module_utils._host_network.errors import HostNetworkError
from ansible_collections.baremetal.fabric.plugins.module_utils._host_network.model import desired_from_options

from .conftest import BOND


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"bond": {**BOND, "name": "a-very-long-bond-0"}}, "has 18 characters, Linux allows 15"),
        (
            {"link": "fabric-bond0", "tenants": [{"name": "blue", "vlan_id": 3000}]},
            "'fabric-bond0.3000' has 17 characters",
        ),
        ({"bond": {"name": "bond0", "nics": []}}, "needs at least one NIC"),
        ({"bond": {"name": "bond0", "nics": [{"name": "eth9"}, {"name": "eth9"}]}}, "NIC eth9 is given more than once"),
        ({"bond": {"name": "bond0", "nics": [{"name": "eth9", "mac": "nonsense"}]}}, "'nonsense' is not a MAC address"),
        ({"bond": {**BOND, "mtu": 100}}, "100 is not a usable MTU"),
        ({"tenants": [{"name": "blue", "vlan_id": 4095}]}, "4095 is not a VLAN id"),
        ({"tenants": [{"name": "blue", "vlan_id": None}]}, "VLAN id of tenant cluster 'blue' is not known"),
        ({"tenants": [{"name": "Blue Green", "vlan_id": 3}]}, "'Blue Green' is not a DNS-1123 label"),
        ({"tenants": [{"name": "a", "vlan_id": 3}, {"name": "b", "vlan_id": 3}]}, "VLAN id 3 is given more than once"),
        (
            {"tenants": [{"name": "a", "vlan_id": 3}, {"name": "a", "state": "absent"}]},
            "tenant a is given more than once",
        ),
        (
            {"bond": {**BOND, "mtu": 1500}, "tenants": [{"name": "a", "vlan_id": 3, "mtu": 9000}]},
            "more than the bond's MTU",
        ),
    ],
)
def test_every_mistake_is_named(options: dict[str, Any], told: str) -> None:
    with pytest.raises(HostNetworkError, match=told.replace("(", r"\(")):
        desired_from_options(options, check_mode=False)


def test_all_mistakes_come_at_once() -> None:
    with pytest.raises(HostNetworkError) as caught:
        desired_from_options({"tenants": [{"name": "X", "vlan_id": 0}, {"name": "blue", "vlan_id": 9999}]}, False)
    assert len(caught.value.details["mistakes"]) == 3  # type: ignore[arg-type]


def test_a_plan_may_not_know_the_vlan_id_yet() -> None:
    (tenant,) = desired_from_options({"tenants": [{"name": "blue", "vlan_id": None}]}, check_mode=True).present
    assert (tenant.vlan_id, tenant.vlan_device, tenant.bridge) == (None, None, None)


def test_tenants_take_the_bonds_name_and_mtu() -> None:
    options = {"bond": {**BOND, "mtu": 9000}, "tenants": [{"name": "blue", "vlan_id": 3}]}
    (tenant,) = desired_from_options(options, check_mode=False).present
    assert (tenant.vlan_device, tenant.bridge, tenant.mtu) == ("bond0.3", "br-vlan-3", 9000)
