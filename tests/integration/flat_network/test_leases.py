# SPDX-License-Identifier: Apache-2.0
"""Pods on a flat network in network namespaces: the real CNI plugins, the real DHCP daemon, a real DHCP server.

The plugins are called as a container runtime calls them, with the configuration that the role writes; the daemon is
started by the very command of the role's DaemonSet. Needs root and what `python -m fabric_lab.build` makes.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.documents import flat_network
from fabric_lab.build import binaries, debian

ROOT = Path(__file__).resolve().parents[3]
OWN_PLUGIN = ROOT / "roles" / "l2_dhcp_network" / "files" / "fabric_flat.py"
PREFIX = f"fl{os.getpid() % 10000}"
RANGE = tuple(f"192.168.2.{number}" for number in range(100, 110))

HEAR = """
import json, socket, struct, sys
port, group = int(sys.argv[1]), sys.argv[2]
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
sock.bind(("", port))
if group:
    member = socket.inet_aton(group) + socket.inet_aton(sys.argv[3])
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, member)
sock.settimeout(float(sys.argv[4]))
print("ready", flush=True)
try:
    data, (source, _port) = sock.recvfrom(1500)
    print(json.dumps([data.decode(), source]))
except socket.timeout:
    print("null")
"""
SAY = """
import socket, sys
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
sock.sendto(sys.argv[3].encode(), (sys.argv[1], int(sys.argv[2])))
"""


def ip(*arguments: str) -> str:
    return subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True).stdout


def inside(space: str, *command: str) -> list[str]:
    return ["nsenter", f"--net=/run/netns/{space}", *command]


def eventually(condition: Callable[[], Any], what: str, seconds: float = 30) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, what
        time.sleep(0.1)
    return found


class Lan:
    """A node with a bridge, the flat network that it is in with a DHCP server, and the cluster's network."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.node, self.lan, self.cluster = (f"{PREFIX}{name}" for name in ("node", "lan", "cl"))
        self.programs = home / "bin"
        self.socket = home / "run" / "dhcp.sock"
        self.leases, self.log = home / "leases", home / "dnsmasq.log"
        self.processes: list[subprocess.Popen[str]] = []
        self.pods: list[Pod] = []
        self._daemon: subprocess.Popen[str] | None = None

    def build(self) -> None:
        self.programs.mkdir()
        for name in ("bridge", "dhcp", "tuning"):
            source = binaries.directory() / "cni" / name
            assert source.exists(), f"{source} is missing: run python -m fabric_lab.build"
            (self.programs / name).symlink_to(source)
        (self.programs / flat_network.OWN_PLUGIN).write_text("#!/usr/bin/env python3\n" + OWN_PLUGIN.read_text())
        (self.programs / flat_network.OWN_PLUGIN).chmod(0o755)
        for space in (self.node, self.lan, self.cluster):
            ip("netns", "add", space)
            ip("-n", space, "link", "set", "lo", "up")
        ip("-n", self.node, "link", "add", "br-lan", "type", "bridge")
        ip("-n", self.node, "link", "add", "uplink", "type", "veth", "peer", "name", "eth0", "netns", self.lan)
        ip("-n", self.node, "link", "set", "uplink", "master", "br-lan", "up")
        ip("-n", self.node, "link", "set", "br-lan", "up")
        ip("-n", self.lan, "address", "add", "192.168.2.1/24", "dev", "eth0")
        ip("-n", self.lan, "link", "set", "eth0", "up")
        self.serve()
        self.daemon_start()

    def serve(self) -> None:
        """dnsmasq, which the lab's leaf runs too; leases are renewed every three seconds."""
        root = debian.tree()
        configuration = self.home / "dnsmasq.conf"
        lines = [
            "port=0", "no-resolv", "no-hosts", "no-ping", "dhcp-authoritative", "bind-interfaces", "interface=eth0",
            "except-interface=lo", f"dhcp-range={RANGE[0]},{RANGE[-1]},255.255.255.0,120s", "dhcp-option=3,192.168.2.1",
            "dhcp-option=58,3", f"dhcp-leasefile={self.leases}", f"log-facility={self.log}", "log-dhcp", "user=root",
        ]  # fmt: skip
        configuration.write_text("\n".join(lines) + "\n")
        libraries = ":".join(str(root / part / "x86_64-linux-gnu") for part in ("lib", "usr/lib"))
        loader = [str(root / "lib64/ld-linux-x86-64.so.2"), "--library-path", libraries, str(root / "usr/sbin/dnsmasq")]
        self.run(self.lan, *loader, "--keep-in-foreground", f"--conf-file={configuration}")
        eventually(lambda: self.log.exists() and "started" in self.log.read_text(), "dnsmasq does not start")

    def run(self, space: str, *command: str) -> subprocess.Popen[str]:
        with (self.home / "processes.log").open("a") as log:
            process = subprocess.Popen(inside(space, *command), stdout=log, stderr=subprocess.STDOUT, text=True)
        self.processes.append(process)
        return process

    @property
    def intent(self) -> dict[str, Any]:
        return {
            "name": "lan", "attachment": "lan", "namespace": "default", "bridge": "br-lan", "priority": 1000,
            "routes": ["224.0.0.0/4"], "route_plugin": flat_network.OWN_PLUGIN, "release": True,
            "host_name": True, "router_advertisements": False, "sysctls": {"net.ipv4.ip_forward": "0"},
            "daemon": {
                "namespace": "kube-system", "image": "docker.io/library/busybox:1.37.0", "pull_policy": "IfNotPresent",
                "socket": str(self.socket), "bin_dir": str(self.programs), "broadcast": False, "timeout": 5,
                "resend_max": 5, "resources": {}, "security_context": {}, "node_selector": {}, "tolerations": [],
            },
        }  # fmt: skip

    def daemon_start(self) -> None:
        daemon = flat_network.flat_network_objects(self.intent)[0]
        command = daemon["spec"]["template"]["spec"]["containers"][0]["command"]
        self.socket.parent.mkdir(exist_ok=True)
        self._daemon = self.run(self.node, *command)
        eventually(self.answers, "the daemon does not start")

    def daemon_kill(self, how: signal.Signals) -> None:
        assert self._daemon is not None
        self._daemon.send_signal(how)
        self._daemon.wait()

    def answers(self) -> bool:
        """Whether somebody listens at the socket: a daemon that was killed leaves it behind."""
        import socket

        with socket.socket(socket.AF_UNIX) as client:
            return client.connect_ex(str(self.socket)) == 0

    def held(self) -> dict[str, str]:
        """The server's leases: address, and the name that the client has given itself."""
        lines = self.leases.read_text().splitlines() if self.leases.exists() else []
        return {fields[2]: fields[3] for fields in (line.split() for line in lines) if fields[0] != "duid"}

    def asked(self, address: str) -> int:
        """How often the server has granted this address."""
        return sum("DHCPACK" in line and f" {address} " in line for line in self.log.read_text().splitlines())

    def say(self, space: str, address: str, port: int, text: str) -> None:
        subprocess.run(inside(space, sys.executable, "-c", SAY, address, str(port), text), check=True)

    def hear(self, space: str, port: int, group: str, own: str, speak: Callable[[], None], seconds: float = 5) -> Any:
        """What comes in at a port, and from whom, when somebody speaks; None when nothing does."""
        listener = subprocess.Popen(
            inside(space, sys.executable, "-c", HEAR, str(port), group, own, str(seconds)),
            stdout=subprocess.PIPE,
            text=True,
        )
        assert listener.stdout is not None
        assert listener.stdout.readline() == "ready\n"
        speak()
        heard = json.loads(listener.stdout.read())
        assert listener.wait() == 0
        return heard

    def pod(self, name: str, **changes: Any) -> Pod:
        pod = Pod(self, name, {**self.intent, **changes})
        self.pods.append(pod)
        return pod

    def clear(self) -> None:
        for process in self.processes:
            process.kill()
            process.wait()
        for space in [self.node, self.lan, self.cluster, *(pod.space for pod in self.pods)]:
            subprocess.run(["ip", "netns", "del", space], check=False, capture_output=True)


class Pod:
    """A network namespace with the cluster's interface, which holds the default route, and one by the plugins."""

    def __init__(self, lan: Lan, name: str, intent: dict[str, Any]) -> None:
        self.lan, self.name = lan, name
        number = len(lan.pods) + 1
        self.space = f"{PREFIX}p{number}"
        self.identifier = f"{number:064x}"
        self.cluster_address = f"10.244.0.{number + 1}"
        self.configuration = json.loads(flat_network.flat_network_objects(intent)[-1]["spec"]["config"])
        self.result: dict[str, Any] = {}
        ip("netns", "add", self.space)
        ip("-n", self.space, "link", "set", "lo", "up")
        ip("-n", lan.cluster, "link", "add", f"v{number}", "type", "veth", "peer", "name", "eth0", "netns", self.space)
        ip("-n", lan.cluster, "link", "set", f"v{number}", "up")
        ip("-n", self.space, "address", "add", f"{self.cluster_address}/32", "dev", "eth0")
        ip("-n", self.space, "link", "set", "eth0", "up")
        ip("-n", self.space, "route", "add", "169.254.1.1", "dev", "eth0", "scope", "link")
        ip("-n", self.space, "route", "add", "default", "via", "169.254.1.1", "dev", "eth0")

    def call(self, command: str, plugin: dict[str, Any]) -> dict[str, Any]:
        configuration = {
            **plugin, "cniVersion": self.configuration["cniVersion"], "name": self.configuration["name"],
        }  # fmt: skip
        if self.result:
            configuration["prevResult"] = self.result
        environment = {
            **os.environ, "CNI_COMMAND": command, "CNI_CONTAINERID": self.identifier, "CNI_IFNAME": "net1",
            "CNI_NETNS": f"/run/netns/{self.space}", "CNI_PATH": str(self.lan.programs),
            "CNI_ARGS": f"IgnoreUnknown=1;K8S_POD_NAMESPACE=home;K8S_POD_NAME={self.name}",
        }  # fmt: skip
        done = subprocess.run(
            inside(self.lan.node, str(self.lan.programs / plugin["type"])),
            input=json.dumps(configuration),
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise AssertionError(f"{command} {plugin['type']}: {done.stdout} {done.stderr}")
        answer: dict[str, Any] = json.loads(done.stdout or "{}")
        return answer

    def add(self) -> Pod:
        for plugin in self.configuration["plugins"]:
            self.result = self.call("ADD", plugin)
        return self

    def check(self) -> None:
        for plugin in self.configuration["plugins"]:
            self.call("CHECK", plugin)

    def delete(self) -> None:
        """As a runtime does it: the plugins in reverse, while the namespace is there."""
        for plugin in reversed(self.configuration["plugins"]):
            self.call("DEL", plugin)

    @property
    def address(self) -> str:
        return str(self.result["ips"][0]["address"]).split("/")[0]

    def routes(self, *selector: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(ip("-n", self.space, "-j", "route", "show", *selector) or "[]")
        return found

    def says(self, address: str, port: int, text: str) -> Callable[[], None]:
        return lambda: self.lan.say(self.space, address, port, text)


@pytest.fixture
def lan(tmp_path: Path) -> Iterator[Lan]:
    # the path of a socket is short
    home = Path(f"/run/{PREFIX}")
    home.mkdir(mode=0o700)
    scene = Lan(home)
    try:
        scene.build()
        yield scene
    finally:
        scene.clear()
        subprocess.run(["cp", "-a", str(home), str(tmp_path)], check=False)
        subprocess.run(["rm", "-rf", str(home)], check=False)


def test_a_pod_gets_a_lease_under_its_name_and_keeps_its_default_route(lan: Lan) -> None:
    pod = lan.pod("assistant-0").add()
    assert pod.address in RANGE
    assert lan.held() == {pod.address: "assistant-0"}
    defaults = sorted(pod.routes("default"), key=lambda route: route.get("metric", 0))
    assert [(route["dev"], route.get("metric", 0)) for route in defaults] == [("eth0", 0), ("net1", 1000)]
    chosen = json.loads(ip("-n", pod.space, "-j", "route", "get", "203.0.113.9"))[0]
    assert (chosen["dev"], chosen["prefsrc"]) == ("eth0", pod.cluster_address)
    pod.check()


def test_a_pod_that_is_not_attached_has_no_lease(lan: Lan) -> None:
    pod = lan.pod("plain")
    lan.pod("assistant").add()
    assert list(lan.held().values()) == ["assistant"]
    assert "net1" not in ip("-n", pod.space, "-br", "link")


@pytest.mark.parametrize(
    ("target", "port", "group"),
    [
        ("192.168.2.1", 9000, ""),
        ("192.168.2.255", 9, ""),
        ("224.0.0.251", 5353, "224.0.0.251"),
        ("239.255.255.250", 1900, "239.255.255.250"),
    ],
    ids=["unicast", "subnet-broadcast", "mdns", "ssdp"],
)
def test_what_is_said_on_the_flat_network_bears_the_lease(lan: Lan, target: str, port: int, group: str) -> None:
    pod = lan.pod("assistant").add()
    assert lan.hear(lan.lan, port, group, "192.168.2.1", pod.says(target, port, "hello")) == ["hello", pod.address]


def test_without_the_route_multicast_leaves_by_the_cluster(lan: Lan) -> None:
    """What the route is for; and that the test before can fail."""
    pod = lan.pod("assistant", routes=[]).add()
    speak = pod.says("224.0.0.251", 5353, "hello")
    assert lan.hear(lan.lan, 5353, "224.0.0.251", "192.168.2.1", speak, 2) is None


def test_a_pod_is_reached_and_hears_what_is_said_to_all(lan: Lan) -> None:
    pod = lan.pod("assistant").add()
    to_it = lambda: lan.say(lan.lan, pod.address, 9000, "you")  # noqa: E731
    assert lan.hear(pod.space, 9000, "", pod.address, to_it) == ["you", "192.168.2.1"]
    to_all = lambda: lan.say(lan.lan, "224.0.0.251", 5353, "all")  # noqa: E731
    ip("-n", lan.lan, "route", "add", "224.0.0.0/4", "dev", "eth0")
    assert lan.hear(pod.space, 5353, "224.0.0.251", pod.address, to_all) == ["all", "192.168.2.1"]


def test_pods_of_one_bridge_hear_each_other(lan: Lan) -> None:
    one, other = lan.pod("one").add(), lan.pod("other").add()
    speak = one.says("239.255.255.250", 1900, "search")
    assert lan.hear(other.space, 1900, "239.255.255.250", other.address, speak) == ["search", one.address]


def test_a_pod_does_not_route_between_its_networks(lan: Lan) -> None:
    pod = lan.pod("assistant").add()
    setting = subprocess.run(
        inside(pod.space, "cat", "/proc/sys/net/ipv4/ip_forward"), check=True, capture_output=True, text=True
    )
    assert setting.stdout == "0\n"


def test_a_lease_is_renewed_and_given_back_when_the_pod_goes(lan: Lan) -> None:
    pod = lan.pod("assistant").add()
    eventually(lambda: lan.asked(pod.address) >= 3, "the lease is not renewed")
    pod.delete()
    eventually(lambda: lan.held() == {}, "the lease is not given back")
    assert "net1" not in ip("-n", pod.space, "-br", "link")


def test_without_that_the_released_plugins_keep_it(lan: Lan) -> None:
    """bridge 1.9.1 asks for it when its interface is gone. When this fails, ours is not needed any more."""
    pod = lan.pod("assistant", release=False).add()
    other = lan.pod("other").add()
    pod.delete()
    # the other's renewals tell the time
    eventually(lambda: lan.asked(other.address) >= 3, "the lease of the other pod is not renewed")
    assert set(lan.held().values()) == {"assistant", "other"}


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_after_a_restart_of_the_daemon_nobody_renews(lan: Lan, how: signal.Signals) -> None:
    """What docs/l2-dhcp-network.md tells: the pod keeps an address that the server takes for free one day."""
    pod = lan.pod("assistant").add()
    lan.daemon_kill(how)
    assert lan.socket.exists() is (how == signal.SIGKILL)
    lan.daemon_start()
    before = lan.asked(pod.address)
    other = lan.pod("other").add()
    # the other pod's renewals tell the time
    eventually(lambda: lan.asked(other.address) >= 4, "the lease of the pod after the restart is not renewed")
    assert lan.asked(pod.address) == before
    assert pod.address in ip("-n", pod.space, "-br", "address", "show", "net1")
    # giving it back needs nobody's memory
    pod.delete()
    other.delete()
    eventually(lambda: lan.held() == {}, "the leases are not given back")


def test_a_check_makes_the_daemon_know_a_lease_again(lan: Lan) -> None:
    """The remedy that needs no restart of the pod: the same client asks, and gets what it has."""
    pod = lan.pod("assistant").add()
    lan.daemon_kill(signal.SIGTERM)
    lan.daemon_start()
    before = lan.asked(pod.address)
    pod.check()
    eventually(lambda: lan.asked(pod.address) >= before + 3, "the lease is not renewed again")
    assert list(lan.held()) == [pod.address]


def test_without_the_daemon_a_pod_neither_starts_nor_goes(lan: Lan) -> None:
    pod = lan.pod("assistant").add()
    lan.daemon_kill(signal.SIGTERM)
    with pytest.raises(AssertionError, match="error dialing DHCP daemon"):
        lan.pod("other").add()
    # a runtime tries until it goes
    with pytest.raises(AssertionError, match=r"DEL bridge: (?s:.*)error dialing DHCP daemon"):
        pod.delete()
    lan.daemon_start()
    pod.delete()


def test_a_pod_that_is_made_anew_is_another_client(lan: Lan) -> None:
    """Its identity is the container's, even under the same name: what is kept for the former is not given to it."""
    former = lan.pod("assistant-0", release=False).add()
    former.delete()
    successor = lan.pod("assistant-0").add()
    assert successor.address != former.address
    assert set(lan.held()) == {former.address, successor.address}


def test_without_a_server_a_pod_goes_all_the_same(lan: Lan) -> None:
    pod = lan.pod("assistant").add()
    ip("-n", lan.node, "link", "set", "uplink", "down")
    pod.delete()
    assert "net1" not in ip("-n", pod.space, "-br", "link")
    # twice, as runtimes do
    pod.delete()
