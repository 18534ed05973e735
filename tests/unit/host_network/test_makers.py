# SPDX-License-Identifier: Apache-2.0
"""Devices that an operator of the host cluster makes, and their way from one maker to another."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.baremetal.fabric.plugins.module_utils._host_network.errors import HostNetworkError
from ansible_collections.baremetal.fabric.plugins.module_utils._host_network.guard import rules_file
from ansible_collections.baremetal.fabric.plugins.module_utils._host_network.guard_script import SCRIPT_FILE
from ansible_collections.baremetal.fabric.plugins.module_utils._host_network.netplan import tenant_devices, tenant_file
from ansible_collections.baremetal.fabric.plugins.module_utils._host_network.observe import PROFILES

from .conftest import BOND, bring, settle
from .fake_server import FakeServer, Killed

GOLDEN = Path(__file__).parent / "golden"
BLUE = {"name": "blue", "vlan_id": 3}
NMSTATE = {**BLUE, "made_by": "nmstate"}
OPERATOR = {**BLUE, "made_by": "bridge_operator"}
GONE = [{"name": "blue", "state": "absent"}]


@pytest.fixture
def bonded(server: FakeServer) -> FakeServer:
    settle(server, bond=BOND)
    server.commands.clear()
    return server


def operator_makes(server: FakeServer, vlan_id: int = 3, profiles: bool = False) -> None:
    """What nmstate or bridge-operator does on a node."""
    vlan, bridge = f"bond0.{vlan_id}", f"br-vlan-{vlan_id}"
    if vlan not in server.links:
        server._ip(["add", "link", "bond0", "name", vlan, "type", "vlan", "id", str(vlan_id)])
    if bridge not in server.links:
        server._ip(["add", "name", bridge, "type", "bridge"])
    server._ip(["set", "dev", vlan, "master", bridge])
    for device in (vlan, bridge):
        server._ip(["set", "dev", device, "up"])
    if profiles:
        for device in (vlan, bridge):
            server.file(PROFILES).mkdir(parents=True, exist_ok=True)
            server.file(f"{PROFILES}/{device}.nmconnection").write_text(f"[connection]\ninterface-name={device}\n")


def record(server: FakeServer) -> str | None:
    found = tenant_devices(server.file(rules_file("blue")).read_text())
    return found.made_by if found else None


def test_the_record_is_in_the_rules(bonded: FakeServer) -> None:
    bring(bonded, tenants=[NMSTATE])
    assert bonded.file(rules_file("blue")).read_text() == (GOLDEN / "tenant-nmstate.rules").read_text()


def test_the_guard_is_there_before_the_devices_are(bonded: FakeServer) -> None:
    result = bring(bonded, tenants=[NMSTATE])
    assert result["changed"] and record(bonded) == "nmstate"
    assert bonded.commands[-1] == "netplan generate" and "udevadm control --reload" in bonded.commands
    assert "bond0.3" not in bonded.links and not bonded.exists(tenant_file("blue"))
    operator_makes(bonded)
    (tenant,) = bring(bonded, tenants=[NMSTATE], settle=True)["tenants"]
    assert (tenant["made_by"], tenant["releases"], tenant["host_isolation"]) == ("nmstate", None, "tc-matchall")
    assert f"{SCRIPT_FILE} on br-vlan-3 bond0.3" in bonded.commands
    bonded.commands.clear()
    for settled in (False, True):
        result = bring(bonded, tenants=[NMSTATE], settle=settled)
        assert not result["changed"] and bonded.commands == [] and result["diff"] == []


@pytest.mark.parametrize("spoil", ["bond0.3", "br-vlan-3", "master", "down"])
def test_devices_that_do_not_come_are_named(bonded: FakeServer, spoil: str) -> None:
    bring(bonded, tenants=[NMSTATE])
    operator_makes(bonded)
    if spoil == "master":
        bonded.links["bond0.3"].pop("master")
    elif spoil == "down":
        bonded.links["br-vlan-3"]["flags"] = []
    else:
        bonded._delete(spoil)
    with pytest.raises(HostNetworkError, match=r"not ready after 60 s: .*nmstate was to make it on this server"):
        bring(bonded, tenants=[NMSTATE], settle=True)


def test_check_mode_touches_nothing(bonded: FakeServer) -> None:
    before = bonded.state()
    assert bring(bonded, True, tenants=[NMSTATE])["changed"]
    assert bring(bonded, True, tenants=[NMSTATE], settle=True)["changed"]
    assert bring(bonded, True, tenants=[{**NMSTATE, "vlan_id": None}])["changed"]
    assert bonded.state() == before


def test_nmstate_needs_network_manager(bonded: FakeServer) -> None:
    bonded.network_manager = False
    before = bonded.state()
    with pytest.raises(HostNetworkError, match=r"NetworkManager does not run .* Nothing was touched"):
        bring(bonded, tenants=[NMSTATE])
    assert bonded.state() == before
    bring(bonded, tenants=[NMSTATE], require_network_manager=False)
    bring(bonded, tenants=[BLUE])


def test_from_the_server_to_nmstate_without_a_gap(bonded: FakeServer) -> None:
    bring(bonded, tenants=[BLUE])
    bonded.port("br-vlan-3", "veth77")
    bonded.commands.clear()
    (tenant,) = bring(bonded, tenants=[NMSTATE])["tenants"]
    assert tenant["releases"] == "host" and bonded.exists(tenant_file("blue")), "until nmstate has them"
    operator_makes(bonded)
    result = bring(bonded, tenants=[NMSTATE], settle=True)
    assert result["actions"] == [f"remove {tenant_file('blue')}"] and not bonded.exists(tenant_file("blue"))
    assert not [command for command in bonded.commands if command.startswith("ip link delete")]
    assert bonded.links["veth77"]["master"] == "br-vlan-3"
    assert not bring(bonded, tenants=[NMSTATE], settle=True)["changed"]


def test_from_nmstate_to_the_server_without_a_gap(bonded: FakeServer) -> None:
    bring(bonded, tenants=[NMSTATE])
    operator_makes(bonded, profiles=True)
    foreign = bonded.file(f"{PROFILES}/office.nmconnection")
    foreign.write_text("[connection]\n")
    bring(bonded, tenants=[NMSTATE], settle=True)
    bonded.port("br-vlan-3", "veth77")
    bonded.commands.clear()
    (tenant,) = bring(bonded, tenants=[BLUE])["tenants"]
    assert tenant["releases"] == "nmstate" and record(bonded) == "nmstate" and bonded.exists(tenant_file("blue"))
    bring(bonded, tenants=[BLUE], settle=True)
    assert record(bonded) is None and [each.name for each in bonded.file(PROFILES).iterdir()] == ["office.nmconnection"]
    assert not [command for command in bonded.commands if "delete" in command]
    assert bonded.links["veth77"]["master"] == "br-vlan-3"
    bonded.commands.clear()
    assert not bring(bonded, tenants=[BLUE])["changed"] and bonded.commands == []


def test_somebodys_own_profile_of_that_name_stays(bonded: FakeServer) -> None:
    bring(bonded, tenants=[NMSTATE])
    operator_makes(bonded, profiles=True)
    own = bonded.file(f"{PROFILES}/bond0.3.nmconnection")
    own.write_text("[connection]\ninterface-name=eth7\n")
    bring(bonded, tenants=[BLUE])
    bring(bonded, tenants=[BLUE], settle=True)
    assert own.exists()


def test_from_bridge_operator_to_the_server_mends_what_the_operator_took(bonded: FakeServer) -> None:
    bring(bonded, tenants=[OPERATOR])
    operator_makes(bonded)
    bonded.links["br-vlan-3"]["linkinfo"]["info_data"]["vlan_filtering"] = 1
    bring(bonded, tenants=[OPERATOR], settle=True)
    result = bring(bonded, tenants=[BLUE])
    assert "turn VLAN filtering off on br-vlan-3" in result["actions"]
    bonded._delete("bond0.3")  # its object was deleted
    bring(bonded, tenants=[BLUE], settle=True)
    assert bonded.links["bond0.3"]["master"] == "br-vlan-3" and record(bonded) is None


def test_bridge_operator_never_gets_a_bridge_that_is_there(bonded: FakeServer) -> None:
    bring(bonded, tenants=[BLUE])
    before = bonded.state()
    with pytest.raises(HostNetworkError, match="never connects a VLAN to a bridge that it has not made itself"):
        bring(bonded, tenants=[OPERATOR])
    assert bonded.state() == before
    bonded.port("br-vlan-3", "veth77")
    with pytest.raises(HostNetworkError, match="still in use by veth77"):
        bring(bonded, tenants=[OPERATOR], allow_cut=True)
    bonded._delete("veth77")
    bring(bonded, tenants=[OPERATOR], allow_cut=True)
    assert "br-vlan-3" not in bonded.links and record(bonded) == "bridge_operator"
    operator_makes(bonded)
    bring(bonded, tenants=[OPERATOR])  # it is its own now
    bring(bonded, tenants=[OPERATOR], settle=True)
    assert not bonded.exists(tenant_file("blue"))


def test_from_bridge_operator_to_nmstate_only_by_way_of_the_server(bonded: FakeServer) -> None:
    bring(bonded, tenants=[OPERATOR])
    with pytest.raises(HostNetworkError, match="Move it to host_network_backend: host first"):
        bring(bonded, tenants=[NMSTATE])


def test_removal_takes_what_the_operator_has_left(server: FakeServer) -> None:
    settle(server, bond=BOND)
    before = server.state()
    bring(server, tenants=[OPERATOR])
    operator_makes(server)
    bring(server, tenants=[OPERATOR], settle=True)
    assert bring(server, True, tenants=GONE)["actions"][:2] == ["remove br-vlan-3", "remove bond0.3"]
    bring(server, tenants=GONE)
    assert server.state() == before
    bring(server, tenants=[NMSTATE])
    bring(server, tenants=GONE)  # nmstate has removed its devices itself
    assert server.state() == before and not bring(server, tenants=GONE)["changed"]


def test_another_vlan_id_takes_the_former_devices_away(bonded: FakeServer) -> None:
    bring(bonded, tenants=[NMSTATE])
    operator_makes(bonded)
    bring(bonded, tenants=[{**NMSTATE, "vlan_id": 30}])
    assert (
        not {"bond0.3", "br-vlan-3"} & set(bonded.links) and "br-vlan-30" in bonded.file(rules_file("blue")).read_text()
    )


def test_a_vlan_that_an_operator_makes_for_another_is_refused(bonded: FakeServer) -> None:
    bring(bonded, tenants=[NMSTATE])
    with pytest.raises(HostNetworkError, match=r"held on this server by tenant cluster 'blue' \(/etc/udev"):
        bring(bonded, tenants=[{"name": "green", "vlan_id": 3}])


def test_a_server_without_netplan_will_do_for_nmstate(server: FakeServer) -> None:
    server.bond()
    server.file("/usr/sbin/netplan").unlink()
    with pytest.raises(HostNetworkError, match="has no netplan"):
        bring(server, tenants=[BLUE])
    bring(server, tenants=[NMSTATE])
    operator_makes(server)
    bring(server, tenants=[NMSTATE], settle=True)
    bring(server, tenants=GONE)
    assert not [command for command in server.commands if command.startswith("netplan")]


@pytest.mark.parametrize(("before", "after"), [(BLUE, NMSTATE), (NMSTATE, BLUE)])
def test_a_move_that_is_killed_anywhere_is_finished_by_the_next(
    tmp_path: Path, before: dict[str, Any], after: dict[str, Any]
) -> None:
    def world(name: str) -> FakeServer:
        (tmp_path / name).mkdir()
        server = FakeServer(tmp_path / name)
        settle(server, bond=BOND)
        bring(server, tenants=[before])
        operator_makes(server)
        bring(server, tenants=[before], settle=True)
        return server

    def move(server: FakeServer) -> None:
        bring(server, tenants=[after])
        bring(server, tenants=[after], settle=True)

    whole = world("whole")
    changes: list[str] = []
    whole.before_change = changes.append
    move(whole)
    for number in range(len(changes)):
        server = world(str(number))
        left = [number]

        def kill(_what: str, left: list[int] = left) -> None:
            if left[0] == 0:
                raise Killed
            left[0] -= 1

        server.before_change = kill
        with pytest.raises(Killed):
            move(server)
        server.before_change = lambda _what: None
        move(server)
        assert server.state() == whole.state()
