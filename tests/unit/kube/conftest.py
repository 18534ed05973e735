"""A real Kubernetes API for these tests, shared by all of them, and small helpers."""

from __future__ import annotations

import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.client import Cluster, connect

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))
from tests.support import kube_api


@pytest.fixture(scope="session")
def kubeconfig() -> Iterator[Path]:
    """The kubeconfig of a fresh, real cluster without nodes."""
    if missing := kube_api.missing():
        pytest.skip(f"{', '.join(missing)} not built in {kube_api.binaries()} (make lab-up builds them)")
    memory = "/dev/shm" if Path("/dev/shm").is_dir() else None
    with tempfile.TemporaryDirectory(prefix="fabric-kube-", dir=memory, ignore_cleanup_errors=True) as directory:
        home = Path(directory, "api")
        try:
            yield kube_api.start(home)
        finally:
            kube_api.stop(home)


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
