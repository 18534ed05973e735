"""A node and a machine of the same name: which of them is the other?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.baremetal.fabric.plugins.filter.nodes_of_other_machines import nodes_of_other_machines
from ansible_collections.baremetal.fabric.plugins.module_utils._kube import identity
from ansible_collections.baremetal.fabric.plugins.module_utils._node import state
from ansible_collections.baremetal.fabric.plugins.module_utils._node.system import System

OURS, THEIRS = "4c4c4544-0039-4210-8052-b4c04f4d3632", "11223344-5566-7788-99aa-bbccddeeff00"
DISK, OTHER_DISK = "d" * 32, "e" * 32
HERE, THERE = "192.168.64.9", "192.168.64.10"
NOBODY = "03000200-0400-0500-0006-000700080009"


def node(uuid: str = "", disk: str = "", address: str = HERE, ready: str = "True") -> dict[str, Any]:
    return {
        "metadata": {"name": "metal1"},
        "status": {
            "addresses": [{"type": "InternalIP", "address": address}, {"type": "Hostname", "address": "metal1"}],
            "conditions": [{"type": "Ready", "status": ready}],
            "nodeInfo": {"systemUUID": uuid, "machineID": disk},
        },
    }


def others(found: dict[str, Any], uuid: str = OURS, disk: str = DISK, address: str | None = HERE) -> list[str]:
    return nodes_of_other_machines([found], {"system_uuid": uuid, "machine_id": disk}, address)


@pytest.mark.parametrize(
    "found",
    [
        node(OURS, DISK, HERE),
        node(OURS, DISK, THERE),  # a new lease
        node(OURS, OTHER_DISK, HERE),  # a new system
        node(OURS.upper(), DISK, THERE),
        node("44454c4c-3900-1042-8052-b4c04f4d3632", DISK, THERE),  # the other byte order
        node("", "", HERE),  # nothing but an address
        node(NOBODY, OTHER_DISK, HERE),
    ],
)
def test_the_machine_itself(found: dict[str, Any]) -> None:
    assert others(found) == []


@pytest.mark.parametrize(
    "found",
    [
        node(THEIRS, OTHER_DISK, THERE),
        node(THEIRS, OTHER_DISK, HERE),  # an address that was given twice
        node(THEIRS, DISK, HERE),  # a copied disk
        node(OURS, OTHER_DISK, THERE),  # boards with one UUID
        node("", DISK, THERE),
        node(NOBODY, DISK, THERE),
    ],
)
def test_another_machine(found: dict[str, Any]) -> None:
    (told,) = others(found)
    assert told.startswith("metal1 at 192.168.64.") and "system UUID" in told


@pytest.mark.parametrize("ready", ["False", "Unknown"])
def test_only_what_is_ready_would_be_pushed_out(ready: str) -> None:
    assert others(node(THEIRS, OTHER_DISK, THERE, ready)) == []


def test_a_server_that_knows_nothing_of_itself() -> None:
    assert others(node(THEIRS, DISK, HERE), uuid="", disk="") == []
    assert others(node(THEIRS, DISK, THERE), uuid="", disk="") != []
    assert others(node(THEIRS, DISK, HERE), uuid="", disk="", address=None) != []


@pytest.mark.parametrize("nobody", ["", "0" * 32, "Not Settable", "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF", NOBODY])
def test_what_is_no_identity(nobody: str) -> None:
    assert identity.is_same_system(nobody, nobody) is None
    assert identity.is_same_system(nobody, OURS) is None


def test_the_server_reads_what_the_kubelet_reads(tmp_path: Path) -> None:
    system = System(str(tmp_path))
    assert state.machine(system) == {"system_uuid": "", "machine_id": ""}
    for place, text in (("sys/class/dmi/id/product_uuid", OURS), ("etc/machine-id", DISK)):
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).write_text(text + "\n")
    assert state.machine(system) == {"system_uuid": OURS, "machine_id": DISK}
