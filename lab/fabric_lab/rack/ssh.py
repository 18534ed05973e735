"""Reaching the machines over the management network."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Callable, Iterable

from fabric_lab.rack.topology import Machine, Rack
from fabric_lab.state import Lab, LabError


def command(lab: Lab, address: str, *remote: str) -> list[str]:
    """The ssh command line for a machine of the lab."""
    return [
        "ssh",
        "-F", "none",
        "-i", str(lab.ssh_key),
        "-o", "IdentitiesOnly=yes",
        "-o", f"UserKnownHostsFile={lab.known_hosts}",
        "-o", "StrictHostKeyChecking=yes",
        "-o", "ConnectTimeout=10",
        "-o", "LogLevel=ERROR",
        f"root@{address}",
        *remote,
    ]  # fmt: skip


def run(rack: Rack, machine: Machine, script: str, timeout: float = 60) -> str:
    """Run a shell script on a machine; what it printed."""
    argv = command(rack.lab, rack.address(machine), "sh", "-s")
    try:
        done = subprocess.run(argv, input=script, capture_output=True, text=True, timeout=timeout, check=False)
    except subprocess.TimeoutExpired:
        raise LabError(f"{machine.name}: no answer within {timeout:.0f} s") from None
    if done.returncode:
        raise LabError(f"{machine.name}: {(done.stderr or done.stdout).strip() or 'failed'} ({done.returncode})")
    return done.stdout


def answers(address: str, timeout: float = 1.0) -> bool:
    """Whether an ssh server greets at this address."""
    try:
        with socket.create_connection((address, 22), timeout=timeout) as connection:
            connection.settimeout(timeout * 3)
            return connection.recv(4) == b"SSH-"
    except OSError:
        return False


def wait(
    rack: Rack, machines: Iterable[Machine], ready: Callable[[Machine, float], None], gone: Callable[[Machine], bool],
    timeout: float = 240,
) -> None:  # fmt: skip
    """Wait until all machines answer, telling each as it does; a machine that ends meanwhile is an error."""
    began = time.monotonic()
    left = list(machines)
    while left:
        for machine in list(left):
            if answers(rack.address(machine)):
                ready(machine, time.monotonic() - began)
                left.remove(machine)
            elif gone(machine):
                raise LabError(f"{machine.name} ended while it booted, see {rack.lab.log_directory}/{machine.name}.log")
        if left and time.monotonic() - began > timeout:
            names = ", ".join(machine.name for machine in left)
            raise LabError(f"{names}: no ssh within {timeout:.0f} s, see the logs in {rack.lab.log_directory}")
        time.sleep(0.3)
