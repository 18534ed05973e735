"""Bring the programs in ``.cache/bin`` up to date."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable
from pathlib import Path

from fabric_lab.build import download, golang
from fabric_lab.build.components import COMPONENTS, Component, Program, Release
from fabric_lab.build.progress import say, step
from fabric_lab.build.stamp import Stamps, fingerprint
from fabric_lab.state import LabError, cache_dir

METHODS = ("auto", "download", "go")


def directory() -> Path:
    return cache_dir() / "bin"


def method() -> str:
    chosen = os.environ.get("FABRIC_BUILD", "auto")
    if chosen not in METHODS:
        raise LabError(f"FABRIC_BUILD={chosen}: choose one of {', '.join(METHODS)}")
    return chosen


def program_fingerprint(component: Component, program: Program) -> str:
    settings = (component.version, program.package, golang.ldflags(component))
    return fingerprint(settings, golang.sources(component))


class Builder:
    """Decides per program: up to date, downloaded or compiled."""

    def __init__(
        self,
        output: Path,
        how: str,
        fetch: Callable[[Release], bytes] = download.fetch,
        reachable: Callable[[str], bool] = download.reachable,
        compile_program: Callable[[Component, Program, Path], None] = golang.build,
    ) -> None:
        self._output = output
        self._how = how
        self._fetch = fetch
        self._reachable = reachable
        self._compile = compile_program
        self._hosts: dict[str, bool] = {}
        self._stamps = Stamps(output)
        self.compiled = 0

    def ensure(self, component: Component, program: Program) -> bool:
        """Make one program current; True when something had to be done."""
        wanted = program_fingerprint(component, program)
        if self._stamps.current(program.path, wanted):
            return False
        self._stamps.forget(program.path)
        target = self._output / program.path
        if self._may_download(program):
            assert program.release is not None
            with step(f"{program.path} {component.version} (download)"):
                _install(self._fetch(program.release), target)
            used = "download"
        elif self._how == "download" and program.release is not None:
            raise LabError(f"{program.path}: {program.release.url} cannot be reached (FABRIC_BUILD=go builds it)")
        else:
            with step(f"{program.path} {component.version} (go build)"):
                self._compile(component, program, target)
            self.compiled += 1
            used = "go"
        self._stamps.write(program.path, wanted, method=used, version=component.version, sha256=sha256(target))
        return True

    def _may_download(self, program: Program) -> bool:
        if self._how == "go" or program.release is None:
            return False
        host = program.release.url.split("/", 3)[2]
        if host not in self._hosts:
            self._hosts[host] = self._reachable(program.release.url)
            if not self._hosts[host]:
                say(f"{host} cannot be reached: its programs are built with Go")
        return self._hosts[host]


def _install(content: bytes, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(target.name + ".new")
    temporary.write_bytes(content)
    temporary.chmod(0o755)
    temporary.replace(target)


def sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def checksum(path: str) -> str:
    """The SHA-256 of a program in ``.cache/bin``, as recorded when it was made."""
    recorded = Stamps(directory()).read(path).get("sha256")
    if recorded is None:
        raise LabError(f"{path} has not been built: run python -m fabric_lab.build")
    return recorded


def ensure(names: Iterable[str] | None = None) -> int:
    """Make the programs of these components current (default: all); the number of compilations."""
    wanted = set(names) if names is not None else None
    builder = Builder(directory(), method())
    for component in COMPONENTS:
        if wanted is None or component.name in wanted:
            for program in component.programs:
                builder.ensure(component, program)
    return builder.compiled
