"""The agent's NAT and peerings on the kernel of this machine: real namespaces, real rules, real connections.

A mount and network namespace of its own holds all of it, so nothing of it can meet the machine's own networks. Bridges
there need no VLANs, which this machine's kernel may not have: what the agent does outside the VPCs' namespaces is wired
by the test, what it does in them is the agent's. Needs root.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fabric_lab.rack import requirements

ROOT = Path(__file__).resolve().parents[3]
PATH = {**os.environ, "PYTHONPATH": f"{ROOT / 'lab'}:{ROOT / 'lab' / 'agent'}"}
PROGRAMS = {"iptables-legacy-restore": "iptables", "conntrack": "conntrack", "curl": "curl", "ip": "iproute2"}

# Everything of a plan but what concerns the switch's own ports, bridge and namespaces.
AGENT = """
import json, sys
from fabric_agent.apply import apply
from fabric_agent.desired import Uplink, decode
from fabric_agent.observe import observe
from fabric_agent.plan import plan

desired = decode(json.load(sys.stdin), Uplink("swp9", "203.0.113.1/24"))
taken, steps = [], []
for _ in range(3):
    todo = plan(desired, observe())
    steps = [step for step in todo.steps if step.namespace and step.tool != "sysctl"]
    if not steps:
        break
    apply(steps, desired)
    taken.append(len(steps))
left = [f"{step.namespace}: {step.line}" for step in steps]
problems = [each for each in todo.problems if "there is no port" not in each]
print(json.dumps({"passes": taken, "left": left, "problems": problems}))
"""

# VPC → gateway, server, and the server's address. Red has the very network of blue.
VPCS = {
    1: ("192.168.67.254/22", "blue", "192.168.64.10/22"),
    2: ("192.168.71.254/22", "green", "192.168.68.10/22"),
    3: ("10.80.0.1/24", "services", "10.80.0.10/24"),
    4: ("192.168.67.254/22", "red", "192.168.64.10/22"),
}
WEB = "203.0.113.80"


class Sandbox:
    """A network namespace that stands for the switch, with others in it."""

    def __init__(self) -> None:
        start = "mkdir -p /run/netns && mount -t tmpfs none /run/netns && ip link set lo up && echo && exec sleep 600"
        self._holder = subprocess.Popen(
            ["unshare", "--net", "--mount", "--propagation", "private", "sh", "-c", start],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._holder.stdout is not None
        assert self._holder.stdout.readline() == "\n", "no namespaces to be had"
        self._servers: list[subprocess.Popen[str]] = []

    def _enter(self, *argv: str) -> list[str]:
        return ["nsenter", "--target", str(self._holder.pid), "--net", "--mount", *argv]

    def run(self, *argv: str, stdin: str = "") -> str:
        done = subprocess.run(
            self._enter(*argv), input=stdin, capture_output=True, text=True, env=PATH, timeout=60, check=False
        )
        assert done.returncode == 0, f"{argv}: {done.stderr}"
        return done.stdout

    def network(self, number: int, gateway: str, server: str, address: str) -> None:
        """A VPC with one network and one server on it."""
        ip, space = gateway.split("/")[0], f"vpc-{number}"
        lines = [
            f"link add n{number} type bridge",
            f"link set n{number} up",
            f"link add gw{number} mtu 9000 type veth peer name vnet{number} mtu 9000 netns {space}",
            f"link set gw{number} master n{number} up",
            f"link add s{number} type veth peer name eth0 netns {server}",
            f"link set s{number} master n{number} up",
        ]
        self.run("ip", "netns", "add", space)
        self.run("ip", "netns", "add", server)
        self.run("ip", "-batch", "-", stdin="\n".join(lines) + "\n")
        for name, device, own in ((space, f"vnet{number}", gateway), (server, "eth0", address)):
            lines = ["link set lo up", f"addr add {own} dev {device}", f"link set {device} up"]
            lines += [f"route add default via {ip}"] if name == server and number else []
            self.run("ip", "-n", name, "-batch", "-", stdin="\n".join(lines) + "\n")
        self.run("ip", "netns", "exec", space, "sysctl", "-qw", "net.ipv4.ip_forward=1")

    def web(self, space: str, address: str, port: int) -> None:
        """A web server that says whom it sees."""
        argv = [sys.executable, "-m", "fabric_lab.rack.outside_web"]
        options = ["--name", space, "--address", address, "--port", str(port)]
        server = subprocess.Popen(
            self._enter("ip", "netns", "exec", space, *argv, *options), stdout=subprocess.PIPE, text=True, env=PATH
        )
        assert server.stdout is not None
        assert server.stdout.readline().startswith(space)
        self._servers.append(server)

    def fetch(self, space: str, url: str) -> dict[str, str] | None:
        """What a server answers; None when there is no way to it."""
        done = subprocess.run(
            self._enter("ip", "netns", "exec", space, "curl", "-sf", "--max-time", "2", url),
            capture_output=True,
            text=True,
            check=False,
        )
        return json.loads(done.stdout) if done.returncode == 0 else None

    def apply(self, nat: list[dict[str, Any]], peerings: list[dict[str, Any]]) -> dict[str, Any]:
        """The agent carries out what the controller would tell it."""
        vnets = [
            {
                "id": number, "name": server, "vlan": number + 10, "vpc": {"id": number},
                "gateways": [{"address": gateway, "dhcp": None}], "members": [],
            }
            for number, (gateway, server, _address) in VPCS.items()
        ]  # fmt: skip
        config = {"generation": 1, "ports": [], "lags": [], "vnets": vnets, "nat": nat, "peerings": peerings}
        found: dict[str, Any] = json.loads(self.run(sys.executable, "-c", AGENT, stdin=json.dumps(config)))
        return found

    def close(self) -> None:
        for process in [*self._servers, self._holder]:
            process.kill()
            process.wait()


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    requirements.ensure(PROGRAMS)
    made = Sandbox()
    try:
        made.network(0, "203.0.113.1/24", "internet", f"{WEB}/24")
        # The provider routes the addresses for NAT to the switch; it knows nothing of the networks behind.
        made.run("ip", "-n", "internet", "route", "add", "198.51.100.0/28", "via", "203.0.113.1")
        for number, (gateway, server, address) in VPCS.items():
            made.network(number, gateway, server, address)
            made.web(server, address.split("/")[0], 8080)
        made.web("internet", WEB, 80)
        yield made
    finally:
        made.close()


def snat(vpc: int, address: str, **more: Any) -> dict[str, Any]:
    return {
        "name": f"out-{vpc}", "vpc": vpc, "action": "snat", "protocol": "all", "source": "192.168.64.0/18",
        "source_ports": None, "destination": "0.0.0.0/0", "destination_ports": None,
        "outside": [f"{address}/32"], "to": "", "to_port": None, **more,
    }  # fmt: skip


def dnat(vpc: int, address: str, port: int, target: str, **more: Any) -> dict[str, Any]:
    return {
        "name": f"in-{vpc}", "vpc": vpc, "action": "dnat", "protocol": "tcp", "source": "0.0.0.0/0",
        "source_ports": None, "destination": f"{address}/32", "destination_ports": [port, port],
        "outside": [f"{address}/32"], "to": target, "to_port": [8080, 8080], **more,
    }  # fmt: skip


def peering(number: int, tenant: int, network: str) -> dict[str, Any]:
    sides = [{"vpc": tenant, "routes": ["10.80.0.0/24"]}, {"vpc": 3, "routes": [network]}]
    return {"id": number, "name": f"peering-{number}", "sides": sides}


PEERINGS = [peering(1, 1, "192.168.64.0/22"), peering(2, 2, "192.168.68.0/22")]
INTERNET, SERVICES = f"http://{WEB}/", "http://10.80.0.10:8080/"


@pytest.fixture(autouse=True)
def withdrawn(sandbox: Sandbox) -> Iterator[None]:
    """Each test starts and ends without NAT and peerings, and what it leaves behind is seen."""
    sandbox.apply([], [])
    yield
    sandbox.apply([], [])
    for number in VPCS:
        devices = {each["ifname"] for each in json.loads(sandbox.run("ip", "-n", f"vpc-{number}", "-j", "link"))}
        assert devices == {"lo", f"vnet{number}"}
        assert json.loads(sandbox.run("ip", "-n", f"vpc-{number}", "-j", "route", "show", "proto", "static")) == []
        saved = sandbox.run("ip", "netns", "exec", f"vpc-{number}", "iptables-legacy-save")
        assert [line for line in saved.splitlines() if line.startswith("-A") or " DROP " in line] == []


def test_a_server_reaches_the_web_through_nat_and_loses_it_with_the_rule(sandbox: Sandbox) -> None:
    assert sandbox.fetch("blue", INTERNET) is None
    assert sandbox.apply([snat(1, "198.51.100.5")], [])["problems"] == []
    assert sandbox.fetch("blue", INTERNET) == {"server": "internet", "client": "198.51.100.5"}
    assert sandbox.fetch("green", INTERNET) is None
    sandbox.apply([], [])
    assert sandbox.fetch("blue", INTERNET) is None


def test_the_second_round_changes_nothing(sandbox: Sandbox) -> None:
    rules = [
        snat(1, "198.51.100.5"),
        snat(2, "198.51.100.6", protocol="udp", source_ports=[1000, 2000], destination_ports=[53, 53]),
        snat(4, "198.51.100.8", outside=["198.51.100.8/30"], protocol="icmp", source="192.168.64.0/22"),
        {**snat(1, ""), "action": "accept_snat", "outside": [], "destination": "203.0.113.7/32", "protocol": "tcp"},
        dnat(1, "198.51.100.5", 80, "192.168.64.10"),
        dnat(2, "198.51.100.6", 0, "192.168.68.10", protocol="all", destination_ports=None, to_port=None),
        dnat(
            2,
            "198.51.100.7",
            80,
            "192.168.68.10",
            destination_ports=[80, 90],
            to_port=[80, 90],
            source="203.0.113.0/24",
        ),
    ]
    first = sandbox.apply(rules, PEERINGS)
    assert (len(first["passes"]), first["left"], first["problems"]) == (1, [], [])
    assert sandbox.apply(rules, PEERINGS)["passes"] == []


def test_equal_networks_behind_nat_are_told_apart(sandbox: Sandbox) -> None:
    sandbox.apply([snat(1, "198.51.100.5"), snat(4, "198.51.100.6")], [])
    assert sandbox.fetch("blue", INTERNET) == {"server": "internet", "client": "198.51.100.5"}
    assert sandbox.fetch("red", INTERNET) == {"server": "internet", "client": "198.51.100.6"}


def test_a_port_from_outside_leads_to_its_server_and_no_other_does(sandbox: Sandbox) -> None:
    sandbox.apply([dnat(1, "198.51.100.5", 80, "192.168.64.10"), snat(1, "198.51.100.5")], [])
    assert sandbox.fetch("internet", "http://198.51.100.5/") == {"server": "blue", "client": WEB}
    assert sandbox.fetch("internet", "http://198.51.100.5:8080/") is None
    # The way in does not let the outside choose an address behind it.
    sandbox.run("ip", "-n", "internet", "route", "add", "192.168.64.0/22", "via", "203.0.113.1")
    try:
        assert sandbox.fetch("internet", "http://192.168.64.10:8080/") is None
    finally:
        sandbox.run("ip", "-n", "internet", "route", "del", "192.168.64.0/22")


def test_what_is_not_translated_does_not_leave(sandbox: Sandbox) -> None:
    sandbox.apply([snat(1, "198.51.100.5", source="192.168.65.0/24")], [])
    sandbox.run("ip", "-n", "internet", "route", "add", "192.168.64.0/22", "via", "203.0.113.1")
    try:
        assert sandbox.fetch("blue", INTERNET) is None
    finally:
        sandbox.run("ip", "-n", "internet", "route", "del", "192.168.64.0/22")


def test_tenants_with_nat_do_not_meet_behind_it(sandbox: Sandbox) -> None:
    sandbox.apply([snat(1, "198.51.100.5"), snat(2, "198.51.100.6")], [])
    assert sandbox.fetch("blue", "http://192.168.68.10:8080/") is None
    assert sandbox.fetch("green", "http://192.168.64.10:8080/") is None


def test_peers_of_the_services_reach_them_and_not_each_other(sandbox: Sandbox) -> None:
    assert sandbox.fetch("blue", SERVICES) is None
    assert sandbox.apply([], PEERINGS)["problems"] == []
    assert sandbox.fetch("blue", SERVICES) == {"server": "services", "client": "192.168.64.10"}
    assert sandbox.fetch("green", SERVICES) == {"server": "services", "client": "192.168.68.10"}
    assert sandbox.fetch("services", "http://192.168.64.10:8080/") == {"server": "blue", "client": "10.80.0.10"}
    assert sandbox.fetch("blue", "http://192.168.68.10:8080/") is None
    assert sandbox.fetch("red", SERVICES) is None
    sandbox.apply([], PEERINGS[1:])
    assert sandbox.fetch("blue", SERVICES) is None
    assert sandbox.fetch("green", SERVICES) is not None


def test_the_services_vpc_is_no_way_on(sandbox: Sandbox) -> None:
    """Even with routes that say so, neither to the other peer nor to the outside."""
    sandbox.apply([snat(3, "198.51.100.7", source="0.0.0.0/0")], PEERINGS)
    assert sandbox.fetch("services", INTERNET) == {"server": "internet", "client": "198.51.100.7"}
    way = json.loads(sandbox.run("ip", "-n", "vpc-1", "-j", "route", "show", "10.80.0.0/24"))[0]
    for network in ("192.168.68.0/22", "203.0.113.0/24"):
        sandbox.run("ip", "-n", "vpc-1", "route", "add", network, "via", way["gateway"])
    assert sandbox.fetch("blue", "http://192.168.68.10:8080/") is None
    assert sandbox.fetch("blue", INTERNET) is None
    assert sandbox.fetch("blue", SERVICES) is not None
    for network in ("192.168.68.0/22", "203.0.113.0/24"):
        sandbox.run("ip", "-n", "vpc-1", "route", "del", network)


def test_nat_and_peering_together(sandbox: Sandbox) -> None:
    sandbox.apply([snat(1, "198.51.100.5"), dnat(1, "198.51.100.5", 80, "192.168.64.10")], PEERINGS)
    assert sandbox.fetch("blue", SERVICES) == {"server": "services", "client": "192.168.64.10"}
    assert sandbox.fetch("blue", INTERNET) == {"server": "internet", "client": "198.51.100.5"}
    assert sandbox.fetch("services", INTERNET) is None
    # The public address of one's own cluster works from inside, too.
    assert sandbox.fetch("blue", "http://198.51.100.5/") == {"server": "blue", "client": "198.51.100.5"}
