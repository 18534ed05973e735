"""Access to a tenant cluster, tokens and nodes. The tenant cluster's API is a real API server; so is the host's."""

from __future__ import annotations

import base64
import datetime
import socket
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import pytest
import yaml
from ansible_collections.baremetal.fabric.plugins.module_utils._kube import drain, objects, tenant_api, tokens, tunnel
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.client import Cluster, connect
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.errors import (
    Gone,
    KubeError,
    Unreachable,
    WaitTimeout,
)
from ansible_collections.baremetal.fabric.plugins.modules import tenant_access

VIP = "192.168.67.253"


@pytest.fixture
def host(kubeconfig: Path, namespace: str) -> Iterator[Cluster]:
    """A host cluster that holds the control plane of tenant cluster blue: a ready pod and its Secret."""
    with connect(str(kubeconfig)) as cluster:
        add_pod(cluster, namespace, ready=True)
        add_secret(cluster, namespace, kubeconfig)
        yield cluster


def add_pod(cluster: Cluster, namespace: str, *, ready: bool) -> None:
    labels = {"app": "vcluster", "release": "blue"}
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "blue-0", "namespace": namespace, "labels": labels},
        "spec": {"containers": [{"name": "x", "image": "example.test/x"}], "automountServiceAccountToken": False},
    }
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default", "namespace": namespace}}
    cluster.apply(account, manager="test")
    cluster.create(pod)
    status = {"phase": "Running", "conditions": [{"type": "Ready", "status": str(ready)}]}
    cluster.request(
        "patch",
        f"/api/v1/namespaces/{namespace}/pods/blue-0/status",
        body={"status": status},
        content_type="application/merge-patch+json",
    )


def add_secret(cluster: Cluster, namespace: str, kubeconfig: Path) -> None:
    home = kubeconfig.parent
    config = yaml.safe_load(kubeconfig.read_text())
    config["clusters"][0]["cluster"]["server"] = f"https://{VIP}:443"
    data = {
        "config": yaml.safe_dump(config),
        "certificate-authority": (home / "ca.crt").read_text(),
        "client-certificate": (home / "client.crt").read_text(),
        "client-key": (home / "client.key").read_text(),
    }
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "vc-blue", "namespace": namespace},
        "data": {key: base64.b64encode(value.encode()).decode() for key, value in data.items()},
    }
    cluster.create(secret)


class _Forward:
    """What the library's port-forward gives, with a plain connection in place of the kubelet."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._socket = socket.create_connection(address)

    def socket(self, _port: int) -> socket.socket:
        return self._socket

    def error(self, _port: int) -> str | None:
        return None


@pytest.fixture
def forwarded(host: Cluster, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Port-forwards end at the API server itself. Returns the pods that were asked for."""
    asked: list[str] = []
    url = urlsplit(host.host)

    def open_forward(self: tunnel.Tunnel) -> _Forward:
        asked.append(f"{self._namespace}/{self._pod}:{self._pod_port}")
        return _Forward((str(url.hostname), int(url.port or 443)))

    monkeypatch.setattr(tunnel.Tunnel, "_open", open_forward)
    return asked


def test_reaches_the_tenant_api_verified_for_the_vip(host: Cluster, namespace: str, forwarded: list[str]) -> None:
    with tenant_api.open_tenant(host, "blue", namespace) as tenant:
        assert tenant_api.unready_because(tenant) == ""
        assert tenant.list("v1", "Namespace")
        assert "tenant cluster blue" in tenant.host
    assert forwarded and set(forwarded) == {f"{namespace}/blue-0:8443"}


@pytest.mark.usefixtures("forwarded")
def test_a_certificate_for_another_name_is_refused(host: Cluster, namespace: str) -> None:
    with (
        tenant_api.open_tenant(host, "blue", namespace, "192.168.67.252") as tenant,
        pytest.raises(Unreachable, match="certificate"),
    ):
        tenant.list("v1", "Namespace")


@pytest.mark.usefixtures("forwarded")
def test_key_files_are_private_and_go(host: Cluster, namespace: str) -> None:
    with tenant_api.open_tenant(host, "blue", namespace) as tenant:
        key = Path(tenant.api_client.configuration.key_file)
        assert key.stat().st_mode & 0o777 == 0o600 and key.parent.stat().st_mode & 0o777 == 0o700
    assert not key.parent.exists()


def test_a_control_plane_that_is_not_ready_is_described(cluster: Cluster, namespace: str, kubeconfig: Path) -> None:
    add_secret(cluster, namespace, kubeconfig)
    with pytest.raises(Gone):
        tenant_api.open_tenant(cluster, "blue", namespace)
    add_pod(cluster, namespace, ready=False)
    with pytest.raises(Unreachable, match="blue-0: Running") as failure:
        tenant_api.open_tenant(cluster, "blue", namespace)
    assert not isinstance(failure.value, Gone)


def test_a_tenant_cluster_that_does_not_exist(cluster: Cluster, namespace: str) -> None:
    with pytest.raises(Gone, match="no Secret"):
        tenant_api.open_tenant(cluster, "blue", namespace)


def access_params(kubeconfig: Path, namespace: str, server_name: str | None = None) -> dict[str, Any]:
    return {
        "kubeconfig": str(kubeconfig),
        "context": None,
        "tenant": {"name": "blue", "namespace": namespace, "server_name": server_name},
        "forward_port": 9443,
    }


@pytest.mark.usefixtures("host", "forwarded")
def test_one_look_tells_whether_the_api_is_ready_and_how_to_reach_it(kubeconfig: Path, namespace: str) -> None:
    params = access_params(kubeconfig, namespace)
    result, access = tenant_access.look(params)
    assert result["ready"] and result["version"].startswith("v1.") and result["server"] == f"https://{VIP}:443"
    assert access is not None
    assert "PRIVATE KEY" not in str(result) and access.kubeconfig not in str(result)
    files = tenant_access.kubeconfigs(params, access)
    assert sorted(files) == ["blue-forwarded.kubeconfig", "blue.kubeconfig"]
    assert files["blue.kubeconfig"] == access.kubeconfig and "127.0.0.1:9443" in files["blue-forwarded.kubeconfig"]


@pytest.mark.usefixtures("host", "forwarded")
def test_an_api_with_another_certificate_is_not_ready(kubeconfig: Path, namespace: str) -> None:
    result, access = tenant_access.look(access_params(kubeconfig, namespace, "192.168.67.252"))
    assert not result["ready"] and "certificate" in result["reason"]
    assert access is not None


def test_a_missing_kubeconfig_is_not_waited_for(tmp_path: Path) -> None:
    params = {
        **access_params(tmp_path / "host.kubeconfig", "vcluster-blue"),
        "wait": True,
        "wait_timeout": 300,
        "kubeconfig_dir": None,
    }
    with pytest.raises(Unreachable, match="there is no kubeconfig file"):
        tenant_access.work(cast("Any", types.SimpleNamespace(params=params, check_mode=False)))
    looked = tenant_access.work(cast("Any", types.SimpleNamespace(params=params, check_mode=True)))
    assert not looked["ready"] and "there is no kubeconfig file" in looked["reason"]


def test_kubeconfig_for_a_port_forward(host: Cluster, namespace: str) -> None:
    access = tenant_api.read_access(host, "blue", namespace)
    config = yaml.safe_load(tenant_api.forwarded(access, VIP, 9443))
    cluster = config["clusters"][0]["cluster"]
    assert cluster["server"] == "https://127.0.0.1:9443" and cluster["tls-server-name"] == VIP
    assert "insecure-skip-tls-verify" not in cluster
    assert "PRIVATE KEY" not in repr(access)


# -- tokens ----------------------------------------------------------------------------------------------------------


def test_a_token_is_made_for_one_node_and_withdrawn(cluster: Cluster) -> None:
    before = datetime.datetime.now(datetime.UTC)
    token = tokens.create(cluster, "metal1", 600)
    secret = cluster.get("v1", "Secret", f"bootstrap-token-{token.identifier}", "kube-system")
    assert secret is not None and secret["type"] == "bootstrap.kubernetes.io/token"
    data = {key: base64.b64decode(value).decode() for key, value in secret["data"].items()}
    assert f"{data['token-id']}.{data['token-secret']}" == token.text
    assert data["auth-extra-groups"] == "system:bootstrappers:kubeadm:default-node-token"
    expires = datetime.datetime.fromisoformat(data["expiration"])
    assert before + datetime.timedelta(seconds=590) < expires <= before + datetime.timedelta(seconds=610)
    assert secret["metadata"]["labels"]["vcluster.loft.sh/token-node-type"] == "worker"
    other = tokens.create(cluster, "metal2", 600)
    assert tokens.tokens_of(cluster, "metal1") == [token.identifier]
    assert tokens.revoke(cluster, [token.identifier], dry_run=True) == [token.identifier]
    assert tokens.revoke(cluster, [token.identifier]) == [token.identifier]
    assert tokens.revoke(cluster, [token.identifier]) == []
    assert tokens.tokens_of(cluster, "metal1") == [] and tokens.tokens_of(cluster, "metal2") == [other.identifier]
    assert token.secret not in repr(token)


def test_the_api_server_knows_the_token(cluster: Cluster, kubeconfig: Path) -> None:
    from kubernetes import client as kube_client

    token = tokens.create(cluster, "metal1", 600)
    configuration = kube_client.Configuration(
        host=cluster.host,
        api_key={"BearerToken": f"Bearer {token.text}"},
        ssl_ca_cert=str(kubeconfig.parent / "ca.crt"),
    )
    bearer = Cluster(kube_client.ApiClient(configuration))
    with pytest.raises(KubeError) as failure:
        bearer.list("v1", "Secret", "kube-system")
    assert failure.value.status == 403 and f"system:bootstrap:{token.identifier}" in failure.value.message


def test_only_ids_of_tokens_name_a_secret() -> None:
    with pytest.raises(KubeError, match="not the id"):
        tokens.secret_name("../x")


# -- nodes -----------------------------------------------------------------------------------------------------------


def node_with_pods(cluster: Cluster, namespace: str, name: str) -> None:
    cluster.create({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}})
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default", "namespace": namespace}}
    cluster.apply(account, manager="test")
    daemon = {"apiVersion": "apps/v1", "kind": "DaemonSet", "name": "d", "uid": "1", "controller": True}
    metadata: dict[str, dict[str, Any]] = {"app": {"labels": {"app": "app"}}, "daemon": {"ownerReferences": [daemon]}}
    for pod, more in metadata.items():
        document: dict[str, Any] = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": pod, "namespace": namespace, **more},
            "spec": {
                "nodeName": name,
                "automountServiceAccountToken": False,
                "terminationGracePeriodSeconds": 0,
                "containers": [{"name": "x", "image": "example.test/x"}],
            },
        }
        cluster.create(document)


def test_drain_evicts_what_would_move(cluster: Cluster, namespace: str) -> None:
    name = f"{namespace}-n"
    node_with_pods(cluster, namespace, name)
    assert drain.cordon(cluster, name) and not drain.cordon(cluster, name)
    assert drain.drain(cluster, name, drain.Limits(timeout=20)) == [f"{namespace}/app"]
    assert cluster.get("v1", "Pod", "app", namespace) is None


def test_drain_respects_budgets_and_says_so(cluster: Cluster, namespace: str) -> None:
    name = f"{namespace}-n"
    node_with_pods(cluster, namespace, name)
    running = {"status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}}
    cluster.request(
        "patch", f"/api/v1/namespaces/{namespace}/pods/app/status", body=running,
        content_type="application/merge-patch+json",
    )  # fmt: skip
    budget = {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": "all", "namespace": namespace},
        "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "app"}}},
    }
    objects.present(cluster, [budget], objects.Settings(wait=False))
    with pytest.raises(WaitTimeout, match="disruption budget"):
        drain.drain(cluster, name, drain.Limits(timeout=2))
    drain.drain(cluster, name, drain.Limits(timeout=0, force=True))
    assert cluster.get("v1", "Pod", "app", namespace) is None


def test_pods_that_stay() -> None:
    mirror = {"metadata": {"annotations": {"kubernetes.io/config.mirror": "x"}}}
    done = {"metadata": {}, "status": {"phase": "Succeeded"}}
    assert not drain._moves(mirror) and not drain._moves(done) and drain._moves({"metadata": {}})


def test_the_modules_load() -> None:
    """Their imports and argument specs are sound without Ansible around them."""
    from ansible_collections.baremetal.fabric.plugins.modules import (
        kube_objects,
        kube_objects_info,
        tenant_access,
        tenant_node,
        tenant_token,
    )

    for module in (kube_objects, kube_objects_info, tenant_access, tenant_node, tenant_token):
        assert isinstance(module, types.ModuleType)
        assert set(module.argument_spec()) >= {"kubeconfig", "context", "tenant"}
        assert module.argument_spec()["kubeconfig"]["required"] is True


def test_documented_options_are_the_real_ones() -> None:
    from ansible_collections.baremetal.fabric.plugins.doc_fragments import kube
    from ansible_collections.baremetal.fabric.plugins.modules import tenant_access, tenant_node, tenant_token

    fragment = kube.ModuleDocFragment
    shared = {
        name for text in (fragment.DOCUMENTATION, fragment.TENANT_REQUIRED) for name in yaml.safe_load(text)["options"]
    }
    for module in (tenant_access, tenant_node, tenant_token):
        documented = set(yaml.safe_load(module.DOCUMENTATION)["options"])
        assert documented | shared == set(module.argument_spec())
