"""Controllers of the tests: an empty one, and one that knows the demo's rack."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .rack import Rack, demo_seed


@pytest.fixture
def fresh() -> Iterator[Rack]:
    rack = Rack().login()
    yield rack
    rack.close()


@pytest.fixture
def demo() -> Iterator[Rack]:
    rack = Rack(demo_seed()).login()
    yield rack
    rack.close()
