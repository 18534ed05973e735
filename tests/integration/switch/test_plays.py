"""The role `fabric` without Netris: plays set a switch. Its own bridge is in `test_bridge`, the whole in the lab."""

from __future__ import annotations

from tests.support import switch_space
from tests.support.switch_rack import Rack


def test_from_nothing_and_back(rack: Rack) -> None:
    empty = switch_space.kernel(rack.directory).picture()
    planned = rack.play("tenant_clusters", "main", "--check", "--diff")
    assert switch_space.kernel(rack.directory).picture() == empty
    assert "tenant cluster blue: to be created" in planned
    assert "vlan id (known after apply)" in planned
    assert rack.facts("blue")["vlan_id"] is None

    rack.play("shared_servers", "host")
    told = rack.play("tenant_clusters")
    assert "blue: vlan id 101, vpc blue, vnet blue-nodes, subnet 192.168.64.0/22, gateway 192.168.67.254" in told
    assert rack.facts("blue") == {
        "vlan_id": 101,
        "subnet": "192.168.64.0/22",
        "vip": "192.168.67.253",
        "gateway": "192.168.67.254",
        "dhcp": {"start": "192.168.64.1", "end": "192.168.67.249"},
    }
    shared = {"po-shared1", "po-shared2", "po-shared3"}
    assert rack.vlans() == {
        100: {*shared, "swp13", "gw100"},
        101: {*shared, "po-metal1", "gw101"},
        102: {*shared, "po-metal2", "gw102"},
    }
    for group, entry in (("shared_servers", "host"), ("tenant_clusters", "main")):
        assert "changed=0" in (again := rack.play(group, entry)) and "changed=1" not in again
    rack.play("tenant_clusters", "look")
    assert rack.facts("green")["vlan_id"] == 102

    # metal1 changes sides
    assert "server metal1: moves from" in rack.play("metal1", "moves", METAL1="green")
    rack.play("metal1", "move", METAL1="green")
    assert "po-metal1" in rack.vlans()[102] and "po-metal1" not in rack.vlans()[101]
    assert "server metal1: stays in" in rack.play("metal1", "moves", METAL1="green")

    rack.play("green", "absent", METAL1="green")
    assert set(rack.vlans()) == {100, 101}
    rack.play("blue", "absent")
    assert set(rack.vlans()) == {100}
    assert not list((rack.directory / "run").glob("fabric-switch-armed/*"))


def test_two_plays_at_once_lose_nothing(rack: Rack) -> None:
    running = [rack.start(tenant) for tenant in ("blue", "green")]
    for process in running:
        output, _none = process.communicate(timeout=300)
        assert process.returncode == 0, output
    ids = {rack.facts(tenant)["vlan_id"] for tenant in ("blue", "green")}
    assert ids == {100, 101} == set(rack.vlans())
    assert {rack.facts(tenant)["subnet"] for tenant in ("blue", "green")} == {"192.168.64.0/22", "192.168.68.0/22"}


def test_a_play_that_is_killed_before_it_confirms_is_taken_back_and_finished_by_the_next(rack: Rack) -> None:
    process = rack.start("blue", "main", "-e", "fabric_switch_rollback_timeout=3")
    assert process.stdout
    for line in process.stdout:
        if "Keep the changes" in line:
            break
        if "Bring the switches to the plan" in line:
            while not (rack.directory / "run/fabric-switch-armed/token").exists() and process.poll() is None:
                pass
            process.kill()
    process.wait()
    told = rack.play("blue", "main")
    assert "changed=" in told
    assert rack.vlans()[100] == {"po-shared1", "po-shared2", "po-shared3", "po-metal1", "gw100"}


def test_what_is_wrong_is_told_before_anything_is_touched(rack: Rack) -> None:
    before = switch_space.kernel(rack.directory).picture()
    process = rack.start("blue", "main", "-e", "fabric_vlan_range=200-100")
    output, _none = process.communicate(timeout=120)
    assert process.returncode
    assert "fabric_vlan_range: '200-100' ends before it begins" in output
    assert switch_space.kernel(rack.directory).picture() == before
