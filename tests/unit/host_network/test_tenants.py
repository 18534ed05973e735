# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.baremetal.fabric.plugins.module_utils._host_network.errors import HostNetworkError
from ansible_collections.baremetal.fabric.plugins.module_utils._host_network.guard import UNIT_FILE, rules_file
from ansible_collections.baremetal.fabric.plugins.module_utils._host_network.guard_script import SCRIPT_FILE
from ansible_collections.baremetal.fabric.plugins.module_utils._host_network.netplan import tenant_file

from .conftest import BOND, bring, settle
from .fake_server import FakeServer, Killed

BLUE = {"name": "blue", "vlan_id": 3}
GREEN = {"name": "green", "vlan_id": 4}
#: These reconfigure the bond below everybody.
DISTURBING = ("netplan apply", "networkctl", "systemctl restart", "bond0 down")


@pytest.fixture
def bonded(server: FakeServer) -> FakeServer:
    settle(server, bond=BOND)
    server.commands.clear()
    return server


def absent(*names: str) -> list[dict[str, Any]]:
    return [{"name": name, "state": "absent"} for name in names]


def test_devices_are_guarded_before_they_are_up(bonded: FakeServer) -> None:
    result = bring(bonded, tenants=[BLUE])
    (tenant,) = result["tenants"]
    assert (tenant["bridge"], tenant["host_isolation"], tenant["bridged_traffic"]) == (
        "br-vlan-3",
        "tc-matchall",
        "exempt",
    )
    order = [
        f"{SCRIPT_FILE} on br-vlan-3 bond0.3",
        "ip link set dev bond0.3 master br-vlan-3",
        "ip link set dev bond0.3 up",
    ]
    assert [command for command in bonded.commands if command in order] == order
    assert bonded.links["bond0.3"]["master"] == "br-vlan-3"
    assert bonded.file(tenant_file("blue")).stat().st_mode & 0o777 == 0o600
    assert bonded.file(SCRIPT_FILE).stat().st_mode & 0o777 == 0o755


def test_nobody_else_is_disturbed(bonded: FakeServer) -> None:
    bring(bonded, tenants=[BLUE])
    bring(bonded, tenants=[GREEN])
    bring(bonded, tenants=absent("blue"))
    assert not [command for command in bonded.commands if any(word in command for word in DISTURBING)]
    assert "br-vlan-4" in bonded.links and "br-vlan-3" not in bonded.links


def test_a_second_run_changes_nothing(bonded: FakeServer) -> None:
    bring(bonded, tenants=[BLUE, GREEN])
    bonded.commands.clear()
    result = bring(bonded, bond=BOND, tenants=[GREEN, BLUE])
    assert not result["changed"] and bonded.commands == [] and result["diff"] == []


def test_removal_needs_no_vlan_id_and_leaves_nothing(server: FakeServer) -> None:
    settle(server, bond=BOND)
    before = server.state()
    bring(server, tenants=[BLUE, GREEN])
    bring(server, tenants=absent("green"))
    assert server.exists(SCRIPT_FILE), "blue still needs it"
    bring(server, tenants=absent("blue"))
    assert server.state() == before
    assert not bring(server, tenants=absent("blue", "green", "never-there"))["changed"]


def test_removal_waits_for_pods_and_then_says_who_is_left(bonded: FakeServer) -> None:
    bring(bonded, tenants=[BLUE])
    bonded.port("br-vlan-3", "veth77")
    with pytest.raises(HostNetworkError, match="still in use by veth77"):
        bring(bonded, tenants=absent("blue"))
    assert "br-vlan-3" in bonded.links

    def leave(_seconds: float) -> None:
        bonded.links.pop("veth77", None)

    bonded.pause = leave  # type: ignore[method-assign]
    assert bring(bonded, tenants=absent("blue"))["changed"]
    assert "br-vlan-3" not in bonded.links


def test_a_tenant_with_another_vlan_id_moves(bonded: FakeServer) -> None:
    bring(bonded, tenants=[BLUE])
    bring(bonded, tenants=[{"name": "blue", "vlan_id": 30}])
    assert "br-vlan-3" not in bonded.links and "bond0.3" not in bonded.links
    assert bonded.links["bond0.30"]["master"] == "br-vlan-30"
    assert "br-vlan-30" in bonded.file(rules_file("blue")).read_text()
    assert not bring(bonded, tenants=[{"name": "blue", "vlan_id": 30}])["changed"]


def test_a_vlan_id_may_go_from_one_tenant_to_another_in_one_call(bonded: FakeServer) -> None:
    bring(bonded, tenants=[BLUE])
    bring(bonded, tenants=[*absent("blue"), {"name": "green", "vlan_id": 3}])
    assert not bonded.exists(tenant_file("blue")) and bonded.exists(tenant_file("green"))
    assert bonded.links["bond0.3"]["master"] == "br-vlan-3"


@pytest.mark.parametrize("check_mode", [True, False])
def test_a_vlan_id_of_somebody_else_is_refused(bonded: FakeServer, check_mode: bool) -> None:
    bring(bonded, tenants=[BLUE])
    before = bonded.state()
    with pytest.raises(HostNetworkError, match="held on this server by tenant cluster 'blue'"):
        bring(bonded, check_mode, tenants=[{"name": "green", "vlan_id": 3}])
    assert bonded.state() == before


def test_foreign_devices_are_left_alone(bonded: FakeServer) -> None:
    bonded.nic("br-vlan-3", "02:00:00:00:00:33")
    with pytest.raises(HostNetworkError, match="is no bridge but a NIC"):
        bring(bonded, tenants=[BLUE])
    del bonded.links["br-vlan-3"]
    assert bonded.run("ip", "link", "add", "link", "bond0", "name", "storage", "type", "vlan", "id", "3") == ""
    with pytest.raises(HostNetworkError, match="exists on this server as storage, which is not ours"):
        bring(bonded, tenants=[BLUE])


def test_a_bridge_with_an_address_is_refused(bonded: FakeServer) -> None:
    bring(bonded, tenants=[BLUE])
    bonded.links["br-vlan-3"]["addr_info"] = [{"local": "192.168.64.9", "prefixlen": 22}]
    with pytest.raises(HostNetworkError, match="addresses of its own"):
        bring(bonded, tenants=[BLUE])


def test_a_bridge_that_the_cni_plugin_made_first_is_taken_over(bonded: FakeServer) -> None:
    """After a hard reset a pod may start before the network is up, and the plugin makes a bridge that leads nowhere."""
    bring(bonded, tenants=[BLUE])
    bonded.guarded.clear()
    del bonded.links["bond0.3"]
    bonded.port("br-vlan-3", "veth1")
    bring(bonded, tenants=[BLUE])
    assert bonded.links["bond0.3"]["master"] == "br-vlan-3" and "br-vlan-3" in bonded.guarded
    assert "veth1" in bonded.links


def test_spanning_tree_is_turned_off(bonded: FakeServer) -> None:
    bring(bonded, tenants=[BLUE])
    bonded.links["br-vlan-3"]["linkinfo"]["info_data"]["stp_state"] = 1
    assert "turn spanning tree off on br-vlan-3" in bring(bonded, tenants=[BLUE])["actions"]


def test_a_server_that_cannot_isolate_is_refused_and_left_without_the_bridge(bonded: FakeServer) -> None:
    bonded.isolation = "none"
    with pytest.raises(HostNetworkError, match="nothing on this server can keep bridge br-vlan-3"):
        bring(bonded, tenants=[BLUE])
    assert "br-vlan-3" not in bonded.links and not bonded.exists(tenant_file("blue"))
    assert not bonded.exists(rules_file("blue"))
    accepted = bring(bonded, tenants=[BLUE], require_isolation=False)
    assert "not kept apart" in accepted["warnings"][0]


def test_a_lost_guard_comes_back(bonded: FakeServer) -> None:
    bring(bonded, tenants=[BLUE])
    bonded.guarded.clear()
    assert bring(bonded, tenants=[BLUE])["actions"] == ["keep bridge br-vlan-3 apart from the server"]


def test_the_mtu_reaches_both_devices(bonded: FakeServer) -> None:
    bring(bonded, tenants=[{**BLUE, "mtu": 9000}])
    assert bonded.links["bond0.3"]["mtu"] == bonded.links["br-vlan-3"]["mtu"] == 9000


def test_netplan_has_the_last_word_before_anything_is_touched(bonded: FakeServer) -> None:
    bonded.file("/etc/netplan/80-fabric-bond.yaml").unlink()
    before = bonded.state()
    with pytest.raises(HostNetworkError, match=r"netplan refuses.*: /etc/netplan/90.yaml: interface 'bond0' is not"):
        bring(bonded, tenants=[BLUE])
    assert bonded.state() == before


def test_a_file_of_somebody_else_is_not_removed(bonded: FakeServer) -> None:
    bonded.write(tenant_file("blue"), "network: {version: 2}\n", 0o600)
    with pytest.raises(HostNetworkError, match="was not written by this collection"):
        bring(bonded, tenants=absent("blue"))


def test_boot_waits_for_the_bridges_before_kubelet(bonded: FakeServer) -> None:
    bring(bonded, tenants=[BLUE])
    unit = bonded.file(UNIT_FILE).read_text()
    assert "Before=kubelet.service" in unit and f"ExecStart={SCRIPT_FILE} wait" in unit
    assert any(command.startswith("systemctl enable") for command in bonded.commands)


@pytest.mark.parametrize("change", [[GREEN, BLUE], absent("blue", "green"), [{"name": "blue", "vlan_id": 33}]])
def test_killed_at_any_moment_and_run_again_is_one_clean_run(
    tmp_path_factory: Any, change: list[dict[str, Any]]
) -> None:
    start = [] if change[0] == GREEN else [BLUE]

    def prepared() -> FakeServer:
        server = FakeServer(tmp_path_factory.mktemp("server"))
        settle(server, bond=BOND)
        if start:
            bring(server, tenants=start)
        return server

    clean = prepared()
    bring(clean, tenants=change)
    for moment in range(1000):
        server, left = prepared(), [moment]

        def kill(_what: str, left: list[int] = left) -> None:
            left[0] -= 1
            if left[0] < 0:
                raise Killed

        server.before_change = kill
        try:
            bring(server, tenants=change)
        except Killed:
            server.before_change = lambda _what: None
            bring(server, tenants=change)
            assert server.state() == clean.state(), f"killed before change {moment}"
        else:
            assert moment > 3
            return
    raise AssertionError("never came to an end")
