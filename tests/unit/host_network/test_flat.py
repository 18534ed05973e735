# SPDX-License-Identifier: Apache-2.0
"""A flat network's bridge on a server: what is made, kept, refused, taken back and removed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.baremetal.fabric.plugins.module_utils._host_network import rollback
from ansible_collections.baremetal.fabric.plugins.module_utils._host_network.errors import HostNetworkError
from ansible_collections.baremetal.fabric.plugins.module_utils._host_network.flat_model import flat_mistakes
from ansible_collections.baremetal.fabric.plugins.module_utils._host_network.flat_netplan import flat_file
from ansible_collections.baremetal.fabric.plugins.module_utils._host_network.flat_run import apply_flat

from .conftest import BOND, bring
from .fake_server import FakeServer, Killed, _link
from .flat_server import FlatServer

FILE = flat_file("lan")
LAN: dict[str, Any] = {"name": "lan", "bridge": "br-lan", "uplink": {"nic": "eth9"}}
#: Two NICs: the bridge over one, the cluster's VLAN 20 over the other, which has the preferred default route.
TWO: dict[str, Any] = {
    **LAN,
    "addressing": {"mode": "dhcp", "route_metric": 300},
    "cluster_link": {
        "nic": "eth10",
        "vlan_id": 20,
        "mtu": 9000,
        "addressing": {"mode": "static", "addresses": ["192.168.3.2/24"], "gateway": "192.168.3.1", "route_metric": 90},
    },
}
QUIET: dict[str, Any] = {
    "name": "lan",
    "bridge": "br-lan",
    "uplink": {"nic": "eth10", "vlan_id": 30},
    "addressing": {"mode": "none"},
}


@pytest.fixture
def server(tmp_path: Path) -> FlatServer:
    return FlatServer(tmp_path)


def flat(server: FakeServer, check_mode: bool = False, **options: Any) -> dict[str, Any]:
    return apply_flat({"state": "present", **options}, server, check_mode)


def settle(server: FakeServer, **options: Any) -> dict[str, Any]:
    result = flat(server, **options)
    return flat(server, **options) if result["confirm_needed"] else result


def netplan(server: FakeServer) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(server.file(FILE).read_text())["network"]
    return found


@pytest.mark.parametrize(("name", "options"), [("lan", LAN), ("two-nics", TWO), ("quiet", QUIET)])
def test_the_file_is_the_one_that_was_looked_at(server: FlatServer, name: str, options: dict[str, Any]) -> None:
    settle(server, **options)
    golden = Path(__file__).parent / "golden" / f"flat-{name}.yaml"
    assert server.file(FILE).read_text() == golden.read_text()


def test_the_bridge_takes_over_the_address_and_the_mac(server: FlatServer) -> None:
    first = flat(server, **LAN)
    assert first["confirm_needed"] and server.timer
    second = flat(server, **LAN)
    assert not second["confirm_needed"] and not server.timer
    assert not server.exists(rollback.DIRECTORY)
    assert second["bridge"] == {
        "name": "br-lan", "uplink": "eth9", "mac": "02:00:00:00:00:09", "carrier": True,
        "addresses": ["192.168.2.151/24"], "mtu": 1500,
    }  # fmt: skip
    assert server.links["eth9"]["master"] == "br-lan" and "eth9" not in server.addresses
    assert second["bridged_traffic"] == "accepted"
    third = flat(server, **LAN)
    assert not third["changed"] and third["actions"] == [] and third["diff"] == []


def test_fixed_addresses_routes_and_name_servers_are_kept(server: FlatServer) -> None:
    server.fixed("eth9", "192.168.2.5", 24, "192.168.2.1")
    for path, text in (("sys/class/net/eth9/ifindex", "7\n"), ("run/systemd/netif/links/7", "DNS=192.168.2.53\n")):
        server.file(path).parent.mkdir(parents=True, exist_ok=True)
        server.file(path).write_text(text)
    settle(server, **LAN)
    bridge = netplan(server)["bridges"]["br-lan"]
    assert bridge["addresses"] == ["192.168.2.5/24"] and bridge["dhcp4"] is False
    assert bridge["routes"] == [
        {"to": "0.0.0.0/0", "via": "192.168.2.1", "metric": 300, "on-link": True},
        {"to": "10.9.0.0/16", "via": "192.168.2.1", "metric": 50},
    ]
    assert bridge["nameservers"] == {"addresses": ["192.168.2.53"]}
    # by now the NIC has none of it: the file remembers
    assert not flat(server, **LAN)["changed"]
    settle(server, **LAN, addressing={"route_metric": 400})
    assert netplan(server)["bridges"]["br-lan"]["routes"][0]["metric"] == 400


@pytest.mark.parametrize("question", ["ip -j address show dev eth9", "ip -4 -j route show dev eth9"])
def test_what_cannot_be_read_is_not_taken_for_nothing(server: FlatServer, question: str) -> None:
    server.mute = question
    with pytest.raises(HostNetworkError, match="Device busy"):
        flat(server, **LAN)
    assert not server.timer and not server.file(FILE).exists()


def test_a_kernel_without_ipv6_has_no_routes_of_it(server: FlatServer) -> None:
    server.mute = "ip -6 -j route show dev eth9"
    assert flat(server, **LAN)["confirm_needed"]


def test_what_others_say_about_the_nic_is_out_of_force_and_not_edited(server: FlatServer) -> None:
    other = server.file("/etc/netplan/50-cloud-init.yaml")
    other.write_text("network:\n  version: 2\n  ethernets:\n    eth9: {addresses: [192.168.2.5/24]}\n")
    before = other.read_text()
    settle(server, **LAN)
    assert other.read_text() == before
    entry = netplan(server)["ethernets"]["0-fabric-lan"]
    assert entry["match"] == {"name": "eth9"}
    assert "10-netplan-0-fabric-lan.network" < "10-netplan-A.network" < "10-netplan-eth9.network"


def test_each_default_route_has_its_metric(server: FlatServer) -> None:
    settle(server, **TWO)
    found = netplan(server)
    assert found["vlans"]["eth10.20"]["routes"][0]["metric"] == 90 and found["vlans"]["eth10.20"]["mtu"] == 9000
    assert found["bridges"]["br-lan"]["dhcp4-overrides"]["route-metric"] == 300
    # the NIC below carries the larger frames; nothing else is said about it
    assert found["ethernets"]["eth10"] == {"mtu": 9000}


def test_a_route_of_somebody_else_with_that_metric_is_refused(server: FlatServer) -> None:
    server.routes[4].append({"dst": "default", "gateway": "10.77.0.1", "dev": "vec0", "metric": 300})
    with pytest.raises(HostNetworkError, match=r"addressing.route_metric: 300 is the metric .* by vec0, too"):
        flat(server, **LAN)


def test_one_nic_for_both_with_a_vlan(server: FlatServer) -> None:
    settle(server, **LAN, cluster_link={"nic": "eth9", "vlan_id": 20, "addressing": {"mode": "dhcp"}})
    assert netplan(server)["vlans"]["eth9.20"]["link"] == "0-fabric-lan"
    assert server.links["eth9.20"]["link"] == "eth9"


def test_a_bridge_for_pods_alone_costs_nobody_a_packet(server: FlatServer) -> None:
    result = flat(server, **QUIET)
    assert not result["confirm_needed"] and "netplan apply" not in server.commands
    assert server.links["eth10.30"]["master"] == "br-lan"
    assert server.links["br-lan"]["address"] == "02:00:00:00:00:10"
    assert not flat(server, **QUIET)["changed"]
    server.commands.clear()
    gone = flat(server, name="lan", state="absent")
    assert not gone["confirm_needed"] and "netplan apply" not in server.commands
    assert "br-lan" not in server.links and "eth10.30" not in server.links


@pytest.mark.parametrize("options", [LAN, TWO, QUIET])
def test_removal_leaves_nothing(server: FlatServer, tmp_path_factory: Any, options: dict[str, Any]) -> None:
    clean = FlatServer(tmp_path_factory.mktemp("server")).state()
    settle(server, **options)
    settle(server, name="lan", state="absent")
    # NICs that have been up stay up, and nobody set their MTU back
    for name in ("eth9", "eth10"):
        server.links[name].update(flags=[], mtu=1500)
    assert server.state() == clean
    assert not flat(server, name="lan", state="absent")["changed"]


@pytest.mark.parametrize("options", [LAN, TWO, QUIET])
def test_check_mode_shows_everything_and_touches_nothing(server: FlatServer, options: dict[str, Any]) -> None:
    before = server.state()
    result = flat(server, check_mode=True, **options)
    assert server.state() == before and server.commands == []
    assert result["changed"] and not result["confirm_needed"]
    assert {each.get("after_header") for each in result["diff"]} == {FILE, "actions"}
    settle(server, **options)
    before = server.state()
    gone = flat(server, check_mode=True, name="lan", state="absent")
    assert server.state() == before and gone["changed"]


@pytest.mark.parametrize("check_mode", [True, False])
def test_the_only_way_in_is_not_touched(server: FlatServer, check_mode: bool) -> None:
    server.route = "eth9"
    before = server.state()
    with pytest.raises(HostNetworkError, match=r"reached over eth9 .* allow_connection_nics"):
        flat(server, check_mode, **LAN)
    assert server.state() == before


def test_the_way_in_moves_with_the_address_when_that_is_allowed(server: FlatServer) -> None:
    server.route = "eth9"

    def follow(what: str) -> None:
        if what == "netplan apply":
            server.route = "eth9" if server.route == "br-lan" else "br-lan"

    server.before_change = follow
    settle(server, **LAN, allow_connection_nics=True)
    assert server.route == "br-lan"
    settle(server, name="lan", state="absent", allow_connection_nics=True)
    assert server.route == "eth9"


def test_a_way_back_that_is_lost_is_taken_back_at_once(server: FlatServer) -> None:
    before = server.state()

    def lose(what: str) -> None:
        if what == "netplan apply":
            server.route = None

    server.before_change = lose
    with pytest.raises(HostNetworkError, match=r"have no route any more\. The previous configuration of br-lan"):
        flat(server, **TWO)
    assert "br-lan" not in server.links and "eth10.20" not in server.links
    after = server.state()
    assert after["addresses"] == before["addresses"] and not server.exists(FILE)


def test_there_is_one_switch_for_bond_and_bridge(server: FlatServer) -> None:
    flat(server, **LAN)
    with pytest.raises(HostNetworkError, match="earlier change of br-lan is not confirmed yet"):
        bring(server, bond={"name": "bond0", "nics": [{"name": "eth10"}]})
    assert server.timer
    flat(server, **LAN)
    assert not server.timer


def test_a_bond_that_waits_keeps_the_bridge_waiting(tmp_path: Path) -> None:
    server = FakeServer(tmp_path)
    bring(server, bond=BOND)
    with pytest.raises(HostNetworkError, match="earlier change of bond0 is not confirmed yet"):
        apply_flat({**QUIET, "uplink": {"nic": "bond0", "vlan_id": 30}}, _flat_view(server), False)


def _flat_view(server: FakeServer) -> FakeServer:
    """The same server, with the answers that a flat network asks for."""
    original = server._command

    def command(argv: Any) -> tuple[int, str, str]:
        return (0, "[]", "") if "route" in argv and "show" in argv else original(argv)

    server._run_command = command
    return server


@pytest.mark.parametrize(
    ("prepare", "message"),
    [
        (lambda s: s.bond("bond0", ["eth9"]), "uplink: eth9 belongs to bond0"),
        (
            lambda s: s.links.update({"br-lan": _link("br-lan", "02:00:00:00:00:99", "bridge")}),
            "br-lan exists .* not ours",
        ),
        (
            lambda s: s.links.update({"eth9.7": _link("eth9.7", "02:00:00:00:00:09", "vlan", "eth9")}),
            "eth9 carries eth9.7",
        ),
        (lambda s: s.links.pop("eth9"), "no NIC eth9"),
        (lambda s: s.file(FILE).write_text("network: {}\n"), "was not written by this collection"),
    ],
)
def test_what_is_somebody_elses_is_refused(server: FlatServer, prepare: Any, message: str) -> None:
    prepare(server)
    before = server.state()
    with pytest.raises(HostNetworkError, match=message):
        flat(server, **LAN)
    assert server.state() == before


def test_two_flat_networks_share_neither_bridge_nor_uplink(server: FlatServer) -> None:
    settle(server, **QUIET)
    with pytest.raises(HostNetworkError, match=r"br-lan belong to the flat network 'lan'|exists on this server"):
        flat(server, name="other", bridge="br-lan", uplink={"nic": "eth10", "vlan_id": 31})
    settle(server, name="other", bridge="br-other", uplink={"nic": "eth10", "vlan_id": 31}, addressing={"mode": "none"})
    flat(server, name="lan", state="absent")
    assert "br-other" in server.links and server.exists("/usr/local/sbin/fabric-flat-forward")


def test_pods_keep_their_bridge(server: FlatServer) -> None:
    settle(server, **LAN)
    server.port("br-lan", "veth12345678")
    with pytest.raises(HostNetworkError, match="br-lan of flat network 'lan' is still in use by veth12345678"):
        flat(server, name="lan", state="absent")
    assert "br-lan" in server.links and server.exists(FILE)


def test_a_firewall_without_iptables_is_no_change_for_ever(server: FlatServer) -> None:
    server.iptables = False
    settle(server, **LAN)
    result = flat(server, **LAN)
    assert not result["changed"] and result["bridged_traffic"] == "unavailable"


def test_flushed_rules_come_back(server: FlatServer) -> None:
    settle(server, **LAN)
    server.accepted.clear()
    result = flat(server, **LAN)
    assert result["actions"] == ["accept frames between ports of br-lan"] and server.accepted == {"br-lan"}


@pytest.mark.parametrize("options", [LAN, TWO, QUIET])
def test_killed_at_any_moment_and_run_again_is_one_clean_run(
    server: FlatServer, tmp_path_factory: Any, options: dict[str, Any]
) -> None:
    settle(server, **options)
    clean = server.state()
    moments = 0
    while True:
        other = FlatServer(tmp_path_factory.mktemp("server"))
        if not _killed_at(other, moments, options):
            break
        settle(other, **options)
        assert other.state() == clean, f"killed before change {moments}"
        moments += 1
    assert moments > 8


def _killed_at(server: FlatServer, moment: int, options: dict[str, Any]) -> bool:
    left = [moment]

    def kill(_what: str) -> None:
        if left[0] == 0:
            raise Killed
        left[0] -= 1

    server.before_change = kill
    try:
        settle(server, **options)
    except Killed:
        return True
    else:
        return False
    finally:
        server.before_change = lambda _what: None


def test_every_mistake_is_named_at_once() -> None:
    assert flat_mistakes(
        {
            "name": "My LAN",
            "bridge": "cni0",
            "uplink": {"nic": "eth0", "vlan_id": 4095, "mac": "00:15", "mtu": 70000},
            "addressing": {
                "mode": "static",
                "addresses": ["192.168.2.5"],
                "gateway": "router",
                "nameservers": ["dns"],
                "routes": [{"to": "10.0.0.0", "via": "x"}],
                "route_metric": -1,
            },
            "cluster_link": {"nic": "", "addressing": {"mode": "keep"}},
        }
    ) == [
        "name: 'My LAN' is not a DNS-1123 label of at most 40 characters",
        "bridge: cni0 is the name of a bridge that flannel and the bridge plugin would make: choose another",
        "uplink.vlan_id: 4095 is not a VLAN id (1 to 4094)",
        "uplink.mac: '00:15' is not a MAC address",
        "uplink.mtu: 70000 is not a usable MTU (1280 to 65535)",
        "addressing.addresses[0]: '192.168.2.5' is no address with prefix length",
        "addressing.gateway: 'router' is no address",
        "addressing.routes[0].to: '10.0.0.0' is no network such as 10.1.0.0/16",
        "addressing.routes[0].via: 'x' is no address",
        "addressing.nameservers[0]: 'dns' is no address",
        "addressing.route_metric: -1 is no metric (0 to 4294967295)",
        "cluster_link.nic: missing: the NIC that the network comes in by",
        "cluster_link.addressing.mode: only the bridge keeps what was there; say dhcp, static or none",
    ]


@pytest.mark.parametrize(
    ("options", "mistake"),
    [
        ({"bridge": "br-vlan-3"}, "bridge: names that begin with br-vlan-"),
        ({"bridge": "a-bridge-with-a-long-name"}, "bridge: interface name"),
        ({"uplink": {}}, "uplink.nic: missing"),
        ({"addressing": {"mode": "static"}}, "addressing.addresses: missing"),
        ({"addressing": {"mode": "dhcp", "gateway": "10.0.0.1"}}, "addressing.gateway: only with mode static"),
        (
            {"addressing": {"mode": "static", "addresses": ["10.0.0.2/24"], "gateway": "10.0.1.1"}},
            "addressing.gateway: 10.0.1.1 is in none of the networks",
        ),
        ({"cluster_link": {"nic": "eth9"}}, "cluster_link: eth9 is the bridge's uplink"),
        (
            {"cluster_link": {"nic": "eth10", "addressing": {"route_metric": 300}}},
            "cluster_link.addressing.route_metric: both links",
        ),
        (
            {"cluster_link": {"nic": "eth9", "vlan_id": 2, "mac": "02:00:00:00:00:09"}},
            "cluster_link.mac: eth9 is given",
        ),
    ],
)
def test_each_mistake_has_its_path(options: dict[str, Any], mistake: str) -> None:
    found = flat_mistakes({**LAN, **options})
    assert len(found) == 1 and found[0].startswith(mistake)
