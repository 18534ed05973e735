"""Waiting for objects to be no longer in the way, with evidence of those that are when the time is over."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from . import evidence
from .client import Cluster, Document
from .errors import WaitTimeout

POLL_SECONDS = 1.0
_Waiting = TypeVar("_Waiting")


def wait_while(
    remaining: Callable[[], Sequence[_Waiting]],
    account: Callable[[Sequence[_Waiting]], list[str]],
    deadline: float,
    done: dict[str, Any],
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Looks until nothing remains; `done` is what was changed so far.

    Raises WaitTimeout past the `deadline`, by `clock`, with the lines that `account` gives of what remains.
    """
    while waiting := remaining():
        if clock() >= deadline:
            error = WaitTimeout("\n".join(account(waiting)))
            error.result = done
            raise error
        sleep(POLL_SECONDS)


def wait_until_none(
    cluster: Cluster, remaining: Callable[[], list[Document]], what: str, deadline: float, done: dict[str, Any]
) -> None:
    """`what` is what they shall be by the `deadline` (of time.monotonic), `done` what the module has changed so far."""

    def account(waiting: Sequence[Document]) -> list[str]:
        return [f"not {what} in time:", *(evidence.collect(cluster, each) for each in waiting)]

    wait_while(remaining, account, deadline, done)
