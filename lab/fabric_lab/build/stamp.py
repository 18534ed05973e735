"""Is an output still what its sources say? A stamp beside it remembers what it was made of."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path


def fingerprint(texts: Iterable[str], files: Iterable[Path] = ()) -> str:
    """One value for settings and for the contents of source files (their names count, their folder does not)."""
    digest = hashlib.sha256()
    for text in texts:
        digest.update(f"{len(text)}:{text}".encode())
    for path in sorted(files):
        content = path.read_bytes()
        digest.update(f"{path.name}:{len(content)}:".encode())
        digest.update(content)
    return digest.hexdigest()


class Stamps:
    """The stamps of one output directory."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._stamps = directory / ".stamps"

    def _path(self, output: str) -> Path:
        return self._stamps / (output.replace("/", "__") + ".json")

    def read(self, output: str) -> dict[str, str]:
        """What was recorded about an output that still exists; empty when there is nothing to rely on."""
        try:
            data: dict[str, str] = json.loads(self._path(output).read_text())
        except (FileNotFoundError, json.JSONDecodeError):
            return {}
        return data if (self._directory / output).exists() else {}

    def current(self, output: str, wanted: str) -> bool:
        return self.read(output).get("fingerprint") == wanted

    def write(self, output: str, wanted: str, **details: str) -> None:
        path = self._path(output)
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(".new")
        temporary.write_text(json.dumps({"fingerprint": wanted, **details}, indent=1) + "\n")
        temporary.replace(path)

    def forget(self, output: str) -> None:
        self._path(output).unlink(missing_ok=True)
