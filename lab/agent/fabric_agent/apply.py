"""Carrying a plan out."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterable, Iterator
from itertools import groupby

from fabric_agent import dhcp, observe
from fabric_agent.desired import Desired, VNet
from fabric_agent.observe import CONFIG_DIRECTORY, run
from fabric_agent.plan import Step


def batches(steps: Iterable[Step]) -> Iterator[list[Step]]:
    """Steps in a row that one call of a tool can do."""
    for (tool, _), group in groupby(steps, key=lambda step: (step.tool, step.namespace)):
        if tool in ("ip", "bridge"):
            yield list(group)
        else:
            yield from ([step] for step in group)


def apply(steps: Iterable[Step], desired: Desired) -> None:
    """Do the steps; RuntimeError at the first that fails (the next round looks again)."""
    vnets = {str(vnet.id): vnet for vnet in desired.vnets}
    for batch in batches(steps):
        first = batch[0]
        if first.tool in ("ip", "bridge"):
            space = ["-n", first.namespace] if first.namespace else []
            run([first.tool, *space, "-batch", "-"], "".join(f"{step.line}\n" for step in batch))
        elif first.tool == "sysctl":
            run(["ip", "netns", "exec", first.namespace, "sysctl", "-qw", first.line])
        elif first.tool == "rules":
            _set_rules(first.namespace, first.line)
        elif first.tool == "dhcp-start":
            _start_dhcp(vnets[first.line])
        elif first.tool == "dhcp-stop":
            _stop_dhcp(first.line)
        elif first.tool == "lease-remove":
            dhcp.lease_file(int(first.line)).unlink(missing_ok=True)


def _set_rules(namespace: str, text: str) -> None:
    run(["ip", "netns", "exec", namespace, "iptables-legacy-restore"], text)
    # what the kernel remembers of connections would keep them on their former way
    run(["ip", "netns", "exec", namespace, "conntrack", "--flush"])


def _start_dhcp(vnet: VNet) -> None:
    CONFIG_DIRECTORY.mkdir(parents=True, exist_ok=True)
    dhcp.LEASE_DIRECTORY.mkdir(parents=True, exist_ok=True)
    path = CONFIG_DIRECTORY / dhcp.configuration_name(vnet)
    path.write_text(dhcp.configuration(vnet))
    # it goes to the background once it is ready to answer
    run(
        [
            "ip",
            "netns",
            "exec",
            vnet.namespace,
            "dnsmasq",
            f"--conf-file={path}",
            f"--pid-file={path}.pid",
            "--user=root",
        ]
    )


def _stop_dhcp(name: str) -> None:
    pid = observe.dhcp_servers().get(name)
    if pid is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + 5
        while name in observe.dhcp_servers():
            if time.monotonic() > deadline:
                os.kill(pid, signal.SIGKILL)
            time.sleep(0.05)
    for suffix in ("", ".pid"):
        (CONFIG_DIRECTORY / (name + suffix)).unlink(missing_ok=True)
