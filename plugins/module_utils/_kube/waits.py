"""Waiting for objects to be no longer in the way, with evidence of those that are when the time is over."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from . import evidence
from .client import Cluster, Document
from .errors import WaitTimeout


def wait_until_none(
    cluster: Cluster, remaining: Callable[[], list[Document]], what: str, deadline: float, done: dict[str, Any]
) -> None:
    """`what` is what they shall be by the `deadline` (of time.monotonic), `done` what the module has changed so far."""
    while waiting := remaining():
        if time.monotonic() >= deadline:
            lines = [evidence.collect(cluster, each) for each in waiting]
            error = WaitTimeout("\n".join([f"not {what} in time:", *lines]))
            error.result = done
            raise error
        time.sleep(1)
