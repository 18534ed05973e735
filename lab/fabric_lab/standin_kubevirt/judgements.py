"""What KubeVirt would say of its objects. Pure."""

from __future__ import annotations

from typing import Any

Object = dict[str, Any]
IMAGE = "docker://lab.local/standin-guest"
_RUNNING_STRATEGIES = ("Always", "RerunOnFailure", "Once")


def wants_instance(machine: Object) -> bool:
    return machine["spec"].get("runStrategy") in _RUNNING_STRATEGIES


def disk_problem(disk: Object) -> str | None:
    """Why this stand-in cannot fill the disk."""
    source = disk["spec"].get("source") or {}
    url = str((source.get("registry") or source.get("http") or {}).get("url", ""))
    if url.split("@")[0].rpartition(":")[0] == IMAGE or url == IMAGE:
        return None
    return f"the lab's stand-in for CDI has no image but {IMAGE}:<tag>, not {url or 'another source'}"


def disk_status(disk: Object) -> Object:
    problem = disk_problem(disk)
    if problem:
        condition = {"type": "Running", "status": "False", "reason": "Error", "message": problem}
        return {"phase": "ImportInProgress", "progress": "N/A", "conditions": [condition]}
    name = disk["metadata"]["name"]
    return {
        "phase": "Succeeded",
        "progress": "100.0%",
        "claimName": name,
        "conditions": [
            {"type": "Ready", "status": "True"},
            {"type": "Running", "status": "False", "reason": "Completed", "message": "Import Complete"},
        ],
    }


def disks_of(instance_spec: Object) -> list[str]:
    return [each["dataVolume"]["name"] for each in instance_spec.get("volumes", []) if "dataVolume" in each]


def tenant_nic(instance_spec: Object) -> tuple[Object, str] | None:
    """The NIC that is bridged to a network attachment, and which one that is."""
    networks = {each["name"]: each for each in instance_spec.get("networks", [])}
    for nic in instance_spec["domain"]["devices"].get("interfaces", []):
        attachment = (networks.get(nic["name"], {}).get("multus") or {}).get("networkName")
        if attachment and "bridge" in nic:
            return nic, attachment
    return None


def fits(selector: Object, node: Object) -> bool:
    labels = node["metadata"].get("labels") or {}
    ready = any(
        condition["type"] == "Ready" and condition["status"] == "True"
        for condition in node.get("status", {}).get("conditions", [])
    )
    closed = node.get("spec", {}).get("unschedulable", False)
    return ready and not closed and all(labels.get(key) == value for key, value in selector.items())


def instance_status(phase: str, node: str = "", message: str = "", interfaces: list[Object] | None = None) -> Object:
    running = phase == "Running"
    conditions: list[Object] = [{"type": "Ready", "status": "True" if running else "False"}]
    if message:
        scheduled = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
        conditions.append(scheduled)
    return {"phase": phase, "nodeName": node, "conditions": conditions, "interfaces": interfaces or []}


def machine_status(machine: Object, instance: Object | None, filled: bool) -> Object:
    phase = ((instance or {}).get("status") or {}).get("phase", "")
    ready = phase == "Running"
    conditions: list[Object] = [{"type": "Ready", "status": "True" if ready else "False"}]
    unschedulable = next(
        (
            each
            for each in ((instance or {}).get("status") or {}).get("conditions", [])
            if each["type"] == "PodScheduled"
        ),
        None,
    )
    if unschedulable:
        conditions.append(unschedulable)
    if instance is not None and _shape(instance["spec"]) != _shape(machine["spec"]["template"]["spec"]):
        message = "a non-live-updatable field was changed in the template spec"
        conditions.append({"type": "RestartRequired", "status": "True", "message": message})
    if instance is None:
        shown = "Stopped" if not wants_instance(machine) else "Starting" if filled else "Provisioning"
    elif instance["metadata"].get("deletionTimestamp"):
        shown = "Stopping"
    elif ready:
        shown = "Running"
    else:
        shown = "ErrorUnschedulable" if unschedulable else "Starting"
    return {
        "created": instance is not None,
        "ready": ready,
        "printableStatus": shown,
        "conditions": conditions,
        "observedGeneration": machine["metadata"].get("generation", 0),
    }


def _shape(spec: Object) -> tuple[Any, Any]:
    domain = spec["domain"]
    return domain.get("cpu"), domain.get("memory")
