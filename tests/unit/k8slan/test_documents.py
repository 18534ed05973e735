# SPDX-License-Identifier: Apache-2.0
"""What becomes of a LAN, of k8slan's manifest and of who is attached: golden files and the real CRD."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from ansible.errors import AnsibleFilterError
from ansible_collections.baremetal.fabric.plugins.filter.k8slan import FilterModule
from ansible_collections.baremetal.fabric.plugins.module_utils._k8slan import attach, consumers, model, operator
from ansible_collections.baremetal.fabric.plugins.module_utils._kube import compare
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.documents.common import DocumentError

from tests.support import schemas

from .world import lan

GOLDEN = Path(__file__).parent / "golden"
POD: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "srl-test", "namespace": "default"},
    "spec": {"containers": [{"name": "main", "image": "example.com/router:1"}]},
}
MACHINE: dict[str, Any] = {
    "apiVersion": "kubevirt.io/v1",
    "kind": "VirtualMachine",
    "metadata": {"name": "testvm", "namespace": "default"},
    "spec": {
        "runStrategy": "Always",
        "template": {
            "spec": {
                "domain": {
                    "devices": {"interfaces": [{"name": "default", "masquerade": {}}]},
                    "memory": {"guest": "1Gi"},
                },
                "networks": [{"name": "default", "pod": {}}],
            }
        },
    },
}
LANS = [model.facts(lan())]
SRL = {"spoke": "srl", "interface": "e1-1"}
VM = {"spoke": "vm", "interface": "link1"}


def deployment(**spec: Any) -> dict[str, Any]:
    template = {"metadata": {}, "spec": POD["spec"]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "router", "namespace": "team"},
        "spec": {"template": template, **spec},
    }


@pytest.mark.parametrize(
    ("name", "build"),
    [
        ("lan", lambda: model.document(lan())),
        ("pod", lambda: attach.attached(POD, [SRL], LANS)),
        ("deployment", lambda: attach.attached(deployment(), [SRL], LANS)),
        ("machine", lambda: attach.attached(MACHINE, [{**VM, "mac": "02:00:00:00:00:01"}], LANS)),
    ],
)
def test_golden(name: str, build: Any) -> None:
    """FABRIC_GOLDEN=write writes the files anew."""
    path = GOLDEN / f"{name}.yml"
    if os.environ.get("FABRIC_GOLDEN") == "write":
        path.write_text("---\n" + compare.as_text(build()))
    assert yaml.safe_load(path.read_text()) == build()


def test_the_crd_takes_it() -> None:
    crd = schemas.document("k8slan_lans.crd.yaml")
    (version,) = crd["spec"]["versions"]
    assert f"{crd['spec']['group']}/{version['name']}" == model.API_VERSION and crd["spec"]["scope"] == "Namespaced"
    schemas.spec_validator("k8slan_lans.crd.yaml").validate(model.document(lan())["spec"])


def test_the_machine_is_one_that_kubevirt_takes() -> None:
    document = schemas.document("kubevirt_virtualmachine.openapi.yaml")
    schema = document.get("openAPIV3Schema") or document
    jsonschema.Draft202012Validator(schemas.closed(schema["properties"]["spec"])).validate(
        attach.attached(MACHINE, [VM], LANS)["spec"]
    )


def test_names_of_a_later_k8slan() -> None:
    later = lan(naming="lan_spoke")
    assert model.attachment(later, later.spokes[0]) == "k8slan-veth-lan-example-srl"
    assert model.resource(later, later.spokes[1]) == "macvtap.k8slan.io/k8slan-mac-lan-example-vm"


# -- attaching


@pytest.mark.parametrize(("workload", "attachment"), [(POD, SRL), (deployment(), SRL), (MACHINE, VM)])
def test_twice_is_once_and_the_input_stays(workload: dict[str, Any], attachment: dict[str, Any]) -> None:
    before = compare.as_text(workload)
    once = attach.attached(workload, [attachment], LANS)
    assert attach.attached(once, [attachment], LANS) == once
    assert compare.as_text(workload) == before


def test_networks_that_a_pod_has_stay_in_their_spelling() -> None:
    def annotated(value: str) -> str:
        metadata = {**POD["metadata"], "annotations": {"k8s.v1.cni.cncf.io/networks": value}}
        made = attach.attached({**POD, "metadata": metadata}, [SRL], LANS)
        return str(made["metadata"]["annotations"]["k8s.v1.cni.cncf.io/networks"])

    assert annotated("storage") == "storage,k8slan-veth-srl@e1-1"
    assert yaml.safe_load(annotated('[{"name": "storage"}]')) == [
        {"name": "storage"},
        {"name": "k8slan-veth-srl", "namespace": "default", "interface": "e1-1"},
    ]


@pytest.mark.parametrize(
    ("workload", "attachments", "expected"),
    [
        (POD, [{"spoke": "nobody"}], "attachments[0].spoke: there is no spoke 'nobody'; there are srl, vm"),
        (POD, [VM], "attachments[0].spoke: 'vm' is for a vm, this is a pod"),
        (MACHINE, [SRL], "attachments[0].spoke: 'srl' is for a pod, this is a vm"),
        (POD, [SRL, {"spoke": "srl"}], "attachments[1].spoke: 'srl' is there twice"),
        (POD, [{**SRL, "interface": "a-name-of-16-chr"}], "'a-name-of-16-chr' has 16 characters, 1..15 are possible"),
        (POD, [{**SRL, "interface": "e1/1"}], "attachments[0].interface: 'e1/1' is no name of a network device"),
        (POD, [{**SRL, "interface": "e1@1"}], "attachments[0].interface: 'e1@1' must have no ',' and no '@'"),
        (POD, [{**SRL, "interface": "eth0"}], "attachments[0].interface: 'eth0' is taken"),
        (POD, [{**SRL, "mac": "02:00:00:00:00:01"}], "attachments[0].mac: k8slan's plugin for pods takes none"),
        (POD, [{**SRL, "container": "side"}], "there is no container 'side'"),
        (deployment(replicas=2), [SRL], "replicas is 2, but a spoke takes one consumer"),
        (deployment(strategy={"type": "RollingUpdate"}), [SRL], "strategy RollingUpdate would start the next pod"),
        ({**deployment(), "kind": "DaemonSet"}, [SRL], "a DaemonSet cannot be attached"),
        (MACHINE, [{**VM, "interface": "default"}], "the machine has another network 'default' already"),
    ],
)
def test_what_cannot_be_attached(workload: dict[str, Any], attachments: list[dict[str, Any]], expected: str) -> None:
    with pytest.raises(DocumentError) as caught:
        attach.attached(workload, attachments, LANS)
    assert expected in str(caught.value)


def test_who_is_attached() -> None:
    pod = attach.attached(POD, [SRL], LANS)
    launcher = {**pod, "metadata": {**pod["metadata"], "name": "virt", "labels": {"kubevirt.io": "virt-launcher"}}}
    done = {**pod, "metadata": {**pod["metadata"], "name": "done"}, "status": {"phase": "Succeeded"}}
    machine = attach.attached(MACHINE, [VM], LANS)
    found = consumers.consumers([pod, launcher, done], [machine])
    assert [(each.shown, each.attachment) for each in found if "k8slan" in each.attachment[1]] == [
        ("VirtualMachine default/testvm", ("default", "k8slan-mac-vm")),
        ("Pod default/srl-test", ("default", "k8slan-veth-srl")),
    ]
    assert consumers.selections("[broken", "team") == []
    assert consumers.selections("a/b@c, d", "team") == [("a", "b"), ("team", "d")]


# -- k8slan itself


def daemon_set(image: str = "ghcr.io/hujun-open/k8slan:0.0.2") -> dict[str, Any]:
    spec = {
        "initContainers": [{"name": "install-cni", "image": image}],
        "containers": [{"name": "manager", "image": image}],
        "volumes": [
            {"name": "cni", "hostPath": {"path": "/opt/cni/bin"}},
            {"name": "ns", "hostPath": {"path": "/run/k8slan/netns"}},
        ],
    }
    metadata = {"name": "k8slan-ds", "namespace": "k8slan-system"}
    return {"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": metadata, "spec": {"template": {"spec": spec}}}


CRD = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "lans.lan.k8slan.io"},
}
SETTINGS: dict[str, Any] = {"bin_dir": "/var/lib/rancher/k3s/data/cni", "daemon_set": "k8slan-ds"}


def test_the_manifest_fits_the_distribution() -> None:
    intent = {
        **SETTINGS,
        "manifest": [CRD, daemon_set()],
        "image": "mirror.example.com/k8slan:0.0.2",
        "pull_policy": "IfNotPresent",
        "node_selector": {"lan": "yes"},
        "tolerations": [{"operator": "Exists"}],
    }
    _crd, adapted = operator.operator_objects(intent)
    spec = adapted["spec"]["template"]["spec"]
    assert [each["hostPath"]["path"] for each in spec["volumes"]] == [SETTINGS["bin_dir"], "/run/k8slan/netns"]
    containers = [*spec["initContainers"], *spec["containers"]]
    assert {each["image"] for each in containers} == {"mirror.example.com/k8slan:0.0.2"}
    assert spec["nodeSelector"] == {"lan": "yes"} and spec["tolerations"] == [{"operator": "Exists"}]


@pytest.mark.parametrize(
    ("manifest", "expected"),
    [
        ([CRD], "it has no DaemonSet k8slan-ds"),
        ([daemon_set()], "it has no CustomResourceDefinition lans.lan.k8slan.io"),
        ([CRD, daemon_set("k8slan:latest")], "runs k8slan:latest, which names no version"),
        ([CRD, daemon_set("localhost:5000/k8slan")], "runs localhost:5000/k8slan, which names no version"),
    ],
)
def test_what_is_no_pinned_k8slan(manifest: list[dict[str, Any]], expected: str) -> None:
    with pytest.raises(DocumentError, match=expected):
        operator.operator_objects({**SETTINGS, "manifest": manifest})


def test_the_injector_is_pinned_too() -> None:
    server = {"kind": "Deployment", "metadata": {"name": "injector"}, "spec": daemon_set("injector:latest")["spec"]}
    with pytest.raises(DocumentError, match="Deployment injector runs injector:latest, which names no version"):
        operator.injector_objects({"manifest": [server]})
    (made,) = operator.injector_objects({"manifest": [server, None], "image": "injector:v1.9.0"})
    assert made["spec"]["template"]["spec"]["containers"][0]["image"] == "injector:v1.9.0"


CERTIFICATE = {"apiVersion": "cert-manager.io/v1", "kind": "Certificate", "metadata": {"name": "serving-cert"}}
NEEDS: dict[str, Any] = {"objects": [CERTIFICATE], "machines": True, "injector": False}


def named(kind: str, name: str, **more: Any) -> dict[str, Any]:
    return {"apiVersion": "x/v1", "kind": kind, "metadata": {"name": name, "namespace": "x"}, **more}


def running(kind: str, name: str, available: int = 1) -> dict[str, Any]:
    figures = {"desiredNumberScheduled": 1, "updatedNumberScheduled": 1, "numberAvailable": available}
    figures |= {"updatedReplicas": 1, "availableReplicas": available, "replicas": 1}
    return {**named(kind, name, status=figures), "apiVersion": "apps/v1"}


def kubevirt(version: str = "v1.9.0", binding: bool = True, **developer: Any) -> dict[str, Any]:
    bindings = {"macvtap": {"domainAttachmentType": "tap"}} if binding else {}
    configuration = {"network": {"binding": bindings}, "developerConfiguration": developer}
    return named(
        "KubeVirt", "kubevirt", spec={"configuration": configuration}, status={"observedKubeVirtVersion": version}
    )


WHOLE = [
    named("APIService", "v1.cert-manager.io"),
    running("Deployment", "cert-manager-webhook"),
    named("APIService", "v1.k8s.cni.cncf.io"),
    running("DaemonSet", "kube-multus-ds"),
    kubevirt(),
    named("MutatingWebhookConfiguration", "network-resources-injector-config"),
]


def without(name: str) -> list[dict[str, Any]]:
    return [each for each in WHOLE if each["metadata"]["name"] != name]


def test_a_whole_cluster_lacks_nothing() -> None:
    assert operator.obstacles(WHOLE, NEEDS) == []


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (without("v1.cert-manager.io"), "cert-manager is not in the cluster"),
        (
            [*without("cert-manager-webhook"), running("Deployment", "cert-manager-webhook", 0)],
            "cert-manager does not answer yet: Deployment x/cert-manager-webhook: 1/1 updated, 0/1 available",
        ),
        (without("v1.k8s.cni.cncf.io"), "Multus is not in the cluster"),
        (without("kube-multus-ds"), "no DaemonSet of Multus runs"),
        ([*without("kube-multus-ds"), running("DaemonSet", "rke2-multus", 0)], "Multus does not run on every node"),
        (without("kubevirt"), "KubeVirt is not in the cluster"),
        ([*without("kubevirt"), kubevirt(binding=False)], "KubeVirt knows no network binding 'macvtap'"),
        (without("network-resources-injector-config"), "KubeVirt v1.9.0 leaves it to the network-resources-injector"),
    ],
)
def test_what_a_cluster_lacks(found: list[dict[str, Any]], expected: str) -> None:
    (told,) = operator.obstacles(found, NEEDS)
    assert expected in told


def test_what_is_not_needed_is_not_asked_for() -> None:
    bare = [named("APIService", "v1.k8s.cni.cncf.io"), running("DaemonSet", "kube-multus-ds")]
    assert operator.obstacles(bare, {"objects": [], "machines": False, "injector": False}) == []
    alone = without("network-resources-injector-config")
    assert operator.obstacles(alone, {**NEEDS, "injector": True}) == []
    for other in (kubevirt("v1.8.4"), kubevirt(disabledFeatureGates=["ExternalNetResourceInjection"])):
        found = [each for each in alone if each["kind"] != "KubeVirt"]
        assert operator.obstacles([*found, other], NEEDS) == []


def test_the_filters_say_which_of_them_it_was() -> None:
    filters = FilterModule().filters()
    with pytest.raises(AnsibleFilterError, match="k8slan_attached takes a dictionary, a list, a list"):
        filters["k8slan_attached"](POD, {})
    with pytest.raises(AnsibleFilterError, match="k8slan_operator_objects: missing: bin_dir"):
        filters["k8slan_operator_objects"]({"manifest": [], "daemon_set": "k8slan-ds"})
    assert filters["k8slan_attached"](POD, [SRL], LANS)["spec"]["containers"][0]["resources"] == {
        "limits": {"macvtap.k8slan.io/k8slan-veth-srl": "1"}
    }
