"""The example inventory with ways out and the role `fabric`, against the simulator: made, kept, withdrawn, gone."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from .conftest import ROOT
from .site import Site

INVENTORY = ROOT / "inventories" / "internet"
OUTSIDE = ROOT / "lab" / "rack" / "outside.yml"
FACTS = ("snat_address", "dnat", "peered_vpcs")


class Example:
    """Plays with a copy of the example, which a test may change."""

    def __init__(self, site: Site, folder: Path) -> None:
        self._site, self._folder = site, folder
        self.inventory = folder / "inventory"
        shutil.copytree(INVENTORY, self.inventory)

    def play(self, book: Path, *options: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [
                str(Path(sys.executable).parent / "ansible-playbook"),
                "-i",
                str(self.inventory),
                "-v",
                *options,
                str(book),
            ],
            cwd=self._folder,
            env={
                **os.environ,
                "ANSIBLE_HOME": str(ROOT / ".ansible"),
                "ANSIBLE_FORCE_COLOR": "false",
                "FABRIC_ROOT": str(ROOT),
                "FABRIC_LAB_DIR": str(self._folder),
                "NETRIS_URL": self._site.endpoint.url,
                "NETRIS_USERNAME": self._site.endpoint.username,
                "NETRIS_PASSWORD": self._site.endpoint.password,
            },
            capture_output=True,
            text=True,
            timeout=240,
            stdin=subprocess.DEVNULL,
            check=False,
        )

    def fabric(self, *options: str, entry: str = "main") -> tuple[bool, dict[str, Any], str]:
        """The role on all tenant clusters: whether it changed anything, the facts it left, and what it said."""
        content = "{{ {" + ", ".join(f"'{fact}': fabric_{fact}" for fact in FACTS) + "} | to_json }}"
        target = str(self._folder / "{{ inventory_hostname }}.json")
        tasks = [
            {"ansible.builtin.import_role": {"name": "baremetal.fabric.fabric", "tasks_from": entry}},
            {
                "ansible.builtin.copy": {"content": content, "dest": target, "mode": "0600"},
                "check_mode": False, "changed_when": False, "diff": False,
            },
        ]  # fmt: skip
        book = self._folder / "play.yml"
        tasks = tasks[: 1 if entry == "absent" else 2]
        book.write_text(yaml.safe_dump([{"hosts": "tenant_clusters", "gather_facts": False, "tasks": tasks}]))
        run = self.play(book, *options)
        assert run.returncode == 0, run.stdout + run.stderr
        told = {name: json.loads((self._folder / f"{name}.json").read_text()) for name in ("blue", "green")}
        changed = re.findall(r"changed=(\d+)", run.stdout)
        assert len(changed) == 2
        return any(map(int, changed)), told, run.stdout

    def without(self, tenant: str) -> None:
        (self.inventory / "host_vars" / f"{tenant}.yml").unlink()


@pytest.fixture
def example(site: Site, tmp_path: Path) -> Example:
    found = Example(site, tmp_path)
    run = found.play(OUTSIDE)
    assert run.returncode == 0, run.stdout + run.stderr
    return found


def test_from_nothing_to_nothing(site: Site, example: Example) -> None:
    nouns = ("nats", "vpc_peerings", "vpcs", "subnets", "vnets", "server_clusters")
    before = site.gather(*nouns)

    changed, told, output = example.fabric("--check", "--diff")
    assert changed
    assert told["blue"] == dict.fromkeys(FACTS)
    assert told["green"] == {"snat_address": "", "dnat": [], "peered_vpcs": None}
    assert "reaches the internet as 198.51.100.5" in output
    assert site.gather(*nouns) == before

    _changed, told, _output = example.fabric()
    rules = {each["name"]: each for each in site.gather("nats")["nats"]}
    assert set(rules) == {"blue-snat", "blue-dnat-198.51.100.6-tcp-80"}
    target = told["blue"]["dnat"][0]["to"]
    assert target.endswith(".10")
    assert rules["blue-dnat-198.51.100.6-tcp-80"]["dnat_to"] == target
    assert (told["blue"]["snat_address"], told["green"]["peered_vpcs"]) == ("198.51.100.5", ["services"])
    peerings = {each["name"]: each for each in site.gather("vpc_peerings")["vpc_peerings"]}
    assert set(peerings) == {"blue-services", "green-services"}
    assert {line for each in peerings.values() for line in each["inbound_a"]} == {"permit 10.80.0.0/24"}
    assert len({each["inbound_b"][0] for each in peerings.values()}) == 2

    assert example.fabric()[0] is False

    # What the inventory names no more is withdrawn, and nothing else.
    example.without("blue")
    changed, told, _output = example.fabric()
    assert changed
    assert told["blue"] == {"snat_address": "", "dnat": [], "peered_vpcs": []}
    assert site.gather("nats")["nats"] == []
    assert [each["name"] for each in site.gather("vpc_peerings")["vpc_peerings"]] == ["green-services"]

    example.fabric(entry="absent")
    assert site.gather(*nouns) == before
    run = example.play(OUTSIDE, "-e", "outside_state=absent")
    assert run.returncode == 0, run.stdout + run.stderr
    left = site.gather("vpcs", "subnets", "allocations", "vnets")
    assert [each["name"] for each in left["vpcs"]] == ["VPC-1"]
    assert (left["subnets"], left["allocations"], left["vnets"]) == ([], [], [])


def test_what_is_wrong_is_told_at_once_and_nothing_is_touched(site: Site, example: Example) -> None:
    variables = example.inventory / "host_vars" / "green.yml"
    variables.write_text("fabric_internet: {snat_address: 198.51.100.5}\nfabric_peerings: [blue]\n")
    run = example.play(_book(example.inventory.parent))
    assert run.returncode != 0
    for line in (
        "green.fabric_peerings[0]: 'blue' is the VPC of tenant cluster blue, which is not shared",
        "green.fabric_internet.snat_address: 198.51.100.5 is also used by blue",
    ):
        assert line in run.stdout
    assert site.gather("server_clusters")["server_clusters"] == []


def _book(folder: Path) -> Path:
    path = folder / "wrong.yml"
    roles = [{"role": "baremetal.fabric.fabric"}]
    path.write_text(yaml.safe_dump([{"hosts": "tenant_clusters", "gather_facts": False, "roles": roles}]))
    return path
