"""The agent's loops: one thread waits for the controller, one keeps the switch as it should be, one reports.

Reporting is a thread of its own, so that a switch that is slow to change does not look like one without an agent.
"""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import Any

from fabric_agent import report
from fabric_agent.apply import apply
from fabric_agent.client import Controller, Settings
from fabric_agent.desired import Desired, Uplink, decode
from fabric_agent.mailbox import Mailbox
from fabric_agent.observe import observe
from fabric_agent.plan import plan

SETTINGS = Path("/etc/fabric-agent/config.json")
STATUS = Path("/run/fabric-agent/status.json")
# seconds between two looks at the switch, and at most between two reports
_INTERVAL = 5.0
_RETRY = 1.0
_PASSES = 3


def listen(controller: Controller, inbox: Mailbox[Desired], uplink: Uplink | None = None) -> None:
    """Wait for configurations for ever; a controller that is away is asked again."""
    since, silent = -1, False
    while True:
        try:
            desired = decode(controller.config(since), uplink)
            inbox.put(desired)
            since, silent = desired.generation, False
        except (OSError, ValueError, KeyError, TypeError) as error:
            if not silent:
                print(f"controller: {error!r}; asking again until it answers")
            silent = True
            since = -1  # a controller that was away may count from the beginning again
            time.sleep(_RETRY)


def converge(desired: Desired) -> tuple[int, list[str]]:
    """Make the switch what is wanted; the number of steps taken and what is still wrong."""
    taken, errors = 0, list[str]()
    for _ in range(_PASSES):
        todo = plan(desired, observe())
        if not todo.steps:
            return taken, list(todo.problems)
        for step in todo.steps:
            print(f"{step.namespace + ': ' if step.namespace else ''}{step.tool} {step.line}")
        taken += len(todo.steps)
        try:
            apply(todo.steps, desired)
        except RuntimeError as error:
            print(f"failed: {error}")
            errors = [str(error)]
    todo = plan(desired, observe())
    if todo.steps:
        errors = errors or [f"{step.tool} {step.line}: no effect" for step in todo.steps[:3]]
        return taken, [*todo.problems, *errors]
    return taken, list(todo.problems)


def speak(controller: Controller, outbox: Mailbox[dict[str, Any]]) -> None:
    """Report each change at once, and the last state again and again, for ever."""
    while True:
        state = outbox.get(_INTERVAL)
        if state is None:
            continue
        try:
            controller.report(state)
        except (OSError, ValueError) as error:
            print(f"report: {error!r}")
            time.sleep(_RETRY)


def work(settings: Settings, inbox: Mailbox[Desired], outbox: Mailbox[dict[str, Any]]) -> None:
    """Keep the switch converged, for ever."""
    while True:
        desired = inbox.get(_INTERVAL)
        if desired is None:
            continue
        try:
            _, problems = converge(desired)
            state = report.build(settings.switch, desired, observe(), report.neighbours(), problems)
        except RuntimeError as error:
            state = _failure(settings, desired, error)
        _tell_locally(desired, state)
        outbox.put(state)


def _tell_locally(desired: Desired, state: dict[str, Any]) -> None:
    """Leave the last report, and what the ports carry, where somebody who is logged in can read it."""
    vnets = [
        {"name": vnet.name, "vlan": vnet.vlan, "vpc": vnet.vpc, "members": [vars(member) for member in vnet.members]}
        for vnet in desired.vnets
    ]
    local = {"report": state, "lags": {lag.name: lag.members for lag in desired.lags}, "vnets": vnets}
    STATUS.parent.mkdir(parents=True, exist_ok=True)
    new = STATUS.with_suffix(".new")
    new.write_text(json.dumps(local))
    new.replace(STATUS)


def _failure(settings: Settings, desired: Desired, error: RuntimeError) -> dict[str, Any]:
    return {
        "switch": settings.switch,
        "generation": desired.generation,
        "healthy": False,
        "message": str(error),
        "ports": [],
        "lags": [],
        "vnets": [{"id": vnet.id, "applied": False} for vnet in desired.vnets if vnet.id],
        "leases": [],
    }


def main() -> None:
    settings = Settings.read(SETTINGS)
    controller, inbox, outbox = Controller(settings), Mailbox[Desired](), Mailbox[dict[str, Any]]()
    threading.Thread(target=listen, args=(controller, inbox, settings.uplink), daemon=True).start()
    threading.Thread(target=speak, args=(controller, outbox), daemon=True).start()
    work(settings, inbox, outbox)
