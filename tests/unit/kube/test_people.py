"""A person's access to a tenant cluster: a real API signs, binds and refuses."""

from __future__ import annotations

import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from ansible_collections.baremetal.fabric.plugins.module_utils._kube import people
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.client import Cluster, connect
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.errors import KubeError
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.tenant_api import Access
from ansible_collections.baremetal.fabric.plugins.modules import tenant_kubeconfig

from tests.support import kube_api


@pytest.fixture
def access(cluster: Cluster, kubeconfig: Path) -> Access:
    ca = (kubeconfig.parent / "ca.crt").read_text()
    return Access(ca=ca, certificate="", key="", kubeconfig="", server=cluster.host, pod_port=8443)


def params(path: Path, **more: Any) -> dict[str, Any]:
    base = {"name": "ada", "cluster_role": "view", "namespaces": [], "expires": 3600, "renew_before": None}
    return {**base, "path": str(path), "tenant": {"name": "blue"}, **more}


def may(path: Path, kind: str, namespace: str | None = None) -> bool:
    with connect(str(path)) as theirs:
        try:
            theirs.list("v1", kind, namespace)
        except KubeError as error:
            assert error.status == 403 and "fabric:ada" in error.message
            return False
        return True


def test_a_kubeconfig_that_works_as_far_as_its_role(
    cluster: Cluster, access: Access, tmp_path: Path, namespace: str
) -> None:
    path = tmp_path / "people" / "ada.kubeconfig"
    planned = tenant_kubeconfig.present(cluster, access, params(path), dry_run=True)
    assert planned["changed"] and not path.exists()
    made = tenant_kubeconfig.present(cluster, access, params(path), dry_run=False)
    assert path.stat().st_mode & 0o777 == 0o600 and path.parent.stat().st_mode & 0o777 == 0o700
    assert "PRIVATE KEY" not in str(made)
    ends = datetime.datetime.fromisoformat(made["expires"])
    assert abs(ends - datetime.datetime.now(datetime.UTC) - datetime.timedelta(hours=1)) < datetime.timedelta(minutes=6)
    assert may(path, "ConfigMap", namespace) and not may(path, "Secret", namespace)
    # The key went nowhere else, and the request is gone.
    assert cluster.list("certificates.k8s.io/v1", "CertificateSigningRequest") == []

    text = path.read_text()
    again = tenant_kubeconfig.present(cluster, access, params(path), dry_run=False)
    assert not again["changed"] and again["expires"] == made["expires"]
    assert path.read_text() == text
    path.chmod(0o644)
    assert tenant_kubeconfig.present(cluster, access, params(path), dry_run=False)["actions"] == [
        f"kubeconfig {path} closed to others"
    ]
    assert path.stat().st_mode & 0o777 == 0o600

    tenant_kubeconfig.present(cluster, access, params(path, cluster_role="admin"), dry_run=False)
    assert path.read_text() == text and may(path, "Secret", namespace)
    tenant_kubeconfig.present(cluster, access, params(path, namespaces=[namespace]), dry_run=False)
    assert may(path, "ConfigMap", namespace) and not may(path, "ConfigMap", "default")

    copy = tmp_path / "copy"
    copy.write_text(path.read_text())
    gone = tenant_kubeconfig.absent(cluster, params(path), dry_run=False)
    assert gone["changed"] and not path.exists() and not may(copy, "ConfigMap", namespace)
    assert not tenant_kubeconfig.absent(cluster, params(path), dry_run=False)["changed"]


def test_it_is_renewed_in_time(cluster: Cluster, access: Access, tmp_path: Path) -> None:
    path = tmp_path / "ada.kubeconfig"
    tenant_kubeconfig.present(cluster, access, params(path), dry_run=False)
    text = path.read_text()
    again = tenant_kubeconfig.present(cluster, access, params(path, renew_before=4200), dry_run=False)
    assert "its certificate ends" in again["actions"][0] and path.read_text() != text


def test_a_shorter_life_than_asked_for_is_no_reason_to_renew(cluster: Cluster, access: Access, tmp_path: Path) -> None:
    """The tenant cluster's own limit."""
    path = tmp_path / "ada.kubeconfig"
    tenant_kubeconfig.present(cluster, access, params(path, expires=600), dry_run=False)
    assert not tenant_kubeconfig.present(cluster, access, params(path, expires=2592000), dry_run=False)["changed"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"server": "https://elsewhere"}, "the tenant cluster is at"),
        ({"certificate-authority-data": "b3RoZXI="}, "another certificate authority"),
        ({}, "cannot be read"),
    ],
)
def test_one_that_is_of_no_use_is_made_anew(
    cluster: Cluster, access: Access, tmp_path: Path, change: dict[str, str], reason: str
) -> None:
    path = tmp_path / "ada.kubeconfig"
    tenant_kubeconfig.present(cluster, access, params(path), dry_run=False)
    document = yaml.safe_load(path.read_text())
    document["clusters"][0]["cluster"].update(change)
    if not change:
        document["users"][0]["user"]["client-certificate-data"] = "nonsense"
    path.write_text(yaml.safe_dump(document))
    assert reason in tenant_kubeconfig.present(cluster, access, params(path), dry_run=False)["actions"][0]


def test_a_file_of_somebody_else_stays(cluster: Cluster, access: Access, kubeconfig: Path, tmp_path: Path) -> None:
    """A path that is a person's own kubeconfig, by mistake: nothing is bound and nothing is written."""
    path = tmp_path / "config"
    path.write_text(kubeconfig.read_text())
    with pytest.raises(KubeError, match="in it, not eve@blue alone, and is left as it is"):
        tenant_kubeconfig.present(cluster, access, params(path, name="eve"), dry_run=False)
    assert people.bind(cluster, people.Person("eve", "view"), [], dry_run=True) == []
    with pytest.raises(KubeError, match="is left as it is"):
        tenant_kubeconfig.absent(cluster, params(path, name="eve"), dry_run=False)
    assert path.read_text() == kubeconfig.read_text()


def test_taking_back_is_planned_as_such_where_there_is_no_api(tmp_path: Path) -> None:
    path = tmp_path / "ada.kubeconfig"
    path.write_text("contexts: [{name: ada@blue}]")
    base = {**params(path, state="absent"), "kubeconfig": str(tmp_path / "none"), "context": None, "server": None}
    base["tenant"] = {"name": "blue", "namespace": None, "server_name": None, "backend": "vcluster"}
    planned = tenant_kubeconfig.work(SimpleNamespace(params=base, check_mode=True))
    assert planned["actions"] == [f"kubeconfig {path} removed"] and path.exists()


def test_whose_it_is_is_in_its_certificate(cluster: Cluster, access: Access, tmp_path: Path) -> None:
    path = tmp_path / "ada.kubeconfig"
    tenant_kubeconfig.present(cluster, access, params(path), dry_run=False)
    bob = people.Person("bob", "view")
    now = datetime.datetime.now(datetime.UTC)
    told = people.stale_because(path.read_text(), bob, people.Endpoint(access.server, access.ca), now, 0)
    assert told == "it is CN=fabric:ada's"


def test_another_address_is_held_to_the_same_certificate(cluster: Cluster, access: Access, tmp_path: Path) -> None:
    path = tmp_path / "ada.kubeconfig"
    tenant_kubeconfig.present(cluster, access, params(path), dry_run=False)
    elsewhere = params(path, server="https://api.blue.example.com:8443")
    made = tenant_kubeconfig.present(cluster, access, elsewhere, dry_run=False)
    assert made["actions"] == [f"kubeconfig {path} made: the tenant cluster is at https://api.blue.example.com:8443"]
    found = yaml.safe_load(path.read_text())["clusters"][0]["cluster"]
    assert (found["server"], found["tls-server-name"]) == ("https://api.blue.example.com:8443", "127.0.0.1")
    assert not tenant_kubeconfig.present(cluster, access, elsewhere, dry_run=False)["changed"]


def test_the_host_cluster_refuses_it(cluster: Cluster, access: Access, tmp_path: Path, namespace: str) -> None:
    """Another API server, with an authority of its own, in the place of the host cluster's."""
    path = tmp_path / "ada.kubeconfig"
    tenant_kubeconfig.present(cluster, access, params(path, cluster_role="cluster-admin"), dry_run=False)
    assert may(path, "Secret", namespace)
    with kube_api.running() as elsewhere:
        host = yaml.safe_load(elsewhere.read_text())["clusters"][0]["cluster"]
        document = yaml.safe_load(path.read_text())
        document["clusters"][0]["cluster"] = host
        path.write_text(yaml.safe_dump(document))
        with connect(str(path)) as theirs, pytest.raises(KubeError) as caught:
            theirs.list("v1", "Namespace")
        assert caught.value.status == 401
