# SPDX-License-Identifier: Apache-2.0
"""The sequences on a switch whose kernel refuses what a real one refuses."""

from __future__ import annotations

import itertools
import json
import subprocess
from pathlib import Path

import pytest
from ansible_collections.baremetal.fabric.plugins.module_utils._host_network.errors import HostNetworkError
from ansible_collections.baremetal.fabric.plugins.module_utils._switch import render, rollback
from ansible_collections.baremetal.fabric.plugins.module_utils._switch.run import look

from tests.support.fake_switch import Device, FakeSwitch, Killed

from .conftest import METAL1, METAL2, PORTS, SHARED, bring, call, gone, member, network

BLUE = network("blue", SHARED, METAL1)
GREEN = network("green", SHARED, METAL2)


def test_builds_channels_vlans_gateway_and_dhcp(switch: FakeSwitch) -> None:
    result = bring(switch, BLUE, GREEN)

    assert result["changed"]
    assert switch.reaches() == {
        100: {"po-shared1", "po-metal1", "gw100"},
        101: {"po-shared1", "po-metal2", "gw101"},
    }
    assert switch.links["po-shared1"].vlans == {100: False, 101: False}
    assert switch.links["po-metal1"].vlans == {100: True}
    assert switch.links["swp3"].master == "po-metal1"
    assert switch.spaces["fabric-net-blue"] == {"vlan100": ({"192.168.67.254/22"}, True)}
    assert {name.partition(".")[0] for name in switch.dhcp()} == {"blue", "green"}
    # cabled, but nobody's: on, and in no network
    assert (switch.links["swp7"].up, switch.links["swp7"].master) == (True, "")
    assert {network["name"]: network["subnet"] for network in result["networks"]} == {
        "blue": "192.168.64.0/22",
        "green": "192.168.68.0/22",
    }


def test_a_second_run_changes_nothing_and_arms_nothing(switch: FakeSwitch) -> None:
    bring(switch, BLUE, GREEN)
    switch.commands.clear()
    reordered = network("blue", METAL1, {**SHARED, "ports": ["swp2", "swp1"]})
    assert bring(switch, GREEN, reordered)["changed"] is False
    assert switch.commands == []


def test_check_mode_changes_nothing_and_leaves_open_what_is_not_given_away_yet(switch: FakeSwitch) -> None:
    before = switch.picture(), switch.files()
    reserved = call(switch, True, phase="reserve", networks=[BLUE])
    result = call(switch, True, networks=[BLUE], reserved=reserved["reserved"])
    assert (switch.picture(), switch.files()) == before
    assert reserved["reserved"] == {"blue": {"vlan_id": None, "subnet": None}}
    assert reserved["actions"] == ["reserve VLAN (known after apply) and (known after apply) for blue"]
    assert result["changed"] and not result["confirm_needed"]
    assert "carry blue on VLAN (known after apply)" in result["actions"]


def test_check_mode_of_a_change_shows_its_commands(switch: FakeSwitch) -> None:
    bring(switch, BLUE)
    result = call(switch, True, networks=[network("blue", SHARED)])
    assert "ip link set po-metal1 nomaster" in result["actions"]
    assert bring(switch, network("blue", SHARED))["actions"] == result["actions"]


def test_removal_leaves_nothing(switch: FakeSwitch) -> None:
    before = switch.picture(), switch.files()
    bring(switch, BLUE, GREEN)
    bring(switch, gone("blue"))
    assert set(switch.reaches()) == {101}
    bring(switch, gone("green"))
    assert (switch.picture(), switch.files()) == before
    assert bring(switch, gone("green"))["changed"] is False


def test_a_server_changes_networks_in_one_call_and_is_never_in_both(switch: FakeSwitch) -> None:
    bring(switch, BLUE, GREEN)
    seen: list[dict[int, set[str]]] = []
    switch.before_change = lambda _what: seen.append(switch.reaches())
    leave = {**gone("blue"), "state": "present", "members_mode": "merge", "gateway_host": None}
    leave["members"] = [{"server": "metal1", "state": "absent"}]
    enter = {**network("green", METAL1), "members_mode": "merge"}
    result = call(switch, networks=[leave, enter])
    call(switch, phase="confirm", token=result["token"])
    assert switch.reaches() == {
        100: {"po-shared1", "gw100"},
        101: {"po-shared1", "po-metal1", "po-metal2", "gw101"},
    }
    assert not any("po-metal1" in each.get(100, set()) & each.get(101, set()) for each in seen)


def test_a_server_of_another_network_is_not_taken(switch: FakeSwitch) -> None:
    bring(switch, BLUE)
    before = switch.picture()
    with pytest.raises(HostNetworkError, match=r"server metal1 \(port swp3\) is held by blue, so green cannot have it"):
        bring(switch, network("green", METAL1))
    assert switch.picture() == before


def test_what_nobody_confirms_is_taken_back(switch: FakeSwitch) -> None:
    bring(switch, BLUE)
    before, files = switch.picture(), switch.files()
    reserved = call(switch, phase="reserve", networks=[GREEN])
    result = call(switch, networks=[GREEN], reserved=reserved["reserved"])
    assert switch.picture() != before
    switch.time_is_up()
    assert switch.picture() == before
    assert set(switch.files()) - set(files) == {rollback.MARKER[1:], "var/lib/fabric-switch/green"}
    with pytest.raises(HostNetworkError, match="not confirmed in time and the switch has taken it back"):
        call(switch, phase="confirm", token=result["token"])
    assert look(switch, "leaf1")["rolled_back"] == "2026-01-01T00:00:00Z"
    bring(switch, GREEN)
    assert set(switch.reaches()) == {100, 101}


def test_nothing_is_changed_where_nobody_would_take_it_back(switch: FakeSwitch) -> None:
    bring(switch, BLUE)
    before = switch.picture()
    switch.arms = False
    with pytest.raises(HostNetworkError, match=r"setsid \(util-linux\) is missing. No port was touched"):
        bring(switch, BLUE, GREEN)
    assert switch.picture() == before
    assert rollback.armed(switch) is None
    switch.arms = True
    bring(switch, BLUE, GREEN)
    assert set(switch.reaches()) == {100, 101}


def test_the_script_says_when_it_cannot_go_on_by_itself(tmp_path: Path) -> None:
    text = rollback.roll_back_script((), (), "a-token", 60)
    script = tmp_path / "roll-back"
    script.write_text(text.replace("PATH=/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin", f"PATH={tmp_path}"))
    done = subprocess.run(["/bin/sh", script, "arm"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "setsid (util-linux) is missing\n")


@pytest.mark.parametrize("step", range(1, 60, 3))
def test_whatever_fails_is_taken_back_at_once(switch: FakeSwitch, step: int) -> None:
    bring(switch, BLUE)
    before = switch.picture()
    count = itertools.count(1)

    def fail(_what: str) -> None:
        switch.failing = "." if next(count) == step else None

    switch.before_change = fail
    try:
        result = call(switch, networks=[network("blue", METAL2, dhcp=None), gone("green")])
    except HostNetworkError as error:
        assert "What was changed has been taken back" in str(error)
        assert switch.picture() == before
        assert rollback.armed(switch) is None
    else:
        assert result["confirm_needed"] and next(count) <= step


@pytest.mark.parametrize("step", range(1, 50, 3))
def test_a_run_that_is_killed_anywhere_is_finished_by_the_next(tmp_path: Path, step: int) -> None:
    whole, killed = FakeSwitch(tmp_path / "whole"), FakeSwitch(tmp_path / "killed")
    bring(whole, BLUE, GREEN)
    count = itertools.count(1)

    def kill(_what: str) -> None:
        if next(count) == step:
            raise Killed

    killed.before_change = kill
    try:
        bring(killed, BLUE, GREEN)
    except Killed:
        killed.before_change = lambda _what: None
    bring(killed, BLUE, GREEN)
    assert killed.picture() == whole.picture()


def test_a_switch_that_restarts_comes_up_with_what_was_confirmed(switch: FakeSwitch) -> None:
    bring(switch, BLUE, GREEN)
    before = switch.picture()
    call(switch, networks=[gone("green")])  # not confirmed
    switch.restart()
    assert switch.picture() == before
    assert bring(switch, BLUE, GREEN)["changed"] is False


def test_what_was_taken_away_by_hand_is_made_again(switch: FakeSwitch) -> None:
    bring(switch, BLUE)
    before = switch.picture()
    for line in ("link delete po-metal1", "netns delete fabric-net-blue", "link set swp1 nomaster"):
        switch._one(["ip", *line.split()], "")
    assert bring(switch, BLUE)["changed"]
    assert switch.picture() == before


def test_a_play_waits_for_what_another_has_not_confirmed(switch: FakeSwitch) -> None:
    reserved = call(switch, phase="reserve", networks=[BLUE])
    call(switch, networks=[BLUE], reserved=reserved["reserved"])
    # the other play died; its change is taken back after a while, and this one goes on
    bring(switch, GREEN)
    assert {network["name"] for network in look(switch, "leaf1")["networks"]} == {"blue", "green"}
    assert bring(switch, BLUE)["changed"]


def test_two_plays_at_once_get_different_ids_and_lose_nothing(switch: FakeSwitch) -> None:
    one = call(switch, phase="reserve", networks=[BLUE])
    two = call(switch, phase="reserve", networks=[GREEN])
    for wanted, reserved in ((GREEN, two), (BLUE, one)):
        result = call(switch, networks=[wanted], reserved=reserved["reserved"])
        call(switch, phase="confirm", token=result["token"])
    assert {each["name"]: each["vlan_id"] for each in look(switch, "leaf1")["networks"]} == {"blue": 100, "green": 101}
    assert switch.reaches()[100] == {"po-shared1", "po-metal1", "gw100"}


def test_ids_of_others_are_left_alone(switch: FakeSwitch) -> None:
    switch.links["br-other"] = Device(kind="bridge", up=True)
    switch.links["swp8"].master, switch.links["swp8"].vlans = "br-other", {100: True}
    ports = [f"swp{number}" for number in range(1, 8)]
    red = {"red": {"vlan_id": 101, "subnet": "192.168.64.0/22"}}
    bring(switch, BLUE, ports=ports, reserved=red, vlan_ids_used=[102])
    (blue,) = look(switch, "leaf1")["networks"]
    assert (blue["vlan_id"], blue["subnet"]) == (103, "192.168.68.0/22")
    assert switch.links["swp8"].vlans == {100: True}


def test_a_network_that_another_switch_knows_keeps_its_id(switch: FakeSwitch) -> None:
    bring(switch, BLUE, reserved={"blue": {"vlan_id": 107, "subnet": "192.168.80.0/22"}})
    (blue,) = look(switch, "leaf1")["networks"]
    assert (blue["vlan_id"], blue["subnet"], blue["gateway"]) == (107, "192.168.80.0/22", "192.168.83.254")


def test_what_runs_out_is_named(switch: FakeSwitch) -> None:
    with pytest.raises(HostNetworkError, match="no VLAN id is left for green: widen fabric_vlan_range"):
        bring(switch, BLUE, GREEN, vlan_range="100")
    assert look(switch, "leaf1")["networks"] == []


def test_a_single_cable_is_no_channel_and_can_become_one(switch: FakeSwitch) -> None:
    bring(switch, network("blue", member("metal1", "swp3")))
    assert switch.links["swp3"].vlans == {100: True} and switch.links["swp3"].mtu == 9216
    bring(switch, BLUE)
    assert switch.links["swp3"].vlans == {} and switch.links["po-metal1"].vlans == {100: True}
    bring(switch, network("blue", member("metal1", "swp3")))
    assert "po-metal1" not in switch.links
    assert (switch.links["swp3"].vlans, switch.links["swp3"].up) == ({100: True}, True)
    assert (switch.links["swp4"].master, switch.links["swp4"].up) == ("", True)


def test_uplinks_carry_every_network_tagged(switch: FakeSwitch) -> None:
    bring(switch, BLUE, GREEN, uplinks=["swp7", "swp8"], ports=[f"swp{number}" for number in range(1, 7)])
    assert switch.links["fabric-uplink"].vlans == {100: False, 101: False}
    bring(switch, gone("green"), uplinks=["swp7", "swp8"], ports=[f"swp{number}" for number in range(1, 7)])
    assert switch.links["fabric-uplink"].vlans == {100: False}


def test_without_gateway_there_is_a_vlan_and_nothing_else(switch: FakeSwitch) -> None:
    bring(switch, network("blue", METAL1, routed=False, dhcp=None))
    assert switch.spaces == {} and switch.dhcp() == set()
    (blue,) = look(switch, "leaf1")["networks"]
    assert (blue["gateway"], blue["dhcp"]) == ("192.168.67.254", None)


def test_a_wider_control_plane_moves_the_dhcp_range_only(switch: FakeSwitch) -> None:
    bring(switch, BLUE)
    switch.commands.clear()
    bring(switch, network("blue", SHARED, METAL1, dhcp={"start_host": 1, "end_host": 1015}))
    assert [line.split()[:2] for line in switch.commands] == [["dhcp", "stop"], ["dhcp", "start"]]


def test_a_bridge_of_others_is_used_and_stays(switch: FakeSwitch) -> None:
    switch.links["bridge"] = Device(kind="bridge", up=True, default_pvid=1)
    before = switch.picture(), switch.files()
    bring(switch, BLUE, bridge="bridge")
    assert switch.links["po-metal1"].vlans == {100: True}
    assert switch.links["gw100"].vlans == {100: True}
    switch.restart()
    assert switch.links["po-metal1"].vlans == {100: True}
    bring(switch, gone("blue"), bridge="bridge")
    assert (switch.picture(), switch.files()) == before


def test_an_uplink_that_others_use_too_keeps_what_is_theirs(switch: FakeSwitch) -> None:
    switch.links["bridge"] = Device(kind="bridge", up=True, default_pvid=1)
    switch.links["swp8"] = Device(kind="veth", mtu=9216, up=True, master="bridge", vlans={1: True, 10: False})
    options = {"bridge": "bridge", "uplinks": ["swp8"], "ports": PORTS[:6]}
    before = switch.picture(), switch.files()
    bring(switch, BLUE, **options)
    assert switch.links["swp8"].vlans == {1: True, 10: False, 100: False}
    assert bring(switch, BLUE, **options)["changed"] is False
    switch.commands.clear()
    result = call(switch, networks=[gone("blue")], **options)
    assert switch.links["swp8"].vlans == {1: True, 10: False}
    assert not [line for line in switch.commands if "link set swp8" in line]
    switch.time_is_up()
    assert switch.links["swp8"].vlans == {1: True, 10: False, 100: False}
    assert result["confirm_needed"]
    bring(switch, gone("blue"), **options)
    assert (switch.picture(), [each for each in switch.files() if "rolled-back" not in each]) == before


def test_after_a_restart_a_shared_uplink_has_both(switch: FakeSwitch) -> None:
    switch.links["bridge"] = Device(kind="bridge", up=True, default_pvid=1)
    switch.links["swp8"] = Device(kind="veth", mtu=9216, up=True, master="bridge", vlans={1: True, 10: False})
    bring(switch, BLUE, bridge="bridge", uplinks=["swp8"], ports=PORTS[:6])
    boot = switch.read(render.BOOT_FILE) or ""
    assert "vlan add dev swp8 vid 100" in boot
    assert "vlan delete dev swp8" not in boot


@pytest.mark.parametrize(
    ("vlans", "uplinks", "message"),
    [
        ({1: True, 10: False}, [], "port swp7 carries VLAN 10 in bridge, which is not ours: take it out"),
        ({1: True}, ["swp7", "swp8"], "port swp7 carries VLAN 1 in bridge.*would lose it in a port-channel"),
    ],
)
def test_what_others_have_on_a_port_is_not_taken(
    switch: FakeSwitch, vlans: dict[int, bool], uplinks: list[str], message: str
) -> None:
    switch.links["bridge"] = Device(kind="bridge", up=True, default_pvid=1)
    switch.links["swp7"] = Device(kind="veth", up=True, master="bridge", vlans=vlans)
    before = switch.picture()
    ports = PORTS[:6] if uplinks else PORTS
    with pytest.raises(HostNetworkError, match=message):
        bring(switch, BLUE, bridge="bridge", uplinks=uplinks, ports=ports)
    assert switch.picture() == before


@pytest.mark.parametrize(
    ("prepare", "message"),
    [
        (lambda s: s.links.update(bridge=Device(kind="bridge", vlan_filtering=0)), "bridge bridge is not VLAN-aware"),
        (lambda s: s.links.update(bridge=Device()), "bridge is no bridge"),
        (lambda s: s.links.update({"po-metal1": Device(kind="bond")}), "a device po-metal1 already that is not ours"),
        (lambda s: s.links.pop("swp4"), "there is no port swp4 on this switch"),
        (
            lambda s: (s.links.update(bond7=Device(kind="bond")), setattr(s.links["swp3"], "master", "bond7")),
            "port swp3 is part of bond7, which is not ours",
        ),
        (lambda s: setattr(s, "route", "swp8"), "Ansible itself reaches this switch by swp8"),
    ],
)
def test_what_stands_in_the_way_is_told_and_nothing_touched(switch, prepare, message) -> None:  # type: ignore[no-untyped-def]
    prepare(switch)
    before = switch.picture()
    with pytest.raises(HostNetworkError, match=message):
        bring(switch, BLUE, bridge="bridge")
    assert switch.picture() == before


def test_a_record_of_another_version_is_not_touched(switch: FakeSwitch) -> None:
    bring(switch, BLUE)
    path = Path(switch.path(render.STATE_FILE))
    path.write_text(json.dumps({**json.loads(path.read_text()), "version": 2}))
    with pytest.raises(HostNetworkError, match="record is of version 2"):
        bring(switch, BLUE)


def test_lldp_tells_what_ports_lead_to(switch: FakeSwitch) -> None:
    switch.lldp = {"swp3": ("metal1", "eth9")}
    assert look(switch, "leaf1")["neighbours"] == {"swp3": {"system": "metal1", "port": "eth9"}}
    switch.lldp = None
    assert look(switch, "leaf1")["neighbours"] is None


def test_the_record_is_readable_by_root_alone(switch: FakeSwitch) -> None:
    bring(switch, BLUE)
    assert Path(switch.path(render.STATE_FILE)).stat().st_mode & 0o077 == 0
