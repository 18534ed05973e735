"""What tests of several rooms share."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
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
