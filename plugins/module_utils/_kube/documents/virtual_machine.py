"""A node of a tenant cluster that is a virtual machine of the host cluster: its VirtualMachine, disk and Secret."""

from __future__ import annotations

import hashlib
import re
from decimal import Decimal
from typing import Any

from .. import yaml_text
from .cloud_init import user_data
from .common import Document, DocumentError, labels, node_label, require
from .network import VIRTUAL

API_VERSION, KIND = "kubevirt.io/v1", "VirtualMachine"
#: The import of its disk, which bears its name.
DISK = ("cdi.kubevirt.io/v1beta1", "DataVolume")
_ROOT, _SEED, _TENANT_NIC, _POD_NIC = "root", "cloud-init", "tenant", "pod"
_MAC = "MAC address"
_BYTES = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40, "": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}


def stable_mac(tenant: str, name: str, nic: str = _TENANT_NIC) -> str:
    """A locally administered address that follows from the names: the DHCP server knows the machine again by it."""
    digest = bytearray(hashlib.sha256(f"{tenant}/{name}/{nic}".encode()).digest()[:6])
    digest[0] = digest[0] & 0xFC | 0x02
    return ":".join(f"{byte:02x}" for byte in digest)


def seed_name(machine: str) -> str:
    return f"{machine}-cloud-init"


def virtual_machine_plan(intent: Document, found: list[Document]) -> Document:
    """What is to be done for the machine, given those of its objects that are there.

    `refused` are sentences about what cannot change in place, `restart` names what is in force only after the next
    start, and `objects` are to be applied.

    `intent`: tenant, name, namespace, network_namespace, cores, memory, disk, image, image_checksum, storage_class,
    mac (empty: one that follows from the names), run_strategy, pod_network; optional: access_modes,
    requests {cpu, memory}, node_selector, tolerations, image_cert_config_map, image_secret; with a token to join with:
    what `cloud_init.user_data` takes.
    """
    require(
        intent,
        ("tenant", "name", "namespace", "network_namespace", "cores", "memory", "disk", "image", "image_checksum",
         "storage_class", "mac", "run_strategy", "pod_network"),
    )  # fmt: skip
    whole = {**intent, "mac": intent["mac"] or stable_mac(intent["tenant"], intent["name"])}
    kinds = {document["kind"]: document for document in found}
    machine, disk = _machine(whole), _disk(whole)
    refused, restart, objects = [], [], []
    if "token" in intent:
        # The machine finds its user data at its first start.
        objects.append(_seed(whole))
    if DISK[1] in kinds:
        # CDI makes the disk once and lets nobody change what it was made from.
        refused += _differences(_disk_facts(kinds[DISK[1]]), _disk_facts(disk))
        refused += _shrinking(kinds[DISK[1]], disk)
    else:
        objects.append(disk)
    claim = kinds.get("PersistentVolumeClaim")
    if claim and quantity(_size(claim)) < quantity(intent["disk"]):
        objects.append(_claim(intent))
    if KIND in kinds:
        before, after = _machine_facts(kinds[KIND]), _machine_facts(machine)
        refused += _differences({_MAC: before[_MAC]}, {_MAC: after[_MAC]})
        restart = [what for what in ("cores", "memory") if before[what] != after[what]]
    return {"refused": refused, "restart": restart, "objects": [*objects, machine]}


def _machine(intent: Document) -> Document:
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {
            "name": intent["name"],
            "namespace": intent["namespace"],
            "labels": labels(intent["tenant"]),
        },
        "spec": {
            "runStrategy": intent["run_strategy"],
            "template": {
                "metadata": {"labels": {**labels(intent["tenant"]), "kubevirt.io/vm": intent["name"]}},
                "spec": _instance(intent),
            },
        },
    }


def _disk(intent: Document) -> Document:
    """An object of its own: KubeVirt's template of it (1.9) knows no checksum."""
    api_version, kind = DISK
    return {
        "apiVersion": api_version,
        "kind": kind,
        "metadata": {
            "name": intent["name"],
            "namespace": intent["namespace"],
            "labels": labels(intent["tenant"]),
        },
        "spec": {"source": _source(intent), "storage": _storage(intent)},
    }


def _seed(intent: Document) -> Document:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": seed_name(intent["name"]),
            "namespace": intent["namespace"],
            "labels": labels(intent["tenant"]),
        },
        "type": "Opaque",
        "stringData": {"userdata": user_data(intent)},
    }


def _claim(intent: Document) -> Document:
    """Of the disk's claim only what may change: its size."""
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": intent["name"], "namespace": intent["namespace"]},
        "spec": {"resources": {"requests": {"storage": intent["disk"]}}},
    }


def quantity(text: Any) -> Decimal:
    """Kubernetes' notation of an amount of bytes as a number."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)(Ki|Mi|Gi|Ti|k|M|G|T|)", str(text))
    if not found:
        raise DocumentError(f"'{text}' is no size such as 20Gi")
    return Decimal(found.group(1)) * _BYTES[found.group(2)]


def _differences(before: Document, after: Document) -> list[str]:
    return [
        f"{what} is {before[what] or 'none'} and cannot become {after[what] or 'none'} in place"
        for what in after
        if before[what] != after[what]
    ]


def _shrinking(before: Document, after: Document) -> list[str]:
    if quantity(_size(after)) >= quantity(_size(before)):
        return []
    return [f"disk is {_size(before)} and cannot shrink to {_size(after)}"]


def _size(holder: Document) -> str:
    """What a DataVolume or a claim asks for."""
    spec = holder.get("spec") or {}
    storage = spec.get("storage") or spec.get("pvc") or spec
    return str(((storage.get("resources") or {}).get("requests") or {}).get("storage", "0"))


def _disk_facts(disk: Document) -> Document:
    spec = disk.get("spec") or {}
    source = spec.get("source") or {}
    where = source.get("http") or source.get("registry") or {}
    return {
        "image": where.get("url"),
        "image checksum": where.get("checksum"),
        "storage class": (spec.get("storage") or {}).get("storageClassName"),
    }


def _machine_facts(machine: Document) -> Document:
    domain = (((machine.get("spec") or {}).get("template") or {}).get("spec") or {}).get("domain") or {}
    nics = (domain.get("devices") or {}).get("interfaces") or []
    return {
        _MAC: next((nic.get("macAddress") for nic in nics if nic.get("name") == _TENANT_NIC), None),
        "cores": (domain.get("cpu") or {}).get("cores"),
        "memory": (domain.get("memory") or {}).get("guest"),
    }


def _source(intent: Document) -> Document:
    url = intent["image"]
    if url.startswith("docker://"):
        source = {"url": url, "secretRef": intent.get("image_secret")}
        kind = "registry"
    else:
        source = {"url": url, "checksum": intent["image_checksum"], "secretRef": intent.get("image_secret")}
        kind = "http"
    source["certConfigMap"] = intent.get("image_cert_config_map")
    return {kind: {key: value for key, value in source.items() if value}}


def _storage(intent: Document) -> Document:
    storage: Document = {"resources": {"requests": {"storage": intent["disk"]}}}
    if intent["storage_class"]:
        storage["storageClassName"] = intent["storage_class"]
    if intent.get("access_modes"):
        # Not every provisioner has a StorageProfile that CDI could take them from.
        storage["accessModes"] = list(intent["access_modes"])
    return storage


def _instance(intent: Document) -> Document:
    tenant, name = intent["tenant"], intent["name"]
    nics: list[Document] = [{"name": _TENANT_NIC, "bridge": {}, "model": "virtio", "macAddress": intent["mac"]}]
    networks: list[Document] = [
        {"name": _TENANT_NIC, "multus": {"networkName": f"{intent['network_namespace']}/{VIRTUAL}"}}
    ]
    if intent["pod_network"]:
        pod_mac = stable_mac(tenant, name, _POD_NIC)
        nics.append({"name": _POD_NIC, "masquerade": {}, "model": "virtio", "macAddress": pod_mac})
        networks.append({"name": _POD_NIC, "pod": {}})
    wished = intent.get("requests") or {}
    requests = {
        "cpu": str(wished.get("cpu") or intent["cores"]),
        "memory": str(wished.get("memory") or intent["memory"]),
    }
    spec: Document = {
        "domain": {
            "cpu": {"cores": int(intent["cores"])},
            "memory": {"guest": intent["memory"]},
            "resources": {"requests": requests},
            "devices": {
                "disks": [
                    {"name": _ROOT, "disk": {"bus": "virtio"}, "bootOrder": 1},
                    {"name": _SEED, "disk": {"bus": "virtio"}},
                ],
                "interfaces": nics,
                "rng": {},
            },
        },
        "networks": networks,
        "volumes": [
            {"name": _ROOT, "dataVolume": {"name": name}},
            {
                "name": _SEED,
                "cloudInitNoCloud": {
                    "secretRef": {"name": seed_name(name)},
                    "networkData": yaml_text.dump(yaml_text.plain(_network_data(nics))),
                },
            },
        ],
        # The bridge of the tenant cluster's VLAN is on these nodes only.
        "nodeSelector": {**node_label(tenant), **(intent.get("node_selector") or {})},
        "terminationGracePeriodSeconds": 60,
    }
    if intent.get("tolerations"):
        spec["tolerations"] = intent["tolerations"]
    return spec


def _network_data(nics: list[Document]) -> Document:
    """NICs by their MAC addresses: what the guest calls them depends on its bus and its distribution."""
    ethernets: Document = {}
    for nic in nics:
        ethernets[nic["name"]] = {"match": {"macaddress": nic["macAddress"]}, "dhcp4": True}
    if _POD_NIC in ethernets:
        # The way out is the tenant cluster's own.
        ethernets[_POD_NIC]["dhcp4-overrides"] = {"use-routes": False}
    return {"version": 2, "ethernets": ethernets}
