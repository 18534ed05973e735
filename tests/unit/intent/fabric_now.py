# SPDX-License-Identifier: Apache-2.0
"""What `netris_info` returns for the lab's rack, for tests to break."""

from __future__ import annotations

from typing import Any

SERVERS = ("shared1", "shared2", "shared3", "metal1", "metal2", "metal3")


def info() -> dict[str, Any]:
    """The level rack: servers cabled to leaf1, nobody in any cluster."""
    links = []
    for index, server in enumerate(SERVERS):
        for nic, number in (("eth9", 2 * index + 1), ("eth10", 2 * index + 2)):
            ends = [f"{nic}@{server}", f"swp{number}@leaf1"]
            # Links have no direction, so they come in both.
            local, remote = ends if index % 2 else reversed(ends)
            links.append({"local": local, "remote": remote, "underlay": False})
    links.append({"local": "eth9@hostcp1", "remote": "swp13@leaf1", "underlay": False})
    ports = [
        {"name": f"{port}@{device}", "port": port, "device": device, "lag": False}
        for device, names in (
            *((server, [f"eth{number}" for number in range(1, 11)]) for server in (*SERVERS, "hostcp1")),
            ("leaf1", [f"swp{number}" for number in range(1, 17)]),
        )
        for port in names
    ]
    return {
        "sites": [{"name": "Default", "vlan_range": "2-4094", "vlan_range_auto_assign": "2-101", "vlans_used": []}],
        "owners": [{"name": "Admin"}],
        "switches": [{"name": "leaf1", "health": {"ok": True, "message": "OK", "last_seen": 1}}],
        "servers": [{"name": name} for name in (*SERVERS, "hostcp1")],
        "ports": ports,
        "links": links,
        "vpcs": [],
        "subnets": [],
        "vnets": [],
        "server_cluster_templates": [],
        "server_clusters": [],
        "nats": [],
        "vpc_peerings": [],
    }


def cluster(name: str, dedicated: list[str], shared: list[str], **entry: Any) -> dict[str, Any]:
    """A server cluster as `netris_info` shows it."""
    return {
        "name": name,
        "template": "tenant-nodes",
        "vpc": name,
        "servers": [
            *({"name": each, "shared": False} for each in dedicated),
            *({"name": each, "shared": True} for each in shared),
        ],
        "vnets": {"nodes": entry} if entry else {},
    }


SHARED = ["shared1", "shared2", "shared3"]

BLUE = {
    "vnet": "blue-nodes",
    "vnet_id": 5,
    "vlan_id": 3,
    "vpc": "blue",
    "subnet": "192.168.64.0/22",
    "gateway": "192.168.67.254",
    "dhcp_range": {"start": "192.168.64.1", "end": "192.168.67.249"},
}
