"""The options that say where a snapshot is, and how its store is entered."""

from __future__ import annotations

from typing import Any

from .snapshots import CREDENTIALS, SECRETS

_SWITCHES = ("path_style", "insecure")


def snapshot_options() -> dict[str, Any]:
    """Argument spec of the documentation fragment `snapshot`."""
    names = sorted({name for known in CREDENTIALS.values() for name in known})
    credentials = {name: _credential(name) for name in names}
    return {
        "url": {"type": "str", "required": True},
        "credentials": {"type": "dict", "default": {}, "options": credentials},
    }


def _credential(name: str) -> dict[str, Any]:
    if name in _SWITCHES:
        return {"type": "bool", "default": False}
    # said of each one, since some sound like secrets that are none
    return {"type": "str", "no_log": name in SECRETS}
