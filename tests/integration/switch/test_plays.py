"""The role `fabric` without Netris: real Ansible, scripts, locks and processes; the kernel of the
switch is a stand-in, since bridges that know VLANs are nothing that every machine has. See `test_bridge` and the lab.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import switch_space

SERVERS = ("shared1", "shared2", "shared3", "metal1", "metal2", "metal3")
HERE = Path(__file__).parent
ROOT = HERE.parents[2]


class Rack:
    def __init__(self, directory: Path) -> None:
        self.directory = directory
        switch_space.make(directory)
        for name in SERVERS:
            switch_space.server(directory / name)

    def start(self, group: str, entry: str = "main", *options: str, **environment: str) -> subprocess.Popen[str]:
        extra = json.dumps({"group": group, "entry": entry})
        return subprocess.Popen(
            ["ansible-playbook", "-i", str(HERE / "inventory.yml"), str(HERE / "play.yml"), "-e", extra, *options],
            cwd=ROOT,
            env={**os.environ, "SWITCH_SPACE": str(self.directory), "ANSIBLE_NOCOLOR": "1", **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def play(self, group: str, entry: str = "main", *options: str, **environment: str) -> str:
        process = self.start(group, entry, *options, **environment)
        output, _none = process.communicate(timeout=300)
        assert process.returncode == 0, output
        return output

    def facts(self, tenant: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.directory / f"{tenant}.json").read_text())
        return found

    def cable(self, server: str, **nics: tuple[str, int | None]) -> None:
        """What a server hears: by NIC, the port of leaf1 and the untagged VLAN that it tells."""
        interfaces = [
            {
                "name": nic,
                "chassis": [{"name": [{"value": "leaf1"}]}],
                "port": [{"id": [{"type": "ifname", "value": port}]}],
                **({"vlan": [{"vlan-id": str(vlan), "pvid": True}]} if vlan else {}),
            }
            for nic, (port, vlan) in nics.items()
        ]
        (self.directory / server / "lldp.json").write_text(json.dumps({"lldp": [{"interface": interfaces}]}))

    def vlans(self) -> dict[int, set[str]]:
        return switch_space.kernel(self.directory).reaches()


@pytest.fixture
def rack(tmp_path: Path) -> Iterator[Rack]:
    made = Rack(tmp_path / "leaf1")
    yield made
    switch_space.end(made.directory)


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


SWP7 = "leaf1 swp7 (eth9@metal1): LACP port-channel of swp7, swp8; VLAN 100 untagged (access); MTU 9216"
MANUAL = {"FABRIC_PROVIDER": "manual"}
# as people give them: text
QUIET = ("-e", "fabric_manual_probe=false")


def flat(output: str) -> str:
    """Without the line breaks that Ansible puts into long messages."""
    return " ".join(output.split())


def cables(rack: Rack) -> None:
    for index, server in enumerate(SERVERS):
        rack.cable(server, eth9=(f"swp{2 * index + 1}", None), eth10=(f"swp{2 * index + 2}", None))


def test_a_person_is_told_what_to_set_and_waited_for(rack: Rack) -> None:
    record = rack.directory / "fabric-manual.json"
    planned = rack.play("blue", "main", "--check", *QUIET, **MANUAL)
    assert "VLAN ids and subnets as they would be given away now: blue" in planned
    assert "leaf1 swp7 (eth9@metal1): LACP port-channel of swp7, swp8; VLAN 100 untagged (access); MTU 9216" in flat(
        planned
    )
    assert not record.exists() and rack.facts("blue")["vlan_id"] is None

    cables(rack)
    rack.cable("metal1", eth9=("swp8", 1), eth10=("swp7", 1))
    process = rack.start("blue", "main", *QUIET, **MANUAL)
    told = []
    for line in process.stdout or ():
        told.append(line)
        if "RETRYING" in line and "metal1" not in record.read_text():
            # somebody mends the cables and sets the ports
            rack.cable("metal1", eth9=("swp7", 100), eth10=("swp8", 100))
    assert process.wait(120) == 0, "".join(told)
    text = flat("".join(told))
    assert SWP7 in text
    assert "eth9 hears swp8 of leaf1; it is to hear swp7 of leaf1" in text
    assert "RETRYING" in text
    assert json.loads(record.read_text())["reserved"] == {}
    assert rack.facts("blue")["vlan_id"] == 100
    table = (rack.directory / "fabric-ports.csv").read_text().splitlines()
    assert "leaf1,swp7,metal1,eth9,set,swp7+swp8,100,,9216,blue" in table

    assert "changed=0" in rack.play("blue", "main", *QUIET, **MANUAL)
    assert "changed=0" not in rack.play("blue", "main", "--check", *QUIET, METAL1="green", **MANUAL)


def test_who_is_waited_for_in_vain_finds_the_same_ids_the_next_time(rack: Rack) -> None:
    process = rack.start("blue", "main", *QUIET, "-e", "fabric_manual_timeout=2", **MANUAL)
    output, _none = process.communicate(timeout=120)
    assert process.returncode and "hears no LLDP; it is to hear" in flat(output)
    record = json.loads((rack.directory / "fabric-manual.json").read_text())
    assert record == {
        "version": 1,
        "reserved": {"blue": {"vlan_id": 100, "subnet": "192.168.64.0/22"}},
        "switches": {},
    }
    cables(rack)
    rack.play("green", "main", *QUIET, **MANUAL)
    rack.play("blue", "main", *QUIET, **MANUAL)
    assert (rack.facts("blue")["vlan_id"], rack.facts("green")["vlan_id"]) == (100, 101)
    rack.play("metal1", "move", *QUIET, METAL1="green", **MANUAL)
    assert "server metal1: stays in" in rack.play("metal1", "moves", METAL1="green", **MANUAL)
    rack.play("tenant_clusters", "absent", *QUIET, METAL1="green", **MANUAL)
    assert not (rack.directory / "fabric-manual.json").exists()


def test_a_server_that_hears_no_lldp_at_all_is_told_and_not_waited_for(rack: Rack) -> None:
    cables(rack)
    (rack.directory / "metal1/bin/lldpcli").write_text("#!/bin/sh\necho 'unable to connect to lldpd' >&2\nexit 1\n")
    process = rack.start("blue", "main", *QUIET, **MANUAL)
    output, _none = process.communicate(timeout=120)
    assert process.returncode and "RETRYING" not in output
    assert "No lldpd answers on metal1 (unable to connect to lldpd)" in flat(output)


def test_two_inventories_do_not_get_two_records(tmp_path: Path) -> None:
    """By each of them the same VLAN id would be given away."""
    for group, host in (("shared_servers", "shared1"), ("tenant_clusters", "blue")):
        (tmp_path / group).mkdir()
        hosts = {group: {"hosts": {host: {"ansible_connection": "local"}}}}
        (tmp_path / group / "hosts.yml").write_text(json.dumps(hosts))
    intent = {"model": {"switches": {"leaf1": {"links": {}}}}}
    role = {"name": "baremetal.fabric.fabric", "tasks_from": "manual/observe"}
    tasks = [{"ansible.builtin.include_role": role, "vars": {"__fabric_once": True, "__fabric_intent": intent}}]
    play = tmp_path / "play.yml"
    play.write_text(json.dumps([{"hosts": "tenant_clusters", "gather_facts": False, "tasks": tasks}]))

    def run(*options: str) -> str:
        sources = [f"-i{tmp_path / group / 'hosts.yml'}" for group in ("shared_servers", "tenant_clusters")]
        done = subprocess.run(
            ["ansible-playbook", *sources, str(play), *options],
            cwd=ROOT,
            env={**os.environ, "ANSIBLE_NOCOLOR": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        return flat(done.stdout + done.stderr)

    message = f"the hosts come from {tmp_path}/shared_servers and {tmp_path}/tenant_clusters, so set it"
    assert message in run()
    assert message not in run("-e", f"fabric_manual_state_file={tmp_path}/one.json")


def test_what_is_wrong_is_told_before_anything_is_touched(rack: Rack) -> None:
    before = switch_space.kernel(rack.directory).picture()
    process = rack.start("blue", "main", "-e", "fabric_vlan_range=200-100")
    output, _none = process.communicate(timeout=120)
    assert process.returncode
    assert "fabric_vlan_range: '200-100' ends before it begins" in output
    assert switch_space.kernel(rack.directory).picture() == before
