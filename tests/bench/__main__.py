"""``python -m tests.bench``: what the project's budgets say, and what this machine makes of them."""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Callable

from fabric_lab import levels, state
from fabric_lab.demo import budget
from fabric_lab.demo.plays import play
from fabric_lab.levels import Level, Phases
from fabric_lab.state import Lab, LabError

GIBIBYTE = 2**30


def report(what: str, measured: float, wanted: float, unit: str) -> None:
    print(
        f"BENCH  {what:<44} {measured:8.1f} {unit:<4} budget {wanted:7.0f} {unit:<4} {measured / wanted:6.2f} of it",
        flush=True,
    )


def timed(work: Callable[[], object]) -> float:
    began = time.monotonic()
    work()
    return time.monotonic() - began


def unit_tests() -> None:
    command = [sys.executable, "-m", "pytest", "tests/unit", "-q", "-n", "2"]
    subprocess.run(command, cwd=state.REPOSITORY, check=True, stdout=subprocess.DEVNULL)


def run(lab: Lab, playbook: str, *options: str) -> float:
    done = play(lab, playbook, *options)
    if done.returncode:
        raise LabError(f"{playbook} failed, see {done.log}")
    return done.seconds


def measure(name: str) -> None:
    report("unit tests", timed(unit_tests), 20, "s")
    lab = state.claim(name, None, None)
    try:
        # The first start may build images and keys; the second one is what everybody meets every day.
        levels.up(lab, Level.rack, Phases())
        levels.down(lab, Phases())
        lab = state.claim(name, None, None)
        report("warm lab start", timed(lambda: levels.up(lab, Level.rack, Phases())), 180, "s")
        cluster = run(lab, "host_cluster")
        create = run(lab, "tenant_create")
        again = run(lab, "tenant_create", "-e", "fabric_tenants=blue")
        report("second run of a tenant play", again, 60, "s")
        print(f"BENCH  host_cluster.yml {cluster:.1f} s, tenant_create.yml for two {create:.1f} s")
        report("memory of the lab", budget.shared_memory(lab) / GIBIBYTE, 14, "GiB")
        report("disk with caches", budget.disk() / GIBIBYTE, 25, "GiB")
    finally:
        levels.down(lab, Phases())


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--name", default="bench", help="name of the lab, which is taken down at the end")
    try:
        measure(parser.parse_args().name)
    except LabError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
