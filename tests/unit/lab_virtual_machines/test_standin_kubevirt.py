"""The lab's stand-in for KubeVirt and CDI, with an API and machines that are only remembered."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from ansible_collections.baremetal.fabric.plugins.module_utils._kube import compare
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.documents import network, virtual_machine
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.readiness import judge
from fabric_lab.rack import topology, vm
from fabric_lab.rack.topology import Rack
from fabric_lab.standin_kubevirt import guests, judgements, kinds
from fabric_lab.standin_kubevirt.api import ApiError, Object
from fabric_lab.standin_kubevirt.controller import Controller
from fabric_lab.standin_kubevirt.guests import Guest
from fabric_lab.state import Lab, LabError

from tests.support import schemas

INTENT: dict[str, Any] = {
    "tenant": "blue",
    "name": "blue-vm1",
    "namespace": "vcluster-blue",
    "network_namespace": "vcluster-blue-networks",
    "cores": 2,
    "memory": "2Gi",
    "disk": "20Gi",
    "image": "docker://lab.local/standin-guest:bookworm",
    "image_checksum": "",
    "storage_class": "",
    "mac": "",
    "run_strategy": "Always",
    "pod_network": False,
    "node_name": "blue-vm1",
    "endpoint_host": "192.168.67.253",
    "port": 443,
    "ca": "CA",
    "token": "abcdef.0123456789abcdef",
    "join_arguments": [],
    "join_timeout": 900,
}
NETWORK: dict[str, Any] = {
    "name": "blue",
    "namespace": "vcluster-blue-networks",
    "bridge": "br-vlan-3",
    "subnet": "192.168.64.0/22",
    "control_plane_range": None,
    "promiscuous": True,
    "sysctls": {},
}
PLURALS = {
    "VirtualMachine": f"{kinds.MACHINES}/namespaces/{{0}}/virtualmachines",
    "VirtualMachineInstance": f"{kinds.MACHINES}/namespaces/{{0}}/virtualmachineinstances",
    "DataVolume": f"{kinds.DISKS}/namespaces/{{0}}/datavolumes",
    "PersistentVolumeClaim": "/api/v1/namespaces/{0}/persistentvolumeclaims",
    "Secret": "/api/v1/namespaces/{0}/secrets",
    "NetworkAttachmentDefinition": "/apis/k8s.cni.cncf.io/v1/namespaces/{0}/network-attachment-definitions",
}


def merged(base: Any, over: Any) -> Any:
    """JSON merge patch."""
    if not isinstance(over, dict):
        return over
    made = dict(base) if isinstance(base, dict) else {}
    for key, value in over.items():
        if value is None:
            made.pop(key, None)
        else:
            made[key] = merged(made.get(key), value)
    return made


class PaperApi:
    """An API server as far as it is used: finalizers hold what is deleted, owners take along what they own."""

    def __init__(self) -> None:
        self.objects: dict[str, Object] = {}

    def add(self, document: Object) -> None:
        metadata = document["metadata"]
        path = f"{PLURALS[document['kind']].format(metadata['namespace'])}/{metadata['name']}"
        made = compare.normalise(copy.deepcopy(document))
        made["metadata"] = {**metadata, "uid": path, "generation": 1}
        self.objects[path] = made

    def only(self, kind: str) -> Object | None:
        return next((each for each in self.objects.values() if each.get("kind") == kind), None)

    def get(self, path: str) -> Object | None:
        return copy.deepcopy(self.objects.get(path))

    def list(self, path: str) -> list[Object]:
        base, _slash, plural = path.rpartition("/")
        return [
            copy.deepcopy(each)
            for name, each in self.objects.items()
            if name.startswith(base) and name.split("/")[-2] == plural
        ]

    def create(self, path: str, body: Object) -> None:
        name = f"{path}/{body['metadata']['name']}"
        if name not in self.objects:
            namespace = path.split("/namespaces/")[1].split("/")[0] if "/namespaces/" in path else ""
            metadata = {**body["metadata"], "namespace": namespace, "uid": name, "generation": 1}
            self.objects[name] = {**copy.deepcopy(body), "metadata": metadata}

    def patch(self, path: str, body: Object) -> None:
        target = path.removesuffix("/status")
        if target not in self.objects:
            raise ApiError(404, path)
        self.objects[target] = merged(self.objects[target], body)
        self._collect()

    def delete(self, path: str) -> None:
        if path in self.objects:
            self.objects[path]["metadata"]["deletionTimestamp"] = "now"
            self._collect()

    def _collect(self) -> None:
        gone = {
            path
            for path, each in self.objects.items()
            if each["metadata"].get("deletionTimestamp") and not each["metadata"].get("finalizers")
        }
        for path in gone:
            del self.objects[path]
        orphans = [
            path
            for path, each in self.objects.items()
            if any(owner["uid"] in gone for owner in each["metadata"].get("ownerReferences", []))
        ]
        for path in orphans:
            self.delete(path)


class PaperHardware:
    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.rack: Rack = topology.build(lab)
        self.running: dict[str, str] = {}
        self.seeds: dict[str, tuple[str, str]] = {}
        self.disks: set[str] = set()
        self.bridges: dict[str, str] = {}
        self.server_starts = 1
        self.reachable = True

    def states(self) -> dict[str, str]:
        return self.running

    def starts(self, _server: str) -> int:
        return self.server_starts

    def start(self, guest: Guest, user_data: str, network_data: str) -> None:
        self.running[guest.machine_name] = "running"
        self.disks.add(guest.machine_name)
        self.seeds[guest.machine_name] = (user_data, network_data)

    def plug(self, guest: Guest) -> Guest:
        if not self.reachable:
            raise LabError("no answer")
        self.bridges[f"{guest.server}:{guest.socket}"] = guest.bridge
        return replace(guest, plugged_at=self.server_starts)

    def stop(self, guest: Guest) -> None:
        self.running.pop(guest.machine_name, None)
        self.bridges.pop(f"{guest.server}:{guest.socket}", None)

    def remove(self, guest: Guest) -> None:
        self.running.pop(guest.machine_name, None)
        self.disks.discard(guest.machine_name)

    def address(self, _guest: Guest) -> str:
        return "192.168.64.7"


class Scene:
    def __init__(self) -> None:
        self.lab = Lab("vmtest", 9)
        self.api = PaperApi()
        self.hardware = PaperHardware(self.lab)
        self.said: list[str] = []
        self.controller = self.anew()
        for attachment in network.network_objects(NETWORK)[1:]:
            self.api.add(attachment)
        for number in (1, 2, 3):
            self.node(f"shared{number}", {"tenant.baremetal.fabric/blue": "bridge"})

    def anew(self) -> Controller:
        return Controller(self.api, self.hardware, self.said.append)  # type: ignore[arg-type]

    def node(self, name: str, labels: dict[str, str]) -> None:
        ready = {"conditions": [{"type": "Ready", "status": "True"}]}
        self.api.objects[f"/api/v1/nodes/{name}"] = {"metadata": {"name": name, "labels": labels}, "status": ready}

    def apply(self, **changes: Any) -> None:
        for document in virtual_machine.virtual_machine_plan({**INTENT, **changes}, [])["objects"]:
            self.api.add(document)

    def rounds(self, count: int = 6) -> None:
        for _ in range(count):
            self.controller.round()

    def status(self, kind: str) -> Object:
        found = self.api.only(kind)
        assert found is not None, kind
        status: Object = found["status"]
        return status

    def delete(self, kind: str) -> None:
        found = self.api.only(kind)
        assert found is not None, kind
        namespace, name = found["metadata"]["namespace"], found["metadata"]["name"]
        self.api.delete(f"{PLURALS[kind].format(namespace)}/{name}")


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    monkeypatch.setattr(Lab, "run_directory", property(lambda _lab: tmp_path))
    return Scene()


def test_a_machine_starts_beside_a_server_that_carries_the_bridge(scene: Scene) -> None:
    scene.node("shared1", {})
    scene.apply()
    scene.rounds()
    assert scene.hardware.bridges == {"shared2:vm0": "br-vlan-3"}
    assert scene.hardware.running == {"vm1": "running"}
    assert scene.status("VirtualMachineInstance")["phase"] == "Running"
    assert scene.status("VirtualMachineInstance")["nodeName"] == "shared2"


def test_the_collection_takes_its_words_for_it(scene: Scene) -> None:
    scene.apply()
    verdicts = []
    for _ in range(6):
        scene.rounds(1)
        machine = scene.api.only("VirtualMachine")
        assert machine is not None
        verdicts.append(judge(machine).ready)
    assert verdicts[0] is False and verdicts[-1] is True
    assert judge(scene.api.only("DataVolume") or {}).ready
    shown = scene.status("VirtualMachineInstance")["interfaces"]
    mac = virtual_machine.stable_mac("blue", "blue-vm1")
    assert shown[0]["mac"] == mac and shown[0]["ipAddress"] == "192.168.64.7"


def test_the_guest_gets_the_secret_and_the_network(scene: Scene) -> None:
    scene.apply()
    scene.rounds()
    user_data, network_data = scene.hardware.seeds["vm1"]
    assert "abcdef.0123456789abcdef" in user_data
    assert yaml.safe_load(network_data)["ethernets"]["tenant"]["dhcp4"] is True


def test_a_settled_machine_costs_no_write(scene: Scene) -> None:
    scene.apply()
    scene.rounds(8)
    assert scene.controller.round() is False


def test_a_new_process_takes_over(scene: Scene) -> None:
    scene.apply()
    scene.rounds(8)
    scene.controller = scene.anew()
    assert scene.controller.round() is False
    assert list(scene.hardware.running) == ["vm1"]


def test_deleting_the_machine_keeps_its_disk_and_deleting_that_leaves_nothing(scene: Scene) -> None:
    scene.apply()
    scene.rounds()
    scene.delete("VirtualMachine")
    scene.rounds()
    assert scene.api.only("VirtualMachine") is None and scene.api.only("VirtualMachineInstance") is None
    assert (scene.hardware.running, scene.hardware.bridges, scene.hardware.disks) == ({}, {}, {"vm1"})
    scene.delete("DataVolume")
    scene.rounds()
    assert scene.hardware.disks == set() and scene.api.only("PersistentVolumeClaim") is None
    assert guests.load(scene.lab) == {}


def test_an_instance_that_is_deleted_starts_again_with_the_same_disk(scene: Scene) -> None:
    scene.apply()
    scene.rounds()
    machine = scene.api.only("VirtualMachine")
    assert machine is not None
    machine["spec"]["template"]["spec"]["domain"]["cpu"]["cores"] = 4
    scene.rounds()
    conditions = {each["type"]: each["status"] for each in scene.status("VirtualMachine")["conditions"]}
    assert conditions["RestartRequired"] == "True"
    scene.delete("VirtualMachineInstance")
    scene.rounds()
    assert scene.status("VirtualMachine")["printableStatus"] == "Running"
    assert "RestartRequired" not in {each["type"] for each in scene.status("VirtualMachine")["conditions"]}
    assert scene.hardware.disks == {"vm1"}


def test_a_server_that_was_off_gets_its_guests_plugged_in_again(scene: Scene) -> None:
    scene.apply()
    scene.rounds()
    scene.hardware.bridges, scene.hardware.server_starts, scene.hardware.reachable = {}, 2, False
    scene.rounds()
    assert len([line for line in scene.said if "no answer" in line]) == 1
    scene.controller = scene.anew()
    scene.hardware.reachable = True
    scene.rounds()
    assert scene.hardware.bridges == {"shared1:vm0": "br-vlan-3"}


def test_six_machines_fit(scene: Scene) -> None:
    for number in range(1, 8):
        scene.apply(name=f"blue-vm{number}", node_name=f"blue-vm{number}")
    scene.rounds(12)
    assert len(scene.hardware.bridges) == 6
    shown = [each["status"]["printableStatus"] for each in scene.api.list(f"{kinds.MACHINES}/virtualmachines")]
    assert sorted(set(shown)) == ["ErrorUnschedulable", "Running"] and shown.count("Running") == 6


def test_without_an_attachment_it_says_so(scene: Scene) -> None:
    scene.apply(network_namespace="nowhere")
    scene.rounds()
    (condition,) = [each for each in scene.status("VirtualMachine")["conditions"] if each["type"] == "PodScheduled"]
    assert condition["message"] == "network attachment nowhere/virtual is not there or names no bridge"


def test_a_foreign_image_is_not_passed_off(scene: Scene) -> None:
    scene.apply(image="docker://registry.example.com/noble:1")
    scene.rounds()
    assert "no image but docker://lab.local/standin-guest" in str(scene.status("DataVolume")["conditions"])
    assert scene.status("VirtualMachine")["printableStatus"] == "Provisioning"
    assert scene.hardware.running == {}


def test_halted_machines_do_not_run(scene: Scene) -> None:
    scene.apply(run_strategy="Halted")
    scene.rounds()
    assert scene.status("VirtualMachine")["printableStatus"] == "Stopped"
    assert judge(scene.api.only("VirtualMachine") or {}).ready


@pytest.mark.parametrize(("asked", "given"), [("768Mi", 768), ("2Gi", 1024), ("1Gi", 1024), ("much", 1024)])
def test_memory_is_capped(asked: str, given: int) -> None:
    assert guests.mebibytes(asked) == given


def test_a_guests_cable_ends_in_its_socket() -> None:
    rack = topology.build(Lab("demo", 0))
    guest = Guest(1, "vcluster-blue", "blue-vm1", "02:00:00:00:00:01", 768, "shared2", "vm1", "br-vlan-3")
    machine = guests.machine(rack, guest)
    server = rack.machine("shared2")
    assert server is not None
    end = server.sockets[1]
    (cable,) = machine.cables
    assert (cable.source_port, cable.destination_port) == (end.destination_port, end.source_port)
    assert "vm1" in cable.peer and cable.mac == "02:00:00:00:00:01"
    assert rack.address(machine) == "10.77.0.101"


def test_sockets_meet_nobody_elses_ports_and_addresses() -> None:
    rack = topology.build(Lab("demo", 0))
    nics = [nic for machine in rack.machines for nic in machine.nics]
    assert len({nic.mac for nic in nics}) == len(nics)
    ports = [
        port for machine in rack.machines for nic in machine.sockets for port in (nic.source_port, nic.destination_port)
    ]
    cables = {port for machine in rack.machines for nic in machine.cables for port in (nic.source_port,)}
    assert len(set(ports)) == len(ports) == 12 and not cables & set(ports)
    assert all(machine.sockets == () for machine in rack.machines if machine.kind != "shared")


def test_the_definitions_are_structural() -> None:
    for definition in kinds.definitions():
        names, group = definition["spec"]["names"], definition["spec"]["group"]
        assert definition["metadata"]["name"] == f"{names['plural']}.{group}"
        schema = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
        assert schema["type"] == "object"


def test_statuses_are_kubevirts_own() -> None:
    schema = schemas.find("kubevirt_virtualmachineinstance.openapi.yaml")
    document = yaml.safe_load(schema.read_text())
    status = (document.get("openAPIV3Schema") or document)["properties"]["status"]
    shown = {"name": "tenant", "mac": "02:00:00:00:00:01", "interfaceName": "eth0", "ipAddress": "192.168.64.7"}
    for given in (
        judgements.instance_status("Running", "shared1", interfaces=[shown]),
        judgements.instance_status("Pending"),
    ):
        assert set(given) <= set(status["properties"])
        for interface in given["interfaces"]:
            assert set(interface) <= set(status["properties"]["interfaces"]["items"]["properties"])
    jsonschema.Draft202012Validator.check_schema(status)


def test_the_record_survives(scene: Scene) -> None:
    guest = Guest(3, "a", "b", server="shared1", socket="vm0")
    guests.save(scene.lab, {guest.key: guest})
    assert guests.load(scene.lab) == {"a/b": guest}
    assert json.loads((scene.lab.run_directory / "guests.json").read_text())[0]["number"] == 3
    assert vm.process_name(guest.machine_name) == "vm-vm3"
