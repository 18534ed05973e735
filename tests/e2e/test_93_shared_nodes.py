"""A tenant cluster on shared nodes, by vCluster's own open-source server and chart, from nothing to nothing.

Only the host cluster is needed: it has no VLAN and no server of its own.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from fabric_lab.build import charts, components, images
from fabric_lab.demo.plays import Run

from .conftest import settled, unchanged
from .lab import RemoteError, TestLab
from .test_50_change import copy_inventory

pytestmark = pytest.mark.m9

NAME, NAMESPACE, NODE = "amber", "vcluster-amber", "shared2"
AMBER = ("-e", f"fabric_tenants={NAME}")
SETTINGS: dict[str, Any] = {
    "fabric_shared_servers": [NODE],
    "tenant_cluster_chart": str(charts.path()),
    "tenant_cluster_kubernetes_version": components.KUBERNETES,
    # As a StatefulSet its one pod needs no second server for an update.
    "tenant_cluster_storage": {"persistent": True},
    "tenant_cluster_backing_store": {
        "kind": "deployed_etcd",
        "persistent": False,
        "image": {"tag": images.ETCD.rpartition(":")[2]},
    },
    "tenant_cluster_images": {
        "control_plane": {"repository": "loft-sh/vcluster-oss"},
        "pull_policy": "IfNotPresent",
    },
    "tenant_cluster_dns": {"image": images.COREDNS},
    "tenant_cluster_sync": {
        # the lab's servers know no name server, without which CoreDNS does not start
        "names": True,
        "ingresses": True,
        "services_from_host": [{"from": "outside/hello", "to": "default/hello"}],
        "services_to_host": [{"from": "default/web", "to": "amber-web"}],
    },
}

ISOLATION = {
    "quota": {"hard": {"count/pods": 12}},
    "limits": {"default": {"cpu": "2"}, "default_request": {"ephemeral-storage": "64Mi"}, "max": {"cpu": "2"}},
    "pod_security": "baseline",
}


def inventory_of(target: Path, **more: Any) -> Path:
    copy_inventory(target, {})
    hosts = yaml.safe_load((target / "hosts.yml").read_text())
    hosts["all"]["children"]["shared_node_clusters"] = {"hosts": {NAME: {**SETTINGS, **more}}}
    (target / "hosts.yml").write_text(yaml.safe_dump(hosts))
    return target


def web(name: str, namespace: str, replicas: int) -> list[dict[str, Any]]:
    """A Deployment and its Service."""
    container = {
        "name": "web",
        "image": images.WEB,
        "imagePullPolicy": "IfNotPresent",
        "ports": [{"containerPort": 8080}],
    }
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [container]}}
    selector = {"matchLabels": {"app": name}}
    metadata = {"name": name, "namespace": namespace}
    return [
        {
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata,
            "spec": {"replicas": replicas, "selector": selector, "template": template},
        },
        {
            "apiVersion": "v1", "kind": "Service", "metadata": metadata,
            "spec": {"selector": {"app": name}, "ports": [{"port": 80, "targetPort": 8080}]},
        },
    ]  # fmt: skip


def apply(rack: TestLab, tenant: str | None, objects: list[dict[str, Any]]) -> None:
    path = rack.lab.log_directory / "objects.json"
    path.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))
    rack.kubectl(tenant, "apply", "-f", str(path))


def wait_for(condition: Callable[[], bool], what: str, timeout: float = 120) -> None:
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(1)


@pytest.fixture(scope="module")
def created(rack: TestLab, host_cluster: Run, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    del host_cluster
    apply(rack, None, [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "outside"}}])
    apply(rack, None, web("hello", "outside", 1))
    before = rack.inventory
    rack.inventory = inventory_of(tmp_path_factory.mktemp("amber") / "inventory")
    yield settled(rack.play("tenant_create", *AMBER))
    rack.kubectl(None, "delete", "namespace", "outside")
    rack.inventory = before


@pytest.fixture(scope="module")
def running(rack: TestLab, created: Run) -> Run:
    """Four pods of the tenant's, in a namespace and by a Deployment of its own making."""
    apply(rack, NAME, [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "team"}}])
    apply(rack, NAME, [*web("web", "default", 3), *web("web", "team", 1)])
    for namespace in ("default", "team"):
        rack.kubectl(NAME, "-n", namespace, "rollout", "status", "deployment/web", "--timeout=110s")
    return created


@pytest.fixture
def ingress_class(rack: TestLab, created: Run) -> Iterator[str]:
    """One of the host cluster, which nobody serves: the lab carries no ingress controller."""
    del created
    name = "served-by-nobody"
    spec = {"controller": "example.com/none"}
    made = {"apiVersion": "networking.k8s.io/v1", "kind": "IngressClass", "metadata": {"name": name}, "spec": spec}
    apply(rack, None, [made])
    yield name
    rack.kubectl(None, "delete", "ingressclass", name)


def host_pods(rack: TestLab) -> list[dict[str, Any]]:
    """What of the tenant's runs on the host cluster."""
    labels = f"vcluster.loft.sh/managed-by={NAME}"
    items: list[dict[str, Any]] = json.loads(
        rack.kubectl(None, "-n", NAMESPACE, "get", "pods", "-l", labels, "-o", "json")
    )["items"]
    return items


def fetched(rack: TestLab, tenant: str | None, namespace: str, pod: str, url: str) -> dict[str, str]:
    answer: dict[str, str] = json.loads(rack.kubectl(tenant, "-n", namespace, "exec", pod, "--", "/web", "-get", url))
    return answer


def test_no_licence_and_no_vlan_are_needed(rack: TestLab, created: Run) -> None:
    assert created.count("changed") > 0
    names = [each["name"] for each in rack.controller()["vnet"]]
    assert "host-nodes" in names
    assert [name for name in names if NAME in name] == []
    image = ("-o", "jsonpath={.spec.template.spec.containers[0].image}")
    assert rack.kubectl(None, "-n", NAMESPACE, "get", f"statefulset/{NAME}", *image) == images.OPEN_VCLUSTER


def test_pods_appear_renamed_and_nothing_else_does(rack: TestLab, running: Run) -> None:
    del running
    names = [pod["metadata"]["name"] for pod in host_pods(rack)]
    assert sum(name.startswith("web-") and name.endswith(f"-x-default-x-{NAME}") for name in names) == 3
    assert sum(name.startswith("web-") and name.endswith(f"-x-team-x-{NAME}") for name in names) == 1
    assert "team" not in rack.kubectl(None, "get", "namespaces", "-o", "name")
    assert "web" not in rack.kubectl(None, "get", "deployments", "-A", "-o", "name")


def test_they_run_on_the_labelled_node_alone(rack: TestLab, running: Run) -> None:
    del running
    assert {pod["spec"]["nodeName"] for pod in host_pods(rack)} == {NODE}
    assert set(rack.nodes(NAME)) == {NODE}


def test_a_service_of_the_host_cluster_answers_in_the_tenants(rack: TestLab, running: Run) -> None:
    del running
    pod = rack.kubectl(NAME, "get", "pods", "-o", "jsonpath={.items[0].metadata.name}")
    assert fetched(rack, NAME, "default", pod, "http://hello.default")["host"].startswith("hello-")


def test_a_service_of_the_tenants_answers_in_the_host_cluster(rack: TestLab, running: Run) -> None:
    del running
    pod = rack.kubectl(None, "-n", "outside", "get", "pods", "-o", "jsonpath={.items[0].metadata.name}")
    assert fetched(rack, None, "outside", pod, f"http://amber-web.{NAMESPACE}")["host"].startswith("web-")


def test_an_ingress_reaches_the_host_cluster_where_no_controller_serves_it(
    rack: TestLab, running: Run, ingress_class: str
) -> None:
    """Renamed, with its host name, and with the name that its Service has there; it goes when the tenant's goes."""
    del running

    def classes() -> str:
        return rack.kubectl(NAME, "get", "ingressclasses", "-o", "name")

    wait_for(lambda: ingress_class in classes(), "the tenant does not see the host cluster's class")
    backend = {"service": {"name": "web", "port": {"number": 80}}}
    path = {"path": "/", "pathType": "Prefix", "backend": backend}
    shop = {
        "apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": "shop", "namespace": "default"},
        "spec": {
            "ingressClassName": ingress_class, "rules": [{"host": "shop.example.com", "http": {"paths": [path]}}],
        },
    }  # fmt: skip
    apply(rack, NAME, [shop])
    theirs = f"shop-x-default-x-{NAME}"

    def there() -> list[dict[str, Any]]:
        listed = json.loads(rack.kubectl(None, "-n", NAMESPACE, "get", "ingresses", "-o", "json"))["items"]
        return [each for each in listed if each["metadata"]["name"] == theirs]

    wait_for(lambda: bool(there()), f"the host cluster has no ingress {theirs}")
    (rule,) = there()[0]["spec"]["rules"]
    assert there()[0]["spec"]["ingressClassName"] == ingress_class and rule["host"] == "shop.example.com"
    assert rule["http"]["paths"][0]["backend"]["service"]["name"] == f"web-x-default-x-{NAME}"
    rack.kubectl(NAME, "delete", "ingress", "shop")
    wait_for(lambda: not there(), f"the ingress {theirs} stays behind")


def test_a_second_run_changes_nothing(rack: TestLab, running: Run) -> None:
    del running
    unchanged(rack.play("tenant_create", *AMBER))


def test_a_snapshot_brings_it_back(rack: TestLab, running: Run) -> None:
    """On the volume of its control plane, for want of another store."""
    del running
    snapshot = (*AMBER, "-e", "tenant_cluster_snapshot_url=container:///data/amber.tar.gz")
    settled(rack.play("tenant_snapshot", *snapshot))
    rack.kubectl(NAME, "create", "namespace", "later")
    rack.kubectl(NAME, "delete", "namespace", "team")
    settled(rack.play("tenant_restore", *snapshot))
    namespaces = rack.kubectl(NAME, "get", "namespaces", "-o", "name")
    assert "namespace/team" in namespaces and "namespace/later" not in namespaces
    rack.kubectl(NAME, "-n", "team", "rollout", "status", "deployment/web", "--timeout=110s")
    unchanged(rack.play("tenant_create", *AMBER))


def test_paused_its_pods_are_gone_and_come_back(rack: TestLab, running: Run) -> None:
    del running
    settled(rack.play("tenant_pause", *AMBER))
    assert host_pods(rack) == []
    unchanged(rack.play("tenant_pause", *AMBER))
    settled(rack.play("tenant_resume", *AMBER))
    wait_for(lambda: sum(pod["status"]["phase"] == "Running" for pod in host_pods(rack)) >= 5, "the pods are not back")


def single(name: str, **settings: Any) -> dict[str, Any]:
    """A pod that would do nothing."""
    container = {"name": "web", "image": images.WEB, "imagePullPolicy": "IfNotPresent", **settings}
    metadata = {"name": name, "namespace": "default"}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": [container]}}


def test_isolation_comes_with_changed_values_and_holds(rack: TestLab, running: Run, tmp_path: Path) -> None:
    del running
    before = rack.inventory
    rack.inventory = inventory_of(tmp_path / "inventory", tenant_cluster_isolation=ISOLATION)
    assert settled(rack.play("tenant_create", *AMBER)).count("changed") > 0
    hard = ("-o", "jsonpath={.items[*].spec.hard.count/pods}")
    assert rack.kubectl(None, "-n", NAMESPACE, "get", "resourcequotas", *hard) == "12"
    greedy = single("greedy", resources={"limits": {"cpu": "3"}})
    mighty = single("mighty", securityContext={"privileged": True})
    with pytest.raises(RemoteError, match='"mighty" is forbidden: violates PodSecurity "baseline:latest"'):
        apply(rack, NAME, [mighty])
    apply(rack, NAME, [greedy])

    def told() -> str:
        chosen = ("--field-selector", "involvedObject.name=greedy", "-o", "jsonpath={.items[*].message}")
        return rack.kubectl(NAME, "get", "events", *chosen)

    wait_for(lambda: "maximum cpu usage per Container is 2" in told(), "the host cluster has no limit for the pod")
    assert f"greedy-x-default-x-{NAME}" not in {pod["metadata"]["name"] for pod in host_pods(rack)}
    rack.kubectl(NAME, "delete", "pod", "greedy")
    unchanged(rack.play("tenant_create", *AMBER))
    rack.inventory = before


def test_it_goes_and_leaves_nothing(rack: TestLab, running: Run) -> None:
    del running
    settled(rack.play("tenant_delete", "-e", f"fabric_delete={NAME}"))
    assert [name for names in rack.objects().values() for name in names if NAME in name] == []
    assert NAME not in rack.kubectl(None, "get", "clusterroles,clusterrolebindings", "-o", "name")
    assert rack.kubectl(None, "get", "nodes", "-l", f"tenant.baremetal.fabric/{NAME}", "-o", "name") == ""
    unchanged(rack.play("tenant_delete", "-e", f"fabric_delete={NAME}"))
