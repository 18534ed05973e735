"""``python -m fabric_lab.demo``: the main job on the embedded lab, from an empty machine to proven isolation."""

from __future__ import annotations

import argparse
import shlex
import sys
import time
from pathlib import Path

from fabric_lab import levels, state
from fabric_lab.cluster import kubectl
from fabric_lab.demo import budget
from fabric_lab.demo.plays import Run, inventories, play
from fabric_lab.levels import Level, Phases
from fabric_lab.state import Lab, LabError

PLAYBOOKS = ("host_cluster", "tenant_create", "verify")


class DemoError(Exception):
    """The demo cannot go on; the message says what to do next."""


def _headline(text: str) -> None:
    print(f"\n=== {text}", flush=True)


def _lab_up(name: str, fabric: str | None) -> Lab:
    lab = state.claim(name, None, None, fabric)
    who = "controller" if lab.agent else f"nobody but the plays on the switch ({lab.fabric})"
    _headline(f"Lab {name!r}: leaf switch, three shared and three bare-metal servers, {who}")
    levels.up(lab, Level.rack, Phases())
    return lab


def _run(lab: Lab, playbook: str, options: list[str]) -> Run:
    sources = " ".join(f"-i {each.relative_to(state.REPOSITORY)}" for each in inventories(lab))
    _headline(f"ansible-playbook {sources} baremetal.fabric.{playbook} {' '.join(options)}")
    run = play(lab, playbook, *options, visible=True)
    for phase, seconds in run.phases:
        print(f"  {seconds:7.1f} s  {phase}")
    print(f"  {run.seconds:7.1f} s  {playbook} in total", flush=True)
    if run.returncode != 0:
        failed = "; ".join(f"{each.host}: {each.task}: {each.text()}"[:500] for each in run.failed) or "see above"
        raise DemoError(
            f"{playbook}.yml failed: {failed}\n"
            f"  Look around: make lab-status LAB={lab.name}; logs: {lab.log_directory}\n"
            f"  Every step can be repeated: `make demo` goes on where this stopped;"
            f" `make lab-down LAB={lab.name}` starts over."
        )
    return run


def _again(lab: Lab, playbook: str) -> Run:
    run = _run(lab, playbook, [])
    if run.changed or run.count("failures"):
        names = "; ".join(f"{each.host}: {each.task}" for each in run.changed)
        raise DemoError(
            f"the second run of {playbook}.yml was not to change anything, but did: {names}\n"
            f"  See what: ansible-playbook … baremetal.fabric.{playbook} --check --diff (environment: see below)\n"
            f"  {_environment(lab)}"
        )
    return run


def _command(lab: Lab, command: str) -> str:
    return f"PYTHONPATH=lab {_shown(Path(sys.executable))} -m fabric_lab {command} --name {lab.name}"


def _shown(path: Path) -> str:
    """As short as it can be typed in the repository's directory."""
    return shlex.quote(str(path.relative_to(state.REPOSITORY) if path.is_relative_to(state.REPOSITORY) else path))


def _environment(lab: Lab) -> str:
    return f"set -a; . <({_command(lab, 'env')}); set +a"


def _look_around(lab: Lab) -> None:
    key, known = _shown(lab.ssh_key), _shown(lab.known_hosts)
    print("\nLook around:")
    for cluster in kubectl.clusters(lab):
        print(f"  {_command(lab, 'kubectl')} {cluster} get nodes -o wide")
    print(f"  {_command(lab, 'ssh')} metal1 ip -br address")
    print(f"  ssh -i {key} -o UserKnownHostsFile={known} root@<address>   (addresses: make lab-status)")
    print(f"  {_shown(lab.directory)}/<cluster>.kubeconfig   (a tenant cluster's is for who reaches its VIP)")
    print(f"  make lab-status LAB={lab.name}      draw the rack")
    print(f"  make lab-down LAB={lab.name}        take it down; nothing of it stays")


def _summary(report: dict[str, object]) -> None:
    def lines(key: str) -> list[str]:
        value = report[key]
        return [str(line) for line in value] if isinstance(value, list) else []

    _headline("What there is")
    print("\n".join(lines("summary")))
    _headline("Who meets whom (frames and packets; the number of proofs behind each verdict)")
    print("\n".join(lines("table")))
    for line in lines("untried"):
        print(f"not proven, for want of an opportunity: {line}")


def _budget(lab: Lab, seconds: dict[str, float]) -> None:
    _headline("Measured")
    for what, value in seconds.items():
        print(f"  {value:7.1f} s  {what}")
    print(f"  {budget.gibibytes(budget.shared_memory(lab)):>9}  memory of the lab's virtual machines and their disks")
    print(f"  {budget.gibibytes(budget.memory_in_use()):>9}  memory in use on this machine, all in all")
    print(f"  {budget.gibibytes(budget.disk()):>9}  caches on disk")


def demo(name: str, fabric: str | None = None) -> None:
    seconds: dict[str, float] = {}
    began = time.monotonic()
    lab = _lab_up(name, fabric)
    seconds["lab up"] = time.monotonic() - began
    report: dict[str, object] = {}
    for playbook in PLAYBOOKS:
        run = _run(lab, playbook, [])
        seconds[f"{playbook}.yml"] = run.seconds
        if playbook == "verify":
            report = run.fact("verify_report")
    _headline("The same plays again: nothing may change")
    for playbook in PLAYBOOKS:
        seconds[f"{playbook}.yml, second run"] = _again(lab, playbook).seconds
    _summary(report)
    seconds["all in all"] = time.monotonic() - began
    _budget(lab, seconds)
    _look_around(lab)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m fabric_lab.demo", description=__doc__)
    parser.add_argument("--name", default=state.DEFAULT_NAME, help="name of the lab (default: %(default)s)")
    # With `manual` a person would have to come along.
    parser.add_argument("--fabric", choices=state.FABRICS[:2], help="who configures the leaf switch (default: netris)")
    arguments = parser.parse_args()
    try:
        demo(arguments.name, arguments.fabric)
    except (DemoError, LabError) as error:
        print(f"\ndemo: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(
            f"\ndemo: stopped; `make demo` goes on, `make lab-down LAB={arguments.name}` takes the lab down",
            file=sys.stderr,
        )
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
