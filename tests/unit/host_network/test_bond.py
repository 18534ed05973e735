# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.baremetal.fabric.plugins.module_utils._host_network import rollback
from ansible_collections.baremetal.fabric.plugins.module_utils._host_network.errors import HostNetworkError
from ansible_collections.baremetal.fabric.plugins.module_utils._host_network.netplan import BOND_FILE

from .conftest import BOND, bring, settle
from .fake_server import FakeServer, Killed

BLUE = [{"name": "blue", "vlan_id": 3}]


def test_a_new_bond_waits_to_be_confirmed_and_then_carries_tenants(server: FakeServer) -> None:
    first = bring(server, bond=BOND, tenants=BLUE)
    assert first["confirm_needed"] and first["changed"] and server.timer
    assert first["bond"]["members"] == ["eth9", "eth10"]
    assert "br-vlan-3" not in server.links, "a roll-back would take it along"

    second = bring(server, bond=BOND, tenants=BLUE)
    assert not second["confirm_needed"] and not server.timer
    assert not server.exists(rollback.DIRECTORY)
    assert "br-vlan-3" in server.links
    assert second["bond"]["lacp_partner"] == "02:ff:00:00:00:01"

    third = bring(server, bond=BOND, tenants=BLUE)
    assert not third["changed"] and third["actions"] == [] and third["diff"] == []


def test_the_switch_is_armed_before_anything_is_changed(server: FakeServer) -> None:
    bring(server, bond=BOND)
    run, apply = (next(i for i, c in enumerate(server.commands) if c.startswith(p)) for p in ("systemd-run", "netplan"))
    assert run < apply
    assert server.file(BOND_FILE).stat().st_mode & 0o777 == 0o600


def test_check_mode_shows_everything_and_touches_nothing(server: FakeServer) -> None:
    before = server.state()
    result = bring(server, check_mode=True, bond=BOND, tenants=[*BLUE, {"name": "green", "vlan_id": None}])
    assert server.state() == before and server.commands == []
    assert result["changed"] and not result["confirm_needed"]
    assert "set up VLAN (known after apply) of tenant cluster 'green'" in result["actions"]
    assert {entry.get("after_header") for entry in result["diff"]} == {
        BOND_FILE,
        "/etc/netplan/90-fabric-tenant-blue.yaml",
        "actions",
    }


@pytest.mark.parametrize("check_mode", [True, False])
def test_a_missing_nic_is_named_with_those_that_are_there(server: FakeServer, check_mode: bool) -> None:
    before = server.state()
    with pytest.raises(HostNetworkError) as caught:
        bring(server, check_mode, bond={"name": "bond0", "nics": [{"name": "eth9"}, {"name": "eth11"}]})
    assert "no NIC eth11" in str(caught.value) and "eth10 (02:00:00:00:00:10)" in str(caught.value)
    assert server.state() == before


def test_a_mac_address_finds_its_nic_whatever_its_name(server: FakeServer) -> None:
    nics = [{"name": "left", "mac": "02:00:00:00:00:10"}, {"name": "right", "mac": "02:00:00:00:00:09"}]
    result = settle(server, bond={"name": "bond0", "nics": nics})
    assert result["bond"]["members"] == ["eth10", "eth9"]
    # as members of the bond both carry the address of the first
    assert not bring(server, bond={"name": "bond0", "nics": nics})["changed"]


def test_two_macs_of_one_nic_are_refused(server: FakeServer) -> None:
    nics = [{"name": "eth9"}, {"name": "other", "mac": "02:00:00:00:00:09"}]
    with pytest.raises(HostNetworkError, match="not distinct"):
        bring(server, bond={"name": "bond0", "nics": nics})


@pytest.mark.parametrize("check_mode", [True, False])
def test_the_only_way_in_is_not_touched(server: FakeServer, check_mode: bool) -> None:
    server.route = "eth9"
    before = server.state()
    with pytest.raises(HostNetworkError) as caught:
        bring(server, check_mode, bond=BOND)
    assert "reached over eth9 (the way back to 10.77.0.1)" in str(caught.value)
    assert server.state() == before


def test_a_way_in_over_the_bond_is_found_below_it(server: FakeServer) -> None:
    settle(server, bond=BOND)
    server.route = "bond0"
    assert not bring(server, bond=BOND)["changed"], "nothing to change, nothing to refuse"
    with pytest.raises(HostNetworkError, match=r"reached over eth10, eth9 through bond0"):
        bring(server, bond={**BOND, "mtu": 9000})
    assert settle(server, bond={**BOND, "mtu": 9000}, allow_connection_nics=True)["bond"]["mtu"] == 9000


def test_a_nic_of_another_bond_is_refused(server: FakeServer) -> None:
    server.bond("bond7", ["eth9"])
    with pytest.raises(HostNetworkError, match="eth9 belongs to bond7"):
        bring(server, bond=BOND)


@pytest.mark.parametrize(
    ("change", "recreated"),
    [
        ({"mtu": 9000}, False),
        ({"route_metric": 300}, False),
        ({"lacp_rate": "slow"}, True),
        ({"mode": "active-backup"}, True),
    ],
)
def test_only_what_networkd_cannot_change_makes_a_new_device(
    server: FakeServer, change: dict[str, Any], recreated: bool
) -> None:
    settle(server, bond=BOND)
    server.commands.clear()
    result = bring(server, bond={**BOND, **change})
    assert result["confirm_needed"]
    assert ("ip link delete dev bond0" in server.commands) is recreated


@pytest.mark.parametrize(
    ("lit", "why"),
    [
        ([], "and none of its NICs has: are its cables in"),
        (["eth9"], "although eth9 has: run again"),
        (["eth9", "eth10"], "although eth10 and eth9 have: run again"),
    ],
)
def test_a_bond_without_carrier_is_taken_back_at_once(server: FakeServer, lit: list[str], why: str) -> None:
    server.carrier = False
    for name in ("eth9", "eth10"):
        server.links[name]["flags"] = ["UP", "LOWER_UP"] if name in lit else ["UP"]
    before = server.state()
    with pytest.raises(HostNetworkError) as caught:
        bring(server, bond=BOND)
    assert f"no carrier after 60 s, {why}" in str(caught.value) and "brought back" in str(caught.value)
    assert server.state() == before


def test_a_stolen_way_back_is_taken_back_at_once(server: FakeServer) -> None:
    settle(server, bond=BOND)
    before = server.state()

    def steal(what: str) -> None:
        if what == "netplan apply":
            server.route = "bond0"

    server.before_change = steal
    with pytest.raises(HostNetworkError, match="leave by bond0 instead of vec0"):
        bring(server, bond={**BOND, "route_metric": 1})
    assert server.state() == before


def test_a_failing_apply_is_taken_back(server: FakeServer) -> None:
    settle(server, bond=BOND)
    before = server.state()
    server.failing["^netplan apply"] = "boom"
    with pytest.raises(HostNetworkError, match=r"boom.*brought back"):
        bring(server, bond={**BOND, "mtu": 9000})
    assert server.state() == before


def test_whoever_comes_too_late_is_told(server: FakeServer) -> None:
    bring(server, bond=BOND)
    server.rolling_back = True
    with pytest.raises(HostNetworkError, match="being rolled back"):
        bring(server, bond=BOND)


def test_an_earlier_roll_back_is_told_once(server: FakeServer) -> None:
    settle(server, bond=BOND)
    server.write(rollback.DIRECTORY + "/rolled-back", "2026-01-02T03:04:05Z\n", 0o600)
    assert "rolled back by the server itself at 2026-01-02T03:04:05Z" in bring(server, bond=BOND)["warnings"][0]
    assert "warnings" not in bring(server, bond=BOND)


def test_a_bond_that_is_not_ours_must_be_there(server: FakeServer) -> None:
    with pytest.raises(HostNetworkError, match="bond0, which is to carry the tenant VLANs, does not exist"):
        bring(server, link="bond0", tenants=BLUE)


def test_no_netplan_no_service(server: FakeServer) -> None:
    server.file("/usr/sbin/netplan").unlink()
    with pytest.raises(HostNetworkError, match="no netplan"):
        bring(server, bond=BOND)


def test_roll_back_script_restores_what_was_there() -> None:
    script = rollback.roll_back_script(BOND_FILE, saved=True, bond="bond0", existed=True)
    assert script.index("saved.yaml") < script.index("netplan apply") < script.index("rolled-back")
    fresh = rollback.roll_back_script(BOND_FILE, saved=False, bond="bond0", existed=False)
    assert f"rm -f {BOND_FILE}" in fresh and fresh.rindex("ip link delete") > fresh.index("netplan apply")


def test_killed_at_any_moment_and_run_again_is_one_clean_run(server: FakeServer, tmp_path_factory: Any) -> None:
    settle(server, bond=BOND, tenants=BLUE)
    clean = server.state()
    moments = 0
    while True:
        other = FakeServer(tmp_path_factory.mktemp("server"))
        if not _killed_at(other, moments):
            break
        settle(other, bond=BOND, tenants=BLUE)
        assert other.state() == clean, f"killed before change {moments}"
        moments += 1
    assert moments > 15


def _killed_at(server: FakeServer, moment: int) -> bool:
    left = [moment]

    def kill(_what: str) -> None:
        if left[0] == 0:
            raise Killed
        left[0] -= 1

    server.before_change = kill
    try:
        settle(server, bond=BOND, tenants=BLUE)
    except Killed:
        return True
    else:
        return False
    finally:
        server.before_change = lambda _what: None
