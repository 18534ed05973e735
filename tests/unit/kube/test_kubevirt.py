"""What KubeVirt's and CDI's operators are told, against their own definitions."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.documents import common, kubevirt
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.readiness import judge

from tests.support import schemas

PLAIN: dict[str, Any] = {
    "namespace": "kubevirt",
    "emulation": False,
    "feature_gates": [],
    "disabled_feature_gates": [],
    "rollout_strategy": "Stage",
    "pull_policy": "IfNotPresent",
}
FULL: dict[str, Any] = {
    **PLAIN,
    "emulation": True,
    "feature_gates": ["Sidecar"],
    "disabled_feature_gates": ["ExternalNetResourceInjection"],
    "image_registry": "registry.example.com/kubevirt",
    "node_selector": {"role": "vms"},
    "tolerations": [{"key": "vms", "operator": "Exists"}],
    "cdi_feature_gates": ["WebhookPvcRendering"],
    "scratch_storage_class": "fast",
    "insecure_registries": ["registry.example.com"],
    "kubevirt_spec": {"configuration": {"developerConfiguration": {"cpuAllocationRatio": 4}}},
    "cdi_spec": {"config": {"preallocation": True}},
}


@pytest.mark.parametrize("intent", [PLAIN, FULL])
def test_the_operators_take_it(intent: dict[str, Any]) -> None:
    machine, importer = kubevirt.kubevirt_objects(intent)
    schemas.spec_validator("kubevirt_kubevirts.crd.yaml", "v1").validate(machine["spec"])
    schemas.spec_validator("cdi_cdis.crd.yaml", "v1beta1").validate(importer["spec"])


def test_machines_keep_it_from_going() -> None:
    for each in kubevirt.kubevirt_objects(PLAIN):
        assert each["spec"]["uninstallStrategy"] == "BlockUninstallIfWorkloadsExist"


def test_a_users_own_spec_is_merged_last() -> None:
    machine, _importer = kubevirt.kubevirt_objects(FULL)
    developer = machine["spec"]["configuration"]["developerConfiguration"]
    assert developer["useEmulation"] is True and developer["cpuAllocationRatio"] == 4
    assert developer["disabledFeatureGates"] == ["ExternalNetResourceInjection"]


def test_missing_input_is_named() -> None:
    with pytest.raises(common.DocumentError, match="missing: emulation"):
        kubevirt.kubevirt_objects({key: value for key, value in PLAIN.items() if key != "emulation"})


@pytest.mark.parametrize(
    ("kind", "version", "status", "ready"),
    [
        ("KubeVirt", "kubevirt.io/v1", {"phase": "Deploying"}, False),
        ("KubeVirt", "kubevirt.io/v1", {"conditions": [{"type": "Available", "status": "True"}]}, True),
        ("CDI", "cdi.kubevirt.io/v1beta1", {"conditions": [{"type": "Available", "status": "False"}]}, False),
        ("DataVolume", "cdi.kubevirt.io/v1beta1", {"phase": "WaitForFirstConsumer"}, True),
        ("DataVolume", "cdi.kubevirt.io/v1beta1", {"phase": "ImportInProgress", "progress": "12%"}, False),
        ("VirtualMachine", "kubevirt.io/v1", {"printableStatus": "Running", "ready": True}, True),
        ("VirtualMachine", "kubevirt.io/v1", {"printableStatus": "Starting", "ready": False}, False),
        ("VirtualMachine", "kubevirt.io/v1", {}, False),
    ],
)
def test_when_they_are_ready(kind: str, version: str, status: dict[str, Any], ready: bool) -> None:
    assert judge({"kind": kind, "apiVersion": version, "spec": {}, "status": status}).ready is ready


def test_a_failed_disk_is_hopeless() -> None:
    failed = {"kind": "DataVolume", "apiVersion": "cdi.kubevirt.io/v1beta1", "status": {"phase": "Failed"}}
    assert judge(failed).hopeless
