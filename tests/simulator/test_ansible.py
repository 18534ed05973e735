"""The modules as Ansible runs them: options from the environment and the action group, check mode, diff, failures."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from .conftest import ROOT
from .site import Site, tenant


def play(site: Site, folder: Path, tasks: list[dict[str, Any]]) -> dict[str, Any]:
    """Run tasks on localhost; the results by task name."""
    here = {"ansible_python_interpreter": sys.executable}
    book = [{"hosts": "localhost", "connection": "local", "gather_facts": False, "vars": here, "tasks": tasks}]
    path = folder / "play.yml"
    path.write_text(yaml.safe_dump(book, sort_keys=False))
    run = subprocess.run(
        [str(Path(sys.executable).parent / "ansible-playbook"), "-i", "localhost,", "-vvv", "--diff", str(path)],
        # Not the repository: a directory that is taken for an inventory has its executables run.
        cwd=folder,
        env={
            **os.environ,
            "ANSIBLE_HOME": str(ROOT / ".ansible"),
            "ANSIBLE_STDOUT_CALLBACK": "ansible.builtin.default",
            "ANSIBLE_FORCE_COLOR": "false",
            "NETRIS_URL": site.endpoint.url,
            "NETRIS_USERNAME": site.endpoint.username,
            "NETRIS_PASSWORD": site.endpoint.password,
            "RESULTS": str(folder / "results.json"),
        },
        capture_output=True,
        text=True,
        timeout=180,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    assert site.endpoint.password not in run.stdout + run.stderr
    results = folder / "results.json"
    assert results.is_file(), run.stdout + run.stderr
    return {**json.loads(results.read_text()), "stdout": run.stdout}


def keep(*names: str) -> dict[str, Any]:
    """A last task that writes the registered results down."""
    content = "{{ dict(" + repr(list(names)) + " | zip([" + ", ".join(names) + "])) | to_json }}"
    return {
        "ansible.builtin.copy": {"content": content, "dest": "{{ lookup('env', 'RESULTS') }}", "mode": "0600"},
        "check_mode": False,
        "diff": False,
    }


def test_a_document_planned_applied_and_applied_again(site: Site, tmp_path: Path) -> None:
    document = {"baremetal.fabric.netris_document": {"document": tenant("blue", ["metal1"]), "poll_interval": 1}}
    tasks = [
        {**document, "check_mode": True, "register": "planned"},
        {**document, "register": "applied"},
        {**document, "register": "again"},
        {
            "baremetal.fabric.netris_info": {"gather": ["server_clusters", "sites", "switches"]},
            "register": "info",
        },
        {
            "baremetal.fabric.netris_server_cluster": {"name": "blue", "site": "Default", "tags": ["gold"]},
            "register": "tagged",
        },
        keep("planned", "applied", "again", "info", "tagged"),
    ]
    got = play(site, tmp_path, tasks)

    assert got["planned"]["changed"] is True
    assert got["planned"]["server_clusters"]["blue"]["vnets"]["nodes"]["vlan_id"] is None
    assert got["applied"]["server_clusters"]["blue"]["vnets"]["nodes"]["vlan_id"] == 3
    assert got["again"]["changed"] is False
    assert got["again"]["plan"] == []
    assert got["info"]["server_clusters"][0]["vnets"] == got["applied"]["server_clusters"]["blue"]["vnets"]
    assert got["info"]["sites"][0]["vlans_used"] == [3]
    assert got["info"]["switches"][0]["health"]["ok"] is True
    assert got["tagged"]["object"]["tags"] == ["gold", "managed-by=baremetal.fabric"]
    assert got["tagged"]["vnets"]["nodes"]["subnet"] == "192.168.64.0/22"
    assert "(known after apply)" in got["stdout"]


def test_failures_are_one_clear_message(site: Site, tmp_path: Path) -> None:
    group = {"group/baremetal.fabric.netris": {"username": "netris", "password": "wrong", "url": site.endpoint.url}}
    vpc = {"baremetal.fabric.netris_vpc": {"name": "blue", "owner": "Admin"}, "ignore_errors": True}
    typo = {"baremetal.fabric.netris_document": {"document": {"vpcs": [{"name": "a", "onwer": "b"}]}}}
    tasks = [
        {**vpc, "module_defaults": group, "register": "refused"},
        {**vpc, "environment": {"NETRIS_URL": "http://127.0.0.1:9"}, "register": "down"},
        {**typo, "ignore_errors": True, "register": "wrong"},
        keep("refused", "down", "wrong"),
    ]
    got = play(site, tmp_path, tasks)

    assert "check NETRIS_USERNAME and NETRIS_PASSWORD" in got["refused"]["msg"]
    assert got["refused"]["error_kind"] == "LoginFailed"
    assert "Cannot reach the controller at http://127.0.0.1:9" in got["down"]["msg"]
    assert got["wrong"]["errors"] == [{"path": "vpcs[0].onwer", "message": "is not known here (did you mean 'owner'?)"}]
