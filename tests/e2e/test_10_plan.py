"""The plan for a whole site, on a rack where nothing is: printed in full, failing nowhere, changing nothing."""

from __future__ import annotations

import pytest

from .conftest import settled
from .lab import SERVERS, TestLab


@pytest.mark.m2
def test_site_in_check_mode_plans_everything_and_changes_nothing(rack: TestLab) -> None:
    controller, servers, files = rack.controller(), rack.servers_state(), rack.files()

    run = settled(rack.play("site", "--check", "--diff"), {*SERVERS, "blue", "green", "blue-vm1"})

    assert run.changed, "a plan for an empty rack has to announce changes"
    output = run.log.read_text()
    assert "(known after apply)" in output
    for word in ("blue", "green", "host-nodes", "tenant-nodes", "80-fabric-bond.yaml"):
        assert word in output, f"{word} is not in the plan"
    assert rack.controller() == controller
    assert rack.servers_state() == servers
    assert rack.files() == files
