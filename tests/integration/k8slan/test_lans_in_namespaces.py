"""The lab's stand-in for k8slan and the servers' own check on real packets.

Two nodes are network namespaces on one Ethernet, and their pods are network namespaces, too. Needs root, and a kernel
that makes bridges, veths and VXLANs; the namespaces are the test's own and go with it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.baremetal.fabric.plugins.module_utils._host_network import multicast

ROOT = Path(__file__).resolve().parents[3]
NODE = ROOT / "lab" / "fabric_lab" / "standin_k8slan" / "node"
PREFIX = f"kl{os.getpid() % 10000}"
LLDP, BROADCAST, PAUSE = "01:80:c2:00:00:0e", "ff:ff:ff:ff:ff:ff", "01:80:c2:00:00:01"
LANS: dict[str, dict[str, Any]] = {
    name: {
        "ns": f"{PREFIX}-{name}",
        "bridge": "br0",
        "vxlan": "vx0",
        "vni": vni,
        "vxlanGrp": "ff02::14",
        "vxlanPort": 14789,
        "defaultVxlanDev": "eth9",
        "spokes": spokes,
    }
    for name, vni, spokes in (("one", 222, ["left", "right"]), ("two", 223, ["third"]))
}

LINKS = "import json, sys; from standin import links; {}"
LISTEN = """
import socket, sys, time
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)); s.bind(("e1-1", 0)); s.settimeout(0.2)
# what is addressed to nobody here is of interest, too
s.setsockopt(263, 1, __import__("struct").pack("iHH8s", socket.if_nametoindex("e1-1"), 1, 0, b""))
print("ready", flush=True); end = time.monotonic() + float(sys.argv[1])
while time.monotonic() < end:
    try: frame = s.recv(2000)
    except TimeoutError: continue
    if frame[14:20] == b"fabric": print(":".join(f"{b:02x}" for b in frame[:6]), flush=True)
"""
SEND = """
import socket, sys
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW); s.bind(("e1-1", 0))
own = s.getsockname()[4]
for target in sys.argv[1:]:
    for _ in range(3):
        s.send(bytes.fromhex(target.replace(":", "")) + own + b"\\x88\\xcc" + b"fabric" + b"\\0" * 40)
"""
MEET = """
import json, sys
from ansible_collections.baremetal.fabric.plugins.module_utils._host_network import multicast
name, group, timeout = sys.argv[1], sys.argv[2], float(sys.argv[3])
path = multicast.Path("eth9", group)
print(json.dumps([multicast.meet([path], name, set(sys.argv[4:]), timeout), sorted(path.heard)]))
"""


def ip(*arguments: str) -> str:
    return subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True).stdout


def inside(space: str, program: str, *arguments: str, **environment: str) -> list[str]:
    """Without a mount namespace of its own, as `ip netns exec` would make: what is mounted in it would be gone."""
    settings = [f"{key}={value}" for key, value in environment.items()]
    return ["nsenter", f"--net=/run/netns/{space}", "env", *settings, sys.executable, "-c", program, *arguments]


class Rack:
    def __init__(self, home: Path) -> None:
        self.home = home
        self.spaces = {name: f"{PREFIX}{name}" for name in ("sw", "a", "b", "left", "right", "third")}

    def build(self) -> None:
        for space in self.spaces.values():
            ip("netns", "add", space)
        switch = self.spaces["sw"]
        ip("-n", switch, "link", "add", "seg", "type", "bridge")
        ip("-n", switch, "link", "set", "seg", "up")
        for number, node in enumerate(("a", "b"), start=1):
            space = self.spaces[node]
            peer = ["type", "veth", "peer", "name", "eth9", "netns", space]
            ip("-n", switch, "link", "add", "name", node, *peer)
            ip("-n", switch, "link", "set", "dev", node, "master", "seg", "up")
            ip("-n", space, "link", "set", "lo", "up")
            ip("-n", space, "link", "set", "eth9", "up")
            ip("-n", space, "address", "add", f"10.8.0.{number}/24", "dev", "eth9")
            self.place(node).mkdir()
            (self.place(node) / "standin").symlink_to(NODE)
        deadline = time.monotonic() + 10
        while any("tentative" in ip("-n", self.spaces[node], "address", "show", "eth9") for node in ("a", "b")):
            assert time.monotonic() < deadline
            time.sleep(0.1)

    def place(self, node: str) -> Path:
        return self.home / node

    def links(self, node: str, call: str, *arguments: str) -> str:
        environment = {"STANDIN_K8SLAN_ROOT": str(self.place(node)), "PYTHONPATH": str(self.place(node))}
        command = inside(self.spaces[node], LINKS.format(call), *arguments, **environment)
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def plug(self, node: str, spoke: str) -> dict[str, Any]:
        """By the CNI plugin itself."""
        environment = {
            "STANDIN_K8SLAN_ROOT": str(self.place(node)),
            "CNI_COMMAND": "ADD",
            "CNI_NETNS": f"/run/netns/{self.spaces[spoke]}",
            "CNI_IFNAME": "e1-1",
        }
        settings = [f"{key}={value}" for key, value in environment.items()]
        config = {"cniVersion": "0.3.1", "name": f"k8slan-veth-{spoke}", "type": "k8slanveth", "veth": spoke}
        net = f"--net=/run/netns/{self.spaces[node]}"
        command = ["nsenter", net, "env", *settings, sys.executable, str(NODE / "plugin.py")]
        done = subprocess.run(command, input=json.dumps(config), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        ip("-n", self.spaces[spoke], "link", "set", "e1-1", "up")
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def clear(self) -> None:
        for node in ("a", "b"):
            for space in self.place(node).glob("netns/*"):
                subprocess.run(["umount", str(space)], check=False)
        for space in self.spaces.values():
            subprocess.run(["ip", "netns", "del", space], check=False)


@pytest.fixture(scope="module")
def rack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rack]:
    made = Rack(tmp_path_factory.mktemp("nodes"))
    try:
        made.build()
        yield made
    finally:
        made.clear()


@pytest.fixture(scope="module")
def pods(rack: Rack) -> dict[str, str]:
    """left and right in one LAN, on two nodes; third in another one, beside left."""
    for node in ("a", "b"):
        for spec in LANS.values():
            rack.links(node, "links.ensure(json.loads(sys.argv[1]), 'x')", json.dumps(spec))
    return {
        spoke: rack.plug(node, spoke)["interfaces"][0]["mac"]
        for node, spoke in (("a", "left"), ("b", "right"), ("a", "third"))
    }


def heard(rack: Rack, sender: str, listeners: tuple[str, ...], *targets: str) -> dict[str, set[str]]:
    """Destination addresses of the frames that each listener sees of the sender's."""
    running = {
        name: subprocess.Popen(inside(rack.spaces[name], LISTEN, "3"), stdout=subprocess.PIPE, text=True)
        for name in listeners
    }
    for each in running.values():
        assert each.stdout is not None and each.stdout.readline() == "ready\n"
    subprocess.run(inside(rack.spaces[sender], SEND, *targets), check=True)
    return {name: set(each.communicate()[0].split()) for name, each in running.items()}


def test_frames_reach_the_lan_on_the_other_node_and_no_other_lan(rack: Rack, pods: Mapping[str, str]) -> None:
    found = heard(rack, "left", ("right", "third"), BROADCAST, LLDP, pods["right"], PAUSE)
    assert found == {"right": {BROADCAST, LLDP, pods["right"]}, "third": set()}


def test_a_ping_of_full_size_passes(rack: Rack, pods: Mapping[str, str]) -> None:
    del pods
    for spoke, address in (("left", "10.9.0.1/24"), ("right", "10.9.0.2/24"), ("third", "10.9.0.3/24")):
        ip("-n", rack.spaces[spoke], "address", "add", address, "dev", "e1-1")
    (shown,) = json.loads(ip("-n", rack.spaces["left"], "-json", "link", "show", "e1-1"))
    assert shown["mtu"] == 1500 - 74

    def reaches(target: str) -> bool:
        size = str(1500 - 74 - 28)
        command = ["ping", "-c", "2", "-W", "2", "-M", "do", "-s", size, target]
        net = f"--net=/run/netns/{rack.spaces['left']}"
        return not subprocess.run(["nsenter", net, *command], capture_output=True, check=False).returncode

    assert reaches("10.9.0.2") and not reaches("10.9.0.3")


def test_a_pod_that_comes_again_finds_its_port(rack: Rack, pods: Mapping[str, str]) -> None:
    """The former one's port may still be there; nobody takes it away at its end."""
    del pods
    ip("-n", rack.spaces["right"], "link", "set", "e1-1", "name", "old")
    rack.plug("b", "right")
    assert "old" not in ip("-n", rack.spaces["right"], "link", "show")
    assert heard(rack, "left", ("right",), BROADCAST) == {"right": {BROADCAST}}


def test_twice_is_once_and_nothing_stays(rack: Rack, pods: Mapping[str, str]) -> None:
    del pods
    for node in ("a", "b"):
        for spec in LANS.values():
            rack.links(node, "links.ensure(json.loads(sys.argv[1]), 'x')", json.dumps(spec))
            rack.links(node, "links.remove(sys.argv[1])", spec["ns"])
            rack.links(node, "links.remove(sys.argv[1])", spec["ns"])
        assert rack.links(node, "print(links.known())") == "[]\n"
        assert list(rack.place(node).glob("*/*.json")) == []
        names = [each["ifname"] for each in json.loads(ip("-n", rack.spaces[node], "-json", "link", "show"))]
        assert set(names) - {"tunl0", "sit0", "ip6tnl0", "gre0", "gretap0", "erspan0"} == {"lo", "eth9"}
    for spoke in ("left", "right", "third"):
        assert "e1-1" not in ip("-n", rack.spaces[spoke], "link", "show")
    mounts = Path("/proc/self/mounts").read_text()
    assert PREFIX + "-" not in mounts


# -- the servers' own check


def meet(rack: Rack, group: str, timeout: float, peers: Mapping[str, tuple[str, ...]]) -> dict[str, Any]:
    environment = {"PYTHONPATH": str(ROOT / ".ansible" / "collections")}
    running = {
        name: subprocess.Popen(
            inside(rack.spaces[name], MEET, name, group, str(timeout), *others, **environment),
            stdout=subprocess.PIPE,
            text=True,
        )
        for name, others in peers.items()
    }
    return {name: json.loads(each.communicate()[0]) for name, each in running.items()}


@pytest.mark.parametrize("group", ["ff02::14", "239.1.2.3"])
def test_servers_hear_each_other(rack: Rack, group: str) -> None:
    assert meet(rack, group, 10, {"a": ("b",), "b": ("a",)}) == {"a": [[], ["b"]], "b": [[], ["a"]]}


def test_who_is_not_heard_is_named(rack: Rack) -> None:
    (missing, heard_of), _other = meet(rack, "ff02::14", 2, {"a": ("b", "c"), "b": ("a",)}).values()
    assert missing == ["eth9: nothing is heard from c"] and heard_of == ["b"]


def test_a_switch_that_keeps_multicast_back_is_noticed(rack: Rack) -> None:
    switch = rack.spaces["sw"]
    try:
        for port in ("a", "b"):
            ip("-n", switch, "link", "set", "dev", port, "type", "bridge_slave", "mcast_flood", "off")
        ip("-n", switch, "link", "set", "dev", "seg", "type", "bridge", "mcast_snooping", "0")
        found = meet(rack, "ff02::14", 2, {"a": ("b",), "b": ("a",)})
    finally:
        ip("-n", switch, "link", "set", "dev", "seg", "type", "bridge", "mcast_snooping", "1")
        for port in ("a", "b"):
            ip("-n", switch, "link", "set", "dev", port, "type", "bridge_slave", "mcast_flood", "on")
    assert found == {"a": [["eth9: nothing is heard from b"], []], "b": [["eth9: nothing is heard from a"], []]}


def as_a_module(rack: Rack, names: tuple[str, ...], *options: str, **arguments: Any) -> dict[str, dict[str, Any]]:
    """What Ansible makes of it, on all at once; it shows results as YAML or as JSON, which is YAML, too."""
    running = {}
    for name in names:
        asked = {"name": name, "peers": [each for each in names if each != name], "paths": [{"device": "eth9"}]}
        command = ["ansible", "localhost", "-c", "local", "-m", "baremetal.fabric.host_multicast", *options]
        command += ["-a", json.dumps({**asked, **arguments}), "-e", f"ansible_python_interpreter={sys.executable}"]
        net = f"--net=/run/netns/{rack.spaces[name]}"
        environment = {
            **os.environ,
            "ANSIBLE_LOAD_CALLBACK_PLUGINS": "1",
            "ANSIBLE_STDOUT_CALLBACK": "ansible.builtin.minimal",
        }
        running[name] = subprocess.Popen(["nsenter", net, *command], stdout=subprocess.PIPE, text=True, env=environment)
    texts = {name: each.communicate()[0] for name, each in running.items()}
    return {name: yaml.safe_load(text.rpartition("=> ")[2]) for name, text in texts.items()}


def test_the_module_says_so(rack: Rack) -> None:
    found = as_a_module(rack, ("a", "b"), link_kinds=["bridge", "veth", "vxlan"], timeout=30)
    assert {name: each["heard"] for name, each in found.items()} == {
        "a": {"eth9/ff02::14": ["b"]},
        "b": {"eth9/ff02::14": ["a"]},
    }
    assert found["a"]["mtu"] == {"eth9": 1500} and found["a"]["missing"] == []


def test_the_module_names_what_is_missing(rack: Rack) -> None:
    (found,) = as_a_module(rack, ("a",), link_kinds=["nonsense"]).values()
    assert found["msg"].startswith("this server cannot carry LANs: the kernel makes no device of kind nonsense: ")
    # it may still be made by the same play
    (found,) = as_a_module(rack, ("a",), "--check", paths=[{"device": "bond0"}]).values()
    assert found["missing"][0].startswith("there is no device bond0") and found["changed"] is False


def preflight(rack: Rack, directory: Path, forks: int, *options: str, alone: str = "") -> tuple[int, str]:
    """The role's look at the servers, which are namespaces; `alone` is one that is on no network."""
    hosts = {}
    spaces = {name: f"nsenter --net=/run/netns/{rack.spaces[name]}" for name in ("a", "b")}
    for name, way in {**spaces, **({alone: "unshare --net"} if alone else {})}.items():
        # what Ansible takes for the server's Python
        python = directory / f"python-{name}"
        python.write_text(f'#!/bin/sh\nexec {way} {sys.executable} "$@"\n')
        python.chmod(0o755)
        hosts[name] = {"ansible_python_interpreter": str(python)}
    inventory, play = directory / "hosts.yml", directory / "play.yml"
    wide = {
        "ansible_connection": "local",
        "ansible_become": False,
        "ansible_async_dir": str(directory / "async"),
        "k8slan_bin_dir": str(directory),
        "k8slan_lans": [{"name": "lan", "device": "eth9"}],
        # what this machine's kernel can make besides is not the question
        "__k8slan_link_kinds": ["bridge"],
    }
    inventory.write_text(yaml.safe_dump({"all": {"hosts": hosts}}))
    role = {"name": "baremetal.fabric.k8slan", "tasks_from": "preflight"}
    tasks = [{"ansible.builtin.include_role": role}]
    play.write_text(yaml.safe_dump([{"hosts": "all", "gather_facts": False, "tasks": tasks}]))
    command = ["ansible-playbook", "-i", str(inventory), str(play), "--forks", str(forks), "-e", json.dumps(wide)]
    done = subprocess.run([*command, *options], capture_output=True, text=True, check=False)
    assert not list((directory / "async").glob("*"))
    return done.returncode, done.stdout + done.stderr


def test_one_fork_is_enough(rack: Rack, tmp_path: Path) -> None:
    code, said = preflight(rack, tmp_path, 1)
    assert code == 0 and said.count("changed=0 ") == 2, said


def test_who_is_not_heard_by_few_forks_is_named_too(rack: Rack, tmp_path: Path) -> None:
    code, said = preflight(rack, tmp_path, 2, "-e", "k8slan_probe_timeout=1", alone="c")
    assert code != 0 and said.count("eth9: nothing is heard from c") >= 2, said
    assert "nothing is heard from a" not in said and "there is no device eth9" in said


def test_a_dry_run_calls_nobody(rack: Rack, tmp_path: Path) -> None:
    code, said = preflight(rack, tmp_path, 1, "--check")
    assert code == 0 and not (tmp_path / "async").exists(), said


def devices(rack: Rack) -> dict[str, Any]:
    text = ip("-n", rack.spaces["a"], "-details", "-json", "address", "show")
    return {each["ifname"]: each for each in json.loads(text) if "ifname" in each}


def test_what_a_device_lacks_is_named(rack: Rack) -> None:
    assert multicast.problems(devices(rack), "eth9", "ff02::14", 14789) == []
    (told,) = multicast.problems(devices(rack), "eth8", "ff02::14", 14789)
    assert told.startswith("there is no device eth8; there are ") and "eth9" in told
    space = rack.spaces["a"]
    ip("-n", space, "link", "add", "flannel.1", "type", "vxlan", "id", "1", "dev", "eth9", "dstport", "8472")
    try:
        (told,) = multicast.problems(devices(rack), "eth9", "ff02::14", 8472)
        assert told == "UDP port 8472 is that of the VXLAN device flannel.1 already; give the LANs another"
    finally:
        ip("-n", space, "link", "delete", "flannel.1")
    (told,) = multicast.problems({"eth9": {"flags": ["UP", "MULTICAST"]}}, "eth9", "239.1.2.3", 14789)
    assert told == "eth9 has no IPv4 address, which the group 239.1.2.3 needs"
    ip("-n", space, "address", "flush", "dev", "eth9", "scope", "link")
    (told,) = multicast.problems(devices(rack), "eth9", "ff02::14", 14789)
    assert told.startswith("eth9 has no IPv6 link-local address")
    assert multicast.problems(devices(rack), "eth9", "239.1.2.3", 14789) == []
    ip("-n", space, "link", "set", "eth9", "down")
    assert "eth9 is not up" in multicast.problems(devices(rack), "eth9", "239.1.2.3", 14789)
    ip("-n", space, "link", "set", "eth9", "up")
