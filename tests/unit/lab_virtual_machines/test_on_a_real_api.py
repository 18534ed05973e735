"""The collection's modules and the stand-in on either side of a real API server, which knows the real definitions."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.baremetal.fabric.plugins.module_utils._kube import objects
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.client import Cluster, connect
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.documents import network, virtual_machine
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.errors import KubeError
from fabric_lab.standin_kubevirt.api import Api, ApiError
from fabric_lab.standin_kubevirt.controller import Controller
from fabric_lab.state import Lab

from tests.support import kube_api, schemas

from .test_standin_kubevirt import INTENT, NETWORK, PaperHardware

WAIT = objects.Settings(wait_timeout=90)
LABEL = {"tenant.baremetal.fabric/blue": "bridge"}


@pytest.fixture(scope="module")
def kubeconfig() -> Iterator[Path]:
    definitions = schemas.find("nad.crd.yaml").parent
    with pytest.MonkeyPatch.context() as patch, kube_api.running() as path:
        patch.setenv("FABRIC_SCHEMAS", str(definitions))
        yield path


@pytest.fixture
def cluster(kubeconfig: Path) -> Iterator[Cluster]:
    with connect(str(kubeconfig)) as connection:
        yield connection


@pytest.fixture
def hardware(
    kubeconfig: Path, cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[PaperHardware]:
    """The stand-in at work on a cluster with one node and the tenant cluster's networks."""
    monkeypatch.setattr(Lab, "run_directory", property(lambda _lab: tmp_path))
    paper = PaperHardware(Lab("vmtest", 9))
    said: list[str] = []
    controller = Controller(Api(kubeconfig), paper, said.append)  # type: ignore[arg-type]
    controller.define()
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "shared1", "labels": LABEL}}
    definition = yaml.safe_load(schemas.find("nad.crd.yaml").read_text())
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "vcluster-blue"}}
    objects.present(
        cluster, [definition, namespace, *network.network_objects(NETWORK), node], objects.Settings(wait=False)
    )
    ready = {"type": "Ready", "status": "True", "reason": "Paper", "message": "", "lastHeartbeatTime": None}
    controller.api.patch("/api/v1/nodes/shared1/status", {"status": {"conditions": [ready]}})
    over = threading.Event()

    def work() -> None:
        while not over.wait(0.2):
            with contextlib.suppress(ApiError):  # definitions take a moment to be served
                controller.round()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    yield paper
    over.set()
    thread.join(10)
    assert [line for line in said if "HTTP" in line or "40" in line.split(":")[-1]] == []


def found(cluster: Cluster) -> list[dict[str, Any]]:
    wanted = (
        ("kubevirt.io/v1", "VirtualMachine"),
        ("cdi.kubevirt.io/v1beta1", "DataVolume"),
        ("v1", "PersistentVolumeClaim"),
    )
    got = [(kind, cluster.get(version, kind, "blue-vm1", "vcluster-blue")) for version, kind in wanted]
    return [{**each, "kind": kind} for kind, each in got if each]


def test_the_life_of_a_machine(cluster: Cluster, hardware: PaperHardware) -> None:
    first = virtual_machine.virtual_machine_plan(INTENT, [])["objects"]
    report = objects.present(cluster, objects.validate(first), WAIT)
    assert [outcome.action for outcome in report.outcomes] == ["created"] * 3
    assert hardware.running == {"vm1": "running"}

    settled = {key: value for key, value in INTENT.items() if key != "token"}
    again = virtual_machine.virtual_machine_plan(settled, found(cluster))
    assert (again["refused"], again["restart"]) == ([], [])
    report = objects.present(cluster, objects.validate(again["objects"]), WAIT)
    assert [(outcome.document["kind"], outcome.action) for outcome in report.outcomes] == [
        ("VirtualMachine", "unchanged")
    ]

    larger = virtual_machine.virtual_machine_plan({**settled, "cores": 4, "disk": "30Gi"}, found(cluster))
    assert larger["restart"] == ["cores"]
    assert [each["kind"] for each in larger["objects"]] == ["PersistentVolumeClaim", "VirtualMachine"]
    # A claim can only grow when it is bound, which needs storage; the machine can change.
    report = objects.present(cluster, objects.validate(larger["objects"][1:]), WAIT)
    assert report.changed

    namespace = "vcluster-blue"
    kinds = (
        ("v1", "Secret", "blue-vm1-cloud-init"),
        ("v1", "PersistentVolumeClaim", "blue-vm1"),
        ("cdi.kubevirt.io/v1beta1", "DataVolume", "blue-vm1"),
        ("kubevirt.io/v1", "VirtualMachineInstance", "blue-vm1"),
        ("kubevirt.io/v1", "VirtualMachine", "blue-vm1"),
    )
    everything = [
        {"apiVersion": version, "kind": kind, "metadata": {"name": name, "namespace": namespace}}
        for version, kind, name in kinds
    ]
    report = objects.absent(cluster, everything, WAIT)
    assert {outcome.action for outcome in report.outcomes} == {"deleted"}
    assert found(cluster) == [] and hardware.running == {}
    assert objects.absent(cluster, everything, WAIT).changed is False


def test_a_field_that_kubevirt_does_not_know_is_refused(cluster: Cluster, hardware: PaperHardware) -> None:
    """The definitions here are the real ones."""
    del hardware
    machine = virtual_machine.virtual_machine_plan({**INTENT, "name": "odd", "run_strategy": "Halted"}, [])["objects"][
        -1
    ]
    machine["spec"]["template"]["spec"]["domain"]["devices"]["rgn"] = {}
    with pytest.raises(KubeError, match="rgn: field not declared in schema"):
        objects.present(cluster, [machine], objects.Settings(wait=False))
