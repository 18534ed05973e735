"""The role `fabric` without Netris: a person is told what to set on a switch, and is waited for."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

from tests.support.switch_rack import ROOT, SERVERS, Rack

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
