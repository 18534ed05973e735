"""Handing the newest value from one thread to another."""

from __future__ import annotations

import threading
from typing import Generic, TypeVar

T = TypeVar("T")


class Mailbox(Generic[T]):
    """Holds one value; who waits for it is woken when another is put in."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._latest: T | None = None
        self._fresh = False

    def put(self, value: T) -> None:
        with self._condition:
            self._fresh = self._fresh or self._latest != value
            self._latest = value
            self._condition.notify_all()

    def get(self, timeout: float) -> T | None:
        """The newest value: at once when it is new, else after the timeout."""
        with self._condition:
            if not self._fresh:
                self._condition.wait_for(lambda: self._fresh, timeout)
            self._fresh = False
            return self._latest
