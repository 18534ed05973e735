"""The controller's parts, held together."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import fabric
from .agents import Agents
from .knobs import Knobs
from .session import Sessions
from .store import Record, Store


@dataclass
class Settings:
    """What a start of the controller fixes. Secrets left empty are taken from the state, or made."""

    state: Path | None = None
    username: str = "netris"
    password: str = ""
    agent_token: str = ""
    knobs: dict[str, Any] = field(default_factory=dict)


class Controller:
    """Store, sessions, knobs and agents of one running controller."""

    def __init__(self, settings: Settings) -> None:
        self.store = Store(settings.state)
        self.started = time.time()
        self.knobs = Knobs()
        saved = self.store.meta("knobs")
        if saved:
            self.knobs.update(json.loads(saved))
        self.knobs.update(settings.knobs)
        self.username = settings.username
        self.password = self._secret("password", settings.password)
        self.agent_token = self._secret("agent_token", settings.agent_token)
        self.sessions = Sessions(self.store, self.username, self.password)
        self.agents = Agents(self.store, self.knobs)

    def _secret(self, key: str, given: str) -> str:
        value = given or self.store.meta(key) or secrets.token_urlsafe(18)
        self.store.set_meta(key, value)
        return value

    def set_agent_token(self, token: str) -> None:
        self.agent_token = self._secret("agent_token", token)

    def save_knobs(self) -> None:
        self.store.set_meta("knobs", self.knobs.dump())

    @contextmanager
    def transaction(self) -> Iterator[list[tuple[str, int, Record | None]]]:
        """A change of state, with the switches' generations counted up in the same commit."""
        with self.store.transaction() as log:
            yield log
            fabric.refresh(self.store, log)
        if any(kind == "config" for kind, _, _ in log):
            self.agents.announce()

    def progress(self, delay: float, *member_sets: dict[int, tuple[Record, bool]]) -> Record:
        """A note of what has to happen before a change counts as carried out. Call after the change is stored."""
        with self.store.transaction() as log:
            fabric.refresh(self.store, log)
            return {"readyAt": now_ms() + int(delay * 1000), "awaits": fabric.awaited(self.store, *member_sets)}


def now_ms() -> int:
    """Dates in the API are epoch milliseconds."""
    return int(time.time() * 1000)


def stamped(record: Record, previous: Record | None = None) -> Record:
    """The record with its dates set."""
    now = now_ms()
    record["createdDate"] = previous["createdDate"] if previous else now
    record["modifiedDate"] = now
    return record
