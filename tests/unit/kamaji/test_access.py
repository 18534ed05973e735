"""How a control plane of Kamaji's is found, reached and judged."""

from __future__ import annotations

import base64
from typing import Any

import pytest
import yaml
from ansible_collections.baremetal.fabric.plugins.module_utils._kube import backends, evidence, readiness
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.client import Document
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.errors import KubeError, Unreachable


def kubeconfig(server: str) -> str:
    def coded(text: str) -> str:
        return base64.b64encode(text.encode()).decode()

    user = {"client-certificate-data": coded("certificate"), "client-key-data": coded("key")}
    return yaml.safe_dump(
        {
            "clusters": [{"cluster": {"server": server, "certificate-authority-data": coded("authority")}}],
            "users": [{"user": user}],
        }
    )


def secret(**files: str) -> dict[str, Any]:
    data = {name.replace("_", "."): base64.b64encode(text.encode()).decode() for name, text in files.items()}
    return {"metadata": {"namespace": "vcluster-green", "name": "green-admin-kubeconfig"}, "data": data}


SERVICE = kubeconfig("https://green.vcluster-green.svc:7443")
VIP = kubeconfig("https://192.168.71.253:6443")


def test_what_its_secret_holds() -> None:
    access = backends.find("kamaji").access_of(secret(admin_conf=VIP, admin_svc=SERVICE))
    assert (access.ca, access.certificate, access.key) == ("authority", "certificate", "key")
    assert access.server == "https://192.168.71.253:6443"
    assert access.kubeconfig == VIP
    assert access.pod_port == 7443
    assert "key" not in repr(access).replace("kubeconfig", "")


def test_an_unfinished_secret_is_waited_for() -> None:
    with pytest.raises(Unreachable, match=r"green-admin-kubeconfig lacks admin.svc"):
        backends.find("kamaji").access_of(secret(admin_conf=VIP))


@pytest.mark.parametrize("broken", ["clusters: 5", "{}", SERVICE.replace("client-key-data", "token")])
def test_a_strange_kubeconfig_is_named(broken: str) -> None:
    with pytest.raises(KubeError, match="Secret vcluster-green/green-admin-kubeconfig cannot be read"):
        backends.find("kamaji").access_of(secret(admin_conf=VIP, admin_svc=broken))


def test_names_by_backend() -> None:
    kamaji, vcluster = backends.find("kamaji"), backends.find(None)
    assert (kamaji.secret_name("green"), vcluster.secret_name("green")) == ("green-admin-kubeconfig", "vc-green")
    assert kamaji.pod_labels("green") == {"kamaji.clastix.io/name": "green"}
    assert vcluster.pod_labels("green") == {"app": "vcluster", "release": "green"}


def control_plane(word: str | None, observed: int = 3, ready: int = 0) -> dict[str, Any]:
    resources: dict[str, Any] = {"deployment": {"readyReplicas": ready}}
    if word:
        resources["version"] = {"status": word}
    return {
        "apiVersion": "kamaji.clastix.io/v1alpha1",
        "kind": "TenantControlPlane",
        "metadata": {"name": "green", "namespace": "vcluster-green", "generation": 3},
        "spec": {"controlPlane": {"deployment": {"replicas": 2}}},
        "status": {"observedGeneration": observed, "kubernetesResources": resources},
    }


@pytest.mark.parametrize(
    ("document", "ready", "progress"),
    [
        (control_plane("Ready", ready=2), True, ""),
        (control_plane("Ready", observed=2, ready=2), False, "Ready, 2/2 pods ready, the last change is not seen yet"),
        (control_plane("Provisioning"), False, "Provisioning, 0/2 pods ready"),
        (control_plane(None), False, "not seen by Kamaji yet, 0/2 pods ready"),
        (control_plane("Sleeping"), False, "Sleeping, 0/2 pods ready (it has no replicas)"),
        ({**control_plane("Ready"), "status": {}}, False, "not seen by Kamaji yet, 0/2 pods ready, the last change"),
    ],
)
def test_when_it_is_ready(document: dict[str, Any], ready: bool, progress: str) -> None:
    verdict = readiness.judge(document)
    assert verdict.ready is ready
    assert verdict.progress.startswith(progress)


class Host:
    """As much of a cluster as an account of a failure asks for."""

    def list(self, _api_version: str, kind: str, _namespace: str | None, labels: str | None = None) -> list[Document]:
        if kind != "Pod":
            return []
        assert labels == "kamaji.clastix.io/name=green"
        status = {
            "phase": "Pending",
            "conditions": [{"type": "PodScheduled", "status": "False", "message": "no node carries the bridge"}],
        }
        return [
            {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "green-x", "namespace": "n"}, "status": status}
        ]


def test_a_failure_shows_its_pods() -> None:
    account = evidence.collect(Host(), control_plane("Provisioning"))  # type: ignore[arg-type]
    assert "Provisioning, 0/2 pods ready" in account
    assert "no node carries the bridge" in account
