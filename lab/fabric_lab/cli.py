"""The command line of the lab."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Callable, Sequence

from fabric_lab import levels, state
from fabric_lab.cluster import kubectl
from fabric_lab.levels import Level, Phases
from fabric_lab.rack import foundation, ssh, status, topology, vm
from fabric_lab.standin_kubevirt import guests
from fabric_lab.state import Lab, LabError
from fabric_lab.supervisor.client import Supervisor


def _lab(arguments: argparse.Namespace) -> Lab:
    lab = state.load(arguments.name)
    if lab is None:
        raise LabError(f"there is no lab named {arguments.name!r}: bring it up first")
    return lab


def _machine(lab: Lab, name: str) -> topology.Machine:
    rack = topology.build(lab)
    machine = rack.machine(name) or guests.find(lab, name)
    if machine is None:
        raise LabError(f"no machine named {name!r}; there are {', '.join(each.name for each in rack.machines)}")
    return machine


def _up(arguments: argparse.Namespace) -> int:
    lab = state.claim(arguments.name, arguments.slot, arguments.metal, arguments.fabric)
    phases = Phases()
    levels.up(lab, Level[arguments.level], phases)
    phases.note(
        f"lab {lab.name!r} is up at level {arguments.level}; its settings: python -m fabric_lab env --name {lab.name}"
    )
    return 0


def _down(arguments: argparse.Namespace) -> int:
    lab = state.load(arguments.name)
    if lab is None:
        print(f"lab {arguments.name!r} is not up")
        return 0
    levels.down(lab, Phases())
    return 0


def _status(arguments: argparse.Namespace) -> int:
    print(status.draw(_lab(arguments)))
    return 0


def _power(arguments: argparse.Namespace) -> int:
    lab = _lab(arguments)
    machine = _machine(lab, arguments.server)
    supervisor = Supervisor(lab)
    process = vm.process_name(machine.name)
    if arguments.state == "status":
        print("on" if supervisor.status()[process].state in ("running", "waiting") else "off")
        return 0
    switch: dict[str, Callable[[str], object]] = {
        "on": supervisor.start,
        "off": supervisor.stop,
        "reset": supervisor.restart,
    }
    switch[arguments.state](process)
    return 0


def _blank(arguments: argparse.Namespace) -> int:
    """What comes in a crate: a server that is off, with nothing on its disk."""
    lab = _lab(arguments)
    rack = topology.build(lab)
    machine = rack.machine(arguments.server)
    if machine is None or machine.name == topology.LEAF:
        raise LabError(
            f"no server named {arguments.server!r}; there are {', '.join(each.name for each in rack.servers)}"
        )
    supervisor = Supervisor(lab)
    supervisor.stop(vm.process_name(machine.name))
    vm.make_blank(lab, machine)
    vm.write_seed(rack, machine)
    supervisor.add(vm.process(rack, machine, foundation.ensure(lab, print)), start=False)
    return 0


def _env(arguments: argparse.Namespace) -> int:
    lab = _lab(arguments)
    if not lab.env_file.exists():
        raise LabError(f"lab {lab.name!r} is not up")
    print(lab.env_file.read_text(), end="")
    return 0


def _ssh(arguments: argparse.Namespace) -> int:
    lab = _lab(arguments)
    machine = _machine(lab, arguments.machine)
    argv = ssh.command(lab, topology.build(lab).address(machine), *arguments.command)
    os.execvp(argv[0], argv)


def _kubectl(arguments: argparse.Namespace) -> int:
    return kubectl.run(_lab(arguments), arguments.cluster, arguments.arguments)


def _controller(arguments: argparse.Namespace) -> int:
    """The simulator alone, in the foreground, with options of its own."""
    return subprocess.call([sys.executable, "-m", "fabric_lab.controller", *arguments.options])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="fabric_lab", description="An embedded data centre on one machine.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(
        name: str, run: Callable[[argparse.Namespace], int], text: str, named: bool = True
    ) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=text, description=text)
        sub.set_defaults(run=run)
        if named:
            default = os.environ.get("FABRIC_LAB_NAME") or state.DEFAULT_NAME
            sub.add_argument("--name", default=default, help="name of the lab (default: %(default)s)")
        return sub

    up = command("up", _up, "Bring a lab up, or continue where it stopped.")
    up.add_argument("--level", choices=[level.name for level in Level], default=Level.rack.name)
    up.add_argument(
        "--slot", type=int, help="number of the lab on this machine; gives its networks (default: a free one)"
    )
    up.add_argument("--metal", type=int, help="number of bare-metal servers (default: 3)")
    up.add_argument(
        "--fabric",
        choices=state.FABRICS,
        help="who configures the leaf switch: netris, with its agent; with the others nobody but who logs in to it"
        " (default: netris)",
    )
    command("down", _down, "End a lab and remove all of it but its logs.")
    command("status", _status, "Draw the rack and tell the state of everything in it.")
    power = command("power", _power, "Press a server's power switch.")
    power.add_argument("server")
    power.add_argument("state", choices=["on", "off", "reset", "status"])
    blank = command("blank", _blank, "Power a server off and empty its disk.")
    blank.add_argument("server")
    command("env", _env, "Print the settings of a lab as KEY=VALUE lines.")
    shell = command("ssh", _ssh, "Log in to a machine, or run a command there.")
    shell.add_argument("machine")
    shell.add_argument("command", nargs=argparse.REMAINDER)
    client = command("kubectl", _kubectl, "Run kubectl on the host cluster or on a tenant cluster.")
    client.add_argument("cluster", help=f"{kubectl.HOST}, or the name of a tenant cluster")
    client.add_argument("arguments", nargs=argparse.REMAINDER)
    only = command("controller", _controller, "Run the controller simulator alone in the foreground.", named=False)
    only.add_argument("options", nargs=argparse.REMAINDER)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    arguments = _parser().parse_args(argv)
    try:
        run: Callable[[argparse.Namespace], int] = arguments.run
        return run(arguments)
    except LabError as error:
        print(f"fabric_lab: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
