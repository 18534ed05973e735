"""SIGKILL for the whole process group at moments drawn from a printed seed; the next run finishes the work."""

from __future__ import annotations

import os
import random
import time
from dataclasses import dataclass
from typing import Any

import pytest
from fabric_lab.demo.plays import Playing, Run

from .conftest import Tenants, settled, unchanged
from .lab import SERVERS, TestLab

TENANT = "green"


@dataclass(frozen=True)
class Moment:
    """After the start of the n-th task, and a little later."""

    task: int
    delay: float


def draw(count: int, tasks: int, seed: int) -> list[Moment]:
    generator = random.Random(seed)
    numbers = sorted(generator.sample(range(tasks), min(count, tasks)))
    return [Moment(number, round(generator.uniform(0, 2), 2)) for number in numbers]


def end_state(lab: TestLab) -> dict[str, Any]:
    """What two ways to the same end must have in common: names and shapes, not ids, keys or times."""
    controller = lab.controller()
    return {
        "server clusters": sorted(
            (each["name"], sorted(s["name"] for s in each["servers"])) for each in controller["server-cluster"]
        ),
        "V-Nets": sorted((each["name"], each["vlan"]) for each in controller["vnet"]),
        "VPCs": sorted(each["name"] for each in controller["vpc"]),
        "nodes": {tenant: sorted((n, v["ready"]) for n, v in lab.nodes(tenant).items()) for tenant in ("blue", TENANT)},
        "objects": {
            kind: sorted(name for name in names if TENANT in name and "/kube-root-ca" not in name)
            for kind, names in lab.objects().items()
        },
        "netplan": {server: lab.ssh(server, "ls /etc/netplan").split() for server in SERVERS},
        "bridges": {
            server: sorted(name for name in lab.devices(server) if name.startswith("br-vlan-")) for server in SERVERS
        },
    }


def delete(lab: TestLab) -> None:
    settled(lab.play("tenant_delete", "-e", f"fabric_delete={TENANT}"))


@pytest.fixture(scope="module")
def clean(rack: TestLab, tenants: Tenants) -> tuple[Run, dict[str, Any]]:
    """One undisturbed run from nothing: how many tasks it has, and where it ends."""
    tenants.ensure()
    tenants.spoil()
    delete(rack)
    run = settled(rack.play("tenant_create", "-e", f"fabric_tenants={TENANT}"))
    return run, end_state(rack)


def interrupt_and_finish(lab: TestLab, moment: Moment, clean: tuple[Run, dict[str, Any]], seed: int) -> None:
    run, wanted = clean
    delete(lab)
    playing = Playing(lab.lab, "tenant_create", ["-e", f"fabric_tenants={TENANT}"])
    started = 0
    name = "(the run ended before)"
    for event in playing.follow(pause=0.05):
        if event["event"] != "task":
            continue
        started += 1
        if started > moment.task:
            name = event["task"]
            break
    time.sleep(moment.delay)
    print(f"seed {seed}: killed {moment.delay} s into task {moment.task + 1} of {len(run.tasks)}: {name}")
    playing.kill()
    settled(lab.play("tenant_create", "-e", f"fabric_tenants={TENANT}"))
    assert end_state(lab) == wanted
    unchanged(lab.play("tenant_create"))


def seed_of_this_run() -> int:
    """FABRIC_E2E_SEED repeats a run; without it the day draws, so that other moments are met over time."""
    return int(os.environ.get("FABRIC_E2E_SEED") or time.strftime("%Y%m%d"))


@pytest.mark.m5
@pytest.mark.parametrize("index", range(3))
def test_killed_and_run_again(rack: TestLab, clean: tuple[Run, dict[str, Any]], index: int) -> None:
    seed = seed_of_this_run()
    interrupt_and_finish(rack, draw(3, len(clean[0].tasks), seed)[index], clean, seed)


@pytest.mark.m5
@pytest.mark.soak
@pytest.mark.parametrize("index", range(10))
def test_killed_and_run_again_many_times(rack: TestLab, clean: tuple[Run, dict[str, Any]], index: int) -> None:
    seed = seed_of_this_run() + 1
    interrupt_and_finish(rack, draw(10, len(clean[0].tasks), seed)[index], clean, seed)
