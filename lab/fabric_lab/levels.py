"""How much of a lab is started, and starting it: phase by phase, each skipped when it is already there."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import shutil
import time
from collections.abc import Iterator
from enum import IntEnum
from pathlib import Path

from fabric_lab import state
from fabric_lab.bmc import settings as bmc
from fabric_lab.rack import (
    agent_state,
    controller,
    foundation,
    keys,
    network,
    outside_web,
    requirements,
    ssh,
    topology,
    vm,
)
from fabric_lab.rack.foundation import Foundation
from fabric_lab.rack.topology import Machine, Rack
from fabric_lab.standin_kubevirt import guests
from fabric_lab.state import Lab, LabError
from fabric_lab.supervisor import leftovers
from fabric_lab.supervisor.client import Supervisor


class Level(IntEnum):
    """Each level holds the one before."""

    controller = 0
    rack = 1
    cluster = 2
    full = 3


class Phases:
    """Prints what is going on and how long each part took."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def note(self, text: str) -> None:
        print(f"[{time.monotonic() - self._began:6.1f} s]   {text}", flush=True)

    @contextlib.contextmanager
    def phase(self, title: str) -> Iterator[None]:
        began = time.monotonic()
        print(f"[{began - self._began:6.1f} s] {title} …", flush=True)
        yield
        now = time.monotonic()
        print(f"[{now - self._began:6.1f} s] {title}: {now - began:.1f} s", flush=True)


def up(lab: Lab, level: Level, phases: Phases) -> None:
    """Bring a lab to a level; what already runs stays as it is."""
    supervisor, rack = Supervisor(lab), topology.build(lab)
    has_rack = level >= Level.rack or bool(network.namespaces(lab))
    with lab.lock():
        base: Foundation | None = None
        if has_rack:
            with phases.phase("machine"):
                requirements.check()
                for package in requirements.ensure():
                    phases.note(f"installed the Debian package {package}")
            with phases.phase("kernel and base image"):
                base = foundation.ensure(lab, phases.note)
            with phases.phase("keys and networks"):
                keys.ensure_ssh(guests.beside(rack))
                keys.ensure_tls(lab)
                supervisor.ensure()
                network.ensure(rack)
        with phases.phase("controller"):
            supervisor.ensure()
            spec = controller.process(lab, has_rack)
            before = supervisor.status().get(spec.name)
            known = controller.write_seed(rack)
            after = supervisor.add(spec)
            if not known and before is not None and before.pid == after.pid:
                supervisor.restart(spec.name)  # it reads at its start which servers there are
            controller.write_environment(lab, has_rack, _bmc_environment(lab) if has_rack else {})
            controller.wait(lab, supervisor)
        if base is not None:
            for outlet in topology.OUTLETS:
                supervisor.add(outside_web.process(lab, outlet))
            supervisor.add(bmc.process(lab))
            _start_machines(rack, base, supervisor, phases)
            if lab.agent:
                with phases.phase("leaf agent"):
                    agent_state.wait_healthy(lab)
        if level >= Level.cluster:
            with phases.phase("host control plane"):
                for step in _cluster(lab):
                    phases.note(step)


def _start_machines(rack: Rack, base: Foundation, supervisor: Supervisor, phases: Phases) -> None:
    for share in vm.SHARES:
        (state.cache_dir() / share).mkdir(parents=True, exist_ok=True)
    with phases.phase(f"{len(rack.machines)} virtual machines"):
        # one that was made blank is its BMC's: it may be off, or in the middle of its installation
        found = [machine for machine in rack.machines if not vm.is_own(rack.lab, machine)]
        for machine in found:
            vm.write_seed(rack, machine)
            supervisor.add(vm.process(rack, machine, base))

        def ready(machine: Machine, seconds: float) -> None:
            phases.note(f"{machine.name:8} {rack.address(machine):12} answers by ssh after {seconds:.1f} s")

        def gone(machine: Machine) -> bool:
            return supervisor.status()[vm.process_name(machine.name)].state in ("ended", "stopped")

        ssh.wait(rack, found, ready, gone)


def _bmc_environment(lab: Lab) -> dict[str, str]:
    return {
        "FABRIC_LAB_BMC_URL": bmc.url(lab),
        "FABRIC_LAB_BMC_USERNAME": bmc.USERNAME,
        "FABRIC_LAB_BMC_PASSWORD": bmc.password(lab),
    }


def _cluster(lab: Lab) -> list[str]:
    """Start the host cluster's control plane; what had to be done. Imported late: a rack needs none of it."""
    if importlib.util.find_spec("fabric_lab.cluster") is None:
        raise LabError("this lab has no level above `rack`: fabric_lab.cluster is missing")
    done: list[str] = importlib.import_module("fabric_lab.cluster").up(lab)
    return done


def down(lab: Lab, phases: Phases) -> None:
    """End everything of a lab and remove its state; its logs stay."""
    supervisor = Supervisor(lab)
    with lab.lock():
        with phases.phase("processes"):
            known = leftovers.find(lab)
            if supervisor.alive():
                supervisor.shutdown()
            leftovers.end(lab)
            leftovers.wait_gone(known)
        with phases.phase("networks and files"):
            network.remove(lab)
            for path in lab.directory.iterdir():
                if path.is_dir() and path != lab.log_directory:
                    shutil.rmtree(path)
                elif path.is_file() and path.name not in ("lock", "lab.json"):
                    path.unlink()
            state.release(lab)
            # last, so that an interrupted `down` can be said again
            (lab.directory / "lab.json").unlink(missing_ok=True)
    if left := remains(lab):
        raise LabError(f"lab {lab.name!r} left something behind: {', '.join(left)}")


def remains(lab: Lab) -> list[str]:
    """What is still there of a lab: processes, namespaces, interfaces, mounts, files in memory."""
    found = [f"process {pid}" for pid in leftovers.find(lab)]
    found += [f"namespace {name}" for name in network.namespaces(lab)]
    found += (
        [f"interface {lab.operator_interface}"] if Path(f"/sys/class/net/{lab.operator_interface}").exists() else []
    )
    mounts = Path("/proc/self/mounts").read_text().splitlines()
    places = (f"{lab.directory}/", f"{lab.run_directory}/", f"/run/netns/{lab.netns}")
    found += [f"mount {line.split()[1]}" for line in mounts if line.split()[1].startswith(places)]
    found += [str(lab.run_directory)] if lab.run_directory.exists() else []
    return found
