# SPDX-License-Identifier: Apache-2.0
"""Mistakes are collected, not raised one by one: whoever fixes an inventory wants the whole list."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Problem:
    """One mistake and the place where it can be mended."""

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"


class Problems:
    """An append-only list of mistakes that keeps the order of discovery and drops exact repetitions."""

    def __init__(self) -> None:
        self._found: list[Problem] = []

    def add(self, path: str, message: str) -> None:
        problem = Problem(path, message)
        if problem not in self._found:
            self._found.append(problem)

    def extend(self, problems: Iterable[Problem]) -> None:
        for problem in problems:
            self.add(problem.path, problem.message)

    def __bool__(self) -> bool:
        return bool(self._found)

    def __len__(self) -> int:
        return len(self._found)

    def as_list(self) -> list[Problem]:
        return list(self._found)

    def has(self, path: str) -> bool:
        """Whether something is already known to be wrong at this path (a second complaint would only confuse)."""
        return any(problem.path == path or problem.path.startswith((f"{path}.", f"{path}[")) for problem in self._found)


class IntentError(Exception):
    """The intent cannot be carried out; `problems` says why, all of it."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = list(problems)
        super().__init__(render(self.problems))


def render(problems: Iterable[Problem]) -> str:
    """The text a user reads: a count, then one line per mistake."""
    listed = list(problems)
    noun = "mistake" if len(listed) == 1 else "mistakes"
    return "\n".join([f"{len(listed)} {noun}, nothing was touched:", *(f"  - {each}" for each in listed)])
