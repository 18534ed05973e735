# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.baremetal.fabric.plugins.module_utils._host_network.run import apply

from .fake_server import FakeServer

Apply = Callable[..., dict[str, Any]]
BOND = {"name": "bond0", "nics": [{"name": "eth9"}, {"name": "eth10"}]}


@pytest.fixture
def server(tmp_path: Path) -> FakeServer:
    return FakeServer(tmp_path)


def bring(server: FakeServer, check_mode: bool = False, **options: Any) -> dict[str, Any]:
    return apply(options, server, check_mode)


def settle(server: FakeServer, **options: Any) -> dict[str, Any]:
    """What the role does: once more when the changed bond has to be confirmed."""
    result = bring(server, **options)
    return bring(server, **options) if result["confirm_needed"] else result
