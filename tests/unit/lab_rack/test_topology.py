"""Cables, addresses and kernel command lines of the rack."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from fabric_lab.rack import kernel, seed, topology, vm
from fabric_lab.rack.foundation import Foundation
from fabric_lab.rack.kernel import Kernel
from fabric_lab.state import MAX_METAL, Lab

BASE = Foundation(
    Kernel("/a/longer/path/of/a/cache/kernel/0123456789abcdef/linux", "/modules/7.2.12", kernel.ARGUMENTS),
    Path("/a/longer/path/of/a/cache/image/base-0123456789abcdef.ext4"),
)


def peers(rack: topology.Rack) -> dict[str, str]:
    return {cable.nic: cable.peer for cable in rack.leaf.cables}


def test_the_demo_rack_is_cabled_as_documented() -> None:
    rack = topology.build(Lab("demo", 0))
    servers = [*(f"shared{number}" for number in (1, 2, 3)), *(f"metal{number}" for number in (1, 2, 3))]
    expected = {}
    for position, server in enumerate(servers):
        expected |= {f"swp{2 * position + 1}": f"{server}:eth9", f"swp{2 * position + 2}": f"{server}:eth10"}
    outside = {"swp13": "hostcp1:eth9", "swp14": "internet:eth0", "swp15": "services:eth0"}
    assert peers(rack) == expected | outside
    addresses = {machine.name: rack.address(machine) for machine in rack.machines}
    assert addresses["leaf1"] == "10.77.0.10"
    assert [addresses[server] for server in servers] == [
        *(f"10.77.0.{number}" for number in (11, 12, 13, 21, 22, 23)),
    ]


def test_both_ends_of_a_cable_meet() -> None:
    rack = topology.build(Lab("demo", 0, metal=5))
    leaf = {cable.peer: cable for cable in rack.leaf.cables if not cable.tap}
    for server in rack.servers:
        for cable in server.cables:
            end = leaf[f"{server.name}:{cable.nic}"]
            assert cable.peer == f"leaf1:{end.nic}"
            assert (cable.source_port, cable.destination_port) == (end.destination_port, end.source_port)
    ports = [port for cable in leaf.values() for port in (cable.source_port, cable.destination_port)]
    assert len(ports) == len(set(ports))


def test_macs_are_unique_across_labs_and_do_not_change() -> None:
    racks = [topology.build(Lab("a", slot, metal=MAX_METAL)) for slot in (0, 1, 254)]
    macs = [cable.mac for rack in racks for machine in rack.machines for cable in machine.cables]
    macs += [topology.mac(rack.lab, machine.host_number, 0) for rack in racks for machine in rack.machines]
    assert len(macs) == len(set(macs))
    metal1 = racks[0].machine("metal1")
    assert metal1 is not None
    assert [cable.mac for cable in metal1.cables] == ["02:fa:00:15:00:01", "02:fa:00:15:00:02"]


def test_more_servers_leave_the_cables_of_the_others_alone() -> None:
    small, big = topology.build(Lab("demo", 0)), topology.build(Lab("demo", 0, metal=6))
    assert small.servers == big.servers[: len(small.servers)]
    assert peers(small).items() <= peers(big).items()
    assert peers(big)["swp16"] == "metal4:eth9"


@pytest.mark.parametrize("metal", [1, 3, MAX_METAL])
def test_kernel_command_lines_fit(metal: int) -> None:
    lab = Lab("a" * 20, 254, metal=metal)
    rack = topology.build(lab)
    for machine in rack.machines:
        assert vm.kernel_arguments(rack, machine, BASE)


def test_a_server_has_no_way_out_but_the_fabric() -> None:
    rack = topology.build(Lab("demo", 0))
    arguments = vm.kernel_arguments(rack, rack.servers[0], BASE)
    address = next(argument for argument in arguments if argument.startswith("ip="))
    assert address == "ip=10.77.0.11:::255.255.255.0:shared1:vec0:off"


def test_a_machine_is_started_again_after_a_reboot_only() -> None:
    rack = topology.build(Lab("demo", 0))
    spec = vm.process(rack, rack.servers[0], BASE)
    assert spec.restart == "on-reboot"
    assert "noreboot" in spec.argv
    assert spec.netns == "fabric-demo"


def test_machines_share_two_processors_evenly(monkeypatch: pytest.MonkeyPatch) -> None:
    rack = topology.build(Lab("demo", 0))
    monkeypatch.setattr(vm.os, "sched_getaffinity", lambda _pid: {3, 5, 8})
    placed = [vm.processor(rack, machine) for machine in rack.machines]
    assert placed == [3, 5, 3, 5, 3, 5, 3]
    monkeypatch.setattr(vm.os, "sched_getaffinity", lambda _pid: {2})
    assert {vm.processor(rack, machine) for machine in rack.machines} == {2}


def demo_seed() -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(seed.SOURCE.read_text())
    return content


def test_the_demo_seed_is_the_demo_rack() -> None:
    wanted, fitted = demo_seed(), seed.fit(demo_seed(), topology.build(Lab("demo", 0)))
    assert sorted(map(tuple, fitted["links"])) == sorted(map(tuple, wanted["links"]))
    assert {server["name"]: server for server in fitted["servers"]} == {
        server["name"]: server for server in wanted["servers"]
    }
    assert fitted["switches"] == wanted["switches"]
    assert fitted["sites"] == wanted["sites"]


def test_the_seed_follows_the_number_of_servers() -> None:
    one = seed.fit(demo_seed(), topology.build(Lab("demo", 0, metal=1)))
    assert [server["name"] for server in one["servers"]] == ["shared1", "shared2", "shared3", "metal1", "hostcp1"]
    assert not any("metal2" in end for link in one["links"] for end in link)
    many = seed.fit(demo_seed(), topology.build(Lab("demo", 0, metal=8)))
    assert ["eth10@metal8", "swp25@leaf1"] in many["links"]
    assert many["switches"][0]["ports"] >= 25
