"""Kamaji's TenantControlPlane: a golden file, the real CRD, and the rules that stand in no schema."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from ansible_collections.baremetal.fabric.plugins.filter.kube_documents import FilterModule
from ansible_collections.baremetal.fabric.plugins.module_utils._kamaji import spec_rules
from ansible_collections.baremetal.fabric.plugins.module_utils._kube import compare
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.documents import common, kamaji

from tests.support import schemas

GOLDEN = Path(__file__).parent / "golden" / "tenant_control_plane.yml"
INTENT: dict[str, Any] = {
    "name": "green",
    "namespace": "vcluster-green",
    "network_namespace": "vcluster-green-networks",
    "vip": "192.168.71.253",
    "port": 6443,
    "replicas": 2,
    "pod_cidr": "10.244.0.0/16",
    "service_cidr": "10.96.0.0/16",
    "kubernetes_version": "v1.35.0",
    "control_plane_range": {"start": "192.168.71.250", "end": "192.168.71.252"},
    "servers": 3,
    "kamaji": {"datastore": "default", "konnectivity": True, "cert_sans": ["green.example.com"]},
}


def built(**changes: Any) -> dict[str, Any]:
    return kamaji.tenant_control_plane({**INTENT, **changes})


def test_golden() -> None:
    """FABRIC_GOLDEN=write writes the file anew."""
    if os.environ.get("FABRIC_GOLDEN") == "write":
        GOLDEN.write_text("---\n" + compare.as_text(built()))
    assert yaml.safe_load(GOLDEN.read_text()) == built()


CRD = "kamaji.clastix.io_tenantcontrolplanes.yaml"


def validator() -> jsonschema.Draft202012Validator:
    return schemas.spec_validator(CRD, "v1alpha1")


@pytest.mark.parametrize(
    "changes",
    [{}, {"kamaji": {}}, {"kamaji": {"coredns": False, "kube_proxy": False}}, {"replicas": 3}, {"tolerations": [{}]}],
)
def test_the_crd_takes_it(changes: dict[str, Any]) -> None:
    document = built(**changes)
    crd = schemas.document(CRD)["spec"]
    assert document["apiVersion"] == f"{crd['group']}/v1alpha1"
    assert document["kind"] == crd["names"]["kind"]
    assert [error.message for error in validator().iter_errors(document["spec"])] == []


def test_the_crd_would_refuse_a_misspelt_field() -> None:
    assert list(validator().iter_errors({**built()["spec"], "datastore": "default"}))


def test_pods_get_the_leg_in_the_vlan() -> None:
    """On the pods: additionalMetadata, a level beside, would only mark the Deployment."""
    deployment = built()["spec"]["controlPlane"]["deployment"]
    annotations = deployment["podAdditionalMetadata"]["annotations"]
    assert annotations == {"k8s.v1.cni.cncf.io/networks": "vcluster-green-networks/control-plane"}
    assert "additionalMetadata" not in deployment


@pytest.mark.parametrize(
    ("replicas", "addresses", "servers", "surge"),
    [
        (1, 3, 3, 1),
        (1, 3, 1, 0),  # an address for a second pod, and no server for it
        (2, 3, 3, 1),
        (3, 3, 4, 0),  # a server for a fourth pod, and no address for it
        (3, 6, 6, 1),
        (3, 3, 3, 0),
    ],
)
def test_a_rollout_fits_addresses_and_servers(replicas: int, addresses: int, servers: int, surge: int) -> None:
    span = {"start": "192.168.71.10", "end": f"192.168.71.{9 + addresses}"}
    document = built(replicas=replicas, control_plane_range=span, servers=servers)
    strategy = document["spec"]["controlPlane"]["deployment"]["strategy"]
    assert strategy == {
        "type": "RollingUpdate",
        "rollingUpdate": {"maxSurge": surge, "maxUnavailable": 1 - surge},
    }


def test_what_is_not_known_yet_is_shown_as_such() -> None:
    document = built(vip=None, control_plane_range=None)
    assert document["spec"]["networkProfile"]["advertiseAddress"] == common.KNOWN_AFTER_APPLY


def test_addons_can_be_left_away() -> None:
    assert built(kamaji={})["spec"]["addons"] == {"coreDNS": {}, "kubeProxy": {}}
    assert built(kamaji={"coredns": False, "kube_proxy": False})["spec"]["addons"] == {}


def test_the_users_spec_wins() -> None:
    spec = built(kamaji={"spec": {"controlPlane": {"deployment": {"serviceAccountName": "green"}}}})["spec"]
    assert spec["controlPlane"]["deployment"]["serviceAccountName"] == "green"
    assert spec["controlPlane"]["deployment"]["replicas"] == 2


def mistakes(theirs: dict[str, Any], **kamaji_options: Any) -> dict[str, str]:
    ours = kamaji.control_plane_spec({**INTENT, "kamaji": kamaji_options})
    return dict(spec_rules.mistakes(ours, theirs))


@pytest.mark.parametrize(
    ("theirs", "path", "says"),
    [
        ({"networkProfile": {"loadBalancerClass": "x"}}, "networkProfile.loadBalancerClass", "LoadBalancer, not Clus"),
        (
            {"networkProfile": {"loadBalancerSourceRanges": ["10.0.0.0/8"]}},
            "networkProfile.loadBalancerSourceRanges",
            "LoadBalancer, not ClusterIP",
        ),
        (
            {"controlPlane": {"service": {"allocateLoadBalancerNodePorts": False}}},
            "controlPlane.service.allocateLoadBalancerNodePorts",
            "LoadBalancer, not ClusterIP",
        ),
        (
            {
                "controlPlane": {"service": {"serviceType": "LoadBalancer"}},
                "networkProfile": {"loadBalancerSourceRanges": ["10.0.0.0/8", "ten"]},
            },
            "networkProfile.loadBalancerSourceRanges[1]",
            "'ten' is no network",
        ),
        ({"controlPlane": {"service": {"serviceType": "None"}}}, "controlPlane.service.serviceType", "none of Cluster"),
        ({"controlPlane": {"service": {"serviceType": "NodePort"}}}, "networkProfile.address", "is required"),
        ({"controlPlane": {"ingress": {}, "gateway": {}}}, "controlPlane.gateway", "together with"),
        ({"networkProfile": {"clusterDomain": "local"}}, "networkProfile.clusterDomain", "has no dot"),
        ({"networkProfile": {"port": 443}}, "networkProfile.port", "tenant_cluster_api_port"),
        ({"networkProfile": {"advertiseAddress": "10.0.0.1"}}, "networkProfile.advertiseAddress", "address plan"),
        ({"controlPlane": {"deployment": {"replicas": 5}}}, "controlPlane.deployment.replicas", "_replicas"),
        ({"addons": {"konnectivity": {}}}, "addons.konnectivity", "tenant_cluster_kamaji.konnectivity"),
    ],
)
def test_what_no_schema_says(theirs: dict[str, Any], path: str, says: str) -> None:
    found = mistakes(theirs)
    assert list(found) == [path]
    assert says in found[path]


@pytest.mark.parametrize(
    "theirs",
    [
        {},
        {"networkProfile": {"port": 6443, "clusterDomain": "green.local"}},
        {
            "controlPlane": {"service": {"serviceType": "LoadBalancer", "allocateLoadBalancerNodePorts": False}},
            "networkProfile": {"loadBalancerClass": "x", "loadBalancerSourceRanges": ["10.0.0.0/8"]},
        },
        {"addons": {"coreDNS": {"imageTag": "v1.12.0"}}},
    ],
)
def test_what_may_be_added(theirs: dict[str, Any]) -> None:
    assert mistakes(theirs) == {}


@pytest.mark.parametrize(
    ("konnectivity", "path"),
    [
        ({"server": {"port": 6443}}, "addons.konnectivity.server.port"),
        ({"agent": {"mode": "DaemonSet", "replicas": 2}}, "addons.konnectivity.agent.replicas"),
        ({"agent": {"mode": "Deployment", "replicas": 0}}, "addons.konnectivity.agent.replicas"),
    ],
)
def test_konnectivity(konnectivity: dict[str, Any], path: str) -> None:
    assert list(mistakes({"addons": {"konnectivity": konnectivity}}, konnectivity=True)) == [path]


SCHEMA_Y: dict[str, Any] = {"kamaji": {"spec": {"dataStoreSchema": "y"}, "datastore": "default"}}


API = {"kind": "APIService", "metadata": {"name": "v1alpha1.kamaji.clastix.io"}}
STORE: dict[str, Any] = {
    "apiVersion": "kamaji.clastix.io/v1alpha1",
    "kind": "DataStore",
    "metadata": {"name": "default"},
    "status": {"ready": True},
}


def obstacles(found: list[dict[str, Any]], upgrade: bool = False, **changes: Any) -> list[str]:
    judge = FilterModule().filters()["tenant_control_plane_obstacles"]
    told: list[str] = judge(built(**changes), found, upgrade=upgrade)
    return told


def refused(before: dict[str, Any], **changes: Any) -> list[str]:
    present = {"kind": "TenantControlPlane", "spec": common.merge(built()["spec"], before)}
    return obstacles([API, STORE, present], **changes)


def test_what_an_api_server_filled_in_is_no_change() -> None:
    kept = {"networkProfile": {"clusterDomain": "cluster.local"}, "dataStoreSchema": "x", "dataStoreUsername": "y"}
    assert refused(kept) == []
    assert refused({**kept, "dataStore": "default"}, kamaji={}) == []
    assert refused(kept, kubernetes_version="v1.35.4", replicas=3) == []


def test_another_minor_takes_its_nodes_along() -> None:
    """One that only the control plane goes to leaves them behind, until a further one cuts them off."""
    (sentence,) = refused({}, kubernetes_version="v1.36.1")
    assert "cannot go from v1.35.0 to v1.36.1: nodes have to follow another minor: run the playbook" in sentence
    assert refused({}, kubernetes_version="v1.36.1", upgrade=True) == []


@pytest.mark.parametrize(
    ("before", "changes", "says"),
    [
        ({}, {"kubernetes_version": "v1.34.9"}, "from v1.35.0 to v1.34.9: Kamaji makes no downgrades"),
        ({}, {"kubernetes_version": "v1.37.0"}, "from v1.35.0 to v1.37.0: one minor version at a time"),
        ({"networkProfile": {"clusterDomain": "a.b"}}, {}, "clusterDomain cannot be changed from 'a.b' to 'cluster.lo"),
        ({"networkProfile": {"loadBalancerClass": "x"}}, {}, "loadBalancerClass cannot be changed from 'x' to nothing"),
        ({"dataStoreSchema": "x"}, SCHEMA_Y, "'x' to 'y'"),
    ],
)
def test_what_cannot_be_changed(before: dict[str, Any], changes: dict[str, Any], says: str) -> None:
    (sentence,) = refused(before, **changes)
    assert says in sentence


def test_nothing_stands_in_the_way() -> None:
    assert obstacles([API, STORE]) == []
    assert obstacles([API, STORE], kamaji={}) == []


def test_what_to_install_is_said() -> None:
    (sentence,) = obstacles([])
    assert "install cert-manager (its webhooks need certificates) and then Kamaji's chart" in sentence
    (sentence,) = obstacles([{"kind": "APIService", "metadata": {"name": "v1.cert-manager.io"}}])
    assert "install Kamaji's chart" in sentence


@pytest.mark.parametrize(
    ("found", "changes", "says"),
    [
        ([API], {}, "no DataStore 'default' (tenant_cluster_kamaji.datastore); known: none"),
        (
            [API, STORE],
            {"kamaji": {"datastore": "fast"}},
            "no DataStore 'fast' (tenant_cluster_kamaji.datastore); know",
        ),
        ([API], {"kamaji": {}}, "the host cluster has no DataStore"),
        (
            [API, {**STORE, "status": {"ready": False, "conditions": [{"type": "x", "message": "no route to etcd"}]}}],
            {},
            "DataStore 'default' is not ready: no route to etcd",
        ),
        (
            [
                API,
                STORE,
                {
                    "apiVersion": "apps/v1",
                    "kind": "Deployment",
                    "metadata": {"namespace": "kamaji-system", "name": "kamaji", "generation": 1},
                    "status": {"observedGeneration": 1},
                },
            ],
            {},
            "Kamaji does not run: Deployment kamaji-system/kamaji: 0/1 updated, 0/1 available",
        ),
    ],
)
def test_what_is_missing_of_kamaji(found: list[dict[str, Any]], changes: dict[str, Any], says: str) -> None:
    (sentence,) = obstacles(found, **changes)
    assert says in sentence
