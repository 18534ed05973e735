"""What a server's own tools say about its devices."""

from __future__ import annotations

import json
from pathlib import Path

from ansible_collections.baremetal.fabric.plugins.module_utils._proof import connections, devices

ADDRESSES = json.dumps(
    [
        {"ifname": "lo", "flags": ["LOOPBACK", "UP", "LOWER_UP"], "mtu": 65536, "addr_info": []},
        {
            "ifname": "bond0.3",
            "link": "bond0",
            "flags": ["BROADCAST", "UP"],
            "mtu": 9000,
            "master": "br-vlan-3",
            "address": "02:00:00:00:00:01",
            "linkinfo": {"info_kind": "vlan", "info_data": {"protocol": "802.1Q", "id": 3}},
            "addr_info": [
                {"family": "inet6", "local": "fe80::1", "prefixlen": 64},
                {"family": "inet", "local": "10.0.0.5", "prefixlen": 24},
            ],
        },
        {},
    ]
)
ROUTES = """Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
bond0\t00000000\tFE43A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0
eth0\t00000000\t0101A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0
bond0\t0040A8C0\t00000000\t0001\t0\t0\t0\t00FCFFFF\t0\t0\t0
"""


def test_devices() -> None:
    found = devices.parse_devices(ADDRESSES)
    assert sorted(found) == ["bond0.3", "lo"]
    assert found["bond0.3"] == devices.Device(
        "bond0.3", "02:00:00:00:00:01", True, False, 9000, ["10.0.0.5/24"], 3, "br-vlan-3"
    )


def test_gateways_of_one_interface() -> None:
    assert devices.parse_gateways(ROUTES, "bond0") == ["192.168.67.254"]
    assert devices.parse_gateways(ROUTES, "eth9") == []


def test_management_interface_is_where_the_session_came_in() -> None:
    found = devices.parse_devices(ADDRESSES)
    assert devices.management(found, "10.0.0.1 51000 10.0.0.5 22") == "bond0.3"
    assert devices.management(found, "10.0.0.1 51000 10.0.0.50 22") is None
    assert devices.management(found, "") is None


def test_cables_below_a_bridge_on_a_vlan_on_a_bond(tmp_path: Path) -> None:
    for name, below in {
        "br": ["bond0.3"],
        "bond0.3": ["bond0"],
        "bond0": ["eth9", "eth10"],
        "eth9": [],
        "eth10": [],
    }.items():
        for lower in below:
            (tmp_path / name / f"lower_{lower}").mkdir(parents=True)
        (tmp_path / name).mkdir(exist_ok=True)
    assert devices.cables("br", str(tmp_path)) == ["eth10", "eth9"]
    assert devices.cables("eth9", str(tmp_path)) == ["eth9"]
    assert devices.cables("none", str(tmp_path)) == []


def test_a_pods_process_is_found_with_either_spelling_of_its_uid(tmp_path: Path) -> None:
    for pid, text in {
        "12": "0::/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod0aa_1.slice/cri-x.scope",
        "9": "0::/kubepods/burstable/pod0bb-2/abc",
        "7": "0::/init.scope",
    }.items():
        (tmp_path / pid).mkdir()
        (tmp_path / pid / "cgroup").write_text(text)
    (tmp_path / "5").mkdir()  # a process that has just ended
    (tmp_path / "self").mkdir()
    assert connections.pod_process("0aa-1", str(tmp_path)) == 12
    assert connections.pod_process("0bb-2", str(tmp_path)) == 9
