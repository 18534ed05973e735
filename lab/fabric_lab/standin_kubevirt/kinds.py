"""The definitions of the kinds: groups, versions and names of the real ones.

Their schemas are no part of the repository. Where the folder of foreign schemas is at hand (FABRIC_SCHEMAS, or
`shared/schemas` beside the checkout), machines and disks are held to the real ones; elsewhere any field is accepted.
"""

from __future__ import annotations

from typing import Any

import yaml

from fabric_lab.state import schemas_dir

MACHINES = "/apis/kubevirt.io/v1"
DISKS = "/apis/cdi.kubevirt.io/v1beta1"
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
_ANYTHING = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}


def _real(file: str) -> dict[str, Any]:
    path = schemas_dir() / file
    if not path.exists():
        return _ANYTHING
    document = yaml.safe_load(path.read_text())
    if document.get("kind") == "CustomResourceDefinition":
        found: dict[str, Any] = document["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
        return found
    return dict(document.get("openAPIV3Schema") or document)


def _definition(
    group: str, version: str, kind: str, plural: str, short: list[str], schema: dict[str, Any]
) -> dict[str, Any]:
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": f"{plural}.{group}",
            "annotations": {"lab.local/standin": "made by the lab's stand-in for KubeVirt and CDI"},
        },
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"kind": kind, "plural": plural, "singular": kind.lower(), "shortNames": short},
            "versions": [
                {
                    "name": version,
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": schema},
                    "subresources": {"status": {}},
                }
            ],
        },
    }


def definitions() -> list[dict[str, Any]]:
    machine = _real("kubevirt_virtualmachine.openapi.yaml")
    disk = _real("cdi_datavolumes.crd.yaml")
    return [
        _definition("kubevirt.io", "v1", "VirtualMachine", "virtualmachines", ["vm", "vms"], machine),
        # written by this stand-in only
        _definition(
            "kubevirt.io", "v1", "VirtualMachineInstance", "virtualmachineinstances", ["vmi", "vmis"], _ANYTHING
        ),
        _definition("cdi.kubevirt.io", "v1beta1", "DataVolume", "datavolumes", ["dv", "dvs"], disk),
    ]
