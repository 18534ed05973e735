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
    return {**base, "path": str(path), "state": "present", "server": None, **more}


def present(cluster: Cluster, access: Access, given: dict[str, Any], dry_run: bool = False) -> dict[str, Any]:
    actions, expires = tenant_kubeconfig.present(cluster, access, given, "blue", dry_run)
    return {"changed": bool(actions), "actions": actions, "expires": expires}


def absent(cluster: Cluster, given: dict[str, Any]) -> dict[str, Any]:
    actions = tenant_kubeconfig.absent(cluster, given, "blue", dry_run=False)
    return {"changed": bool(actions), "actions": actions}


CALL: dict[str, Any] = {
    "kubeconfig": None,
    "context": None,
    "tenant": {"name": "blue", "namespace": None, "server_name": None, "backend": "vcluster"},
    "people": [],
    "leaving": False,
    "directory": None,
}


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
    planned = present(cluster, access, params(path), dry_run=True)
    assert planned["changed"] and not path.exists()
    made = present(cluster, access, params(path))
    assert path.stat().st_mode & 0o777 == 0o600 and path.parent.stat().st_mode & 0o777 == 0o700
    assert "PRIVATE KEY" not in str(made)
    ends = datetime.datetime.fromisoformat(made["expires"])
    assert abs(ends - datetime.datetime.now(datetime.UTC) - datetime.timedelta(hours=1)) < datetime.timedelta(minutes=6)
    assert may(path, "ConfigMap", namespace) and not may(path, "Secret", namespace)
    # The key went nowhere else, and the request is gone.
    assert cluster.list("certificates.k8s.io/v1", "CertificateSigningRequest") == []

    text = path.read_text()
    again = present(cluster, access, params(path))
    assert not again["changed"] and again["expires"] == made["expires"]
    assert path.read_text() == text
    path.chmod(0o644)
    assert present(cluster, access, params(path))["actions"] == [f"kubeconfig {path} closed to others"]
    assert path.stat().st_mode & 0o777 == 0o600

    present(cluster, access, params(path, cluster_role="admin"))
    assert path.read_text() == text and may(path, "Secret", namespace)
    present(cluster, access, params(path, namespaces=[namespace]))
    assert may(path, "ConfigMap", namespace) and not may(path, "ConfigMap", "default")

    copy = tmp_path / "copy"
    copy.write_text(path.read_text())
    gone = absent(cluster, params(path))
    assert gone["changed"] and not path.exists() and not may(copy, "ConfigMap", namespace)
    assert not absent(cluster, params(path))["changed"]


def test_it_is_renewed_in_time(cluster: Cluster, access: Access, tmp_path: Path) -> None:
    path = tmp_path / "ada.kubeconfig"
    present(cluster, access, params(path))
    text = path.read_text()
    again = present(cluster, access, params(path, renew_before=4200))
    assert "its certificate ends" in again["actions"][0] and path.read_text() != text


def test_a_shorter_life_than_asked_for_is_no_reason_to_renew(cluster: Cluster, access: Access, tmp_path: Path) -> None:
    """The tenant cluster's own limit."""
    path = tmp_path / "ada.kubeconfig"
    present(cluster, access, params(path, expires=600))
    assert not present(cluster, access, params(path, expires=2592000))["changed"]


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
    present(cluster, access, params(path))
    document = yaml.safe_load(path.read_text())
    document["clusters"][0]["cluster"].update(change)
    if not change:
        document["users"][0]["user"]["client-certificate-data"] = "nonsense"
    path.write_text(yaml.safe_dump(document))
    assert reason in present(cluster, access, params(path))["actions"][0]


def test_a_file_of_somebody_else_stays(cluster: Cluster, access: Access, kubeconfig: Path, tmp_path: Path) -> None:
    """A path that is a person's own kubeconfig, by mistake: nothing is bound and nothing is written."""
    path = tmp_path / "config"
    path.write_text(kubeconfig.read_text())
    with pytest.raises(KubeError, match="in it, not eve@blue alone, and is left as it is"):
        present(cluster, access, params(path, name="eve"))
    assert people.bind(cluster, people.Person("eve", "view"), [], dry_run=True) == []
    with pytest.raises(KubeError, match="is left as it is"):
        absent(cluster, params(path, name="eve"))
    assert path.read_text() == kubeconfig.read_text()


def test_taking_back_is_planned_as_such_where_there_is_no_api(tmp_path: Path) -> None:
    path = tmp_path / "ada.kubeconfig"
    path.write_text("contexts: [{name: ada@blue}]")
    base = {**CALL, "people": [params(path, state="absent")], "kubeconfig": str(tmp_path / "none")}
    planned = tenant_kubeconfig.work(SimpleNamespace(params=base, check_mode=True))
    assert planned["actions"] == [f"kubeconfig {path} removed"] and path.exists()


def test_whose_it_is_is_in_its_certificate(cluster: Cluster, access: Access, tmp_path: Path) -> None:
    path = tmp_path / "ada.kubeconfig"
    present(cluster, access, params(path))
    bob = people.Person("bob", "view")
    now = datetime.datetime.now(datetime.UTC)
    told = people.stale_because(path.read_text(), bob, people.Endpoint(access.server, access.ca), now, 0)
    assert told == "it is CN=fabric:ada's"


def test_another_address_is_held_to_the_same_certificate(cluster: Cluster, access: Access, tmp_path: Path) -> None:
    path = tmp_path / "ada.kubeconfig"
    present(cluster, access, params(path))
    elsewhere = params(path, server="https://api.blue.example.com:8443")
    made = present(cluster, access, elsewhere)
    assert made["actions"] == [f"kubeconfig {path} made: the tenant cluster is at https://api.blue.example.com:8443"]
    found = yaml.safe_load(path.read_text())["clusters"][0]["cluster"]
    assert (found["server"], found["tls-server-name"]) == ("https://api.blue.example.com:8443", "127.0.0.1")
    assert not present(cluster, access, elsewhere)["changed"]


def test_the_host_cluster_refuses_it(cluster: Cluster, access: Access, tmp_path: Path, namespace: str) -> None:
    """Another API server, with an authority of its own, in the place of the host cluster's."""
    path = tmp_path / "ada.kubeconfig"
    present(cluster, access, params(path, cluster_role="cluster-admin"))
    assert may(path, "Secret", namespace)
    with kube_api.running() as elsewhere:
        host = yaml.safe_load(elsewhere.read_text())["clusters"][0]["cluster"]
        document = yaml.safe_load(path.read_text())
        document["clusters"][0]["cluster"] = host
        path.write_text(yaml.safe_dump(document))
        with connect(str(path)) as theirs, pytest.raises(KubeError) as caught:
            theirs.list("v1", "Namespace")
        assert caught.value.status == 401


def test_all_people_in_one_call(cluster: Cluster, access: Access, tmp_path: Path, namespace: str) -> None:
    ada, bob = tmp_path / "ada.kubeconfig", tmp_path / "blue-bob.kubeconfig"
    listed = [params(ada), {**params(bob, name="bob", cluster_role="edit"), "path": None}]
    call = {**CALL, "people": listed, "directory": str(tmp_path)}
    call["people"] = tenant_kubeconfig.filled(call)
    assert tenant_kubeconfig.mistakes(call["people"]) == []
    made = tenant_kubeconfig.one_by_one(cluster, access, call, dry_run=False)
    assert made["changed"] and sorted(made["expires"]) == ["ada", "bob"] and ada.exists() and bob.exists()
    assert may(ada, "ConfigMap", namespace)
    again = tenant_kubeconfig.one_by_one(cluster, access, call, dry_run=False)
    assert not again["changed"] and again["expires"] == made["expires"]
    call["people"][0]["state"] = "absent"
    assert tenant_kubeconfig.one_by_one(cluster, access, call, dry_run=False)["changed"]
    assert not ada.exists() and bob.exists()


def test_all_mistakes_before_anything_is_done() -> None:
    listed = [params(Path("/a"), name="Ada"), params(Path("/a"), name="bob", expires=5), params(Path("/b"), name="bob")]
    wrong = tenant_kubeconfig.mistakes([*listed, {**params(Path("/c"), name="eve"), "path": None}])
    assert [each.partition(": ")[0] for each in wrong] == [
        "people[0].name 'Ada'",
        "people[1].expires 5",
        "people[1].path '/a'",
        "people[2].name 'bob'",
        "people[3].path",
    ]
    with pytest.raises(KubeError, match=r"lower case letters.*600 seconds at least.*is listed twice"):
        tenant_kubeconfig.work(SimpleNamespace(params={**CALL, "people": listed}, check_mode=False))


def test_with_the_tenant_cluster_all_of_its_kubeconfigs_go(
    cluster: Cluster, access: Access, tmp_path: Path, kubeconfig: Path
) -> None:
    """Also of one whom only a command line has named; not those of a namesake, of another one, or of no person."""
    given = tmp_path / "people"
    listed, once = given / "ada.kubeconfig", given / "blue-eve.kubeconfig"
    present(cluster, access, params(listed))
    present(cluster, access, params(once, name="eve"))
    eve = yaml.safe_load(once.read_text())
    others = {}
    for name, (authority, context) in {
        "namesake": ("b3RoZXI=", "eve@blue"),
        "another": (eve["clusters"][0]["cluster"]["certificate-authority-data"], "eve@green"),
    }.items():
        others[name] = given / f"{name}.kubeconfig"
        document = yaml.safe_load(once.read_text())
        document["clusters"][0]["cluster"]["certificate-authority-data"] = authority
        document["contexts"][0]["name"] = context
        others[name].write_text(yaml.safe_dump(document))
    others["operator"] = given / "blue.kubeconfig"
    others["operator"].write_text(kubeconfig.read_text())
    others["nonsense"] = given / "nonsense.kubeconfig"
    others["nonsense"].write_text("{")
    call = {**CALL, "people": [params(listed)], "directory": str(given), "leaving": True}
    planned = tenant_kubeconfig.forgotten(call, access.ca, dry_run=True)
    assert planned["actions"] == [f"kubeconfig {listed} removed", f"kubeconfig {once} removed"] and once.exists()
    assert tenant_kubeconfig.forgotten(call, None, dry_run=False)["actions"] == [f"kubeconfig {listed} removed"]
    gone = tenant_kubeconfig.forgotten(call, access.ca, dry_run=False)
    assert gone["actions"] == [f"kubeconfig {once} removed"] and gone["changed"]
    assert sorted(given.iterdir()) == sorted(others.values())
    assert not tenant_kubeconfig.forgotten(call, access.ca, dry_run=False)["changed"]
