"""Plays with rights on one tenant cluster's namespaces of the host cluster. The API server and its RBAC are real."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.baremetal.fabric.plugins.module_utils._kube import objects, tunnel
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.client import Cluster, connect
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.documents.credentials import credentials_objects
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.errors import KubeError
from ansible_collections.baremetal.fabric.plugins.modules import (
    host_cluster_info,
    kube_objects,
    kube_objects_info,
    node_labels,
    service_account_kubeconfig,
    tenant_access,
    tenant_cluster_info,
    tenant_cluster_power,
    tenant_kubeconfig,
    tenant_token,
)
from ansible_collections.baremetal.fabric.plugins.plugin_utils.direct import Call

from tests.support import schemas

from .test_tenant import _Forward, add_pod, add_secret

ACCOUNT = "baremetal-fabric"
UNWAITED = objects.Settings(wait=False)
PREPARING = objects.Settings(manager="baremetal.fabric-credentials")
NETWORK = {
    "apiVersion": "k8s.cni.cncf.io/v1",
    "kind": "NetworkAttachmentDefinition",
    "metadata": {"name": "control-plane"},
    "spec": {"config": "{}"},
}
POOLS = {"api_version": "whereabouts.cni.cncf.io/v1alpha1", "kind": "IPPool", "namespace": "kube-system"}


def call(module: Any, check_mode: bool = False, **options: Any) -> dict[str, Any]:
    """A module as a task calls it; its failures are raised."""
    validated = ArgumentSpecValidator(module.argument_spec()).validate(options)
    assert not validated.error_messages
    result: dict[str, Any] = module.work(Call(validated.validated_parameters, check_mode))
    return json.loads(json.dumps(result))  # type: ignore[no-any-return]


class Prepared:
    """A tenant cluster whose namespaces an administrator has prepared, and credentials for them."""

    def __init__(self, admin: Cluster, admins: Path, directory: Path, name: str, **more: Any) -> None:
        self.admin, self.admins, self.name = admin, admins, name
        self.namespace, self.networks = f"vcluster-{name}", f"vcluster-{name}-networks"
        self.path = directory / f"{name}.kubeconfig"
        intent = {
            "name": name,
            "namespace": self.namespace,
            "network_namespace": self.networks,
            "backend": "vcluster",
            "account": ACCOUNT,
            **more,
        }
        self.documents = credentials_objects(intent)
        objects.present(admin, objects.validate(self.documents), PREPARING)
        self.written = self.write()

    def write(self, **options: Any) -> dict[str, Any]:
        base = {"kubeconfig": str(self.admins), "namespace": self.namespace, "name": ACCOUNT, "path": str(self.path)}
        return call(service_account_kubeconfig, **{**base, "expires": 3600, **options})

    def call(self, module: Any, check_mode: bool = False, **options: Any) -> dict[str, Any]:
        return call(module, check_mode, kubeconfig=str(self.path), **options)

    def apply(self, *documents: dict[str, Any]) -> list[str]:
        with connect(str(self.path)) as theirs:
            report = objects.present(theirs, objects.validate(documents), UNWAITED)
        return [each.action for each in report.outcomes]

    def tenant(self) -> dict[str, str]:
        return {"name": self.name, "namespace": self.namespace}


@pytest.fixture(scope="module")
def administrator(kubeconfig: Path) -> Iterator[Cluster]:
    """With the kinds that pods' networks are made of, and somebody else's pool of addresses."""
    names = ("nad.crd.yaml", "whereabouts_ippools.crd.yaml")
    crds = [yaml.safe_load(schemas.find(name).read_text()) for name in names]
    with connect(str(kubeconfig)) as admin:
        objects.present(admin, objects.validate(crds), objects.Settings())
        yield admin
        objects.absent(admin, objects.validate(crds), objects.Settings())


@pytest.fixture(scope="module")
def blue(administrator: Cluster, kubeconfig: Path, tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    return Prepared(administrator, kubeconfig, tmp_path_factory.mktemp("own"), "blue")


@pytest.fixture(scope="module")
def green(administrator: Cluster, kubeconfig: Path, tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    return Prepared(administrator, kubeconfig, tmp_path_factory.mktemp("own"), "green", virtual_machines=True)


@pytest.fixture
def node(administrator: Cluster) -> Iterator[str]:
    administrator.create({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "shared1"}})
    yield "shared1"
    administrator.delete("v1", "Node", "shared1", propagation="Background")


# -- the kubeconfig


def test_a_kubeconfig_that_ends_and_that_nobody_else_reads(blue: Prepared) -> None:
    assert blue.path.stat().st_mode & 0o777 == 0o600
    token = yaml.safe_load(blue.path.read_text())["users"][0]["user"]["token"]
    assert token not in str(blue.written)
    ends = datetime.datetime.fromisoformat(blue.written["expires"])
    assert abs(ends - datetime.datetime.now(datetime.UTC) - datetime.timedelta(hours=1)) < datetime.timedelta(minutes=2)
    text = blue.path.read_text()
    again = blue.write()
    assert not again["changed"] and again["expires"] and blue.path.read_text() == text
    blue.path.chmod(0o644)
    assert blue.write()["actions"] == [f"kubeconfig {blue.path} closed to others"]
    assert blue.path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"server": "https://elsewhere:6443"}, "the host cluster is at"),
        ({"certificate-authority-data": "b3RoZXI="}, "another certificate authority"),
        ({}, "cannot be read"),
    ],
)
def test_one_that_is_of_no_use_is_made_anew(green: Prepared, change: dict[str, str], reason: str) -> None:
    document = yaml.safe_load(green.path.read_text())
    document["clusters"][0]["cluster"].update(change)
    if not change:
        document["users"][0]["user"]["token"] = "nonsense"
    green.path.write_text(yaml.safe_dump(document))
    planned = call(
        service_account_kubeconfig,
        check_mode=True,
        kubeconfig=str(green.admins),
        namespace=green.namespace,
        name=ACCOUNT,
        path=str(green.path),
    )
    assert reason in planned["actions"][0]
    assert reason in green.write()["actions"][0] and not green.write()["changed"]


def test_a_file_of_somebody_else_stays(green: Prepared, kubeconfig: Path, tmp_path: Path) -> None:
    """A path that is an administrator's own kubeconfig, by mistake."""
    path = tmp_path / "config"
    for text in (kubeconfig.read_text(), "nonsense"):
        path.write_text(text)
        for state in ("present", "absent"):
            with pytest.raises(KubeError, match="is left as it is: name another path"):
                green.write(path=str(path), state=state)
        assert path.read_text() == text


def test_its_own_file_is_removed(green: Prepared, tmp_path: Path) -> None:
    path = tmp_path / "config"
    green.write(path=str(path))
    base = {"kubeconfig": "/nowhere", "namespace": green.namespace, "name": ACCOUNT, "path": str(path)}
    assert call(service_account_kubeconfig, True, **base, state="absent")["changed"] and path.exists()
    assert call(service_account_kubeconfig, **base, state="absent")["changed"] and not path.exists()
    assert not call(service_account_kubeconfig, **base, state="absent")["changed"]


def test_it_is_renewed_in_time(green: Prepared) -> None:
    text = green.path.read_text()
    assert "its token ends" in green.write(renew_before=3700)["actions"][0] and green.path.read_text() != text


def test_a_shorter_life_than_asked_for_is_no_reason_to_renew(green: Prepared) -> None:
    """The API server's own limit, which many set to hours, where thirty days are the default."""
    green.write(expires=600, renew_before=3500)
    text = green.path.read_text()
    assert not green.write(expires=2592000)["changed"] and green.path.read_text() == text


def test_a_token_dies_with_its_service_account(
    administrator: Cluster, kubeconfig: Path, tmp_path: Path, eventually: Callable[[Callable[[], bool]], None]
) -> None:
    red = Prepared(administrator, kubeconfig, tmp_path, "red")
    administrator.delete("v1", "ServiceAccount", ACCOUNT, red.namespace, propagation="Background")

    def dead() -> bool:
        with connect(str(red.path)) as theirs, pytest.raises(KubeError) as caught:
            theirs.list("v1", "Secret", red.namespace)
        return caught.value.status == 401

    eventually(dead)
    with pytest.raises(KubeError, match=f"there is no ServiceAccount {red.namespace}/{ACCOUNT}"):
        red.write()
    objects.present(administrator, objects.validate(red.documents), PREPARING)
    assert "its ServiceAccount is another one by now" in red.write()["actions"][0]


def test_times_that_the_api_does_not_give_are_refused(green: Prepared) -> None:
    with pytest.raises(KubeError, match="600 seconds at least"):
        green.write(expires=60)


# -- what they may


def may(path: Path, verb: str, resource: str, group: str = "", namespace: str = "", name: str = "") -> bool:
    """The API server's own answer."""
    attributes = {"verb": verb, "resource": resource, "group": group, "namespace": namespace, "name": name}
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "metadata": {},
        "spec": {"resourceAttributes": attributes},
    }
    with connect(str(path)) as theirs:
        return bool(theirs.create(review)["status"]["allowed"])


@pytest.mark.parametrize(
    ("verb", "resource", "group"),
    [
        ("list", "nodes", ""),
        ("patch", "nodes", ""),
        ("create", "namespaces", ""),
        ("list", "namespaces", ""),
        ("list", "secrets", ""),
        ("list", "persistentvolumes", ""),
        ("list", "storageclasses", "storage.k8s.io"),
        ("list", "customresourcedefinitions", "apiextensions.k8s.io"),
        ("create", "clusterroles", "rbac.authorization.k8s.io"),
        ("create", "clusterrolebindings", "rbac.authorization.k8s.io"),
        ("bind", "clusterroles", "rbac.authorization.k8s.io"),
        ("create", "certificatesigningrequests", "certificates.k8s.io"),
    ],
)
def test_nothing_beyond_its_namespaces(blue: Prepared, green: Prepared, verb: str, resource: str, group: str) -> None:
    assert not may(blue.path, verb, resource, group)
    for namespace in ("kube-system", "default", green.namespace, green.networks):
        assert not may(blue.path, verb, resource, group, namespace)


def test_its_namespaces_are_seen_but_not_deleted(blue: Prepared) -> None:
    for namespace in (blue.namespace, blue.networks):
        assert may(blue.path, "get", "namespaces", "", namespace, namespace)
        assert not may(blue.path, "delete", "namespaces", "", namespace, namespace)


def test_machines_only_where_there_are_some(blue: Prepared, green: Prepared) -> None:
    machines = ("create", "virtualmachines", "kubevirt.io")
    assert may(green.path, *machines, green.namespace) and not may(blue.path, *machines, blue.namespace)


def test_it_cannot_give_itself_more_than_its_namespace(blue: Prepared) -> None:
    """It may make Roles, as charts do; what reaches further is refused."""
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {"name": "more", "namespace": blue.namespace},
        "subjects": [{"kind": "ServiceAccount", "name": ACCOUNT, "namespace": blue.namespace}],
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
    }
    with pytest.raises(KubeError, match="attempting to grant RBAC permissions not currently held"):
        blue.apply(binding)


# -- what the plays do with them


def namespace_of(blue: Prepared) -> dict[str, Any]:
    labels = {"app.kubernetes.io/managed-by": "baremetal.fabric", "baremetal.fabric/tenant-cluster": "blue"}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": blue.namespace, "labels": labels}}


def test_objects_of_both_namespaces_come_and_go(blue: Prepared) -> None:
    network = {**NETWORK, "metadata": {"name": "control-plane", "namespace": blue.networks}}
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": {"name": "vc-blue", "namespace": blue.namespace},
        # Rights that the credentials themselves do not have.
        "rules": [{"apiGroups": [""], "resources": ["pods/exec"], "verbs": ["create"]}],
    }
    documents = [namespace_of(blue), network, role]
    assert blue.call(kube_objects, check_mode=True, objects=documents)["changed"]
    assert blue.call(kube_objects, objects=documents)["changed"]
    assert not blue.call(kube_objects, objects=documents)["changed"]
    # The mark of who made it outlives what the plays apply.
    labels = blue.admin.get("v1", "Namespace", blue.namespace)["metadata"]["labels"]  # type: ignore[index]
    assert labels["baremetal.fabric/prepared"] == labels["baremetal.fabric/tenant-cluster"] == "blue"
    assert blue.call(kube_objects, objects=[network, role], state="absent")["changed"]
    assert not blue.call(kube_objects, objects=[network, role], state="absent")["changed"]


def test_what_may_not_be_looked_at_is_named(blue: Prepared) -> None:
    queries = [{"kind": "Namespace", "name": blue.namespace}, POOLS, {"kind": "Node"}]
    found = blue.call(kube_objects_info, queries=queries, allow_forbidden=True)
    assert [each["kind"] for each in found["objects"]] == ["Namespace"]
    assert found["refused"] == ["IPPool", "Node"]
    assert found["not_checked"] == [
        "not checked: IPPool in kube-system; needs list on ippools.whereabouts.cni.cncf.io in namespace kube-system",
        "not checked: Node; needs list on nodes cluster-wide",
    ]
    gone = blue.call(kube_objects_info, queries=[POOLS], allow_forbidden=True, wait_gone=True)
    assert gone["not_checked"] == found["not_checked"][:1]
    with pytest.raises(KubeError, match="ippools"):
        blue.call(kube_objects_info, queries=queries)


def test_an_administrator_is_refused_nothing(blue: Prepared) -> None:
    found = call(kube_objects_info, kubeconfig=str(blue.admins), queries=[POOLS], allow_forbidden=True)
    assert found["not_checked"] == found["refused"] == []


def test_labels_of_nodes_are_left_to_the_administrator(blue: Prepared, node: str) -> None:
    labels = {"tenant.baremetal.fabric/blue": "bridge"}
    options: dict[str, Any] = {"nodes": [node], "labels": labels}
    told = [
        "not checked: label tenant.baremetal.fabric/blue=bridge on nodes shared1; needs list on nodes cluster-wide",
        "not checked: label tenant.baremetal.fabric/blue=bridge on any node; needs list on nodes cluster-wide",
    ]
    left = blue.call(node_labels, **options, allow_forbidden=True)
    assert left["not_checked"] == told[:1] and not left["changed"]
    assert blue.call(node_labels, labels=labels, state="absent", allow_forbidden=True)["not_checked"] == told[1:]
    with pytest.raises(KubeError, match="nodes is forbidden"):
        blue.call(node_labels, **options)
    admin = call(node_labels, kubeconfig=str(blue.admins), **options, allow_forbidden=True)
    assert admin["nodes"] == [node] and admin["not_checked"] == []


def test_the_host_cluster_is_judged_as_far_as_it_is_seen(blue: Prepared) -> None:
    found = blue.call(host_cluster_info, allow_forbidden=True)
    assert found["reachable"] and found["storage"] is found["cni"] is found["nodes"] is None
    needed = [each.rpartition("; ")[2] for each in found["not_checked"]]
    assert needed == [
        "needs list on nodes cluster-wide",
        "needs list on storageclasses.storage.k8s.io cluster-wide",
        "needs list on daemonsets.apps cluster-wide",
    ]
    with pytest.raises(KubeError, match="forbidden"):
        blue.call(host_cluster_info)


@pytest.fixture
def running(blue: Prepared, kubeconfig: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """A control plane of blue's whose API is the API server itself."""
    add_pod(blue.admin, blue.namespace, ready=True)
    add_secret(blue.admin, blue.namespace, kubeconfig)
    asked: list[str] = []
    url = urlsplit(blue.admin.host)

    def open_forward(self: tunnel.Tunnel) -> _Forward:
        asked.append(f"{self._namespace}/{self._pod}")
        return _Forward((str(url.hostname), int(url.port or 443)))

    monkeypatch.setattr(tunnel.Tunnel, "_open", open_forward)
    yield asked
    blue.admin.delete("v1", "Pod", "blue-0", blue.namespace, propagation="Background", grace=0)
    blue.admin.delete("v1", "Secret", "vc-blue", blue.namespace, propagation="Background")


def test_the_way_into_the_tenant_cluster(blue: Prepared, running: list[str], tmp_path: Path) -> None:
    found = blue.call(tenant_access, tenant=blue.tenant(), kubeconfig_dir=str(tmp_path), wait_timeout=10)
    assert found["ready"] and (tmp_path / "blue.kubeconfig").exists() and set(running) == {"vcluster-blue/blue-0"}
    # What is done in the tenant cluster is done by its own administrator's rights.
    made = blue.call(tenant_token, tenant=blue.tenant(), node="metal1", lifetime=600)
    assert made["changed"] and blue.call(tenant_token, tenant=blue.tenant(), node="metal1", state="absent")["changed"]
    path = tmp_path / "people" / "ada"
    ada: dict[str, Any] = {"name": "ada", "path": str(path), "expires": 600}
    assert blue.call(tenant_kubeconfig, tenant=blue.tenant(), people=[ada])["changed"]
    gone = {**ada, "state": "absent"}
    assert path.exists() and blue.call(tenant_kubeconfig, tenant=blue.tenant(), people=[gone])["changed"]
    # With the tenant cluster go the files, for which its Secret is read and nothing else.
    assert blue.call(tenant_kubeconfig, tenant=blue.tenant(), people=[ada])["changed"]
    asked = len(running)
    assert blue.call(tenant_kubeconfig, tenant=blue.tenant(), directory=str(path.parent), leaving=True, people=[ada])[
        "changed"
    ]
    assert not path.exists() and len(running) == asked


def test_a_port_is_forwarded_by_the_real_subresource(blue: Prepared, running: list[str]) -> None:
    """There is no kubelet here: the API server refuses to connect after it has found the request allowed."""
    del running
    path = f"/api/v1/namespaces/{blue.namespace}/pods/blue-0/portforward"
    with connect(str(blue.path)) as theirs, pytest.raises(KubeError) as caught:
        theirs.request("get", path, ports="8443")
    assert caught.value.status != 403
    with connect(str(blue.path)) as theirs, pytest.raises(KubeError) as caught:
        theirs.request("get", path.replace("vcluster-blue", "kube-system"), ports="8443")
    assert caught.value.status == 403


def test_a_tenant_cluster_is_told_of_as_far_as_it_is_seen(
    blue: Prepared, green: Prepared, running: list[str], tmp_path: Path
) -> None:
    del running
    tenants = [
        {"name": "blue"},
        {"name": "green"},
        {"name": "red", "host_kubeconfig": str(tmp_path / "absent")},
        {"name": "pink", "namespace": green.namespace, "host_kubeconfig": str(green.path)},
    ]
    found = blue.call(tenant_cluster_info, tenants=tenants, allow_forbidden=True)
    assert found["tenants"]["blue"]["problem"] is None
    assert [each["name"] for each in found["tenants"]["blue"]["control_planes"]] == ["blue-0"]
    assert "forbidden" in found["tenants"]["green"]["problem"]
    assert "there is no kubeconfig file" in found["tenants"]["red"]["problem"]
    assert "has no Secret vcluster-green/vc-pink" in found["tenants"]["pink"]["problem"]
    assert found["notes"] == [
        f"{name}: every pod of the host cluster reaches the control plane by the pod network: it has no network policy"
        " (tenant_cluster_network_policy)"
        for name in ("blue", "pink")
    ]
    assert [each.partition("; ")[0] for each in found["not_checked"]] == [
        "not checked: whether a network policy closes the control plane of green",
        "not checked: whether tenants reach the host cluster's DNS",
        "not checked: whether tenants reach the host cluster's API by its Service",
        "not checked: whether the host cluster's CNI enforces network policies",
    ]
    with pytest.raises(KubeError, match="forbidden"):
        blue.call(tenant_cluster_info, tenants=[{"name": "blue"}])


def test_what_is_left_is_told_as_far_as_it_is_seen(blue: Prepared) -> None:
    found = blue.call(tenant_cluster_info, gone=[{"name": "blue"}], allow_forbidden=True)
    assert found["remains"] == {"blue": []}
    assert found["not_checked"] == [
        *(
            f"namespace {name} stays: a cluster administrator prepared it and takes it back (tenant_credentials)"
            for name in (blue.namespace, blue.networks)
        ),
        "not checked: persistent volumes left of blue; needs list on persistentvolumes cluster-wide",
        "not checked: address pools left of blue; needs list on ippools.whereabouts.cni.cncf.io cluster-wide",
        "not checked: node labels left of blue; needs list on nodes cluster-wide",
    ]
    admin = call(tenant_cluster_info, kubeconfig=str(blue.admins), gone=[{"name": "blue"}])
    assert admin["remains"] == {"blue": []} and len(admin["not_checked"]) == 2


def test_a_control_plane_is_paused_and_resumed(blue: Prepared) -> None:
    labels = {"app": "vcluster", "release": "blue"}
    workload = {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": "blue", "namespace": blue.namespace, "labels": labels},
        "spec": {
            "replicas": 0,
            "serviceName": "blue",
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "x", "image": "x"}]}},
        },
    }
    assert blue.apply(workload) == ["created"]
    options: dict[str, Any] = {"name": "blue", "wait_timeout": 20}
    assert blue.call(tenant_cluster_power, **options, state="paused", load_balancer="")["changed"]
    planned = blue.call(tenant_cluster_power, check_mode=True, **options, state="running", replicas=1)
    assert planned["replicas"] == {"StatefulSet blue": 1}
    assert blue.call(kube_objects, objects=[workload], state="absent", wait_timeout=60)["changed"]


def test_a_refusal_in_other_words_is_quoted() -> None:
    from ansible_collections.baremetal.fabric.plugins.module_utils._kube import refusals

    assert (
        refusals.not_checked("nodes", KubeError("no (HTTP 403)", status=403))
        == "not checked: nodes; needs no (HTTP 403)"
    )
