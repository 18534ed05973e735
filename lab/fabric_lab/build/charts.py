"""vCluster's own chart, as its module has it; the stand-in's is in the repository."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

from fabric_lab.build import components, golang
from fabric_lab.build.progress import step
from fabric_lab.state import LabError, cache_dir

MODULE = "github.com/loft-sh/vcluster"


def path() -> Path:
    return cache_dir() / "charts" / f"vcluster-{components.VCLUSTER}"


def ensure() -> Path:
    """The chart's directory, made once per version."""
    target = path()
    if not target.exists():
        with step(f"chart of vCluster {components.VCLUSTER}"):
            _copy(_module() / "chart", target)
    return target


def _module() -> Path:
    command = [golang.go(), "mod", "download", "-json", f"{MODULE}@{components.VCLUSTER}"]
    done = subprocess.run(
        command,
        cwd=golang.MODULES / "vcluster",
        env=golang.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise LabError(f"{MODULE} cannot be had: {done.stderr.strip() or done.stdout.strip()}")
    return Path(json.loads(done.stdout)["Dir"])


def _copy(source: Path, target: Path) -> None:
    new = target.with_name(target.name + ".new")
    shutil.rmtree(new, ignore_errors=True)
    # the module cache is read-only, this copy is not
    shutil.copytree(source, new, copy_function=shutil.copyfile, ignore=shutil.ignore_patterns("tests"))
    for directory in (new, *(each for each in new.rglob("*") if each.is_dir())):
        directory.chmod(0o755)
    # what the release does: the version in the sources is a placeholder, and the default tag of the image
    chart = new / "Chart.yaml"
    lines = chart.read_text().splitlines()
    stamped = [
        f"version: {components.VCLUSTER.removeprefix('v')}" if line.startswith("version:") else line for line in lines
    ]
    chart.write_text("\n".join(stamped) + "\n")
    new.rename(target)
