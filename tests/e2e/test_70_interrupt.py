"""SIGKILL for the whole process group at moments drawn from a printed seed; the next run finishes the work."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from fabric_lab.demo.plays import Playing

from .conftest import Tenants, settled, unchanged
from .lab import TestLab, end_state

TENANT = "green"
CREATED = ("-e", f"fabric_tenants={TENANT}")
SOAK = 10


@dataclass(frozen=True)
class Moment:
    """After the start of the n-th task, and a little later."""

    task: int
    delay: float


def draw(count: int, tasks: int, seed: int) -> list[Moment]:
    generator = random.Random(seed)
    numbers = sorted(generator.sample(range(tasks), min(count, tasks)))
    return [Moment(number, round(generator.uniform(0, 2), 2)) for number in numbers]


@dataclass(frozen=True)
class Clean:
    """What one undisturbed run did, and where it ended."""

    tasks: int
    state: dict[str, Any]


@pytest.fixture(scope="module")
def clean(rack: TestLab, tenants: Tenants) -> Clean:
    """The tenant cluster is gone again after that."""
    if TENANT not in tenants.end_states:
        tenants.ensure()
        tenants.end_states[TENANT] = end_state(rack, TENANT)
    tasks = len(tenants.tasks[TENANT])
    tenants.spoil()
    settled(rack.play("tenant_delete", "-e", f"fabric_delete={TENANT}"))
    return Clean(tasks, tenants.end_states[TENANT])


def interrupt(playing: Playing, moment: Moment, tasks: int, say: Callable[[str], None]) -> None:
    """Kill a play, which would have that many tasks, at a moment."""
    started = 0
    name = "(it had ended before)"
    for event in playing.follow(pause=0.05):
        if event["event"] != "task":
            continue
        started += 1
        if started > moment.task:
            name = event["task"]
            break
    time.sleep(moment.delay)
    say(f"killed {moment.delay} s into task {moment.task + 1} of {tasks}: {name}")
    playing.kill()


def finish(lab: TestLab, clean: Clean) -> None:
    settled(lab.play("tenant_create", *CREATED))
    assert end_state(lab, TENANT) == clean.state


def seed_of_this_run(say: Callable[[str], None]) -> int:
    """FABRIC_E2E_SEED repeats a run; without it the day draws, so that other moments are met over time."""
    seed = int(os.environ.get("FABRIC_E2E_SEED") or time.strftime("%Y%m%d"))
    say(f"FABRIC_E2E_SEED={seed}")
    return seed


@pytest.mark.m5
def test_killed_three_times_on_the_way(rack: TestLab, clean: Clean, say: Callable[[str], None]) -> None:
    """Each run finds what the one before it left half done."""
    for moment in draw(3, clean.tasks, seed_of_this_run(say)):
        interrupt(rack.playing("tenant_create", *CREATED), moment, clean.tasks, say)
    finish(rack, clean)
    unchanged(rack.play("tenant_create", *CREATED))


@pytest.mark.m5
@pytest.mark.soak
@pytest.mark.parametrize("index", range(SOAK))
def test_killed_once_and_run_again(rack: TestLab, clean: Clean, index: int, say: Callable[[str], None]) -> None:
    """Each begins without the tenant cluster. That a run in the end changes nothing is asked of the last."""
    settled(rack.play("tenant_delete", "-e", f"fabric_delete={TENANT}"))
    moment = draw(SOAK, clean.tasks, seed_of_this_run(say) + 1)[index]
    interrupt(rack.playing("tenant_create", *CREATED), moment, clean.tasks, say)
    finish(rack, clean)
    if index == SOAK - 1:
        unchanged(rack.play("tenant_create", *CREATED))
