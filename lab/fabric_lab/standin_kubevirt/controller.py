"""The loop that brings the objects and the lab's machines together. It only trusts what it reads."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from fabric_lab.standin_kubevirt import guests, judgements, kinds
from fabric_lab.standin_kubevirt.api import Api, ApiError, Object
from fabric_lab.standin_kubevirt.guests import Guest
from fabric_lab.standin_kubevirt.hardware import Hardware
from fabric_lab.state import LabError

_MACHINE_FINALIZER = "kubevirt.io/virtualMachineControllerFinalize"
_INSTANCE_FINALIZER = "foregroundDeleteVirtualMachine"
_ASK_SECONDS = 5.0


def key(item: Object) -> str:
    return f"{item['metadata']['namespace']}/{item['metadata']['name']}"


def path(item: Object, group: str, plural: str) -> str:
    return f"{group}/namespaces/{item['metadata']['namespace']}/{plural}/{item['metadata']['name']}"


class Controller:
    def __init__(self, api: Api, hardware: Hardware, say: Callable[[str], None]) -> None:
        self.api = api
        self.hardware = hardware
        self.say = say
        self.known = guests.load(hardware.lab)
        self._asked: dict[str, float] = {}
        self._told: dict[str, str] = {}
        self._busy = False

    def define(self) -> None:
        for definition in kinds.definitions():
            self.api.create(kinds.DEFINITIONS, definition)

    def round(self) -> bool:
        """One look at everything; whether something was done. What one object's trouble is, others do not suffer."""
        self._busy = False
        machines = {key(each): each for each in self.api.list(f"{kinds.MACHINES}/virtualmachines")}
        disks = {key(each): each for each in self.api.list(f"{kinds.DISKS}/datavolumes")}
        instances = {key(each): each for each in self.api.list(f"{kinds.MACHINES}/virtualmachineinstances")}
        for disk in disks.values():
            self._tend(disk, partial(self._disk, disk))
        for instance in instances.values():
            self._tend(instance, partial(self._instance, instance))
        for name, machine in machines.items():
            self._tend(machine, partial(self._machine, machine, instances.get(name), disks))
        self._clear(set(disks), set(instances))
        return self._busy

    def _tend(self, item: Object, work: Callable[[], None]) -> None:
        try:
            work()
        except (ApiError, LabError) as error:
            told = f"{item.get('kind', '')} {key(item)}: {error}"
            # somebody else was faster, or has deleted it meanwhile: the next round sees
            passing = isinstance(error, ApiError) and error.status in (404, 409)
            if not passing and self._told.get(key(item)) != told:
                self._told[key(item)] = told
                self.say(told)

    def _remember(self, guest: Guest) -> None:
        self._busy = True
        self.known[guest.key] = guest
        guests.save(self.hardware.lab, self.known)

    # -- disks

    def _disk(self, disk: Object) -> None:
        if disk["metadata"].get("deletionTimestamp"):
            return
        wanted = judgements.disk_status(disk)
        if wanted["phase"] == "Succeeded":
            self._claim(disk)
        self._status(disk, path(disk, kinds.DISKS, "datavolumes"), wanted)

    def _claim(self, disk: Object) -> None:
        """The claim that CDI makes; it goes with the disk. Nothing is ever stored in it."""
        if (disk.get("status") or {}).get("phase") == "Succeeded":
            return
        spec = disk["spec"].get("storage") or disk["spec"].get("pvc") or {}
        metadata = disk["metadata"]
        claim = {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {
                "name": metadata["name"],
                "labels": metadata.get("labels") or {},
                "ownerReferences": [_owner(disk, "cdi.kubevirt.io/v1beta1", "DataVolume")],
            },
            "spec": {"accessModes": ["ReadWriteOnce"], **spec},
        }
        self.api.create(f"/api/v1/namespaces/{metadata['namespace']}/persistentvolumeclaims", claim)

    # -- machines

    def _machine(self, machine: Object, instance: Object | None, disks: dict[str, Object]) -> None:
        place, metadata = path(machine, kinds.MACHINES, "virtualmachines"), machine["metadata"]
        finalizers = metadata.get("finalizers") or []
        if metadata.get("deletionTimestamp"):
            if instance is not None:
                self._end(instance)
            elif _MACHINE_FINALIZER in finalizers:
                left = [each for each in finalizers if each != _MACHINE_FINALIZER]
                self.api.patch(place, {"metadata": {"finalizers": left}})
            return
        if _MACHINE_FINALIZER not in finalizers:
            self.api.patch(place, {"metadata": {"finalizers": [*finalizers, _MACHINE_FINALIZER]}})
        template = machine["spec"]["template"]
        needed = [f"{metadata['namespace']}/{name}" for name in judgements.disks_of(template["spec"])]
        filled = all(((disks.get(each) or {}).get("status") or {}).get("phase") == "Succeeded" for each in needed)
        if instance is None and filled and judgements.wants_instance(machine):
            self._begin(machine)
        elif instance is not None and machine["spec"].get("runStrategy") == "Halted":
            self._end(instance)
        self._status(machine, place, judgements.machine_status(machine, instance, filled))

    def _begin(self, machine: Object) -> None:
        metadata, template = machine["metadata"], machine["spec"]["template"]
        labels = {**((template.get("metadata") or {}).get("labels") or {}), "vm.kubevirt.io/name": metadata["name"]}
        instance = {
            "apiVersion": "kubevirt.io/v1",
            "kind": "VirtualMachineInstance",
            "metadata": {
                "name": metadata["name"],
                "labels": labels,
                "finalizers": [_INSTANCE_FINALIZER],
                "ownerReferences": [_owner(machine, "kubevirt.io/v1", "VirtualMachine")],
            },
            "spec": template["spec"],
        }
        self.api.create(f"{kinds.MACHINES}/namespaces/{metadata['namespace']}/virtualmachineinstances", instance)

    def _end(self, instance: Object) -> None:
        if not instance["metadata"].get("deletionTimestamp"):
            self.api.delete(path(instance, kinds.MACHINES, "virtualmachineinstances"))

    # -- instances

    def _instance(self, instance: Object) -> None:
        place, guest = path(instance, kinds.MACHINES, "virtualmachineinstances"), self.known.get(key(instance))
        if instance["metadata"].get("deletionTimestamp"):
            if guest is not None and guest.placed:
                self.say(f"{guest.key}: ending {guest.machine_name}")
                self.hardware.stop(guest)
                self._remember(guest.released())
            self.api.patch(place, {"metadata": {"finalizers": None}})
            return
        if guest is None or not guest.placed:
            chosen = self._place(instance, guest)
            if isinstance(chosen, str):
                self._status(instance, place, judgements.instance_status("Pending", message=chosen))
                return
            guest = chosen
        state = self.hardware.states().get(guest.machine_name)
        if state is None:
            self._start(instance, guest)
        elif state in ("ended", "stopped"):
            # The guest has switched itself off; what becomes of it is the machine's run strategy.
            self.api.delete(place)
            return
        guest = self._attend(guest)
        nic, _attachment = judgements.tenant_nic(instance["spec"]) or ({}, "")
        shown = {"name": nic.get("name", ""), "mac": guest.mac, "interfaceName": guests.NIC}
        if guest.address:
            shown |= {"ipAddress": guest.address, "ipAddresses": [guest.address]}
        phase = "Running" if guest.plugged_at else "Scheduled"
        self._status(instance, place, judgements.instance_status(phase, guest.server, interfaces=[shown]))

    def _place(self, instance: Object, guest: Guest | None) -> Guest | str:
        """A server and a socket for the instance, or why there is none."""
        spec, metadata = instance["spec"], instance["metadata"]
        found = judgements.tenant_nic(spec)
        if found is None:
            return "the lab's stand-in needs one NIC that is bridged to a network attachment"
        nic, attachment = found
        bridge = self._bridge(attachment, metadata["namespace"])
        if bridge is None:
            return f"network attachment {attachment} is not there or names no bridge"
        nodes = [
            each for each in self.api.list("/api/v1/nodes") if judgements.fits(spec.get("nodeSelector") or {}, each)
        ]
        socket = guests.free_socket(self.hardware.rack, self.known, [each["metadata"]["name"] for each in nodes])
        if socket is None:
            return f"{len(nodes)} nodes match, none of them has a free socket for a machine"
        number = guest.number if guest else guests.free_number(self.known)
        if number is None:
            return "the lab has no room for more machines"
        server, name = socket
        placed = Guest(
            number,
            metadata["namespace"],
            metadata["name"],
            mac=nic["macAddress"],
            memory=guests.mebibytes(str((spec["domain"].get("memory") or {}).get("guest", ""))),
            server=server,
            socket=name,
            bridge=bridge,
        )
        self._remember(placed)
        self.say(f"{placed.key}: {placed.machine_name} beside {server}, {placed.memory} MiB")
        return placed

    def _bridge(self, attachment: str, namespace: str) -> str | None:
        where, _slash, name = attachment.rpartition("/")
        base = f"/apis/k8s.cni.cncf.io/v1/namespaces/{where or namespace}/network-attachment-definitions"
        found = self.api.get(f"{base}/{name}")
        if found is None:
            return None
        config = json.loads(found["spec"]["config"])
        plugins = config.get("plugins") or [config]
        bridge = next((each.get("bridge") for each in plugins if each.get("type") == "bridge"), None)
        return str(bridge) if bridge else None

    def _start(self, instance: Object, guest: Guest) -> None:
        volume: Object = next(
            (each["cloudInitNoCloud"] for each in instance["spec"].get("volumes", []) if "cloudInitNoCloud" in each), {}
        )
        name = (volume.get("secretRef") or {}).get("name")
        secret = self.api.get(f"/api/v1/namespaces/{guest.namespace}/secrets/{name}") if name else None
        if name and secret is None:
            raise LabError(f"there is no Secret {name}")
        user_data = base64.b64decode((secret or {}).get("data", {}).get("userdata", "")).decode()
        self.hardware.start(guest, user_data, str(volume.get("networkData", "")))

    def _attend(self, guest: Guest) -> Guest:
        """See that it is plugged in, also after its server was switched off, and learn its address."""
        if guest.plugged_at != self.hardware.starts(guest.server):
            if not self._is_time(f"plug {guest.key}"):
                return guest
            guest = self.hardware.plug(guest)
            del self._asked[f"plug {guest.key}"]
            self.say(f"{guest.key}: {guest.socket}@{guest.server} is on {guest.bridge}")
            self._remember(guest)
        if not guest.address and self._is_time(f"ask {guest.key}") and (address := self.hardware.address(guest)):
            guest = replace(guest, address=address)
            self._remember(guest)
        return guest

    def _is_time(self, what: str) -> bool:
        """Not at every round: each of these is a login to a slow machine."""
        now = time.monotonic()
        if now - self._asked.get(what, -_ASK_SECONDS) < _ASK_SECONDS:
            return False
        self._asked[what] = now
        return True

    # -- the rest

    def _status(self, item: Object, place: str, wanted: Object) -> None:
        if (item.get("status") or {}) != wanted:
            current = item.get("status") or {}
            gone = dict.fromkeys(set(current) - set(wanted))
            self._busy = True
            self.api.patch(f"{place}/status", {"status": {**gone, **wanted}})
            item["status"] = wanted

    def _clear(self, disks: set[str], instances: set[str]) -> None:
        """What has neither disk nor instance any more goes, with all that the lab has of it."""
        for name, guest in list(self.known.items()):
            if name in instances:
                continue
            if guest.placed:
                # its instance went while this was not running
                self.hardware.stop(guest)
                self._remember(guest.released())
            if name not in disks:
                self.say(f"{name}: removing {guest.machine_name} and its disk")
                self.hardware.remove(guest)
                del self.known[name]
                guests.save(self.hardware.lab, self.known)


def _owner(item: Object, api_version: str, kind: str) -> Object:
    return {
        "apiVersion": api_version,
        "kind": kind,
        "name": item["metadata"]["name"],
        "uid": item["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }
