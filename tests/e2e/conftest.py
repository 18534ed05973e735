"""A lab for the whole session, and the states that tests build on.

Every state is a fixture that makes what it needs, so a part can be run alone:

    pytest tests/e2e -m m2                 what needs no more than the rack
    pytest tests/e2e -m "m4 and not soak"

The lab is called `e2e` (FABRIC_E2E_LAB, FABRIC_E2E_SLOT). It is taken down at the end, and that it leaves nothing is
part of the test; with FABRIC_E2E_KEEP=1 it stays up, for looking around and for a quicker next run.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from fabric_lab import levels
from fabric_lab.demo.plays import Run

from .lab import TestLab, bring_up, take_down


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        item.add_marker("e2e")
        item.add_marker("lab")


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
    lab = bring_up(os.environ.get("FABRIC_E2E_LAB", "e2e"), int(os.environ.get("FABRIC_E2E_SLOT", "1")))
    yield lab
    if os.environ.get("FABRIC_E2E_KEEP"):
        return
    take_down(lab.lab)
    assert levels.remains(lab.lab) == []


@pytest.fixture(scope="session")
def host_cluster(rack: TestLab) -> Run:
    """The host cluster, made by the play."""
    return settled(rack.play("host_cluster"))


class Tenants:
    """Tenant clusters blue and green with a bare-metal server each, made by the play when they are needed."""

    def __init__(self, lab: TestLab) -> None:
        self._lab = lab
        self._run: Run | None = None

    def ensure(self) -> Run:
        """They are there, as the inventory has them; the run that made them."""
        if self._run is None:
            self._run = settled(self._lab.play("tenant_create"))
        return self._run

    def spoil(self) -> None:
        """Something of them was changed; the next who needs them has them made again."""
        self._run = None


@pytest.fixture(scope="session")
def tenants(rack: TestLab, host_cluster: Run) -> Tenants:
    del host_cluster
    return Tenants(rack)
