"""flannel in a tenant cluster: what is particular to servers with two networks, and a real API server's word."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ansible_collections.baremetal.fabric.plugins.module_utils._kube import objects
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.client import connect
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.documents import flannel

INTENT: dict[str, Any] = {"pod_cidr": "10.100.0.0/16", "vip": "192.168.71.253", "port": 6443}


def named(kind: str, **changes: Any) -> dict[str, Any]:
    (found,) = [each for each in flannel.flannel_objects({**INTENT, **changes}) if each["kind"] == kind]
    return found


def test_it_uses_the_tenant_clusters_pod_range() -> None:
    assert json.loads(named("ConfigMap")["data"]["net-conf.json"])["Network"] == "10.100.0.0/16"


def test_it_takes_the_nic_in_the_vlan_and_needs_no_kube_proxy() -> None:
    (container,) = named("DaemonSet")["spec"]["template"]["spec"]["containers"]
    assert "--iface-can-reach=192.168.71.253" in container["args"]
    environment = {each["name"]: each.get("value") for each in container["env"]}
    assert environment["KUBERNETES_SERVICE_HOST"] == "192.168.71.253"
    assert environment["KUBERNETES_SERVICE_PORT"] == "6443"


def test_images_are_pinned_and_can_come_from_a_mirror() -> None:
    def images(**changes: Any) -> set[str]:
        pod = named("DaemonSet", **changes)["spec"]["template"]["spec"]
        return {each["image"] for each in (*pod["initContainers"], *pod["containers"])}

    assert images(image=None, plugin_image=None) == {flannel.IMAGE, flannel.PLUGIN_IMAGE}
    assert all(":v" in image for image in images())
    assert images(image="mirror/flannel:1", plugin_image="mirror/plugin:1") == {"mirror/flannel:1", "mirror/plugin:1"}


def test_a_real_api_server_takes_it_once(kubeconfig: Path) -> None:
    documents = objects.validate(flannel.flannel_objects(INTENT))
    settings = objects.Settings(wait=False)
    with connect(str(kubeconfig)) as cluster:
        first = objects.present(cluster, documents, settings)
        assert {outcome.action for outcome in first.outcomes} == {"created"}
        second = objects.present(cluster, documents, settings)
        assert {outcome.action for outcome in second.outcomes} == {"unchanged"}
