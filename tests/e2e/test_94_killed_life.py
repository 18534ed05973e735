"""Moves and deletions that are killed like creations are: the next run finishes the work."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fabric_lab.demo.plays import INVENTORY

from .conftest import Tenants, settled, unchanged
from .lab import TestLab
from .test_70_interrupt import SOAK, TENANT, Moment, draw, interrupt, seed_of_this_run
from .test_90_life import SERVER, assign, members

pytestmark = pytest.mark.m6

OTHER = {"blue": "green", "green": "blue"}
MOVED = ("-e", f"fabric_server={SERVER}")
DELETED = ("-e", f"fabric_delete={TENANT}")


def belongs_to(rack: TestLab, tenant: str) -> bool:
    """By the controller, and by the APIs of both tenant clusters."""
    here, there = members(rack)[tenant], members(rack)[OTHER[tenant]]
    node = rack.nodes(tenant).get(SERVER, {})
    return SERVER in here - there and node.get("ready") == "True" and SERVER not in rack.nodes(OTHER[tenant])


class Moves:
    """The server goes to and fro; every move begins where the last one ended."""

    def __init__(self, rack: TestLab, target: Path) -> None:
        self._rack, self._target = rack, target
        self.tenant = "blue"
        self.tasks = 0

    def undisturbed(self) -> None:
        self._turn()
        self.tasks = len(settled(self._rack.play("server_move", *MOVED)).tasks)

    def killed(self, moment: Moment, say: Callable[[str], None]) -> None:
        self._turn()
        interrupt(self._rack.playing("server_move", *MOVED), moment, self.tasks, say)
        settled(self._rack.play("server_move", *MOVED))
        assert belongs_to(self._rack, self.tenant)

    def _turn(self) -> None:
        self.tenant = OTHER[self.tenant]
        assign(self._rack, self._target, self.tenant)


@pytest.fixture(scope="module")
def moves(rack: TestLab, tenants: Tenants, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Moves]:
    tenants.ensure()
    found = Moves(rack, tmp_path_factory.mktemp("moves") / "inventory")
    found.undisturbed()
    yield found
    if found.tenant != "blue":
        found.undisturbed()
    rack.inventory = INVENTORY


def test_moves_are_killed_and_run_again(rack: TestLab, moves: Moves, say: Callable[[str], None]) -> None:
    for moment in draw(3, moves.tasks, seed_of_this_run(say) + 2):
        moves.killed(moment, say)
    unchanged(rack.play("server_move", *MOVED))


@pytest.mark.soak
@pytest.mark.parametrize("index", range(SOAK))
def test_a_move_is_killed_and_run_again(moves: Moves, index: int, say: Callable[[str], None]) -> None:
    moves.killed(draw(SOAK, moves.tasks, seed_of_this_run(say) + 3)[index], say)


def delete_killed(
    rack: TestLab, tenants: Tenants, moments: list[Moment], tasks: int, say: Callable[[str], None]
) -> None:
    """Each run finds what the one before it left half done."""
    tenants.spoil()
    for moment in moments:
        interrupt(rack.playing("tenant_delete", *DELETED), moment, tasks, say)
    settled(rack.play("tenant_delete", *DELETED))
    known = {name: objects for name, objects in rack.controller().items() if name != "hw"}
    assert f'"{TENANT}' not in json.dumps(known)
    assert [name for names in rack.objects().values() for name in names if TENANT in name] == []


@pytest.fixture(scope="module")
def deletion(rack: TestLab, tenants: Tenants) -> int:
    """How many tasks a deletion has."""
    tenants.ensure()
    return len(settled(rack.play("tenant_delete", *DELETED, "--check")).tasks)


def test_a_deletion_is_killed_three_times(
    rack: TestLab, tenants: Tenants, deletion: int, say: Callable[[str], None]
) -> None:
    delete_killed(rack, tenants, draw(3, deletion, seed_of_this_run(say) + 4), deletion, say)
    unchanged(rack.play("tenant_delete", *DELETED))


@pytest.mark.soak
@pytest.mark.parametrize("index", range(SOAK))
def test_a_deletion_is_killed_once(
    rack: TestLab, tenants: Tenants, deletion: int, index: int, say: Callable[[str], None]
) -> None:
    tenants.ensure()
    delete_killed(rack, tenants, [draw(SOAK, deletion, seed_of_this_run(say) + 5)[index]], deletion, say)
