"""The stand-ins' own tests, which are written in Go beside what they test."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from fabric_lab.build import golang
from fabric_lab.state import LabError

MODULES = sorted({path.parent.name for path in golang.MODULES.glob("*/*_test.go")})


def test_there_are_stand_ins_with_tests() -> None:
    assert "standin-vcluster" in MODULES


@pytest.mark.parametrize("module", MODULES)
def test_stand_in(module: str) -> None:
    try:
        go = golang.go()
    except LabError as missing:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(missing))
    done = subprocess.run(
        [go, "test", *golang.FLAGS, "-count=1", "./..."],
        cwd=Path(golang.MODULES, module),
        env=golang.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}{done.stderr}"
