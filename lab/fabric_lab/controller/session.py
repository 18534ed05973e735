"""Logins. Sessions live in the store, so a restart of the controller throws nobody out."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from typing import Any
from urllib.parse import unquote

from .store import Store

COOKIE = "connect.sid"


class Sessions:
    """Sessions of the one administrator, as many at once as clients open."""

    def __init__(self, store: Store, username: str, password: str) -> None:
        self._store = store
        self.username = username
        self._password = password

    def login(self, user: object, password: object, seconds: int) -> str | None:
        """The cookie's value, or None for wrong credentials."""
        known = hmac.compare_digest(str(user).encode(), self.username.encode())
        if not hmac.compare_digest(str(password).encode(), self._password.encode()) or not known:
            return None
        token = secrets.token_urlsafe(24)
        with self._store.transaction():
            for record in self._store.all("session"):
                if record["expires"] < time.time():
                    self._store.delete("session", record["id"])
            self._store.put("session", {"id": _key(token), "expires": time.time() + seconds})
        return f"s%3A{token}"

    def alive(self, cookie: str | None) -> bool:
        if not cookie:
            return False
        record = self._store.peek("session", _key(unquote(cookie).removeprefix("s:")))
        return record is not None and float(record["expires"]) >= time.time()

    def drop_all(self) -> None:
        with self._store.transaction():
            for record in self._store.all("session"):
                self._store.delete("session", record["id"])


def _key(token: str) -> int:
    """Only a digest is stored: the state file opens no session."""
    return int.from_bytes(hashlib.sha256(token.encode()).digest()[:7])


def profile(username: str) -> dict[str, Any]:
    """What a login answers about its user."""
    return {"user_id": 1, "name": username, "login": username, "mandatoryPasswordChange": False}
