"""A rack per test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import switch_space
from tests.support.switch_rack import Rack


@pytest.fixture
def rack(tmp_path: Path) -> Iterator[Rack]:
    made = Rack(tmp_path / "leaf1")
    yield made
    switch_space.end(made.directory)
