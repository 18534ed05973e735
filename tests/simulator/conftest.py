"""The real simulator as a process of its own, and the engine against it over HTTP."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .site import Site

ROOT = Path(__file__).parents[2]
SEED = ROOT / "lab" / "rack" / "demo.seed.yaml"


def start(*arguments: str) -> tuple[subprocess.Popen[str], dict[str, str]]:
    """A controller on a free port; returns once it answers, with what it printed about itself."""
    process = subprocess.Popen(
        [sys.executable, "-m", "fabric_lab.controller", "--seed", str(SEED), *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT / "lab"), "NETRIS_PASSWORD": "s3cret-of-the-test"},
        stdout=subprocess.PIPE,
        text=True,
    )
    announced: dict[str, str] = {}
    for line in process.stdout or ():
        name, _equals, value = line.strip().partition("=")
        announced[name] = value
        if len(announced) == 3:
            break
    assert len(announced) == 3, f"the simulator ended with {process.poll()} before it answered"
    return process, announced


@pytest.fixture
def site(request: pytest.FixtureRequest) -> Iterator[Site]:
    """A fresh controller per test; knobs by `@pytest.mark.parametrize("site", [{"knob": value}], indirect=True)`."""
    knobs: dict[str, Any] = {"active_delay": 0.3, **getattr(request, "param", {})}
    process, announced = start(*(f"--knob={name}={value}" for name, value in knobs.items()))
    try:
        yield Site(announced)
    finally:
        process.terminate()
        process.wait(10)
