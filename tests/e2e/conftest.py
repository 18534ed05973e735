"""A lab for the whole session, and the states that tests build on.

Every state is a fixture that makes what it needs, so a part can be run alone:

    pytest tests/e2e -m m2                 what needs no more than the rack
    pytest tests/e2e -m "m4 and not soak"

The lab is called `e2e` (FABRIC_E2E_LAB). It is taken down at the end, and that it leaves nothing is
part of the test; with FABRIC_E2E_KEEP=1 it stays up, for looking around and for a quicker next run.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fabric_lab.demo.plays import Run

from .lab import TestLab, running

TENANTS = ("blue", "green")


# What a test needs decides when it runs: the lab is built up once, and taken apart at the end.
LEVELS = (
    *("m2", "m3", "m9", "flat", "k8slan", "bare_iron", "m4", "m5"),
    *("m6", "m8", "internet", "bridges", "m7", "linux_switch"),
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        item.add_marker("e2e")
        item.add_marker("lab")
    items.sort(key=lambda item: next(n for n, level in enumerate(LEVELS) if item.get_closest_marker(level)))


def settled(run: Run, hosts: set[str] | None = None) -> Run:
    """A run that went through, on hosts that really were there."""
    failures = "\n".join(f"{each.host}: {each.task}: {each.text()}" for each in run.failed)
    assert run.returncode == 0, f"{run.playbook} ended with {run.returncode}, see {run.log}\n{failures}"
    assert run.hosts, f"{run.playbook} ran on no host at all"
    assert run.count("failures") == run.count("unreachable") == 0, failures
    if hosts is not None:
        assert set(run.hosts) - {"localhost"} == hosts
    return run


def unchanged(run: Run) -> Run:
    """A run that went through and found everything as it should be."""
    settled(run)
    assert [f"{each.host}: {each.task}" for each in run.changed] == []
    assert run.count("changed") == 0
    return run


@pytest.fixture(scope="session")
def rack() -> Iterator[TestLab]:
    """A lab at level rack: leaf, servers, controller; nothing built on it by plays."""
    with running(os.environ.get("FABRIC_E2E_LAB", "e2e")) as lab:
        yield lab


@pytest.fixture(scope="session")
def host_cluster(rack: TestLab) -> Run:
    """The host cluster, made by the play."""
    return settled(rack.play("host_cluster"))


class Tenants:
    """Tenant clusters blue and green with a bare-metal server each.

    They are made when they are first needed, by two plays at once that write the same ports of the shared servers.
    """

    def __init__(self, lab: TestLab) -> None:
        self._lab = lab
        self._runs: dict[str, Run] = {}
        #: the tasks of the run that made each, and what a test remembers of the state that it ended in
        self.tasks: dict[str, list[str]] = {}
        self.end_states: dict[str, Any] = {}

    def ensure(self) -> dict[str, Run]:
        """They are there, as the inventory has them; the run that made each."""
        if not self._runs:
            playing = {name: self._lab.playing("tenant_create", "-e", f"fabric_tenants={name}") for name in TENANTS}
            runs = {name: each.wait() for name, each in playing.items()}
            self._runs = {name: settled(run) for name, run in runs.items()}
            self.tasks = {name: run.tasks for name, run in runs.items()}
        return self._runs

    def spoil(self) -> None:
        """Something of them was changed; the next who needs them has them made again."""
        self._runs = {}


@pytest.fixture(scope="session")
def tenants(rack: TestLab, host_cluster: Run) -> Tenants:
    del host_cluster
    return Tenants(rack)


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    """Print where it is seen also when the test passes."""

    def out(text: str) -> None:
        with capsys.disabled():
            print(f"\n  {text}", end=" ", flush=True)

    return out
