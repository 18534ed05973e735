# SPDX-License-Identifier: Apache-2.0
"""Workloads attached to spokes: a pod's annotation and resources, a virtual machine's interface and network. Pure."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping, Sequence
from typing import Any

from .._kube.documents.common import NETWORKS_ANNOTATION, DocumentError
from .consumers import selections
from .rules import device_problem

Document = dict[str, Any]
_MACHINE = "VirtualMachine"
#: Kinds that start pods from a template, and where they say how many.
_REPLICATED = {"Deployment": "replicas", "ReplicaSet": "replicas", "StatefulSet": "replicas", "Job": "parallelism"}


def attached(workload: Document, attachments: Sequence[Mapping[str, Any]], lans: Sequence[Document]) -> Document:
    """The workload with each attachment in it; one that is in it already stays as it is.

    `workload`: a Pod, Deployment, ReplicaSet, StatefulSet, Job or VirtualMachine. `attachments`: spoke, and optionally
    interface (in the pod, such as e1-1; of a machine: its name there), container (by default the first) and mac (of a
    machine). `lans`: as the module k8slan_lans returns them. Raises DocumentError with all mistakes.
    """
    spokes = {each["name"]: {**each, "namespace": lan["namespace"]} for lan in lans for each in lan["spokes"]}
    made = copy.deepcopy(workload)
    mistakes = [*_workload_mistakes(made), *_mistakes(made, attachments, spokes)]
    if mistakes:
        name = f"{workload.get('kind')} {(workload.get('metadata') or {}).get('name')}"
        raise DocumentError(f"{name}: {'; '.join(mistakes)}")
    for each in attachments:
        spoke = spokes[each["spoke"]]
        if made["kind"] == _MACHINE:
            _plug_machine(made, each, spoke)
        else:
            _plug_pod(made, each, spoke)
    return made


def _workload_mistakes(workload: Document) -> list[str]:
    kind, spec = workload.get("kind"), workload.get("spec") or {}
    if kind not in ("Pod", _MACHINE, *_REPLICATED):
        known = ", ".join(("Pod", *_REPLICATED, _MACHINE))
        return [f"a {kind} cannot be attached, since a spoke takes one consumer; these can: {known}"]
    count = spec.get(_REPLICATED.get(str(kind), ""), 1)
    told = (
        [f"{_REPLICATED[str(kind)]} is {count}, but a spoke takes one consumer"]
        if count is not None and count > 1
        else []
    )
    strategy = (spec.get("strategy") or {}).get("type", "Recreate")
    if kind == "Deployment" and strategy != "Recreate":
        told.append(f"strategy {strategy} would start the next pod while the former still has the spoke; use Recreate")
    return told


def _mistakes(
    workload: Document, attachments: Sequence[Mapping[str, Any]], spokes: Mapping[str, Mapping[str, Any]]
) -> list[str]:
    consumer = "vm" if workload.get("kind") == _MACHINE else "pod"
    told: list[str] = []
    named: set[str] = set()
    interfaces: set[str] = set()
    for number, each in enumerate(attachments):
        where, spoke = f"attachments[{number}]", spokes.get(str(each.get("spoke")))
        if spoke is None:
            known = ", ".join(sorted(spokes)) or "none"
            told.append(f"{where}.spoke: there is no spoke '{each.get('spoke')}'; there are {known}")
            continue
        if spoke["consumer"] != consumer:
            told.append(f"{where}.spoke: '{each['spoke']}' is for a {spoke['consumer']}, this is a {consumer}")
        if each["spoke"] in named:
            told.append(f"{where}.spoke: '{each['spoke']}' is there twice")
        named.add(each["spoke"])
        interface = each.get("interface")
        if interface is None:
            continue
        if problem := device_problem(str(interface)):
            told.append(f"{where}.interface: {problem}")
        elif any(character in str(interface) for character in ",@"):
            told.append(
                f"{where}.interface: '{interface}' must have no ',' and no '@', which part networks in the annotation"
            )
        elif interface in interfaces or (consumer == "pod" and interface in ("eth0", "lo")):
            told.append(f"{where}.interface: '{interface}' is taken")
        interfaces.add(str(interface))
        if consumer == "pod" and each.get("mac"):
            told.append(f"{where}.mac: k8slan's plugin for pods takes none")
    return told


def _plug_pod(workload: Document, each: Mapping[str, Any], spoke: Mapping[str, Any]) -> None:
    template = workload if workload["kind"] == "Pod" else workload["spec"]["template"]
    namespace, _slash, name = str(spoke["attachment"]).partition("/")
    own = str((workload.get("metadata") or {}).get("namespace", ""))
    annotations = template.setdefault("metadata", {}).setdefault("annotations", {})
    annotations[NETWORKS_ANNOTATION] = _selected(
        str(annotations.get(NETWORKS_ANNOTATION, "")), own, namespace, name, str(each.get("interface") or "")
    )
    containers = template["spec"]["containers"]
    wanted = each.get("container") or containers[0]["name"]
    container = next((one for one in containers if one["name"] == wanted), None)
    if container is None:
        raise DocumentError(f"there is no container '{wanted}' to request {spoke['resource']}")
    resources = container.setdefault("resources", {})
    # an extended resource must have its limit; the request follows from it
    resources.setdefault("limits", {})[spoke["resource"]] = "1"
    if "requests" in resources:
        resources["requests"][spoke["resource"]] = "1"
    if workload["kind"] == "Deployment":
        workload["spec"]["strategy"] = {"type": "Recreate"}


def _selected(before: str, own: str, namespace: str, name: str, interface: str) -> str:
    """The annotation with the attachment in it, in the spelling that it has already."""
    if (namespace, name) in selections(before, own):
        return before
    if before.strip().startswith("["):
        entry = {"name": name, "namespace": namespace, **({"interface": interface} if interface else {})}
        return json.dumps([*json.loads(before), entry])
    place = name if namespace == own else f"{namespace}/{name}"
    item = f"{place}@{interface}" if interface else place
    return ",".join(part for part in (before.strip(), item) if part)


def _plug_machine(workload: Document, each: Mapping[str, Any], spoke: Mapping[str, Any]) -> None:
    instance = workload["spec"]["template"]["spec"]
    namespace, _slash, name = str(spoke["attachment"]).partition("/")
    own = str((workload.get("metadata") or {}).get("namespace", ""))
    nic = str(each.get("interface") or each["spoke"])
    interfaces = instance["domain"].setdefault("devices", {}).setdefault("interfaces", [])
    networks = instance.setdefault("networks", [])
    plugged: Document = {"name": nic, "binding": {"name": "macvtap"}}
    if each.get("mac"):
        plugged["macAddress"] = each["mac"]
    network = {"name": nic, "multus": {"networkName": name if namespace == own else f"{namespace}/{name}"}}
    for listed, entry in ((interfaces, plugged), (networks, network)):
        if entry in listed:
            continue
        if any(one.get("name") == nic for one in listed):
            raise DocumentError(f"the machine has another network '{nic}' already")
        listed.append(entry)
