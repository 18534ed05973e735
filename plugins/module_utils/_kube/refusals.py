"""What credentials of less than a cluster administrator may not look at, told instead of passed over in silence."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeVar

from .errors import KubeError

FORBIDDEN = 403
Found = TypeVar("Found")

# The API server's own words; authorizers that put it differently are quoted in full.
_WORDS = re.compile(
    r'cannot (?P<verb>\w+) resource "(?P<resource>[^"]+)" in API group "(?P<group>[^"]*)"'
    r'(?: in the namespace "(?P<namespace>[^"]+)"| at the cluster scope)?'
)


def needed(error: KubeError) -> str:
    """The right that a refusal is about, as a rule of a Role would name it."""
    found = _WORDS.search(error.message)
    if found is None:
        return error.message
    group = f".{found['group']}" if found["group"] else ""
    where = f"in namespace {found['namespace']}" if found["namespace"] else "cluster-wide"
    return f"{found['verb']} on {found['resource']}{group} {where}"


def not_checked(what: str, error: KubeError) -> str:
    return f"not checked: {what}; needs {needed(error)}"


class Refusals:
    """Collects what was refused while the rest goes on; with `tolerate` false a refusal is the failure that it was."""

    def __init__(self, tolerate: bool = True) -> None:
        self._tolerate = tolerate
        self.notes: list[str] = []
        self.kinds: list[str] = []

    def ask(self, what: str, look: Callable[[], Found], instead: Found, kind: str = "") -> Found:
        """What `look` finds, or `instead` and a note if the API server forbids it. Any other failure stays one."""
        try:
            return look()
        except KubeError as error:
            if not self._tolerate or error.status != FORBIDDEN:
                raise
            self.note(not_checked(what, error), kind)
            return instead

    def note(self, sentence: str, kind: str = "") -> None:
        if sentence not in self.notes:
            self.notes.append(sentence)
        if kind and kind not in self.kinds:
            self.kinds.append(kind)
