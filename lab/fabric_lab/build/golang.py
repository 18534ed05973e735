"""Build programs with Go, gently: niced, two cores, a build cache that is dropped when all is built."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from fabric_lab.build.components import Component, Program
from fabric_lab.state import REPOSITORY, LabError, cache_dir

MODULES = REPOSITORY / "lab" / "go"
# all checks of the module, so that a stale go.sum is an error and never repaired in passing
FLAGS = ("-mod=readonly", "-trimpath", "-buildvcs=false", "-p", "2")


def environment() -> dict[str, str]:
    cache = cache_dir()
    return {
        **os.environ,
        "CGO_ENABLED": "0",
        "GOOS": "linux",
        "GOARCH": "amd64",
        "GOMAXPROCS": "2",
        "GOFLAGS": "",
        "GOWORK": "off",
        "GOCACHE": str(cache / "go-build"),
        "GOMODCACHE": str(cache / "go-mod"),
    }


def go() -> str:
    found = shutil.which("go") or shutil.which("go", path="/usr/local/go/bin")
    if found is None:
        raise LabError("needs Go (https://go.dev/dl) to build the lab's programs: none found on PATH")
    return found


def sources(component: Component) -> list[Path]:
    """Everything in the module's folder that can change what is built."""
    directory = MODULES / component.name
    return [path for path in directory.rglob("*") if path.is_file() and not path.name.endswith("_test.go")]


def ldflags(component: Component) -> str:
    return " ".join(("-s", "-w", *component.ldflags))


def build(component: Component, program: Program, target: Path) -> None:
    """Compile one program; the old one stays in place until the new one is complete."""
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(target.name + ".new")
    command = ["nice", "-n", "10", go(), "build", *FLAGS, "-ldflags", ldflags(component), "-o", str(temporary)]
    result = subprocess.run(
        [*command, program.package],
        cwd=MODULES / component.name,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode != 0:
        raise LabError(f"building {program.path} failed:\n{result.stderr.strip()[-3000:]}")
    temporary.replace(target)


def prune() -> None:
    """Give the build cache's gigabytes back; downloaded modules stay."""
    subprocess.run([go(), "clean", "-cache"], env=environment(), check=True)
