"""A control plane by vCluster Platform: a real API serves the kind, and the test plays the Platform."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from ansible_collections.baremetal.fabric.plugins.action.tenant_cluster_platform import ActionModule
from ansible_collections.baremetal.fabric.plugins.module_utils._kube import module as kube_module
from ansible_collections.baremetal.fabric.plugins.module_utils._kube import objects, platform
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.client import Cluster, connect
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.documents.control_plane import control_plane_values
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.documents.platform import (
    API_VERSION,
    KIND,
    virtual_cluster_instance,
)
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.errors import KubeError, Unreachable, WaitTimeout
from ansible_collections.baremetal.fabric.plugins.modules import tenant_cluster_platform

from tests.support import kube_api
from tests.support.control_planes import EXAMPLE

GOLDEN = Path(__file__).parent / "golden" / "platform.yml"
CRD = kube_api.ROOT / "tests" / "support" / "crds" / "standin-management.loft.sh.yaml"
VALUES = control_plane_values(EXAMPLE)

Call = Callable[..., dict[str, Any]]


def intent(**more: Any) -> dict[str, Any]:
    chart = {"name": "vcluster", "repository": "https://charts.loft.sh", "version": "0.36.1"}
    return {
        "name": "blue", "project_namespace": "p-default", "cluster": "loft-cluster", "namespace": "vcluster-blue",
        "chart": chart, "values": VALUES, **more,
    }  # fmt: skip


def test_the_object() -> None:
    labels = {"pod-security.kubernetes.io/enforce": "privileged"}
    values = {"controlPlane": {"backingStore": {"etcd": {"deploy": {"enabled": True}}}}}
    more: dict[str, Any] = {"namespace_labels": labels, "team": "gpu", "spec": {"displayName": "Blue"}}
    document = virtual_cluster_instance(intent(values=values, **more))
    assert document == yaml.safe_load(GOLDEN.read_text())


# --- on a real API


@pytest.fixture(scope="module")
def access(kubeconfig: Path) -> dict[str, Any]:
    """An API that serves the kind, as somebody with a token, not with the administrator's certificate, reaches it."""
    with connect(str(kubeconfig)) as cluster:
        account = {"name": "platform-user", "namespace": "default"}
        binding = {
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
            "metadata": {"name": "platform-user"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
            "subjects": [{"kind": "ServiceAccount", **account}],
        }  # fmt: skip
        documents = [
            yaml.safe_load(CRD.read_text()),
            {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": account},
            binding,
        ]
        objects.present(cluster, documents, objects.Settings())
        path = "/api/v1/namespaces/default/serviceaccounts/platform-user/token"
        request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
        token = cluster.request("post", path, body=request)["status"]["token"]
        host = cluster.host
    config = yaml.safe_load(kubeconfig.read_text())
    authority = kubeconfig.with_name("platform-ca.pem")
    authority.write_bytes(base64.b64decode(config["clusters"][0]["cluster"]["certificate-authority-data"]))
    return {"host": host, "access_key": token, "ca_path": str(authority), "api_path": ""}


@pytest.fixture
def call(access: dict[str, Any], namespace: str) -> Call:
    def run(check_mode: bool = False, **more: Any) -> dict[str, Any]:
        params = {
            **access, "validate_certs": True, "project": "default", "project_namespace": namespace, "name": "blue",
            "state": "present", "cluster": "loft-cluster", "namespace": None, "namespace_taken": False,
            "namespace_labels": {}, "chart": "vcluster", "chart_repository": "https://charts.loft.sh",
            "chart_version": "0.36.1", "values": VALUES, "user": None, "team": None, "spec": {}, "replaces": None,
            "wait_timeout": 0, **more,
        }  # fmt: skip
        return tenant_cluster_platform.work(SimpleNamespace(params=params, check_mode=check_mode))

    return run


def say(cluster: Cluster, namespace: str, **status: Any) -> None:
    """What the Platform would."""
    cluster.merge(API_VERSION, KIND, "blue", {"status": status}, namespace)


def test_made_waited_for_and_left_alone(call: Call, cluster: Cluster, namespace: str) -> None:
    planned = call(check_mode=True)
    assert planned["action"] == "created" and "endpoint: 192.168.67.253:443" in planned["diff"]["after"]
    assert cluster.get(API_VERSION, KIND, "blue", namespace) is None

    with pytest.raises(
        WaitTimeout, match=r"(?s)virtual cluster blue in the project default .* not seen by the Platform"
    ):
        call()
    conditions = [{"type": "SpaceReady", "status": "False", "reason": "Waiting", "message": "no agent"}]
    say(cluster, namespace, phase="Pending", reason="SpaceNotReady", message="the agent is away", conditions=conditions)
    with pytest.raises(WaitTimeout) as caught:
        call()
    assert "Pending (SpaceNotReady: the agent is away)" in caught.value.message
    assert "condition SpaceReady=False Waiting no agent" in caught.value.message
    assert caught.value.result["changed"] is False

    say(cluster, namespace, phase="Ready", deployHash="one")
    assert call() == {"changed": False, "action": "unchanged", "project_namespace": namespace, "phase": "Ready"}


def test_the_api_knows_every_field(call: Call, cluster: Cluster, namespace: str) -> None:
    call_and_ready(call, cluster, namespace)
    found = cluster.get(API_VERSION, KIND, "blue", namespace)
    assert found is not None
    wanted = virtual_cluster_instance(intent(project_namespace=namespace))
    assert found["spec"] == wanted["spec"]


def call_and_ready(call: Call, cluster: Cluster, namespace: str) -> None:
    with pytest.raises(WaitTimeout):
        call()
    say(cluster, namespace, phase="Ready", deployHash="one")


def test_a_change_is_waited_for_until_it_is_deployed(call: Call, cluster: Cluster, namespace: str) -> None:
    call_and_ready(call, cluster, namespace)
    values = {**VALUES, "logging": {"encoding": "json"}}
    planned = call(check_mode=True, values=values)
    assert planned["action"] == "updated" and "encoding: json" in planned["diff"]["after"]
    with pytest.raises(WaitTimeout) as caught:
        call(values=values)
    assert caught.value.result["changed"] and caught.value.result["replaces"] == "one"
    carried = ActionModule._carried(None, caught.value.result)  # type: ignore[arg-type]
    with pytest.raises(WaitTimeout, match="by the changed values"):
        call(values=values, **carried)
    say(cluster, namespace, deployHash="two")
    assert call(values=values, **carried)["phase"] == "Ready"
    # written another way, the values are the same
    text = yaml.safe_dump(values, default_flow_style=True, sort_keys=True)
    release = {"spec": {"template": {"helmRelease": {"values": text}}}}
    cluster.merge(API_VERSION, KIND, "blue", release, namespace)
    assert call(values=values)["action"] == "unchanged"


def test_what_the_platform_would_break_of_is_refused(call: Call, cluster: Cluster, namespace: str) -> None:
    call_and_ready(call, cluster, namespace)
    values = {**VALUES, "networking": {**VALUES["networking"], "serviceCIDR": "10.97.0.0/16"}}
    with pytest.raises(KubeError) as caught:
        call(values=values, cluster="elsewhere", check_mode=True)
    assert "spec.clusterRef.cluster is loft-cluster and cannot become elsewhere" in caught.value.message
    assert "tenant_cluster_service_cidr: is 10.96.0.0/16 and cannot become 10.97.0.0/16" in caught.value.message
    patch = {"spec": {"external": True, "templateRef": {"name": "gold"}}}
    cluster.merge(API_VERSION, KIND, "blue", patch, namespace)
    with pytest.raises(KubeError, match=r"only registered there(?s:.*)made from a template"):
        call()


def test_somebody_elses_is_left_alone(call: Call, cluster: Cluster, namespace: str) -> None:
    cluster.create({"apiVersion": API_VERSION, "kind": KIND, "metadata": {"name": "blue", "namespace": namespace}})
    for state in ("present", "absent"):
        with pytest.raises(
            KubeError, match=r"somebody else has made it: label it baremetal.fabric/tenant-cluster=blue"
        ):
            call(state=state)


def test_a_namespace_that_it_has_not_made(call: Call) -> None:
    with pytest.raises(KubeError, match="its namespace vcluster-blue exists in the host cluster already"):
        call(namespace_taken=True, check_mode=True)


def test_removed_and_seen_gone(call: Call, cluster: Cluster, namespace: str) -> None:
    call_and_ready(call, cluster, namespace)
    kept = {"metadata": {"annotations": {platform.KEPT: "true"}, "finalizers": ["standin.test/agent"]}}
    cluster.merge(API_VERSION, KIND, "blue", kept, namespace)
    with pytest.raises(KubeError, match=r"protected by the annotation loft.sh/non-deletable"):
        call(state="absent")
    cluster.merge(API_VERSION, KIND, "blue", {"metadata": {"annotations": {platform.KEPT: None}}}, namespace)
    assert call(state="absent", check_mode=True)["changed"]
    with pytest.raises(WaitTimeout, match="not gone in time"):
        call(state="absent")
    cluster.merge(API_VERSION, KIND, "blue", {"metadata": {"finalizers": []}}, namespace)
    result = call(state="absent", wait_timeout=10)
    assert (result["changed"], result["action"]) == (False, "absent")


def test_one_that_is_still_going_is_made_anew(call: Call, cluster: Cluster, namespace: str) -> None:
    """A deletion was killed while it waited. What is left says that it is Ready until it is gone."""
    call_and_ready(call, cluster, namespace)
    cluster.merge(API_VERSION, KIND, "blue", {"metadata": {"finalizers": ["standin.test/agent"]}}, namespace)
    cluster.delete(API_VERSION, KIND, "blue", namespace, propagation="Background")
    assert call(check_mode=True)["action"] == "created"
    with pytest.raises(WaitTimeout, match="not gone in time") as caught:
        call(namespace_taken=True)  # by itself
    carried = ActionModule._carried(None, caught.value.result)  # type: ignore[arg-type]
    cluster.merge(API_VERSION, KIND, "blue", {"metadata": {"finalizers": []}}, namespace)
    with pytest.raises(WaitTimeout):
        call(**{"namespace_taken": True, **carried})
    say(cluster, namespace, phase="Ready", deployHash="one")
    assert call()["action"] == "unchanged"


def test_another_owner_takes_the_place_of_the_former(call: Call, cluster: Cluster, namespace: str) -> None:
    with pytest.raises(WaitTimeout):
        call(user="ada")
    say(cluster, namespace, phase="Ready", deployHash="one")
    planned = call(check_mode=True, team="gpu")
    assert "user: ada" not in planned["diff"]["after"] and "team: gpu" in planned["diff"]["after"]
    assert call(team="gpu")["action"] == "updated"
    found = cluster.get(API_VERSION, KIND, "blue", namespace)
    assert found is not None and found["spec"]["owner"] == {"team": "gpu"}


# --- the connection


def test_its_certificate_is_verified(call: Call, cluster: Cluster) -> None:
    with pytest.raises(Unreachable, match="certificate verify failed"):
        call(ca_path=None)
    assert call(ca_path=None, validate_certs=False, check_mode=True)["action"] == "created"
    assert call(ca_path=None, check_mode=True)["note"].startswith(f"cannot reach the Kubernetes API at {cluster.host}")


def test_a_wrong_key_and_a_wrong_path(call: Call) -> None:
    with pytest.raises(KubeError, match="the access key is unknown or has expired"):
        call(access_key="wrong")
    with pytest.raises(KubeError, match="the Platform's management API \\(api_path\\)"):
        call(api_path="/kubernetes/management")


@pytest.mark.parametrize("host", ["http://platform.example.test", "https://"])
def test_the_key_goes_over_nothing_but_tls(call: Call, host: str) -> None:
    with pytest.raises(KubeError, match="is no https:// address"):
        call(host=host, check_mode=True)


def test_the_key_is_in_no_result(access: dict[str, Any], namespace: str) -> None:
    arguments = {**access, "project": "default", "project_namespace": namespace, "name": "blue", "state": "absent"}
    spec = tenant_cluster_platform.argument_spec()
    assert spec["access_key"]["no_log"] is True
    params = {name: arguments.get(name, option.get("default")) for name, option in spec.items()}
    result = kube_module.outcome(SimpleNamespace(params=params, check_mode=False), tenant_cluster_platform.work)
    assert result["action"] == "absent" and access["access_key"] not in str(result)
