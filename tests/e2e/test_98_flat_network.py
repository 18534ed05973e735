"""Pods of the host cluster on a flat network with the leaf's DHCP, beside the cluster's own.

The network is a V-Net: tagged on the shared servers' bonds, untagged at metal3, which is somebody else on it.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from fabric_lab.build import images
from fabric_lab.demo.plays import Run
from fabric_lab.rack.controller import Api

from .conftest import settled, unchanged
from .lab import SHARED, TestLab
from .test_50_change import copy_inventory

pytestmark = pytest.mark.flat

STRANGER, ADDRESS = "metal3", "192.168.80.9"
#: The server that has an address of its own in the network, by a change under the dead-man switch.
WITH_ADDRESS = "shared3"
RANGE = [f"192.168.80.{number}" for number in range(100, 150)]
SETTINGS: dict[str, Any] = {
    "l2_dhcp_network_addressing": {"mode": "none"},
    # its busybox is all that is needed of it
    "l2_dhcp_network_daemon_image": images.WEB,
    "l2_dhcp_network_workloads": [{"kind": "Deployment", "name": "assistant", "namespace": "flat"}],
}

HEAR = """
import json, socket, sys
port, group = int(sys.argv[1]), sys.argv[2]
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
sock.bind(("", port))
if group != "-":
    member = socket.inet_aton(group) + socket.inet_aton(sys.argv[3])
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, member)
sock.settimeout(20)
data, (source, _port) = sock.recvfrom(1500)
print(json.dumps([data.decode(), source]))
"""
SAY = """
import socket, sys
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
sock.sendto(b"hello", (sys.argv[1], int(sys.argv[2])))
"""


def wait_for(condition: Callable[[], Any], what: str, timeout: float = 120) -> Any:
    deadline = time.monotonic() + timeout
    while not (found := condition()):
        assert time.monotonic() < deadline, what
        time.sleep(1)
    return found


class Lan:
    """The V-Net, and what can be seen of it."""

    def __init__(self, rack: TestLab) -> None:
        self.rack = rack
        self.api = Api(rack.lab)
        self.api.login()
        self.made: list[tuple[str, int]] = []
        self.vnet = self.vlan = 0

    def create(self) -> None:
        owner, sites = {"id": 1}, [{"id": 1}]
        vpc = {"id": self._post("vpc", {"name": "flat", "adminTenant": owner})}
        common = {"name": "flat", "tenant": owner, "vpc": vpc}
        self._post("ipam/allocation", {**common, "prefix": "192.168.80.0/24"})
        self._post("ipam/subnet", {**common, "prefix": "192.168.80.0/24", "sites": sites, "purpose": "common"})
        dhcp = {"start": RANGE[0], "end": RANGE[-1], "optionSet": {"id": 1}}
        gateway = {"prefix": "192.168.80.254/24", "dhcpEnabled": True, "dhcp": dhcp}
        ports = {**{f"eth9@{server}": False for server in SHARED}, f"eth9@{STRANGER}": True}
        members = [{"name": name, "accessMode": plain, "state": "active"} for name, plain in ports.items()]
        body = {**common, "sites": sites, "state": "active", "vlan": "auto", "gateways": [gateway], "ports": members}
        self.vnet = self._post("vnet", body)
        read = self.api.request("GET", f"/api/v2/vnet/{self.vnet}")
        assert isinstance(read, dict)
        self.vlan = int(read["vlan"])
        self.rack.ssh(STRANGER, f"ip link set eth9 up && ip address replace {ADDRESS}/24 dev eth9")
        ping = "ping -q -c 1 -W 1 192.168.80.254 >/dev/null && echo yes || true"
        wait_for(lambda: self.rack.ssh(STRANGER, ping), "the V-Net's gateway does not answer")

    def _post(self, path: str, body: dict[str, Any]) -> int:
        made = self.api.request("POST", f"/api/v2/{path}", body)
        assert isinstance(made, dict)
        self.made.append((path, int(made["id"])))
        return int(made["id"])

    def delete(self) -> None:
        for path, identifier in reversed(self.made):
            self.api.request("DELETE", f"/api/v2/{path}/{identifier}")
        self.rack.ssh(STRANGER, f"ip address delete {ADDRESS}/24 dev eth9 || true")

    def leases(self) -> dict[str, str]:
        """Address and the name that the client has given itself, as the leaf's DHCP server has them."""
        text = self.rack.ssh("leaf1", f"cat /var/lib/fabric-agent/leases/{self.vnet} 2>/dev/null || true")
        return {fields[2]: fields[3] for fields in (line.split() for line in text.splitlines()) if fields[0] != "duid"}

    def pods(self, name: str) -> list[dict[str, Any]]:
        text = self.rack.kubectl(None, "-n", "flat", "get", "pods", "-l", f"app={name}", "-o", "json")
        items: list[dict[str, Any]] = json.loads(text)["items"]
        return [item for item in items if "deletionTimestamp" not in item["metadata"]]

    def pod(self, name: str) -> dict[str, Any]:
        (found,) = self.pods(name)
        return found

    def address(self, name: str = "assistant") -> str:
        """What Multus says of the second interface."""
        annotations = self.pod(name)["metadata"]["annotations"]
        status = json.loads(annotations["k8s.v1.cni.cncf.io/network-status"])
        return str(next(each["ips"][0] for each in status if each.get("interface") == "net1"))

    def in_pod(self, name: str, script: str) -> str:
        """Run something of the node's in the network namespace of a pod."""
        pod = self.pod(name)
        find = f"""
        for space in /run/netns/*; do
            if nsenter --net=$space ip -4 -o address | grep -qF ' {pod["status"]["podIP"]}/'; then break; fi
        done
        nsenter --net=$space sh -s <<'SCRIPT'
{script}
SCRIPT
"""
        return self.rack.ssh(pod["spec"]["nodeName"], find)

    def heard(self, target: str, port: int, group: str) -> Any:
        """What metal3 hears of what the pod says, and from whom."""
        found: list[str] = []
        listen = f"python3 - {port} {group} {ADDRESS} <<'END'\n{HEAR}\nEND\n"
        listener = threading.Thread(target=lambda: found.append(self.rack.ssh(STRANGER, listen)))
        listener.start()
        wait_for(lambda: self.rack.ssh(STRANGER, f"ss -Hlun sport = {port}"), "nobody listens", 15)
        self.in_pod("assistant", f"python3 - {target} {port} <<'END'\n{SAY}\nEND")
        listener.join()
        return json.loads(found[0]) if found else None


def workload(name: str) -> dict[str, Any]:
    labels = {"app": name}
    container = {"name": "web", "image": images.WEB, "imagePullPolicy": "IfNotPresent"}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "flat"},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [container], "terminationGracePeriodSeconds": 2},
            },
        },
    }


@pytest.fixture(scope="module")
def lan(rack: TestLab, host_cluster: Run, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lan]:
    del host_cluster
    network = Lan(rack)
    before = rack.inventory
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "flat"}}
    path = rack.lab.log_directory / "flat.json"
    items = [namespace, workload("assistant"), workload("plain")]
    path.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
    # Half a V-Net, too, would be in the way of whoever comes next.
    try:
        network.create()
        rack.inventory = inventory_of(tmp_path_factory.mktemp("flat") / "inventory", network)
        rack.kubectl(None, "apply", "-f", str(path))
        yield network
    finally:
        rack.inventory = before
        rack.kubectl(None, "delete", "namespace", "flat", "--ignore-not-found")
        network.delete()


def inventory_of(target: Path, network: Lan) -> Path:
    copy_inventory(target, {})
    uplink = {"l2_dhcp_network_uplink": {"nic": "bond0", "vlan_id": network.vlan}}
    (target / "group_vars" / "shared_servers.yml").write_text(yaml.safe_dump({**SETTINGS, **uplink}))
    own = {"mode": "dhcp", "route_metric": 900, "use_dns": False}
    (target / "host_vars" / f"{WITH_ADDRESS}.yml").write_text(yaml.safe_dump({"l2_dhcp_network_addressing": own}))
    return target


@pytest.fixture(scope="module")
def untouched(rack: TestLab, lan: Lan) -> dict[str, Any]:
    """What there is before."""
    del lan
    servers = {server: rack.server_state(server) for server in SHARED}
    return {"servers": servers, "objects": rack.objects()}


@pytest.fixture(scope="module")
def made(rack: TestLab, lan: Lan, untouched: dict[str, Any]) -> Run:
    del untouched
    planned = settled(rack.play("l2_dhcp_network", "--check", "--diff"))
    assert planned.count("changed") > 0
    run = settled(rack.play("l2_dhcp_network"), set(SHARED))
    rack.kubectl(None, "-n", "flat", "rollout", "status", "deployment/assistant", "--timeout=110s")
    wait_for(lambda: len(lan.pods("assistant")) == 1, "the former pod does not go")
    return run


def test_what_cannot_be_is_refused_before_anything_is_touched(rack: TestLab, untouched: dict[str, Any]) -> None:
    wrong = {"l2_dhcp_network_bridge": "cni0", "l2_dhcp_network_route_metric": 0}
    run = rack.play("l2_dhcp_network", "-e", json.dumps(wrong))
    assert run.returncode != 0 and run.changed == []
    told = "\n".join(each.text() for each in run.failed)
    assert "l2_dhcp_network_bridge: cni0 is the name of a bridge" in told and "l2_dhcp_network_route_metric: 0" in told
    assert {server: rack.server_state(server) for server in SHARED} == untouched["servers"]


def test_a_pod_gets_a_lease_of_the_leafs_under_its_name(lan: Lan, made: Run) -> None:
    del made
    address = lan.address()
    assert address in RANGE
    assert lan.leases()[address] == lan.pod("assistant")["metadata"]["name"]


def test_a_pod_without_the_annotation_gets_none(lan: Lan, made: Run) -> None:
    del made
    name = lan.pod("plain")["metadata"]["name"]
    assert name not in lan.leases().values()
    assert "net1" not in lan.in_pod("plain", "ip -br link")


def test_it_is_reached_by_a_server_there(rack: TestLab, lan: Lan, made: Run) -> None:
    del made
    answer = json.loads(rack.ssh(STRANGER, f"curl -sf -m 10 http://{lan.address()}:8080/"))
    assert answer["host"] == lan.pod("assistant")["metadata"]["name"]
    assert answer["client"].split(":")[0] == ADDRESS


@pytest.mark.parametrize(
    ("target", "port", "group"),
    [
        (ADDRESS, 9000, "-"),
        ("192.168.80.255", 9001, "-"),
        ("224.0.0.251", 5353, "224.0.0.251"),
        ("239.255.255.250", 1900, "239.255.255.250"),
    ],
    ids=["unicast", "subnet-broadcast", "mdns", "ssdp"],
)
def test_what_it_says_there_bears_the_lease(lan: Lan, made: Run, target: str, port: int, group: str) -> None:
    del made
    assert lan.heard(target, port, group) == ["hello", lan.address()]


def test_it_keeps_the_clusters_network(rack: TestLab, lan: Lan, made: Run) -> None:
    del made
    assert lan.in_pod("assistant", "ip -4 route show default").split("\n")[0].count("dev eth0") == 1
    chosen = json.loads(lan.in_pod("assistant", "ip -j route get 203.0.113.9"))[0]
    assert chosen["dev"] == "eth0"
    one, other = lan.pod("assistant"), lan.pod("plain")
    for asking, asked in ((one, other), (other, one)):
        url = f"http://{asked['status']['podIP']}:8080/"
        text = rack.kubectl(None, "-n", "flat", "exec", asking["metadata"]["name"], "--", "/web", "-get", url)
        assert json.loads(text)["client"].split(":")[0] == asking["status"]["podIP"]


def test_a_server_with_an_address_there_keeps_its_default_route(rack: TestLab, lan: Lan, made: Run) -> None:
    del made
    devices = rack.devices(WITH_ADDRESS)
    addresses = [each["local"] for each in devices["br-lan"]["addr_info"] if each["family"] == "inet"]
    assert len(addresses) == 1 and addresses[0] in lan.leases()
    assert devices["br-lan"]["address"] == devices["bond0"]["address"]
    routes = json.loads(rack.ssh(WITH_ADDRESS, "ip -j route show default"))
    by_lan = [route.get("metric", 0) for route in routes if route["dev"] == "br-lan"]
    assert by_lan == [900] and all(route.get("metric", 0) < 900 for route in routes if route["dev"] != "br-lan")
    assert rack.ssh(WITH_ADDRESS, "ls /var/lib/fabric-host-network 2>/dev/null || true") == ""
    assert [each["addr_info"] for each in (rack.devices("shared1")["br-lan"],)] == [[]]


def test_a_second_run_changes_nothing(rack: TestLab, made: Run) -> None:
    del made
    unchanged(rack.play("l2_dhcp_network"))


def test_the_lease_goes_with_the_pod(rack: TestLab, lan: Lan, made: Run) -> None:
    del made
    former = lan.pod("assistant")["metadata"]["name"]
    rack.kubectl(None, "-n", "flat", "delete", "pod", former)
    wait_for(lambda: former not in lan.leases().values(), "the lease is not given back")
    rack.kubectl(None, "-n", "flat", "rollout", "status", "deployment/assistant", "--timeout=110s")
    assert lan.leases()[lan.address()] == lan.pod("assistant")["metadata"]["name"]


def test_the_daemon_may_be_restarted(rack: TestLab, lan: Lan, made: Run) -> None:
    """The pod keeps its address, a new one gets one, and both are given back; renewing them ends (docs)."""
    del made
    before, former = lan.address(), lan.pod("assistant")["metadata"]["name"]
    rack.kubectl(None, "-n", "kube-system", "delete", "pods", "-l", "app.kubernetes.io/name=fabric-dhcp-daemon")
    daemon = ("rollout", "status", "daemonset/fabric-dhcp-daemon", "--timeout=110s")
    rack.kubectl(None, "-n", "kube-system", *daemon)
    assert f" {before}/" in lan.in_pod("assistant", "ip -4 -o address show net1")
    assert lan.leases()[before] == former
    rack.kubectl(None, "-n", "flat", "delete", "pod", former)
    rack.kubectl(None, "-n", "flat", "rollout", "status", "deployment/assistant", "--timeout=110s")
    assert lan.address() in lan.leases()
    wait_for(lambda: former not in lan.leases().values(), "the lease from before the restart is not given back")


def test_it_goes_and_leaves_nothing(rack: TestLab, lan: Lan, made: Run, untouched: dict[str, Any]) -> None:
    del made
    absent = ("-e", "l2_dhcp_network_state=absent")
    settled(rack.play("l2_dhcp_network", *absent))
    assert {server: rack.server_state(server) for server in SHARED} == untouched["servers"]
    assert rack.objects() == untouched["objects"]
    wait_for(lambda: set(lan.leases().values()) <= {WITH_ADDRESS, "*"}, "a pod's lease is left")
    unchanged(rack.play("l2_dhcp_network", *absent))
