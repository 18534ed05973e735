"""A virtual machine becomes a node by itself, changes, and goes with its disk.

KubeVirt is the lab's stand-in; the guest is real.
"""

from __future__ import annotations

import base64
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from fabric_lab.demo.plays import Run
from fabric_lab.rack import ssh, topology, vm
from fabric_lab.standin_kubevirt import guests
from fabric_lab.supervisor.client import Supervisor

from .conftest import Tenants, settled, unchanged
from .lab import TestLab

pytestmark = pytest.mark.m8

# Beside the one that the inventory has.
NAME, NAMESPACE = "blue-vm2", "vcluster-blue"
MACHINE = {
    "fabric_tenant_cluster": "blue",
    "vm_node_image": "docker://lab.local/standin-guest:bookworm",
    "vm_node_labels": {"pool": "vms"},
}
BLUE = ("-e", "fabric_tenants=blue")


def inventory_with(source: Path, target: Path, **variables: Any) -> Path:
    """An inventory with the machine in it."""
    shutil.copytree(source, target)
    settings = target / "group_vars" / "all" / "lab.yml"
    # The installer is named relative to the inventory's place in the repository.
    settings.write_text(settings.read_text().replace("{{ inventory_dir }}/../..", str(source.parents[1])))
    hosts = yaml.safe_load((target / "hosts.yml").read_text())
    hosts["all"]["children"]["vm_nodes"]["hosts"][NAME] = {**MACHINE, **variables}
    (target / "hosts.yml").write_text(yaml.safe_dump(hosts))
    return target


class Machine:
    """The machine as its user sees it, and what the lab has of it."""

    def __init__(self, lab: TestLab, source: Path, home: Path) -> None:
        self.lab = lab
        self.source = source
        self.home = home

    def declare(self, **variables: Any) -> None:
        self.lab.inventory = inventory_with(self.source, self.home / f"{len(list(self.home.iterdir()))}", **variables)

    def get(self, kind: str, name: str = NAME) -> Any:
        text = self.lab.kubectl(None, "-n", NAMESPACE, "get", kind, name, "-o", "json", "--ignore-not-found")
        return json.loads(text) if text.strip() else None

    def in_guest(self, script: str) -> str:
        found = guests.find(self.lab.lab, NAME)
        assert found is not None
        return ssh.run(topology.build(self.lab.lab), found, script)

    def node(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.lab.kubectl("blue", "get", "node", NAME, "-o", "json"))
        return found

    def labels(self, *names: str) -> dict[str, str]:
        """Those of its node that are asked for, and there."""
        found = self.node()["metadata"]["labels"]
        return {name: found[name] for name in names if name in found}

    def placed(self) -> guests.Guest:
        return guests.load(self.lab.lab)[f"{NAMESPACE}/{NAME}"]


@pytest.fixture(scope="module")
def machine(rack: TestLab, tenants: Tenants, tmp_path_factory: pytest.TempPathFactory) -> Machine:
    tenants.ensure()
    return Machine(rack, rack.inventory, tmp_path_factory.mktemp("machines"))


@pytest.fixture(scope="module")
def joined(rack: TestLab, machine: Machine) -> Run:
    machine.declare()
    return settled(rack.play("tenant_create", *BLUE))


def test_the_node_is_ready_at_an_address_of_the_tenant_cluster(rack: TestLab, joined: Run, machine: Machine) -> None:
    del joined
    assert rack.nodes("blue")[NAME]["ready"] == "True"
    assert machine.labels("pool", "tier") == {"pool": "vms"}
    address = next(each["address"] for each in machine.node()["status"]["addresses"] if each["type"] == "InternalIP")
    interface = machine.get("virtualmachineinstance")["status"]["interfaces"][0]
    assert interface["ipAddress"] == address
    assert f"link/ether {interface['mac']}" in machine.in_guest("ip link show eth0")


def test_it_is_plugged_into_the_tenants_bridge(rack: TestLab, joined: Run, machine: Machine) -> None:
    del joined
    place = machine.placed()
    vlan = next(each["vlan"] for each in rack.controller()["vnet"] if each["name"] == "blue-nodes")
    assert place.bridge == f"br-vlan-{vlan}"
    assert rack.devices(place.server)[place.socket]["master"] == place.bridge


def test_the_token_is_dead_and_nowhere_to_be_read(rack: TestLab, joined: Run, machine: Machine) -> None:
    secret = machine.get("secret", f"{NAME}-cloud-init")
    found = re.search(r"token=([a-z0-9]{6})\.([a-z0-9]{16})", base64.b64decode(secret["data"]["userdata"]).decode())
    assert found is not None
    identifier, hidden = found.groups()
    assert rack.kubectl("blue", "-n", "kube-system", "get", "secret", "-o", "name").count(identifier) == 0
    assert hidden not in json.dumps(machine.get("virtualmachine")) + json.dumps(machine.get("virtualmachineinstance"))
    assert hidden not in joined.log.read_text()
    # the seed is the disc that KubeVirt would attach; what the guest has made of it must be clean
    places = "/var/lib/baremetal.fabric /var/log /etc/kubernetes /var/lib/kubelet /proc/[0-9]*/cmdline"
    search = f"grep -rlF -f - {places} 2>/dev/null <<'END' || true\n{hidden}\nEND\n"
    assert machine.in_guest(search) == ""


def test_a_second_run_changes_nothing(rack: TestLab, joined: Run) -> None:
    del joined
    unchanged(rack.play("tenant_create", *BLUE))


def test_what_cannot_change_is_refused_by_name(rack: TestLab, joined: Run, machine: Machine) -> None:
    del joined
    before = machine.get("virtualmachine")["metadata"]["generation"]
    machine.declare(vm_node_disk="10Gi", vm_node_mac="02:42:a1:00:00:09")
    run = rack.play("tenant_create", *BLUE)
    assert run.returncode != 0
    told = "\n".join(each.text() for each in run.failed)
    assert "disk is 20Gi and cannot shrink to 10Gi" in told and "MAC address is" in told
    assert machine.get("virtualmachine")["metadata"]["generation"] == before


def test_more_cores_are_in_force_after_a_drained_restart(rack: TestLab, joined: Run, machine: Machine) -> None:
    del joined
    before = machine.get("virtualmachineinstance")["metadata"]["uid"]
    machine.declare(vm_node_cores=3, vm_node_restart="drain")
    settled(rack.play("tenant_create", *BLUE))
    instance = machine.get("virtualmachineinstance")
    assert instance["metadata"]["uid"] != before and instance["spec"]["domain"]["cpu"]["cores"] == 3
    assert rack.nodes("blue")[NAME]["ready"] == "True"
    assert machine.labels("pool", "tier") == {"pool": "vms"}
    unchanged(rack.play("tenant_create", *BLUE))


def test_a_label_that_is_taken_out_is_taken_off(rack: TestLab, joined: Run, machine: Machine) -> None:
    del joined
    machine.declare(vm_node_cores=3, vm_node_labels={"tier": "gold"})
    settled(rack.play("tenant_create", *BLUE))
    assert machine.labels("pool", "tier") == {"tier": "gold"}


def test_it_goes_with_its_disk(rack: TestLab, joined: Run, machine: Machine) -> None:
    del joined
    place = machine.placed()
    machine.declare(vm_node_state="absent")
    settled(rack.play("tenant_create", *BLUE))
    assert NAME not in rack.nodes("blue")
    for kind in ("virtualmachine", "virtualmachineinstance", "datavolume", "persistentvolumeclaim"):
        assert machine.get(kind) is None, kind
    assert machine.get("secret", f"{NAME}-cloud-init") is None
    assert "master" not in rack.devices(place.server)[place.socket]
    unchanged(rack.play("tenant_create", *BLUE))
    # by now the stand-in has tidied up behind its objects
    assert vm.process_name(place.machine_name) not in Supervisor(rack.lab).status()
    assert not (rack.lab.run_directory / f"{place.machine_name}.cow").exists()
    rack.inventory = machine.source
