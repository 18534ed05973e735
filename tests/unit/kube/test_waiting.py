"""Long waits are cut into slices, shown in between, and lose nothing of what the first slice has done."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.baremetal.fabric.plugins.action import tenant_node
from ansible_collections.baremetal.fabric.plugins.plugin_utils import waiting


class Action(waiting.WaitingAction):
    """With a clock of its own: every run of the module takes as long as it may."""

    def __init__(self, answers: list[dict[str, Any]], arguments: dict[str, Any]) -> None:
        self._task = SimpleNamespace(args=arguments, async_val=0, check_mode=False, diff=False)
        self._connection = SimpleNamespace(_shell=SimpleNamespace(tmpdir=None), transport="ssh", become=None)
        self._early_needs_tmp_path = lambda: False
        self.answers, self.slices, self.now = answers, [], 0.0

    def _execute_module(self, module_args: dict[str, Any], task_vars: Any) -> dict[str, Any]:
        assert task_vars is not None
        self.slices.append(module_args["wait_timeout"])
        self.now += module_args["wait_timeout"]
        return self.answers.pop(0) if len(self.answers) > 1 else dict(self.answers[0])


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    lines: list[str] = []
    monkeypatch.setattr(waiting.display, "display", lines.append)
    return lines


def run(answers: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch, **arguments: Any) -> tuple[Any, Action]:
    action = Action(answers, arguments)
    monkeypatch.setattr(waiting.time, "monotonic", lambda: action.now)
    return action.run(None, {"inventory_hostname": "blue"}), action


LATE = {
    "failed": True,
    "timed_out": True,
    "msg": (
        "not ready:\nDeployment a/b: 1/2 available\n  condition X\n"
        "  pod b-1 on no node: not scheduled: 0/3 fit\n    its log"
    ),
}


def test_shows_how_far_it_is(monkeypatch: pytest.MonkeyPatch, shown: list[str]) -> None:
    result, action = run([dict(LATE), {"changed": False, "objects": []}], monkeypatch, wait_timeout="50")
    assert action.slices == [20, 20] and not result.get("failed")
    assert shown == [
        "  blue: waiting, 30 s left: Deployment a/b: 1/2 available; pod b-1 on no node: not scheduled: 0/3 fit"
    ]


def test_remembers_what_was_changed(monkeypatch: pytest.MonkeyPatch, shown: list[str]) -> None:
    first = {**LATE, "changed": True, "objects": [{"action": "created"}], "diff": ["d"]}
    last = {"changed": False, "objects": [{"action": "unchanged"}], "diff": []}
    result, _action = run([first, last], monkeypatch, wait_timeout=50)
    assert result["changed"] and result["objects"] == [{"action": "created"}] and result["diff"] == ["d"]
    assert len(shown) == 1


def test_gives_up_in_time(monkeypatch: pytest.MonkeyPatch, shown: list[str]) -> None:
    result, action = run([LATE], monkeypatch, wait_timeout=50)
    assert result["failed"] and result["msg"].startswith("gave up after 50 s: not ready") and sum(action.slices) == 50
    assert len(shown) == 2


def test_a_wait_of_no_length_speaks_of_none(monkeypatch: pytest.MonkeyPatch, shown: list[str]) -> None:
    result, _action = run([LATE], monkeypatch, wait_timeout=0)
    assert result["msg"] == LATE["msg"] and shown == []
    assert (waiting.within(0), waiting.within(30)) == ("", " within 30 s")


def test_what_a_slice_says_of_time_is_not_repeated() -> None:
    """The last slice may be of no length: "gave up after 600 s: not Ready within 0 s"."""
    plugins = Path(waiting.__file__).parents[1]
    sliced = [path.stem for path in (plugins / "action").glob("*.py") if "WaitingAction" in path.read_text()]
    assert "tenant_node" in sliced
    for path in (
        *(plugins / "modules" / f"{name}.py" for name in sliced),
        *(plugins / "module_utils/_kube").glob("*.py"),
    ):
        assert not re.search(r"(after|within) \{[^}]*wait_timeout[^}]*\} s", path.read_text()), path.name


class Drain(tenant_node.ActionModule, Action):
    """Tells in `slices` how often the module was run."""


@pytest.mark.parametrize("state", ["drained", "absent"])
def test_a_drain_is_not_cut_into_slices(monkeypatch: pytest.MonkeyPatch, shown: list[str], state: str) -> None:
    action = Drain([LATE], {"state": state, "wait_timeout": 50, "drain_timeout": 5})
    monkeypatch.setattr(waiting.time, "monotonic", lambda: action.now)
    result = action.run(None, {})
    assert action.slices == [50] and result["msg"] == LATE["msg"] and shown == []
    ready = Drain([LATE], {"wait_timeout": 50})
    monkeypatch.setattr(waiting.time, "monotonic", lambda: ready.now)
    assert ready.run(None, {})["msg"].startswith("gave up after 50 s") and len(ready.slices) == 3


def test_other_failures_are_final(monkeypatch: pytest.MonkeyPatch, shown: list[str]) -> None:
    result, action = run([{"failed": True, "msg": "refused"}], monkeypatch)
    assert result["msg"] == "refused" and len(action.slices) == 1 and shown == []
