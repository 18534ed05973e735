"""The agent's side of the protocol with the controller."""

from __future__ import annotations

import json
import ssl
import urllib.parse
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fabric_agent.desired import Uplink

_WAIT = 20


@dataclass(frozen=True)
class Settings:
    controller: str
    switch: str
    ca: str
    token: str
    uplink: Uplink | None = None

    @classmethod
    def read(cls, path: Path) -> Settings:
        data = json.loads(path.read_text())
        token = Path(data["token"]).read_text().strip()
        uplink = Uplink(**data["outside"]) if data.get("outside") else None
        return cls(data["controller"], data["switch"], data["ca"], token, uplink)


class Controller:
    """HTTP to the controller, as this switch."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._context = ssl.create_default_context(cafile=settings.ca)

    def config(self, since: int, wait: int = _WAIT) -> dict[str, Any]:
        """The switch's configuration; waits for one newer than ``since``."""
        query = urllib.parse.urlencode({"switch": self._settings.switch, "since": since, "wait": wait})
        return self._send(f"/agent/v1/config?{query}", None, wait + 15)

    def report(self, report: dict[str, Any]) -> None:
        self._send("/agent/v1/report", report, 15)

    def _send(self, path: str, body: dict[str, Any] | None, timeout: float) -> dict[str, Any]:
        request = urllib.request.Request(
            self._settings.controller + path,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self._settings.token}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=timeout, context=self._context) as answer:
            data: dict[str, Any] = json.load(answer)
        return data
