# SPDX-License-Identifier: Apache-2.0
"""Switches that a person configures: the record, the list of what to set, and what the servers then hear."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.baremetal.fabric.plugins.module_utils._host_network.errors import HostNetworkError
from ansible_collections.baremetal.fabric.plugins.module_utils._host_network.system import System
from ansible_collections.baremetal.fabric.plugins.module_utils._switch.neighbours import differences, heard
from ansible_collections.baremetal.fabric.plugins.module_utils._switch.records import run

from .conftest import METAL1, METAL2, PORTS, SHARED, gone, network

LINKS = {
    "leaf1": {
        "swp1": "eth9@shared1",
        "swp2": "eth10@shared1",
        "swp3": "eth9@metal1",
        "swp4": "eth10@metal1",
        "swp5": "eth9@metal2",
        "swp6": "eth10@metal2",
    }
}
BLUE, GREEN = network("blue", SHARED, METAL1), network("green", SHARED, METAL2)


def document(*networks: dict[str, Any], reserve: bool = True) -> dict[str, Any]:
    return {
        "registry": "leaf1",
        "reserve": [each for each in networks if each["state"] == "present"] if reserve else [],
        "records": {},
        "vlan_ids_used": [],
        "vlan_range": "100-109",
        "bridge": "br-fabric",
        "mtu": 9216,
        "switches": {"leaf1": {"ports": PORTS[:6], "uplinks": [], "networks": list(networks)}},
    }


class Site:
    def __init__(self, root: Path) -> None:
        self.system = System(lambda _argv: (0, "", ""), str(root))
        self.file = root / "fabric.json"

    def call(self, phase: str, check_mode: bool = False, **options: Any) -> dict[str, Any]:
        given = {"file": "/fabric.json", "phase": phase, "links": LINKS, "document": {}, "reserved": {}, **options}
        return run(given, self.system, check_mode)

    def bring(self, *networks: dict[str, Any]) -> dict[str, Any]:
        reserved = self.call("reserve", document=document(*networks))["reserved"]
        planned = self.call("plan", document=document(*networks), reserved=reserved)
        self.call("record", document=document(*networks), reserved=reserved)
        return planned


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def test_the_list_says_what_to_set_at_each_port(site: Site) -> None:
    assert site.bring(BLUE)["lines"] == [
        "leaf1: VLAN 100 (blue); gateway 192.168.67.254/22, routed to no other network;"
        " DHCP 192.168.64.1-192.168.67.249 with that router",
        "leaf1 swp1 (eth9@shared1): LACP port-channel of swp1, swp2; VLANs 100 tagged; nothing untagged; MTU 9216",
        "leaf1 swp2 (eth10@shared1): LACP port-channel of swp1, swp2; VLANs 100 tagged; nothing untagged; MTU 9216",
        "leaf1 swp3 (eth9@metal1): LACP port-channel of swp3, swp4; VLAN 100 untagged (access); MTU 9216",
        "leaf1 swp4 (eth10@metal1): LACP port-channel of swp3, swp4; VLAN 100 untagged (access); MTU 9216",
    ]


def test_only_what_changes_is_listed_and_the_table_has_everything(site: Site) -> None:
    site.bring(BLUE)
    planned = site.bring(BLUE, GREEN)
    assert [line.partition(":")[0] for line in planned["lines"]] == [
        "leaf1",
        "leaf1 swp1 (eth9@shared1)",
        "leaf1 swp2 (eth10@shared1)",
        "leaf1 swp5 (eth9@metal2)",
        "leaf1 swp6 (eth10@metal2)",
    ]
    rows = {row["port"]: row for row in csv.DictReader(io.StringIO(planned["table"]))}
    assert set(rows) == set(LINKS["leaf1"])
    assert (rows["swp1"]["change"], rows["swp1"]["tagged_vlans"]) == ("set", "100 101")
    assert (rows["swp3"]["change"], rows["swp3"]["untagged_vlan"], rows["swp3"]["port_channel"]) == (
        "",
        "100",
        "swp3+swp4",
    )
    assert planned["expected"]["metal2"] == [
        {"nic": "eth9", "switch": "leaf1", "port": "swp5", "untagged": 101, "tagged": [], "gone": []},
        {"nic": "eth10", "switch": "leaf1", "port": "swp6", "untagged": 101, "tagged": [], "gone": []},
    ]


def test_ids_stay_from_run_to_run_and_unfinished_work_is_listed_again(site: Site) -> None:
    reserved = site.call("reserve", document=document(BLUE))["reserved"]
    first = site.call("plan", document=document(BLUE), reserved=reserved)
    again = site.call("reserve", document=document(BLUE))
    assert (again["reserved"], again["changed"]) == (reserved, False)
    assert site.call("plan", document=document(BLUE), reserved=reserved)["expected"] == first["expected"]
    site.call("record", document=document(BLUE), reserved=reserved)
    assert site.call("plan", document=document(BLUE, reserve=False))["lines"] == []


def test_check_mode_writes_nothing(site: Site) -> None:
    result = site.call("reserve", True, document=document(BLUE))
    assert (result["tentative"], result["changed"]) == (["blue"], True)
    assert not site.file.exists()


def test_what_goes_is_cleared_and_the_file_goes_with_the_last(site: Site) -> None:
    site.bring(BLUE)
    planned = site.call("plan", document=document(gone("blue")))
    assert planned["lines"][0] == "leaf1: VLAN 100 (blue) goes, with its gateway and DHCP if this switch has them"
    assert "leaf1 swp3 (eth9@metal1): no VLAN, no port-channel" in planned["lines"]
    assert {tuple(each["gone"]) for server in planned["expected"].values() for each in server} == {(100,)}
    site.bring(gone("blue"))
    assert not site.file.exists()


def test_a_damaged_file_is_not_overwritten(site: Site) -> None:
    site.file.write_text("{")
    with pytest.raises(HostNetworkError, match="the file cannot be read"):
        site.bring(BLUE)
    assert site.file.read_text() == "{"


def lldp(nic: str, system: str, port: str, vlans: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    interface: dict[str, Any] = {
        "name": nic,
        "chassis": [{"name": [{"value": system}]}],
        "port": [{"id": [{"type": "mac", "value": "02:00:00:00:00:07"}], "descr": [{"value": port}]}],
    }
    if vlans is not None:
        interface["vlan"] = vlans
    return {"lldp": [{"interface": [interface]}]}


EXPECTED = [{"nic": "eth9", "switch": "leaf1", "port": "swp7", "untagged": 101, "tagged": []}]


@pytest.mark.parametrize(
    ("told", "lines"),
    [
        (lldp("eth9", "leaf1.example.com", "swp7"), []),
        (lldp("eth9", "leaf1", "swp7", [{"vlan-id": "101", "pvid": True}]), []),
        (
            lldp("eth9", "leaf1", "swp7", [{"vlan-id": "1", "pvid": "yes"}]),
            ["eth9: swp7 of leaf1 tells untagged VLAN 1, not 101"],
        ),
        (
            lldp("eth9", "leaf2", "swp7"),
            ["eth9 hears 02:00:00:00:00:07 of leaf2; it is to hear swp7 of leaf1"],
        ),
        ({}, ["eth9 hears no LLDP; it is to hear swp7 of leaf1"]),
    ],
)
def test_what_a_server_hears_is_compared(told: dict[str, Any], lines: list[str]) -> None:
    assert differences(heard(told), EXPECTED, vlans=True) == lines


@pytest.mark.parametrize(
    ("vlans", "lines"),
    [
        # its switch gives ports that nobody uses a VLAN of their own
        ([{"vlan-id": "1", "pvid": True}], []),
        ([{"vlan-id": "101", "pvid": True}], ["eth9: swp7 of leaf1 still tells VLAN 101"]),
        ([{"vlan-id": "1", "pvid": True}, {"vlan-id": "101"}], ["eth9: swp7 of leaf1 still tells VLAN 101"]),
    ],
)
def test_a_port_that_lost_its_networks_is_waited_for(vlans: list[dict[str, Any]], lines: list[str]) -> None:
    cleared = [{**EXPECTED[0], "untagged": None, "gone": [101]}]
    assert differences(heard(lldp("eth9", "leaf1", "swp7", vlans)), cleared, vlans=True) == lines


def test_a_trunk_that_still_has_a_former_network_is_waited_for() -> None:
    told = heard(lldp("eth9", "leaf1", "swp7", [{"vlan-id": "100"}, {"vlan-id": "101"}]))
    wanted = [{**EXPECTED[0], "untagged": None, "tagged": [100], "gone": [101]}]
    assert differences(told, wanted, vlans=True) == ["eth9: swp7 of leaf1 still tells VLAN 101"]


def test_vlans_are_left_out_before_they_can_be_right() -> None:
    told = heard(lldp("eth9", "leaf1", "swp7", [{"vlan-id": "1", "pvid": True}]))
    assert differences(told, EXPECTED, vlans=False) == []
