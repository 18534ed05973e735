"""Decoding, DHCP configuration, report and mailbox of the agent."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

from fabric_agent import dhcp, observe, report
from fabric_agent.apply import batches
from fabric_agent.desired import decode
from fabric_agent.mailbox import Mailbox
from fabric_agent.observe import Vlan
from fabric_agent.plan import Step


def desired_with(gateways: list[dict[str, Any]], generation: int = 1) -> Any:
    vnet = {"id": 5, "name": "blue", "vlan": 3, "vpc": {"id": 2, "name": "blue"}, "gateways": gateways, "members": []}
    return decode({"generation": generation, "switch": "leaf1", "ports": [], "lags": [], "vnets": [vnet]})


DHCP = {
    "start": "192.168.64.1",
    "end": "192.168.67.249",
    "lease_time": 3600,
    "dns": ["192.168.67.1", "192.168.67.2"],
    "domain_search": "lab.local",
    "options": [{"code": 42, "type": "ip", "value": "192.168.67.3"}],
}


def test_dhcp_serves_the_range_with_the_gateway_as_router() -> None:
    text = dhcp.configuration(desired_with([{"address": "192.168.67.254/22", "dhcp": DHCP}]).vnets[0]).splitlines()
    assert "dhcp-range=set:g0,192.168.64.1,192.168.67.249,255.255.252.0,3600" in text
    assert "dhcp-option=tag:g0,option:router,192.168.67.254" in text
    assert "dhcp-option=tag:g0,option:dns-server,192.168.67.1,192.168.67.2" in text
    assert "dhcp-option=tag:g0,option:domain-search,lab.local" in text
    assert "dhcp-option=tag:g0,42,192.168.67.3" in text
    assert "interface=vnet5" in text
    assert "port=0" in text


def test_no_name_server_of_its_own_is_offered() -> None:
    quiet = {**DHCP, "dns": []}
    text = dhcp.configuration(desired_with([{"address": "192.168.67.254/22", "dhcp": quiet}]).vnets[0]).splitlines()
    assert "dhcp-option=tag:g0,option:dns-server" in text


def test_no_dhcp_no_server() -> None:
    assert dhcp.configuration(desired_with([{"address": "192.168.67.254/22", "dhcp": None}]).vnets[0]) == ""


def test_the_name_of_a_configuration_tells_its_contents() -> None:
    one = desired_with([{"address": "192.168.67.254/22", "dhcp": DHCP}]).vnets[0]
    other = desired_with([{"address": "192.168.67.254/22", "dhcp": {**DHCP, "end": "192.168.67.200"}}]).vnets[0]
    assert dhcp.configuration_name(one) != dhcp.configuration_name(other)
    assert dhcp.configuration_name(one).startswith("vpc-2.5.")


def test_leases() -> None:
    text = "1763806000 02:fa:00:15:00:01 192.168.65.191 metal1 ff:00\n1763806001 02:fa:00:16:00:01 192.168.66.84 * *\n"
    assert dhcp.leases(text) == [
        {"ip": "192.168.65.191", "mac": "02:fa:00:15:00:01", "hostname": "metal1"},
        {"ip": "192.168.66.84", "mac": "02:fa:00:16:00:01", "hostname": ""},
    ]


def test_links_of_the_kernel() -> None:
    links = observe.decode_links(
        [
            {"ifname": "vec0", "mtu": 1500, "flags": ["UP"], "operstate": "UNKNOWN"},
            {
                "ifname": "agg1",
                "mtu": 9000,
                "flags": ["BROADCAST", "UP"],
                "operstate": "UP",
                "master": "br0",
                "linkinfo": {"info_kind": "bond", "info_data": {"mode": "802.3ad"}, "info_slave_kind": "bridge"},
            },
            {
                "ifname": "swp1",
                "mtu": 9000,
                "flags": [],
                "operstate": "DOWN",
                "master": "agg1",
                "linkinfo": {"info_kind": "veth", "info_slave_kind": "bond"},
            },
        ]
    )
    assert (links["agg1"].kind, links["agg1"].bond_mode, links["agg1"].master) == ("bond", "802.3ad", "br0")
    assert (links["swp1"].kind, links["swp1"].bond_mode, links["swp1"].up) == ("veth", "", False)
    assert (links["vec0"].kind, links["vec0"].up, links["vec0"].oper) == ("", True, False)


def test_vlans_of_the_kernel() -> None:
    vlans = observe.decode_vlans(
        [
            {"ifname": "agg1", "vlans": [{"vlan": 2, "flags": ["PVID", "Egress Untagged"]}, {"vlan": 5, "vlanEnd": 7}]},
            {"ifname": "br0"},
        ]
    )
    assert vlans["agg1"] == {Vlan(2, True), Vlan(5, False), Vlan(6, False), Vlan(7, False)}
    assert vlans["br0"] == frozenset()


def test_addresses_of_a_vpc() -> None:
    space = observe.decode_addresses(
        [
            {"ifname": "lo", "flags": ["UP"], "addr_info": [{"local": "127.0.0.1", "prefixlen": 8, "scope": "host"}]},
            {
                "ifname": "vnet5",
                "flags": [],
                "addr_info": [
                    {"local": "192.168.67.254", "prefixlen": 22, "scope": "global"},
                    {"local": "fe80::1", "prefixlen": 64, "scope": "link"},
                ],
            },
        ],
        forwarding=True,
    )
    assert space.addresses == {"vnet5": frozenset({"192.168.67.254/22"})}
    assert space.down == {"vnet5"}


def test_running_dhcp_servers_are_found_by_their_command_line(tmp_path: Path) -> None:
    for pid, command in {"7": "dnsmasq\0--conf-file=/run/fabric-agent/dhcp/vpc-2.5.abc\0", "8": "dnsmasq\0"}.items():
        (tmp_path / pid).mkdir()
        (tmp_path / pid / "cmdline").write_text(command)
    (tmp_path / "self").mkdir()
    assert observe.dhcp_servers(tmp_path) == {"vpc-2.5.abc": 7}


def test_lldp_neighbours() -> None:
    data = {
        "lldp": [
            {
                "interface": [
                    {
                        "name": "swp7",
                        "chassis": [{"name": [{"value": "metal1"}]}],
                        "port": [{"id": [{"type": "ifname", "value": "eth9"}]}],
                    },
                    {"name": "swp8", "chassis": [{}], "port": [{"id": [{"value": "x"}]}]},
                ]
            }
        ]
    }
    assert report.decode_lldp(data) == {"swp7": {"system": "metal1", "port": "eth9"}}
    assert report.decode_lldp({}) == {}


def test_a_vnet_that_could_not_be_applied_is_reported() -> None:
    desired = desired_with([])
    told = report.build("leaf1", desired, observe.Observed(), {}, ["V-Net blue: there is no port swp9"])
    assert told["healthy"] is False
    assert told["vnets"] == [{"id": 5, "applied": False}]
    assert report.build("leaf1", desired, observe.Observed(), {}, [])["vnets"] == [{"id": 5, "applied": True}]


def test_steps_of_one_tool_and_namespace_go_in_one_call() -> None:
    steps = [
        Step("ip", "a"),
        Step("ip", "b"),
        Step("ip", "c", "vpc-1"),
        Step("dhcp-start", "1"),
        Step("dhcp-start", "2"),
    ]
    assert [[step.line for step in batch] for batch in batches(steps)] == [["a", "b"], ["c"], ["1"], ["2"]]


def test_mailbox_wakes_at_news_only() -> None:
    box = Mailbox[str]()
    assert box.get(0.01) is None
    threading.Timer(0.05, box.put, ["first"]).start()
    began = time.monotonic()
    assert box.get(5) == "first"
    assert time.monotonic() - began < 2
    box.put("first")  # the same again is no news
    began = time.monotonic()
    assert box.get(0.2) == "first"
    assert time.monotonic() - began >= 0.15
    box.put("second")
    box.put("second")  # news that nobody has taken yet stay news
    began = time.monotonic()
    assert box.get(5) == "second"
    assert time.monotonic() - began < 2
