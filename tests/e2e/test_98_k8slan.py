"""Virtual LANs across the shared servers: the lab's stand-in for k8slan acts on its real CRD, and the packets are real.

Only the host cluster is needed. The pods are made by kubectl, so that what is told to users is what is tried.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from fabric_lab.build import images
from fabric_lab.demo.plays import Run
from fabric_lab.standin_k8slan import manifest

from tests.support import schemas

from .conftest import settled, unchanged
from .lab import SHARED, TestLab
from .test_50_change import copy_inventory

pytestmark = pytest.mark.k8slan

INTERFACE, NAMESPACE = "e1-1", "lans"
LANS = [
    {"name": "one", "vni": 222, "namespace": NAMESPACE, "spokes": [{"name": "left"}, {"name": "right"}]},
    {"name": "two", "vni": 223, "namespace": NAMESPACE, "spokes": [{"name": "third"}]},
]
BROADCAST, LLDP, PAUSE = "ff:ff:ff:ff:ff:ff", "01:80:c2:00:00:0e", "01:80:c2:00:00:01"
LISTEN = """
import socket, struct, time
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)); s.bind(("e1-1", 0)); s.settimeout(0.5)
s.setsockopt(263, 1, struct.pack("iHH8s", socket.if_nametoindex("e1-1"), 1, 0, b""))
print("listening", flush=True); end = time.monotonic() + 20
while time.monotonic() < end:
    try: frame = s.recv(2000)
    except TimeoutError: continue
    if frame[14:20] == b"fabric": print("heard", frame[:6].hex(":"), flush=True)
"""
SEND = """
import socket
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW); s.bind(("e1-1", 0)); own = s.getsockname()[4]
for target in TARGETS:
    for _ in range(5): s.send(bytes.fromhex(target.replace(":", "")) + own + b"\\x88\\xcc" + b"fabric" + b"\\0" * 40)
"""


@dataclass(frozen=True)
class Pod:
    """One that is attached to the spoke of its name."""

    spoke: str
    node: str
    address: str

    def document(self) -> dict[str, Any]:
        container = {
            "name": "web",
            "image": images.WEB,
            "imagePullPolicy": "IfNotPresent",
            # an attachment brings neither an address nor a link that is up
            "securityContext": {"capabilities": {"add": ["NET_ADMIN"]}},
            "resources": {"limits": {f"macvtap.k8slan.io/k8slan-veth-{self.spoke}": "1"}},
        }
        annotations = {"k8s.v1.cni.cncf.io/networks": f"k8slan-veth-{self.spoke}@{INTERFACE}"}
        return {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": self.spoke, "namespace": NAMESPACE, "annotations": annotations},
            "spec": {
                "nodeSelector": {"kubernetes.io/hostname": self.node},
                "terminationGracePeriodSeconds": 1,
                "containers": [container],
            },
        }


PODS = (
    Pod("left", "shared1", "10.9.0.1"),
    Pod("right", "shared2", "10.9.0.2"),
    Pod("third", "shared1", "10.9.0.3"),
)
LEFT, RIGHT, THIRD = PODS


class Lans:
    def __init__(self, lab: TestLab) -> None:
        self.lab = lab

    def kubectl(self, *arguments: str) -> str:
        return self.lab.kubectl(None, "-n", NAMESPACE, *arguments)

    def start(self) -> None:
        path = self.lab.lab.directory / "log" / "k8slan-pods.json"
        path.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": [pod.document() for pod in PODS]}))
        self.kubectl("apply", "-f", str(path))
        for pod in PODS:
            self.kubectl("wait", "--for=condition=Ready", f"pod/{pod.spoke}", "--timeout=110s")
            self.kubectl("exec", pod.spoke, "--", "ip", "address", "add", f"{pod.address}/24", "dev", INTERFACE)
            self.kubectl("exec", pod.spoke, "--", "ip", "link", "set", INTERFACE, "up")

    def status(self, pod: Pod) -> dict[str, Any]:
        """What Multus tells of the attachment."""
        found = json.loads(self.kubectl("get", "pod", pod.spoke, "-o", "json"))
        told = json.loads(found["metadata"]["annotations"]["k8s.v1.cni.cncf.io/network-status"])
        mine: dict[str, Any] = next(each for each in told if each.get("interface") == INTERFACE)
        return mine

    def netns(self, pod: Pod) -> str:
        """The pod's network namespace on its server, told by the MAC address."""
        mac = self.status(pod)["mac"]
        script = (
            f"for ns in /run/netns/*; do nsenter --net=$ns ip link show {INTERFACE} 2>/dev/null | grep -q {mac}"
            " && echo $ns; done; true"
        )
        return self.lab.ssh(pod.node, script).strip()

    def reaches(self, pod: Pod, address: str) -> bool:
        script = f"nsenter --net={self.netns(pod)} ping -c 3 -W 2 -q {address} >/dev/null && echo yes || echo no"
        return self.lab.ssh(pod.node, script).strip() == "yes"

    def heard(self, sender: Pod, listener: Pod, targets: tuple[str, ...], home: Path) -> set[str]:
        """Destination addresses of the sender's frames that come to the listener."""
        output = home / f"{sender.spoke}-{listener.spoke}"
        # the program comes by a file: a terminal would echo it
        self.lab.ssh(listener.node, f"cat > /run/listen-{listener.spoke}.py <<'END'\n{LISTEN}\nEND\n")
        listen = f"nsenter --net={self.netns(listener)} python3 /run/listen-{listener.spoke}.py"
        with self.lab.process(listener.node, listen, output):
            wait_for(lambda: "listening" in output.read_text(), "nobody listens")
            program = SEND.replace("TARGETS", repr(targets))
            self.lab.ssh(sender.node, f"nsenter --net={self.netns(sender)} python3 - <<'END'\n{program}\nEND\n")
            time.sleep(5)  # for what must not come there is nothing to wait for
        self.lab.ssh(listener.node, f"rm /run/listen-{listener.spoke}.py")
        return {line.split()[1] for line in output.read_text().splitlines() if line.startswith("heard")}


def wait_for(condition: Any, complaint: str, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, complaint
        time.sleep(0.5)


@pytest.fixture(scope="module")
def before(rack: TestLab, host_cluster: Run, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """The lab without k8slan, and an inventory with it."""
    del host_cluster
    schemas.find(manifest.CRD)
    former = rack.inventory
    home = tmp_path_factory.mktemp("k8slan")
    (home / "standin-k8slan.yaml").write_text(manifest.text())
    inventory = copy_inventory(home / "inventory", {})
    settings = {"k8slan_manifest": str(home / "standin-k8slan.yaml"), "k8slan_lans": LANS}
    (inventory / "group_vars" / "shared_servers.yml").write_text(yaml.safe_dump(settings))
    rack.inventory = inventory
    rack.kubectl(None, "create", "namespace", NAMESPACE)
    yield {"objects": rack.objects(), **{server: rack.server_state(server) for server in SHARED}}
    rack.kubectl(None, "delete", "namespace", NAMESPACE)
    rack.inventory = former


@pytest.fixture(scope="module")
def declared(rack: TestLab, before: dict[str, Any]) -> Run:
    del before
    return settled(rack.play("k8slan"))


@pytest.fixture(scope="module")
def lans(rack: TestLab, declared: Run) -> Lans:
    del declared
    made = Lans(rack)
    made.start()
    return made


def test_a_plan_touches_nothing(rack: TestLab, before: dict[str, Any]) -> None:
    settled(rack.play("k8slan", "--check", "--diff"))
    assert rack.objects() == before["objects"]
    assert {server: rack.server_state(server) for server in SHARED} == {server: before[server] for server in SHARED}


def test_what_breaks_a_rule_touches_nothing(rack: TestLab, before: dict[str, Any], tmp_path: Path) -> None:
    wrong = [*LANS, {"name": "three", "vni": 222, "devices": {"shared9": "bond0"}, "spokes": [{"name": "third"}]}]
    (tmp_path / "wrong.json").write_text(json.dumps({"k8slan_lans": wrong}))
    run = rack.play("k8slan", "-e", f"@{tmp_path / 'wrong.json'}")
    assert run.returncode != 0
    told = "\n".join(each.text() for each in run.failed)
    for mistake in ("vni 222 must be used once", "spoke third must be used once", "no node with this host name"):
        assert mistake in told
    assert rack.objects() == before["objects"]


def test_every_server_is_ready_for_every_lan(rack: TestLab, declared: Run) -> None:
    assert declared.count("changed") > 0
    for name in ("one", "two"):
        found = json.loads(rack.kubectl(None, "-n", NAMESPACE, "get", "lan", name, "-o", "json"))
        assert sorted(found["metadata"]["finalizers"]) == [f"finalizer.k8slan.io/{server}" for server in SHARED]
    for server in SHARED:
        assert rack.ssh(server, "ls /run/k8slan/netns").split() == ["one", "two"]


def test_two_pods_on_two_servers_share_a_lan(lans: Lans) -> None:
    assert lans.status(LEFT)["name"] == f"{NAMESPACE}/k8slan-veth-left"
    assert lans.reaches(LEFT, RIGHT.address)


def test_a_third_in_another_lan_is_not_reached(lans: Lans) -> None:
    assert not lans.reaches(LEFT, THIRD.address) and not lans.reaches(THIRD, RIGHT.address)


def test_broadcast_and_lldp_pass_and_pause_frames_do_not(lans: Lans, tmp_path: Path) -> None:
    targets = (BROADCAST, LLDP, PAUSE)
    assert lans.heard(LEFT, RIGHT, targets, tmp_path) == {BROADCAST, LLDP}
    assert lans.heard(LEFT, THIRD, targets, tmp_path) == set()


def test_a_second_run_changes_nothing(rack: TestLab, lans: Lans) -> None:
    del lans
    unchanged(rack.play("k8slan"))


def test_nothing_is_removed_from_under_a_pod(rack: TestLab, lans: Lans) -> None:
    run = rack.play("k8slan", "-e", "k8slan_state=absent")
    assert run.returncode != 0
    told = "\n".join(each.text() for each in run.failed)
    assert f"still has Pod {NAMESPACE}/left, Pod {NAMESPACE}/right attached" in told
    assert lans.reaches(LEFT, RIGHT.address)


def test_removal_leaves_nothing(rack: TestLab, lans: Lans, before: dict[str, Any]) -> None:
    lans.kubectl("delete", "pod", *(pod.spoke for pod in PODS))
    settled(rack.play("k8slan", "-e", "k8slan_state=absent"))
    # their namespace is the cluster's to clear up
    wait_for(lambda: rack.objects() == before["objects"], "objects are left", 120)
    assert {server: rack.server_state(server) for server in SHARED} == {server: before[server] for server in SHARED}
    for server in SHARED:
        assert rack.ssh(server, "ls -d /run/k8slan 2>/dev/null || true") == ""
        assert "k8slan" not in rack.kubectl(None, "get", "node", server, "-o", "jsonpath={.status.allocatable}")
    unchanged(rack.play("k8slan", "-e", "k8slan_state=absent"))
