# SPDX-License-Identifier: Apache-2.0
"""The example inventory is one that the collection takes, and only hosts themselves consent to lose a disk."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.baremetal.fabric.plugins.module_utils._intent import build_model
from ansible_collections.baremetal.fabric.plugins.module_utils._intent.variables import PREFIXES

ROOT = Path(__file__).parents[3]
EXAMPLE = ROOT / "inventories" / "bare-iron"


@pytest.fixture(scope="module")
def listed() -> dict[str, Any]:
    """What Ansible makes of it."""
    done = subprocess.run(
        ["ansible-inventory", "-i", str(EXAMPLE), "--list", "--export"], capture_output=True, text=True, check=True
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_the_intent_takes_it(listed: dict[str, Any]) -> None:
    groups = {name: group.get("hosts", []) for name, group in listed.items() if name != "_meta"}
    wide = yaml.safe_load((EXAMPLE / "group_vars" / "all.yml").read_text())
    hostvars = {
        host: {
            name: value
            for name, value in {**wide, **listed["_meta"]["hostvars"].get(host, {})}.items()
            if name.startswith(PREFIXES)
        }
        for hosts in groups.values()
        for host in hosts
    }
    model = build_model(hostvars, groups)
    assert list(model.bare_metal) == ["metal1"] and list(model.shared_servers) == ["shared1"]


def test_consent_is_a_hosts_own() -> None:
    assert "os_provision_wipe" not in yaml.safe_load((EXAMPLE / "group_vars" / "all.yml").read_text())
    for path in sorted((EXAMPLE / "host_vars").glob("*.yml")):
        assert yaml.safe_load(path.read_text())["os_provision_wipe"] is True


def plan(directory: Path, host: str, group: str, *options: str) -> dict[str, Any]:
    """What the action says, of a host whose own variables and whose group's are these; really run by Ansible."""
    inventory = directory / "inventory"
    (inventory / "host_vars").mkdir(parents=True)
    (inventory / "group_vars").mkdir()
    here = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    (inventory / "hosts.yml").write_text(yaml.safe_dump({"bare_metal": {"hosts": {"metal1": here}}}))
    (inventory / "host_vars" / "metal1.yml").write_text(f"---\n{host}\n")
    (inventory / "group_vars" / "bare_metal.yml").write_text(f"---\n{group}\n")
    play = [
        {
            "hosts": "bare_metal",
            "gather_facts": False,
            "tasks": [
                {
                    "baremetal.fabric.os_provision_plan": {
                        "provider": "redfish", "answers": False, "power": "Off", "node_name": "metal1",
                    },
                    "register": "said",
                    "ignore_errors": True,
                },
                {"ansible.builtin.copy": {"content": "{{ said | to_json }}", "dest": str(directory / "said")}},
            ],
        }
    ]  # fmt: skip
    (directory / "play.yml").write_text(yaml.safe_dump(play))
    subprocess.run(
        ["ansible-playbook", "-i", str(inventory), str(directory / "play.yml"), *options],
        check=True,
        capture_output=True,
        env={**os.environ, "ANSIBLE_LOCALHOST_WARNING": "0"},
    )
    said: dict[str, Any] = json.loads((directory / "said").read_text())
    return said


TRUE = "os_provision_wipe: true"


@pytest.mark.parametrize(
    ("host", "group", "options", "words"),
    [
        (TRUE, "{}", (), ""),
        (TRUE, "os_provision_wipe: false", (), ""),
        ("{}", TRUE, (), "not in the variables of metal1 itself"),
        ("{}", "{}", ("-e", "os_provision_wipe=true"), "not in the variables of metal1 itself"),
        ('os_provision_wipe: "{{ true }}"', "{}", (), "not in the variables of metal1 itself"),
        ("{}", "{}", (), "nobody allowed it"),
        ("os_provision_wipe: false", TRUE, (), "nobody allowed it"),
    ],
    ids=["host", "host against group", "group", "command line", "template", "nobody", "group against host"],
)
def test_only_the_host_itself_consents(
    tmp_path: Path, host: str, group: str, options: tuple[str, ...], words: str
) -> None:
    refusals = plan(tmp_path, host, group, *options)["refusals"]
    assert len(refusals) == bool(words)
    assert all(words in each for each in refusals)
