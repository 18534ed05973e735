"""Modules are called inside Ansible where that is the same, and run as programs where it is not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from ansible_collections.baremetal.fabric.plugins.modules import kube_objects_info, tenant_snapshot
from ansible_collections.baremetal.fabric.plugins.plugin_utils.direct import DirectAction

ROOT = Path(__file__).resolve().parents[3]
HERE = {"ansible_python_interpreter": sys.executable}
QUERIES = {"kubeconfig": "/nowhere", "queries": [{"kind": "Node"}]}


class Action(DirectAction):
    """An action whose modules, run as programs, only say so."""

    def __init__(self, module: str, arguments: dict[str, Any], **task: Any) -> None:
        self._task = SimpleNamespace(
            action=f"baremetal.fabric.{module}",
            args=arguments,
            async_val=task.get("async_val", 0),
            check_mode=task.get("check_mode", False),
            diff=False,
            environment=task.get("environment", []),
            delegate_to=task.get("delegate_to"),
        )
        self._connection = SimpleNamespace(
            _shell=SimpleNamespace(tmpdir=None), transport=task.get("transport", "local"), become=task.get("become")
        )
        self._templar = SimpleNamespace(template=lambda text: text)
        self._early_needs_tmp_path = lambda: False

    def _execute_module(self, module_args: dict[str, Any], task_vars: Any, **_how: Any) -> dict[str, Any]:
        assert module_args == self._task.args and task_vars is not None
        return {"program": True}


def called(action: Action, variables: dict[str, Any]) -> bool:
    return not action.run(None, variables).get("program")


def test_is_called_where_it_would_run_anyway() -> None:
    assert called(Action("kube_objects_info", QUERIES), HERE)
    delegated = {"ansible_delegated_vars": {"localhost": HERE}}
    assert called(Action("kube_objects_info", QUERIES, delegate_to="localhost"), delegated)


@pytest.mark.parametrize(
    ("task", "variables"),
    [
        ({}, {}),
        ({}, {"ansible_python_interpreter": "/usr/bin/python3"}),
        ({"transport": "ssh"}, HERE),
        ({"become": object()}, HERE),
        ({"async_val": 10}, HERE),
        ({"environment": [{"HTTPS_PROXY": "http://proxy"}]}, HERE),
        ({"delegate_to": "other"}, {**HERE, "ansible_delegated_vars": {"other": {}}}),
    ],
)
def test_is_run_where_it_is_not_the_same(task: dict[str, Any], variables: dict[str, Any]) -> None:
    assert not called(Action("kube_objects_info", QUERIES, **task), variables)


@pytest.mark.parametrize(
    "wrong", [{"queries": 1}, {"wait_ready": True, "wait_gone": True}, {"no_such_option": 1}, {"kubeconfig": object()}]
)
def test_the_module_itself_says_what_is_wrong_with_its_arguments(wrong: dict[str, Any]) -> None:
    assert not called(Action("kube_objects_info", {**QUERIES, **wrong}), HERE)


def test_failures_are_told_like_a_modules() -> None:
    result = Action("kube_objects_info", QUERIES).run(None, HERE)
    assert result["failed"] and "/nowhere" in result["msg"] and result["changed"] is False


def test_the_work_knows_check_mode_and_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        kube_objects_info, "work", lambda call: {"seen": [call.check_mode, call.params["wait_timeout"]]}
    )
    assert Action("kube_objects_info", QUERIES, check_mode=True).run(None, HERE)["seen"] == [True, 300]


def test_secret_arguments_are_not_in_results(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tenant_snapshot, "work", lambda call: {"told": f"with {call.params['credentials']}"})
    arguments = {
        "kubeconfig": "/nowhere",
        "name": "blue",
        "url": "s3://bucket/key",
        "credentials": {"secret_access_key": "not-a-real-key"},
    }
    assert "not-a-real-key" not in str(Action("tenant_snapshot", arguments).run(None, HERE))


def test_both_ways_return_the_same_from_a_real_api(kubeconfig: Path, namespace: str, tmp_path: Path) -> None:
    """The second Python is the first by another of its names."""
    here = Path(sys.executable)
    other = next(path for path in here.parent.glob("python*") if path != here and path.resolve() == here.resolve())
    ways = {"called": str(here), "run": str(other)}
    hosts = {
        way: {
            "ansible_connection": "local",
            "ansible_python_interpreter": python,
            "ansible_remote_tmp": str(tmp_path / way),
        }
        for way, python in ways.items()
    }
    (tmp_path / "hosts.yml").write_text(yaml.safe_dump({"all": {"hosts": hosts}}))
    document = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "of-{{ inventory_hostname }}", "namespace": namespace},
        "data": {"key": "{{ 'value' }}"},
    }
    common = {"kubeconfig": str(kubeconfig)}
    look = {**common, "queries": [{"kind": "ConfigMap", "namespace": namespace, "name": "of-{{ inventory_hostname }}"}]}
    results = "{{ [made, again, found] | to_json }}"
    tasks = [
        {"baremetal.fabric.kube_objects": {**common, "objects": [document]}, "register": "made"},
        {"baremetal.fabric.kube_objects": {**common, "objects": [document]}, "register": "again"},
        {"baremetal.fabric.kube_objects_info": look, "register": "found"},
        {"ansible.builtin.copy": {"content": results, "dest": f"{tmp_path}/{{{{ inventory_hostname }}}}.json"}},
    ]
    play = [{"hosts": "all", "gather_facts": False, "tasks": tasks}]
    (tmp_path / "play.yml").write_text(yaml.safe_dump(play))
    done = subprocess.run(
        [str(Path(sys.executable).with_name("ansible-playbook")), "-i", "hosts.yml", "play.yml"],
        cwd=tmp_path,
        env={**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_KEEP_REMOTE_FILES": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    told = {way: json.loads((tmp_path / f"{way}.json").read_text().replace(f"of-{way}", "of-it")) for way in ways}
    assert [way for way in ways if list((tmp_path / way).rglob("AnsiballZ_kube_objects*.py"))] == ["run"]
    for made, again, found in told.values():
        assert made["changed"] and not again["changed"]
        metadata = found["objects"][0].pop("metadata")
        assert metadata["name"] == "of-it" and found["objects"][0]["data"] == {"key": "value"}
    assert told["called"] == told["run"]
