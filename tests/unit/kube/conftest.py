"""Connections to the real Kubernetes API that these tests share, and small helpers."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.client import Cluster, connect


@pytest.fixture
def cluster(kubeconfig: Path) -> Iterator[Cluster]:
    with connect(str(kubeconfig)) as connection:
        yield connection


@pytest.fixture
def namespace(cluster: Cluster) -> str:
    """A namespace of the test's own; the whole cluster goes in the end, so nobody waits for its deletion."""
    name = f"test-{uuid.uuid4().hex[:8]}"
    cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    return name


@pytest.fixture
def eventually() -> Callable[[Callable[[], bool]], None]:
    def check(condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 20
        while not condition():
            assert time.monotonic() < deadline, "the expected state did not come"
            time.sleep(0.1)

    return check
