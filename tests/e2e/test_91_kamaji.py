"""A tenant cluster of Kamaji's, from nothing to nothing: the lab's stand-in acts on Kamaji's real CRD.

green is taken down and made again with the other backend, so these tests come last.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from fabric_lab.build import components
from fabric_lab.cluster import kamaji
from fabric_lab.demo.plays import INVENTORY, Run

from tests.support import schemas

from .conftest import Tenants, settled, unchanged
from .lab import TestLab
from .test_50_change import copy_inventory

pytestmark = pytest.mark.m7

GREEN = {
    "tenant_cluster_backend": "kamaji",
    "tenant_cluster_kubernetes_version": components.KUBERNETES,
    # The lab has no image of kube-proxy; its nodes' programs do both.
    "tenant_cluster_kamaji": {"kube_proxy": False, "cni": "{{ lab_home }}/kubernetes/kamaji/node-network.yaml"},
}
ETCDCTL = (
    "/bin/etcdctl --endpoints=https://localhost:2379 --cacert=/certs/etcd-ca.crt --cert=/certs/etcd-server.crt"
    " --key=/certs/etcd-server.key get --prefix --keys-only --limit=5 /vcluster_green_green"
)


def inventory_of(rack: TestLab, target: Path) -> Path:
    """The inventory of the moment with green in it as Kamaji's."""
    if rack.inventory == INVENTORY:
        copy_inventory(target, {})
    else:
        shutil.copytree(rack.inventory, target)
    (target / "host_vars").mkdir(exist_ok=True)
    (target / "host_vars" / "green.yml").write_text(yaml.safe_dump(GREEN))
    return target


@pytest.fixture(scope="module")
def created(rack: TestLab, tenants: Tenants, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    for name in kamaji.CRDS:
        schemas.find(f"kamaji.clastix.io_{name}.yaml")
    tenants.ensure()
    settled(rack.play("tenant_delete", "-e", "fabric_delete=green"))
    tenants.spoil()
    before = rack.inventory
    rack.inventory = inventory_of(rack, tmp_path_factory.mktemp("kamaji") / "inventory")
    settled(rack.play("host_cluster"))
    yield settled(rack.play("tenant_create", "-e", "fabric_tenants=green"))
    settled(rack.play("tenant_delete", "-e", "fabric_delete=green"))
    rack.inventory = before


def control_plane(rack: TestLab) -> dict[str, dict[str, dict[str, str]]]:
    text = rack.kubectl(None, "-n", "vcluster-green", "get", "tenantcontrolplane", "green", "-o", "json")
    found: dict[str, dict[str, dict[str, str]]] = json.loads(text)
    return found


def test_kamaji_says_that_it_is_ready(rack: TestLab, created: Run) -> None:
    del created
    assert control_plane(rack)["status"]["kubernetesResources"]["version"] == {
        "status": "Ready",
        "version": components.KUBERNETES,
    }


def test_its_server_has_joined_by_kubeadm(rack: TestLab, created: Run) -> None:
    """The endpoint in the kubelet's kubeconfig is the VIP, on the port that pod, Service and load balancer share."""
    del created
    assert {name: node["ready"] for name, node in rack.nodes("green").items()} == {"metal2": "True"}
    vip = control_plane(rack)["spec"]["networkProfile"]["advertiseAddress"]
    assert f"https://{vip}:6443" in rack.ssh("metal2", "grep server: /etc/kubernetes/kubelet.conf")
    bootstrap = rack.kubectl("green", "-n", "kube-system", "get", "secrets", "-o", "name")
    assert "bootstrap-token" not in bootstrap
    assert rack.ssh("metal2", "ls /run | grep kubeadm-join || true") == ""


def test_pods_run_on_it_and_find_the_api(rack: TestLab, created: Run) -> None:
    del created
    rack.kubectl("green", "-n", "kube-system", "rollout", "status", "deployment/coredns", "--timeout=110s")


def test_the_tenants_are_apart(rack: TestLab, created: Run) -> None:
    del created
    unchanged(rack.play("verify"))


def test_a_second_run_changes_nothing(rack: TestLab, created: Run) -> None:
    del created
    unchanged(rack.play("tenant_create", "-e", "fabric_tenants=green"))


def test_a_server_comes_from_vcluster_and_goes_back(rack: TestLab, created: Run, tmp_path: Path) -> None:
    """The two join in different ways, and each finds nothing of the other on the server."""
    del created
    before = rack.inventory
    try:
        for tenant, other in (("green", "blue"), ("blue", "green")):
            rack.inventory = shutil.copytree(before, tmp_path / tenant)
            hosts = yaml.safe_load((before / "hosts.yml").read_text())
            metal = hosts["all"]["children"]["servers"]["children"]["bare_metal"]["hosts"]
            metal["metal1"]["fabric_tenant_cluster"] = tenant
            (rack.inventory / "hosts.yml").write_text(yaml.safe_dump(hosts))
            settled(rack.play("server_move", "-e", "fabric_server=metal1"))
            assert rack.nodes(tenant)["metal1"]["ready"] == "True" and "metal1" not in rack.nodes(other)
    finally:
        rack.inventory = before
    assert set(rack.nodes("green")) == {"metal2"}


def test_it_goes_and_leaves_nothing(rack: TestLab, created: Run) -> None:
    del created
    kept = rack.kubectl(None, "-n", "kamaji-system", "exec", "etcd-0", "--", *ETCDCTL.split())
    assert "/vcluster_green_green" in kept
    settled(rack.play("tenant_delete", "-e", "fabric_delete=green"))
    assert [name for names in rack.objects().values() for name in names if "green" in name] == []
    assert rack.kubectl(None, "get", "tenantcontrolplanes", "-A", "-o", "name") == ""
    assert rack.kubectl(None, "-n", "kamaji-system", "exec", "etcd-0", "--", *ETCDCTL.split()).strip() == ""
    assert rack.ssh("metal2", "systemctl is-active kubelet || true").strip() != "active"
    left = "ls -A /etc/kubernetes /var/lib/kubelet 2>/dev/null | grep -E 'kubelet.conf|pki|pods' || true"
    assert rack.ssh("metal2", left) == ""
