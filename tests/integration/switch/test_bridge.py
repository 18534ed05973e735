"""The plan of a switch on this machine's own kernel: bridges, port-channels, VLANs, gateways, and packets through them.

Needs root and a kernel whose bridges know VLANs; without, the tests say so and are skipped, and only the lab's switch
shows the same.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.baremetal.fabric.plugins.module_utils._host_network.system import System
from ansible_collections.baremetal.fabric.plugins.module_utils._switch import observe, plan, run
from ansible_collections.baremetal.fabric.plugins.module_utils._switch.model import Member, Network, State
from ansible_collections.baremetal.fabric.plugins.module_utils._switch.steps import Line

PREFIX = f"sb{os.getpid() % 10000}"
SWITCH = f"{PREFIX}sw"


def command(*argv: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(argv, capture_output=True, text=True, check=False)


def refused(kind: str) -> str:
    """Why this machine's kernel cannot make such a device; empty when it can."""
    space = f"{PREFIX}try"
    command("ip", "netns", "add", space)
    try:
        return command("ip", "-n", space, "link", "add", "try0", *kind.split()).stderr.strip()
    finally:
        command("ip", "netns", "delete", space)


class Kernel(System):
    """The switch's commands in its namespace; its files in a directory."""

    def __init__(self, root: Path) -> None:
        super().__init__(self._inside, str(root))
        (root / "run").mkdir()

    def _inside(self, argv: Sequence[str]) -> tuple[int, str, str]:
        done = command("ip", "netns", "exec", SWITCH, *argv)
        return done.returncode, done.stdout, done.stderr


@pytest.fixture
def kernel(tmp_path: Path) -> Iterator[Kernel]:
    for kind in ("type bridge vlan_filtering 1", "type bond mode 802.3ad"):
        if reason := refused(kind):
            pytest.skip(f"this machine's kernel refuses 'ip link add {kind}': {reason}")
    spaces = [SWITCH, *(f"{PREFIX}{name}" for name in ("a", "b", "c"))]
    try:
        for space in spaces:
            assert command("ip", "netns", "add", space).returncode == 0
        for number, space in enumerate(spaces[1:], 1):
            peer = ["peer", "name", "eth9", "netns", space]
            port = f"swp{number}"
            assert command("ip", "-n", SWITCH, "link", "add", port, "type", "veth", *peer).returncode == 0
            command("ip", "-n", space, "address", "add", f"10.9.0.{number}/24", "dev", "eth9")
            command("ip", "-n", space, "link", "set", "eth9", "up")
        yield Kernel(tmp_path)
    finally:
        for space in spaces:
            command("ip", "netns", "delete", space)


def look(kernel: Kernel) -> observe.Observed:
    return observe.Observed(
        links=observe.parse_links(kernel.run("ip", "-d", "-j", "address", "show")),
        vlans=observe.parse_vlans(kernel.run("bridge", "-j", "vlan", "show")),
    )


def picture(kernel: Kernel) -> dict[str, Any]:
    seen = look(kernel)
    return {
        name: (link.kind, link.mtu, link.up, link.master, link.alias, seen.vlans.get(name))
        for name, link in seen.links.items()
    }


def network(name: str, vlan_id: int, *ports: str) -> Network:
    members = tuple(Member(f"server-{port}", (port,), tagged=False) for port in ports)
    return Network(name, vlan_id, f"10.{vlan_id}.0.0/24", f"10.{vlan_id}.0.254", members=members)


def state(*networks: Network) -> State:
    ports = ("swp1", "swp2", "swp3")
    return State({each.name: each for each in networks}, "br-fabric", 1500, (), ports)


def bring(kernel: Kernel, before: State, wanted: State) -> tuple[Line, ...]:
    """Carry a change out; what takes it back."""
    todo = plan.plan(before, wanted, look(kernel))
    run.execute(kernel, [step.do for step in todo.steps])
    return todo.undo


def reaches(source: str, target: int) -> bool:
    space = f"{PREFIX}{source}"
    return command("ip", "netns", "exec", space, "ping", "-c1", "-W1", f"10.9.0.{target}").returncode == 0


def test_packets_pass_within_a_network_and_nowhere_else(kernel: Kernel) -> None:
    wanted = state(network("blue", 100, "swp1", "swp2"), network("green", 101, "swp3"))
    bring(kernel, State(), wanted)
    assert plan.plan(wanted, wanted, look(kernel)).steps == ()
    assert reaches("a", 2) and not reaches("a", 3)
    moved = state(network("blue", 100, "swp1"), network("green", 101, "swp2", "swp3"))
    bring(kernel, wanted, moved)
    assert reaches("b", 3) and not reaches("a", 2)


def test_a_port_channel_is_made_and_goes(kernel: Kernel) -> None:
    before = picture(kernel)
    pair = Member("server", ("swp1", "swp2"), tagged=True)
    wanted = state(Network("blue", 100, "10.100.0.0/24", "10.100.0.254", members=(pair,)))
    bring(kernel, State(), wanted)
    seen = look(kernel)
    assert seen.links["swp1"].master == "po-server" and seen.links["po-server"].data["mode"] == "802.3ad"
    assert seen.vlans["po-server"] == {observe.Vlan(100, False)}
    empty = State({}, "br-fabric", 1500, (), (), run._remember_ports(wanted, observe.Observed()).before)
    bring(kernel, wanted, empty)
    assert set(picture(kernel)) == set(before)


def test_what_is_taken_back_is_as_before(kernel: Kernel) -> None:
    first = state(network("blue", 100, "swp1", "swp2"))
    bring(kernel, State(), first)
    before = picture(kernel)
    second = state(network("blue", 100, "swp2"), network("green", 101, "swp1", "swp3"))
    undo = bring(kernel, first, second)
    assert picture(kernel) != before
    run.execute(kernel, undo)
    assert picture(kernel) == before
