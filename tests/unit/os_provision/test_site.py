# SPDX-License-Identifier: Apache-2.0
"""The playbook of everything begins with systems for servers that have none, and asks nobody else for one."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[3]
WIDE = {
    "ansible_connection": "ssh",
    "ansible_host": "127.0.0.1",
    # nobody listens there: whoever is asked does not answer
    "ansible_port": 1,
    "fabric_tenant_supernet": "192.168.64.0/18",
    "fabric_host_cluster": {"gateway": "192.168.55.254/21", "api_endpoint": "192.168.55.253:6443"},
}
BLANK = {
    "os_provision_provider": "redfish",
    # nobody listens there either
    "os_provision_bmc": {"url": "https://127.0.0.1:1", "username": "fabric", "password": "p"},
    "os_provision_installer": "https://127.0.0.1:1/installer.iso",
    "os_provision_disk": {"serial": "S4EVNX0R123456"},
    "os_provision_management": {"mac": "0c:42:a1:00:02:01"},
    "os_provision_authorized_keys": ["ssh-ed25519 AAAAkey operator"],
    "fabric_nic_macs": {"eth9": "0c:42:a1:00:02:09", "eth10": "0c:42:a1:00:02:0a"},
}


def site() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = yaml.safe_load((ROOT / "playbooks" / "site.yml").read_text())
    return found


def test_systems_come_before_whatever_logs_in_to_servers() -> None:
    imported = [each["ansible.builtin.import_playbook"] for each in site()]
    assert imported == ["os_provision.yml", "host_cluster.yml", "tenant_create.yml", "verify.yml"]


def first_step(directory: Path, blank: str, *options: str) -> tuple[int, str]:
    """The first step of site, as site takes it; only `blank`, if anybody, is installed by its BMC."""
    servers: dict[str, dict[str, Any]] = {
        "metal1": {"fabric_tenant_cluster": "blue"},
        "metal2": {"fabric_tenant_cluster": "green"},
        "shared1": {},
    }
    if blank:
        servers[blank] |= BLANK
    here = {"ansible_connection": "local"}
    groups = {
        "tenant_clusters": {"hosts": {"blue": here, "green": here}},
        "shared_servers": {"hosts": {"shared1": servers["shared1"]}},
        "bare_metal": {"hosts": {"metal1": servers["metal1"], "metal2": servers["metal2"]}},
    }
    inventory, play = directory / "hosts.yml", directory / "play.yml"
    inventory.write_text(yaml.safe_dump({"all": {"vars": WIDE, "children": groups}}))
    step = {**site()[0], "ansible.builtin.import_playbook": str(ROOT / "playbooks" / "os_provision.yml")}
    play.write_text(yaml.safe_dump([step]))
    done = subprocess.run(
        ["ansible-playbook", "-i", str(inventory), str(play), *options],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "ANSIBLE_NOCOLOR": "1"},
    )
    assert "Could not match supplied host pattern" not in done.stdout + done.stderr
    return done.returncode, done.stdout


def test_nobody_is_asked_by_default(tmp_path: Path) -> None:
    code, said = first_step(tmp_path, "")
    assert code == 0, said
    assert "no hosts matched" in said.partition("PLAY [Bring systems to the servers]")[2]


@pytest.mark.parametrize(
    "options",
    [(), ("-e", "fabric_tenants=blue"), ("-e", "fabric_tenants=blue", "-e", "fabric_server=")],
    ids=["all", "its tenant cluster", "a survey without an answer"],
)
def test_only_who_has_a_provider_is_asked(tmp_path: Path, options: tuple[str, ...]) -> None:
    code, said = first_step(tmp_path, "metal1", *options)
    asked = said.partition("PLAY [Bring systems to the servers]")[2].partition("PLAY RECAP")[0]
    assert code != 0 and "[metal1" in asked and "Ask the BMC" in asked
    assert "[metal2" not in asked and "[shared1" not in asked


def test_a_server_of_another_tenant_cluster_is_not_installed(tmp_path: Path) -> None:
    code, said = first_step(tmp_path, "metal1", "-e", "fabric_tenants=green")
    assert code == 0, said
    assert "no hosts matched" in said.partition("PLAY [Bring systems to the servers]")[2]
