"""The agent's threads against a controller that is away, slow or wrong."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from fabric_agent import main as agent
from fabric_agent.client import Controller, Settings
from fabric_agent.desired import Desired
from fabric_agent.mailbox import Mailbox
from fabric_agent.observe import Observed
from fabric_agent.plan import Plan, Step

ANSWER = {"generation": 4, "switch": "leaf1", "ports": [], "lags": [], "vnets": []}


class FakeController(Controller):
    """Gives the answers it was made with, one after another; exceptions among them are raised."""

    def __init__(self, answers: list[Any]) -> None:
        self.answers = answers
        self.asked: list[int] = []
        self.reports: list[dict[str, Any]] = []
        self.done = threading.Event()

    def config(self, since: int, wait: int = 0) -> dict[str, Any]:
        assert wait >= 0
        self.asked.append(since)
        if not self.answers:
            self.done.set()
            raise SystemExit
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        found: dict[str, Any] = answer
        return found

    def report(self, report: dict[str, Any]) -> None:
        self.reports.append(report)
        if len(self.reports) == 1:
            raise OSError("away")


def test_asks_again_until_the_controller_makes_sense(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agent, "_RETRY", 0.01)
    controller = FakeController([OSError("refused"), {"generation": "?"}, ANSWER, ANSWER, OSError("gone"), ANSWER])
    inbox = Mailbox[Desired]()
    with pytest.raises(SystemExit):
        agent.listen(controller, inbox)
    # after a break it asks for everything: the controller may have started anew
    assert controller.asked == [-1, -1, -1, 4, 4, -1, 4]
    found = inbox.get(0)
    assert found is not None
    assert found.generation == 4


def test_reports_again_after_a_failure_and_without_news(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agent, "_RETRY", 0.01)
    monkeypatch.setattr(agent, "_INTERVAL", 0.05)
    controller, outbox = FakeController([]), Mailbox[dict[str, Any]]()
    outbox.put({"generation": 4})
    threading.Thread(target=agent.speak, args=(controller, outbox), daemon=True).start()
    deadline = time.monotonic() + 5
    while len(controller.reports) < 4:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_step_without_effect_is_a_problem(monkeypatch: pytest.MonkeyPatch, desired: Desired) -> None:
    rounds: list[int] = []
    monkeypatch.setattr(agent, "observe", Observed)
    monkeypatch.setattr(agent, "plan", lambda *_: Plan((Step("ip", "link set swp1 up"),), ("known",)))
    monkeypatch.setattr(agent, "apply", lambda *_: rounds.append(1))
    taken, problems = agent.converge(desired)
    assert taken == len(rounds) == 3
    assert problems == ["known", "ip link set swp1 up: no effect"]


def test_a_failing_step_is_a_problem(monkeypatch: pytest.MonkeyPatch, desired: Desired) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("ip: not permitted")

    monkeypatch.setattr(agent, "observe", Observed)
    monkeypatch.setattr(agent, "plan", lambda *_: Plan((Step("ip", "link set swp1 up"),), ()))
    monkeypatch.setattr(agent, "apply", fail)
    assert agent.converge(desired)[1] == ["ip: not permitted"]


def test_a_converged_switch_is_left_alone(monkeypatch: pytest.MonkeyPatch, desired: Desired) -> None:
    monkeypatch.setattr(agent, "observe", Observed)
    monkeypatch.setattr(agent, "plan", lambda *_: Plan((), ()))
    monkeypatch.setattr(agent, "apply", lambda *_: pytest.fail("nothing was to be done"))
    assert agent.converge(desired) == (0, [])


@pytest.fixture
def desired() -> Desired:
    return Desired(1, (), (), ())


def test_settings(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("secret\n")
    config = {"controller": "https://c", "switch": "leaf1", "ca": "/ca", "token": str(tmp_path / "token")}
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert Settings.read(tmp_path / "config.json") == Settings("https://c", "leaf1", "/ca", "secret")
