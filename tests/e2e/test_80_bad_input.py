"""Mistakes: each with one clear message, and nothing touched."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from fabric_lab.demo.plays import Run
from fabric_lab.rack.controller import Api

from .lab import LEAF, TestLab
from .test_50_change import copy_inventory

Variables = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Mistake:
    """What is written wrongly, and what has to be said about it."""

    name: str
    playbook: str
    message: str
    everywhere: dict[str, Any] = field(default_factory=dict)
    hosts: Variables = field(default_factory=dict)
    bare_metal: dict[str, Any] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)


# What the inventory alone tells, or the controller: the rack is enough.
INVENTORY_MISTAKES = [
    Mistake(
        "tenant-cluster-unknown",
        "tenant_create",
        "no tenant cluster 'bleu'; known: blue, green",
        hosts={"metal1": {"fabric_tenant_cluster": "bleu"}},
    ),
    Mistake(
        "server-in-two",
        "tenant_create",
        "server in two tenant clusters: blue, green",
        hosts={"metal1": {"fabric_tenant_cluster": "blue,green"}},
    ),
    Mistake(
        "nic-missing",
        "host_cluster",
        "no NIC eth77",
        everywhere={"fabric_server_nics": ["eth9", "eth77"]},
    ),
    Mistake(
        "supernet-too-small",
        "tenant_create",
        "192.168.64.0/24 is too small for a subnet of /22",
        everywhere={"fabric_tenant_supernet": "192.168.64.0/24"},
    ),
    Mistake(
        "supernet-overlaps-host", "tenant_create", "overlap", everywhere={"fabric_tenant_supernet": "192.168.0.0/17"}
    ),
    Mistake(
        "supernet-overlaps-management",
        "tenant_create",
        "overlap",
        everywhere={"fabric_tenant_supernet": "10.77.0.0/16"},
    ),
    Mistake(
        "no-room-for-the-plan",
        "tenant_create",
        "room",
        everywhere={"fabric_tenant_prefix_length": 30, "fabric_gateway_host_number": 2},
    ),
    Mistake(
        "no-child-subnet-left",
        "tenant_create",
        "192.168.128.0/22 has room for 1 subnet of /22, there are 2 tenant clusters",
        everywhere={"fabric_tenant_supernet": "192.168.128.0/22"},
    ),
    Mistake(
        "too-many-replicas",
        "tenant_create",
        "4 replicas need a shared server each, there are 3",
        hosts={"blue": {"tenant_cluster_replicas": 4}},
    ),
    Mistake("interface-name-too-long", "host_cluster", "15", everywhere={"fabric_bond": "bond-of-the-shared"}),
    Mistake("wrong-password", "host_cluster", "refused the user", environment={"NETRIS_PASSWORD": "not-the-one"}),
    Mistake("self-signed-certificate", "host_cluster", "certificate", environment={"NETRIS_CA_PATH": ""}),
    Mistake(
        "controller-down", "host_cluster", "https://127.0.0.1:1", environment={"NETRIS_URL": "https://127.0.0.1:1"}
    ),
]
# What is met on the way to the fabric, with the host cluster there.
FABRIC_MISTAKES = [
    Mistake(
        "server-unknown",
        "tenant_create",
        "no server 'nobody' in Netris",
        hosts={"metal1": {"fabric_netris_name": "nobody"}},
    ),
]


def inventory_with(mistake: Mistake, target: Path) -> Path:
    inventory = copy_inventory(target, {})
    fabric = inventory / "group_vars" / "all" / "fabric.yml"
    fabric.write_text(yaml.safe_dump({**yaml.safe_load(fabric.read_text()), **mistake.everywhere}))
    (inventory / "host_vars").mkdir(exist_ok=True)
    for host, variables in mistake.hosts.items():
        path = inventory / "host_vars" / f"{host}.yml"
        known = yaml.safe_load(path.read_text()) if path.exists() else None
        path.write_text(yaml.safe_dump({**(known or {}), **variables}))
    if "metal1" in mistake.hosts:
        # What hosts.yml says at the host itself is overruled by host_vars only when it is taken out there.
        path = inventory / "hosts.yml"
        hosts = yaml.safe_load(path.read_text())
        metal1 = hosts["all"]["children"]["servers"]["children"]["bare_metal"]["hosts"]["metal1"]
        for variable in mistake.hosts["metal1"]:
            metal1.pop(variable, None)
        path.write_text(yaml.safe_dump(hosts))
    return inventory


def told_once(run: Run, message: str) -> None:
    """It failed, said why once (or once for each server that it is about), and that without a traceback."""
    assert run.returncode != 0, f"{run.playbook} went through, see {run.log}"
    hosts = [each.host for each in run.failed]
    assert hosts and len(hosts) == len(set(hosts)), hosts
    for each in run.failed:
        assert message in each.text(), each.text()
    assert len({each.task for each in run.failed}) == 1
    assert "Traceback" not in run.log.read_text()
    assert run.changed == []


@pytest.mark.m2
@pytest.mark.parametrize("mistake", INVENTORY_MISTAKES, ids=lambda mistake: mistake.name)
def test_mistake_is_told_before_anything_is_touched(rack: TestLab, mistake: Mistake, tmp_path: Path) -> None:
    before = rack.controller()
    inventory = inventory_with(mistake, tmp_path / "inventory")
    run = rack.play(mistake.playbook, inventory=inventory, extra_environment=mistake.environment)
    told_once(run, mistake.message)
    assert rack.controller() == before


@pytest.mark.m3
@pytest.mark.usefixtures("host_cluster")
@pytest.mark.parametrize("mistake", FABRIC_MISTAKES, ids=lambda mistake: mistake.name)
def test_mistake_is_told_before_the_fabric_is_touched(rack: TestLab, mistake: Mistake, tmp_path: Path) -> None:
    before = rack.controller()
    inventory = inventory_with(mistake, tmp_path / "inventory")
    told_once(rack.play(mistake.playbook, inventory=inventory), mistake.message)
    assert rack.controller() == before


@pytest.mark.m3
@pytest.mark.usefixtures("host_cluster")
def test_no_vlan_id_left(rack: TestLab, tmp_path: Path) -> None:
    """The site's range is cut down to what is in use; a new tenant cluster then has none."""
    api = Api(rack.lab)
    api.login()
    sites = api.request("GET", "/api/v2/sites")
    assert isinstance(sites, list)
    site = sites[0]
    used = sorted(int(vnet["vlan"]) for vnet in rack.controller()["vnet"])
    narrow = {**site, "vlanRangeAutoAssign": f"{used[0]}-{used[0]}"}
    inventory = copy_inventory(tmp_path / "inventory", {})
    hosts = yaml.safe_load((inventory / "hosts.yml").read_text())
    hosts["all"]["children"]["tenant_clusters"]["hosts"]["violet"] = None
    (inventory / "hosts.yml").write_text(yaml.safe_dump(hosts))
    api.request("PUT", f"/api/v2/sites/{site['id']}", narrow)
    try:
        before = rack.controller()
        told_once(
            rack.play("tenant_create", "-e", "fabric_tenants=violet", inventory=inventory), "0 VLAN ids left in site"
        )
        assert rack.controller() == before
    finally:
        api.request("PUT", f"/api/v2/sites/{site['id']}", site)


@contextmanager
def unplugged(lab: TestLab, nic: str) -> Iterator[None]:
    """Netris knows the NIC, but no cable at it."""
    api = Api(lab.lab)
    api.login()
    links = api.request("GET", "/api/v2/link")
    assert isinstance(links, list)
    link = next(each for each in links if nic in (each["local"]["name"], each["remote"]["name"]))
    api.request("DELETE", f"/api/v2/link/{link['id']}")
    try:
        yield
    finally:
        ends = {end: {"name": link[end]["name"]} for end in ("local", "remote")}
        api.request("POST", "/api/v2/link", {**ends, "underlay": link["underlay"]})


@pytest.mark.m3
@pytest.mark.usefixtures("host_cluster")
def test_nic_that_is_not_linked(rack: TestLab, tmp_path: Path) -> None:
    inventory = copy_inventory(tmp_path / "inventory", {"metal3": "blue"})
    with unplugged(rack, "eth10@metal3"):
        before = rack.controller()
        run = rack.play("tenant_create", inventory=inventory)
        told_once(run, "NIC 'eth10' of server 'metal3' is not linked to a switch port in Netris")
        assert rack.controller() == before


def wait_for_health(lab: TestLab, healthy: bool) -> None:
    api = Api(lab.lab)
    api.login()
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        devices = api.request("GET", "/api/v2/hw?showHealth=true")
        assert isinstance(devices, list)
        leaf = next(device for device in devices if device["name"] == LEAF)
        if bool(leaf["health"].get("ok")) == healthy:
            return
        time.sleep(0.5)
    raise AssertionError(f"{LEAF} did not become {'healthy' if healthy else 'unhealthy'}")


@contextmanager
def stopped_agent(lab: TestLab) -> Iterator[None]:
    lab.ssh(LEAF, "systemctl stop fabric-agent")
    try:
        wait_for_health(lab, False)
        yield
    finally:
        lab.ssh(LEAF, "systemctl start fabric-agent")
        wait_for_health(lab, True)


@pytest.mark.m2
def test_unhealthy_agent(rack: TestLab) -> None:
    with stopped_agent(rack):
        before = rack.controller()
        told_once(rack.play("host_cluster"), "the agent of this switch is not healthy")
        assert rack.controller() == before


# -- what the host cluster and its servers tell


@contextmanager
def ebpf(lab: TestLab) -> Iterator[None]:
    """As Calico's manifest looks with its eBPF dataplane on; runs on no node."""
    manifest = {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": "calico-node", "namespace": "kube-system"},
        "spec": {
            "selector": {"matchLabels": {"k8s-app": "calico-node"}},
            "template": {
                "metadata": {"labels": {"k8s-app": "calico-node"}},
                "spec": {
                    "nodeSelector": {"e2e": "nowhere"},
                    "containers": [
                        {
                            "name": "calico-node",
                            "image": "docker.io/calico/node:v3.30.0",
                            "env": [{"name": "FELIX_BPFENABLED", "value": "true"}],
                        }
                    ],
                },
            },
        },
    }
    path = lab.lab.log_directory / "calico.json"
    path.write_text(json.dumps(manifest))
    lab.kubectl(None, "apply", "-f", str(path))
    try:
        yield
    finally:
        lab.kubectl(None, "delete", "-f", str(path))


@contextmanager
def missing_plugin(lab: TestLab) -> Iterator[None]:
    lab.ssh("shared2", "mv /opt/cni/bin/bridge /opt/cni/bridge.away")
    try:
        yield
    finally:
        lab.ssh("shared2", "mv /opt/cni/bridge.away /opt/cni/bin/bridge")


@contextmanager
def no_default_class(lab: TestLab) -> Iterator[None]:
    annotation = "storageclass.kubernetes.io/is-default-class"
    classes = json.loads(lab.kubectl(None, "get", "storageclass", "-o", "json"))["items"]
    default = [
        each["metadata"]["name"]
        for each in classes
        if each["metadata"].get("annotations", {}).get(annotation) == "true"
    ]
    for name in default:
        lab.kubectl(None, "annotate", "--overwrite", "storageclass", name, f"{annotation}=false")
    try:
        yield
    finally:
        for name in default:
            lab.kubectl(None, "annotate", "--overwrite", "storageclass", name, f"{annotation}=true")


CLUSTER_MISTAKES: list[tuple[str, Callable[[TestLab], Any], str]] = [
    ("calico-ebpf", ebpf, "Calico runs its eBPF dataplane"),
    ("bridge-plugin-missing", missing_plugin, "bridge"),
    ("no-default-storage-class", no_default_class, "no default StorageClass"),
]


@pytest.mark.m3
@pytest.mark.usefixtures("host_cluster")
@pytest.mark.parametrize(
    ("spoil", "message"), [each[1:] for each in CLUSTER_MISTAKES], ids=[each[0] for each in CLUSTER_MISTAKES]
)
def test_host_cluster_that_cannot_carry_tenant_clusters(
    rack: TestLab, spoil: Callable[[TestLab], Any], message: str
) -> None:
    before = rack.controller()
    with spoil(rack):
        told_once(rack.play("tenant_create"), message)
        assert rack.controller() == before


@pytest.mark.m3
@pytest.mark.usefixtures("host_cluster")
def test_a_server_is_not_cut_off_from_its_only_way_in(rack: TestLab, tmp_path: Path) -> None:
    """Ansible reaches shared1 over its bond, and is asked to change that bond."""
    address = next(
        entry["local"] for entry in rack.devices("shared1")["bond0"]["addr_info"] if entry["family"] == "inet"
    )
    relay = (
        f"ip netns exec {rack.lab.control_plane_netns} {sys.executable} {Path(__file__).with_name('relay.py')} %h %p"
    )
    arguments = (
        f"-o UserKnownHostsFile={tmp_path / 'known_hosts'} -o StrictHostKeyChecking=accept-new"
        f" -o ControlPath=none -o ProxyCommand='{relay}'"
    )
    mistake = Mistake(
        "only-way-in",
        "host_cluster",
        "",
        hosts={"shared1": {"ansible_host": address, "ansible_ssh_common_args": arguments, "host_network_mtu": 1400}},
    )
    inventory = inventory_with(mistake, tmp_path / "inventory")
    hosts = yaml.safe_load((inventory / "hosts.yml").read_text())
    hosts["all"]["children"]["servers"]["children"]["shared_servers"]["hosts"]["shared1"] = None
    (inventory / "hosts.yml").write_text(yaml.safe_dump(hosts))

    before, state = rack.controller(), rack.server_state("shared1")
    run = rack.play("host_cluster", inventory=inventory)
    told_once(run, "a mistake would cut the server off. Nothing was touched.")
    assert {each.host for each in run.failed} == {"shared1"}
    assert rack.controller() == before
    assert rack.server_state("shared1") == state
