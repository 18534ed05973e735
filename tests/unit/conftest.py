"""What tests of several rooms share."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from tests.support import kube_api


@pytest.fixture(scope="session")
def kubeconfig() -> Iterator[Path]:
    """The kubeconfig of a fresh, real cluster without nodes."""
    with kube_api.running() as path:
        yield path


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Who asks for that cluster is told apart: it takes seconds, and Python's version does not matter to it."""
    for item in items:
        if "kubeconfig" in getattr(item, "fixturenames", ()):
            item.add_marker("api")
