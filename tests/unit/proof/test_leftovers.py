"""Every kind of thing that a deleted tenant cluster may leave is named, and what belongs to others is not."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.baremetal.fabric.plugins.module_utils._proof.leftovers import leftovers

GREEN = {"name": "green", "vlan_id": 4}
NOTHING: dict[str, Any] = {
    "looks": {"shared1": {"devices": [{"name": "bond0.3", "vlan": 3}, {"name": "br-vlan-3", "vlan": None}]}},
    "files": {"shared1": []},
    "remains": {"green": []},
    "controller": {
        "vpcs": [{"name": "Default"}, {"name": "blue"}],
        "server_clusters": [{"name": "blue", "vpc": "blue"}],
        "vnets": [{"name": "blue-nodes", "vpc": "blue"}],
        "subnets": [{"name": "x", "vpc": {"name": "blue"}}],
    },
}


def test_nothing_left() -> None:
    assert leftovers([GREEN], **NOTHING) == []


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"controller": {"vpcs": [{"name": "green"}]}}, "controller: VPC green"),
        ({"controller": {"server_clusters": [{"name": "green"}]}}, "controller: server cluster green"),
        ({"controller": {"vnets": [{"name": "n", "vpc": "green"}]}}, "controller: V-Net n"),
        (
            {"controller": {"subnets": [{"prefix": "10.0.0.0/24", "vpc": {"name": "green"}}]}},
            "controller: subnet 10.0.0.0/24",
        ),
        ({"remains": {"green": ["IPPool kube-system/green-x"]}}, "host cluster: IPPool kube-system/green-x"),
        ({"looks": {"shared2": {"devices": [{"name": "br-vlan-4"}]}}}, "shared2: device br-vlan-4"),
        ({"looks": {"shared2": {"devices": [{"name": "odd", "vlan": 4}]}}}, "shared2: device odd"),
        (
            {"files": {"shared2": [{"path": "/etc/netplan/90-fabric-tenant-green.yaml"}]}},
            "shared2: file /etc/netplan/90-fabric-tenant-green.yaml",
        ),
    ],
)
def test_each_thing_left_is_named(change: dict[str, Any], line: str) -> None:
    assert leftovers([GREEN], **{**NOTHING, **change}) == [line]


def test_another_name_on_the_controller() -> None:
    controller = {"vpcs": [{"name": "customer-7"}]}
    assert leftovers([{**GREEN, "netris_name": "customer-7"}], **{**NOTHING, "controller": controller}) == [
        "controller: VPC customer-7"
    ]
