# SPDX-License-Identifier: Apache-2.0
"""Commands as data, each with what takes it back."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Line:
    """One command: a line for `ip` or `bridge`, or for the script that runs DHCP servers (`dhcp`)."""

    tool: str
    text: str
    namespace: str = ""

    def __str__(self) -> str:
        return f"{self.tool} -n {self.namespace} {self.text}" if self.namespace else f"{self.tool} {self.text}"


@dataclass(frozen=True)
class Step:
    do: Line
    undo: tuple[Line, ...] = ()


@dataclass(frozen=True)
class Plan:
    """`files` are written before the steps; those that nobody needs any more go when the change is confirmed."""

    steps: tuple[Step, ...] = ()
    files: tuple[tuple[str, str], ...] = ()

    @property
    def undo(self) -> tuple[Line, ...]:
        """Everything back, the last step first."""
        return tuple(line for step in reversed(self.steps) for line in step.undo)
