"""State: documents in SQLite, mirrored in memory, changed only inside a transaction.

All requests run on one event loop and no handler awaits inside a transaction, so a transaction needs no lock. The
mirror makes lists cheap; the undo log keeps it equal to the file when a request is refused half-way. A transaction is
committed before its answer leaves, so what a client was told survives SIGKILL.
"""

from __future__ import annotations

import copy
import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

Record = dict[str, Any]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS object (kind TEXT, id INTEGER, body TEXT NOT NULL, PRIMARY KEY (kind, id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sequence (kind TEXT PRIMARY KEY, last INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""


class Store:
    """Records by kind and id, and a few named values."""

    def __init__(self, path: Path | None = None) -> None:
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            # The file holds the administrator's password and the agents' token.
            path.touch(mode=0o600, exist_ok=True)
        self._db = sqlite3.connect(
            str(path) if path is not None else ":memory:", timeout=1, isolation_level=None, check_same_thread=False
        )
        # One controller per state file: a second one would answer from a mirror that is no longer true.
        self._db.execute("PRAGMA locking_mode=EXCLUSIVE")
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.executescript(_SCHEMA)
        self._mirror: dict[str, dict[int, Record]] = {}
        for kind, identifier, body in self._db.execute("SELECT kind, id, body FROM object ORDER BY kind, id"):
            self._mirror.setdefault(kind, {})[identifier] = json.loads(body)
        self._undo: list[tuple[str, int, Record | None]] | None = None

    def close(self) -> None:
        self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[list[tuple[str, int, Record | None]]]:
        """All or nothing. Yields the growing log of (kind, id, previous record). An inner one joins the outer."""
        if self._undo is not None:
            yield self._undo
            return
        self._undo = []
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield self._undo
            self._db.execute("COMMIT")
        except BaseException:
            self._db.execute("ROLLBACK")
            for kind, identifier, previous in reversed(self._undo):
                if previous is None:
                    self._mirror[kind].pop(identifier, None)
                else:
                    self._mirror[kind][identifier] = previous
            raise
        finally:
            self._undo = None

    # --- reading -----------------------------------------------------------------------------------------------

    def all(self, kind: str) -> list[Record]:
        """Every record of a kind by ascending id. Shared with the store: read, never change."""
        records = self._mirror.get(kind, {})
        return [records[key] for key in sorted(records)]

    def peek(self, kind: str, identifier: int) -> Record | None:
        """One record, shared with the store: read, never change."""
        return self._mirror.get(kind, {}).get(identifier)

    def get(self, kind: str, identifier: int) -> Record | None:
        """A copy of one record, to change and put back."""
        record = self.peek(kind, identifier)
        return copy.deepcopy(record) if record is not None else None

    def meta(self, key: str) -> str | None:
        row = self._db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return str(row[0]) if row else None

    # --- writing -----------------------------------------------------------------------------------------------

    def next_id(self, kind: str) -> int:
        """A number never used before for this kind, not even by a record deleted since."""
        row = self._db.execute(
            "INSERT INTO sequence VALUES (?, 1) ON CONFLICT (kind) DO UPDATE SET last = last + 1 RETURNING last",
            (kind,),
        ).fetchone()
        return int(row[0])

    def put(self, kind: str, record: Record) -> None:
        identifier = int(record["id"])
        self._log(kind, identifier)
        self._mirror.setdefault(kind, {})[identifier] = record
        self._db.execute(
            "INSERT INTO object VALUES (?, ?, ?) ON CONFLICT (kind, id) DO UPDATE SET body = excluded.body",
            (kind, identifier, json.dumps(record)),
        )

    def delete(self, kind: str, identifier: int) -> None:
        self._log(kind, identifier)
        self._mirror.get(kind, {}).pop(identifier, None)
        self._db.execute("DELETE FROM object WHERE kind = ? AND id = ?", (kind, identifier))

    def set_meta(self, key: str, value: str) -> None:
        self._db.execute(
            "INSERT INTO meta VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value", (key, value)
        )

    def _log(self, kind: str, identifier: int) -> None:
        if self._undo is None:
            raise RuntimeError("write outside a transaction")
        self._undo.append((kind, identifier, self.peek(kind, identifier)))
