"""The rack itself, booted: what the controller says is what packets can do, and `down` leaves nothing.

Only the lab is tested here, with plain requests; the collection has no part in it.
"""

from __future__ import annotations

import base64
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from fabric_lab import levels, state
from fabric_lab.rack import kernel, ssh, topology
from fabric_lab.rack.controller import Api
from fabric_lab.state import Lab, LabError

pytestmark = [
    pytest.mark.lab,
    pytest.mark.skipif(os.geteuid() != 0, reason="virtual machines and network namespaces need root"),
]

NAME = "racktest"
BOND = """
cat > /etc/netplan/80-test.yaml <<'END'
network:
  version: 2
  ethernets: {{eth9: {{mtu: 9000}}, eth10: {{mtu: 9000}}}}
  bonds:
    bond0:
      interfaces: [eth9, eth10]
      mtu: 9000
      dhcp4: {dhcp}
      parameters: {{mode: 802.3ad, lacp-rate: fast, mii-monitor-interval: 100, transmit-hash-policy: layer3+4}}
{more}
END
chmod 600 /etc/netplan/80-test.yaml
netplan apply 2>&1
"""
TAGGED = """  vlans:
    bond0.{vlan}: {{id: {vlan}, link: bond0, addresses: [192.168.64.250/22]}}
"""


def cli(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "fabric_lab", *arguments, "--name", NAME],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
        env={**os.environ, "PYTHONPATH": str(state.REPOSITORY / "lab")},
    )
    print(done.stdout, done.stderr)
    assert done.returncode == 0, done.stderr
    return done.stdout


def wait_for(what: str, condition: Callable[[], Any], timeout: float = 60) -> Any:
    deadline = time.monotonic() + timeout
    while not (found := condition()):
        assert time.monotonic() < deadline, f"{what}: not within {timeout:.0f} s"
        time.sleep(0.5)
    return found


class Fabric:
    """The lab's machines and its controller."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.rack = topology.build(lab)
        self.api = Api(lab)
        self.api.login()
        self.vnets: dict[str, dict[str, Any]] = {}

    def on(self, machine: str, script: str, timeout: float = 120) -> str:
        found = self.rack.machine(machine)
        assert found is not None
        return ssh.run(self.rack, found, script, timeout)

    def succeeds(self, machine: str, script: str) -> bool:
        try:
            self.on(machine, script)
        except LabError as error:
            assert "(255)" not in str(error), error
            return False
        return True

    def create(self, path: str, body: dict[str, Any]) -> int:
        made = self.api.request("POST", path, body)
        assert isinstance(made, dict)
        return int(made["id"])

    def vnet(self, name: str, ports: dict[str, bool]) -> None:
        """A V-Net in a VPC of its own, all with the same subnet; ports by name, each with whether it is untagged."""
        owner = {"id": 1}
        vpc = {"id": self.create("/api/v2/vpc", {"name": name, "adminTenant": owner})}
        common = {"name": name, "tenant": owner, "vpc": vpc}
        self.create("/api/v2/ipam/allocation", {**common, "prefix": "192.168.64.0/18"})
        sites = [{"id": 1}]
        self.create("/api/v2/ipam/subnet", {**common, "prefix": "192.168.64.0/22", "sites": sites, "purpose": "common"})
        dhcp = {"start": "192.168.64.1", "end": "192.168.64.200", "optionSet": {"id": 1}}
        gateway = {"prefix": "192.168.67.254/22", "dhcpEnabled": True, "dhcp": dhcp}
        body = {**common, "sites": sites, "state": "active", "vlan": "auto", "gateways": [gateway]}
        self.vnets[name] = {**body, "ports": _ports(ports)}
        self.vnets[name]["id"] = self.create("/api/v2/vnet", self.vnets[name])
        read = self.api.request("GET", f"/api/v2/vnet/{self.vnets[name]['id']}")
        assert isinstance(read, dict)
        self.vnets[name]["vlan"] = int(read["vlan"])

    def move(self, name: str, ports: dict[str, bool]) -> None:
        self.vnets[name]["ports"] = _ports(ports)
        self.api.request("PUT", f"/api/v2/vnet/{self.vnets[name]['id']}", self.vnets[name])

    def address(self, machine: str) -> str:
        """The address that a server leased on its bond."""
        found = re.search(r"inet (\S+)/22", self.on(machine, "ip -4 addr show dev bond0 || true"))
        return found.group(1) if found else ""

    def channel(self, port: str) -> str:
        """The port-channel of a leaf port; its name is the controller's choice."""
        return self.on("leaf1", f"basename $(readlink /sys/class/net/{port}/master)").strip()

    def carried(self, port: str) -> set[str]:
        """VLANs of a leaf port's port-channel as the kernel has them."""
        lines = self.on("leaf1", f"bridge -j vlan show dev {self.channel(port)} 2>/dev/null || true")
        return set(re.findall(r'"vlan":(\d+)', lines))


def _ports(ports: dict[str, bool]) -> list[dict[str, Any]]:
    return [{"name": name, "accessMode": untagged, "state": "active"} for name, untagged in ports.items()]


@pytest.fixture(scope="module")
def fabric() -> Iterator[Fabric]:
    cli("down")  # what a killed run left behind is no ground to test on
    cli("up", "--level", "rack", "--metal", "2")
    lab = state.load(NAME)
    assert lab is not None
    try:
        yield Fabric(lab)
    finally:
        cli("down")
    assert levels.remains(lab) == []
    assert not lab.ssh_key.exists()
    assert b"umid=metal1" not in b"".join(
        path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if f"fabric-{NAME}/".encode() in _read(path)
    )


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


@pytest.fixture(scope="module")
def bonded(fabric: Fabric) -> Fabric:
    """Blue holds metal1 (untagged) and shared1 (tagged), green holds metal2 (untagged); all have their bonds."""
    for first, second in ((1, 2), (7, 8), (9, 10)):
        ports = [{"name": f"swp{number}@leaf1"} for number in (first, second)]
        fabric.create("/api/v2/ports/lag", {"ports": ports, "tenant": {"id": 1}, "mtu": 9000, "lacp": "on"})
    fabric.vnet("blue", {"eth9@metal1": True, "eth9@shared1": False})
    fabric.vnet("green", {"eth9@metal2": True})
    for server in ("metal1", "metal2"):
        fabric.on(server, BOND.format(dhcp="true", more=""))
    fabric.on("shared1", BOND.format(dhcp="false", more=TAGGED.format(vlan=fabric.vnets["blue"]["vlan"])))
    for server in ("metal1", "metal2"):
        wait_for(f"{server} leases an address", partial(fabric.address, server))
    return fabric


def ping(target: str, *options: str) -> str:
    return f"ping -q -c 2 -i 0.3 -W 1 {' '.join(options)} {target}"


def arp(target: str, device: str) -> str:
    """Asks at layer 2 who has an address; succeeds when somebody answers."""
    return f"arping -q -c 3 -w 1 -i {device} -S 0.0.0.0 {target} || arping -q -c 3 -i {device} {target}"


def test_lacp_and_lldp_through_the_cables(bonded: Fabric) -> None:
    def both_sides() -> bool:
        bond = bonded.on("metal1", "cat /proc/net/bonding/bond0")
        neighbours = bonded.on("leaf1", "lldpcli -f keyvalue show neighbors")
        found = set(re.findall(r"lldp\.(swp\d+)\.chassis\.name=(\w+)", neighbours))
        # the active aggregator, and both ports in it
        aggregators = re.findall(r"Aggregator ID: (\d+)", bond)
        bundled = len(aggregators) == 3 and len(set(aggregators)) == 1
        return bundled and {("swp7", "metal1"), ("swp8", "metal1")} <= found

    wait_for("bond and neighbours", both_sides)


def test_packets_pass_inside_the_vlan(bonded: Fabric) -> None:
    assert bonded.succeeds("metal1", ping("192.168.67.254"))
    assert bonded.succeeds("metal1", ping("192.168.64.250")), "untagged server to tagged server"
    assert bonded.succeeds("metal1", ping("192.168.67.254", "-M do", "-s 8972")), "jumbo frames"


def test_nothing_passes_between_vlans(bonded: Fabric) -> None:
    other = bonded.address("metal2")
    assert bonded.succeeds("metal1", arp("192.168.64.250", "bond0")), "the probe sees an answer where there is one"
    assert not bonded.succeeds("metal1", arp(other, "bond0"))
    assert not bonded.succeeds("metal1", ping(other))


def test_management_ports_do_not_meet(bonded: Fabric) -> None:
    lab = bonded.lab
    neighbour, operator = topology.management_address(lab, 22), topology.operator_address(lab)
    assert bonded.succeeds("metal1", arp(operator, "vec0"))
    assert not bonded.succeeds("metal1", arp(neighbour, "vec0"))
    # neither by way of the operator's machine
    assert not bonded.succeeds("metal1", f"ip route add {neighbour}/32 via {operator} && {ping(neighbour)}")
    bonded.on("metal1", f"ip route del {neighbour}/32")
    assert not bonded.succeeds("metal1", arp(topology.control_plane_address(lab), "vec0"))


def test_a_server_that_moves_meets_its_new_neighbours_only(bonded: Fabric) -> None:
    bonded.move("green", {})
    wait_for("green is withdrawn from the port", lambda: bonded.carried("swp9") == set())
    bonded.move("blue", {"eth9@metal1": True, "eth9@shared1": False, "eth9@metal2": True})
    wait_for("blue reaches the port", lambda: bonded.carried("swp9") == {str(bonded.vnets["blue"]["vlan"])})
    bonded.on("metal2", "networkctl renew bond0 || networkctl reconfigure bond0")
    wait_for("metal2 in blue", lambda: bonded.succeeds("metal2", ping("192.168.64.250")))
    bonded.move("blue", {"eth9@metal1": True, "eth9@shared1": False})
    wait_for("parked", lambda: bonded.carried("swp9") == set())
    assert not bonded.succeeds("metal2", arp("192.168.64.250", "bond0"))
    assert bonded.succeeds("metal1", ping("192.168.64.250"))


def test_hand_made_changes_of_the_switch_are_undone(bonded: Fabric) -> None:
    vlan, channel = bonded.vnets["blue"]["vlan"], bonded.channel("swp9")
    bonded.on("leaf1", f"ip link set {channel} master br0 && bridge vlan add dev {channel} vid {vlan} pvid untagged")
    wait_for("the agent noticed", lambda: bonded.carried("swp9") == set())


def test_the_switch_comes_back_after_a_reboot(bonded: Fabric) -> None:
    bonded.on("leaf1", "systemd-run --on-active=1 systemctl reboot")
    wait_for("leaf reboots", lambda: not ssh.answers(bonded.rack.address(bonded.rack.leaf)))
    wait_for("metal1 reaches shared1 again", lambda: bonded.succeeds("metal1", ping("192.168.64.250")), 150)


def test_the_kernel_writes_to_a_page_that_another_thread_reads(fabric: Fabric, tmp_path: Path) -> None:
    """What lab/kernel/user-memory.patch mends; without it the machine is dead within a second."""
    if kernel.ensure(print).program == kernel.PACKAGED:
        pytest.skip("Debian's own user-mode kernel is not mended")
    program = tmp_path / "fresh_page"
    source = Path(__file__).with_name("fresh_page.c")
    subprocess.run(["gcc", "-O1", "-static", "-pthread", "-s", "-o", program, source], check=True)
    text = base64.b64encode(program.read_bytes()).decode()
    said = fabric.on("metal2", f"base64 -d > fresh_page <<'END'\n{text}\nEND\nchmod +x fresh_page && ./fresh_page 5")
    assert re.fullmatch(r"[1-9]\d* writes, 0 lost\n", said)


def test_power_switch(bonded: Fabric) -> None:
    metal1 = bonded.rack.servers[3]
    cli("power", "metal1", "off")
    assert "metal1" in cli("status")
    assert not ssh.answers(bonded.rack.address(metal1))
    cli("power", "metal1", "on")
    wait_for("metal1 boots", lambda: ssh.answers(bonded.rack.address(metal1)), 120)
    wait_for("its bond came back by itself", lambda: bonded.succeeds("metal1", ping("192.168.67.254")), 60)
