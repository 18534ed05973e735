# SPDX-License-Identifier: Apache-2.0
"""A flat network's documents: golden files, Calico's own definition, what is refused, and a real API server."""

from __future__ import annotations

import copy
import json
import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.baremetal.fabric.plugins.module_utils._kube import compare, objects
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.client import Cluster
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.documents import calico, flat_network, rancher
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.documents.common import DocumentError
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.flat_network_rules import flat_network_mistakes

from tests.support import schemas

GOLDEN = Path(__file__).parent / "golden"
DAEMON: dict[str, Any] = {
    "namespace": "kube-system",
    "image": "docker.io/library/busybox:1.37.0",
    "pull_policy": "IfNotPresent",
    "socket": "/run/cni/dhcp.sock",
    "bin_dir": "/opt/cni/bin",
    "broadcast": False,
    "timeout": 10,
    "resend_max": 62,
    "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"memory": "128Mi"}},
    "security_context": {"privileged": True},
    "node_selector": {},
    "tolerations": [{"operator": "Exists"}],
}
NETWORK: dict[str, Any] = {
    "name": "lan",
    "attachment": "lan",
    "namespace": "default",
    "bridge": "br-lan",
    "priority": 1000,
    "routes": ["224.0.0.0/4"],
    "route_plugin": "fabric-flat",
    "release": True,
    "host_name": True,
    "router_advertisements": False,
    "sysctls": {"net.ipv4.ip_forward": "0"},
    "daemon": DAEMON,
}
CALICO: dict[str, Any] = {"pools": [{"cidr": "192.168.7.0/24"}], "autodetection": {"interface": r"^eth1\.20$"}}
RANCHER: dict[str, Any] = {
    "apiVersion": "provisioning.cattle.io/v1",
    "kind": "Cluster",
    "metadata": {"name": "home", "namespace": "fleet-default"},
    "spec": {
        "kubernetesVersion": "v1.34.2+k3s1",
        "agentEnvVars": [{"name": "HTTP_PROXY", "value": "http://proxy:3128"}],
    },
}
OPTIONS: dict[str, Any] = {
    "name": "lan", "state": "present", "namespace": "default", "attachment": "lan", "bridge": "br-lan",
    "manage_bridge": True, "uplink": {"nic": "eth0"}, "addressing": {}, "cluster_link": None, "mtu": None,
    "route_metric": 1000, "routes": ["224.0.0.0/4"], "sysctls": {}, "daemon_image": DAEMON["image"],
    "daemon_socket": DAEMON["socket"], "daemon_timeout": 10, "daemon_resend_max": 62, "conf_dir": "/etc/cni/net.d",
    "bin_dir": "/opt/cni/bin", "calico": {}, "workloads": [],
}  # fmt: skip


def deployment(**annotations: str) -> dict[str, Any]:
    template: dict[str, Any] = {
        "metadata": {"labels": {"app": "assistant"}},
        "spec": {"containers": [{"name": "main", "image": "registry.example.com/assistant:1"}]},
    }
    if annotations:
        template["metadata"]["annotations"] = {f"k8s.v1.cni.cncf.io/{k}": v for k, v in annotations.items()}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "assistant", "namespace": "home"},
        "spec": {"selector": {"matchLabels": {"app": "assistant"}}, "template": template},
    }


@pytest.mark.parametrize(
    ("name", "built"),
    [
        ("flat_network", flat_network.flat_network_objects(NETWORK)),
        ("calico", [calico.calico_installation(CALICO), calico.calico_installation({**CALICO, "rke2": True})]),
        ("rancher", [rancher.without_flannel(RANCHER), rancher.without_flannel(RANCHER, "config")]),
    ],
)
def test_golden(name: str, built: list[dict[str, Any]]) -> None:
    """FABRIC_GOLDEN=write writes the files anew."""
    path = GOLDEN / f"{name}.yml"
    if os.environ.get("FABRIC_GOLDEN") == "write":
        path.write_text("---\n" + "---\n".join(compare.as_text(document) for document in built))
    assert list(yaml.safe_load_all(path.read_text())) == built


def configuration(**changes: Any) -> dict[str, Any]:
    definition = flat_network.flat_network_objects({**NETWORK, **changes})[-1]
    found: dict[str, Any] = json.loads(definition["spec"]["config"])
    return found


def chain(**changes: Any) -> dict[str, dict[str, Any]]:
    return {plugin["type"]: plugin for plugin in configuration(**changes)["plugins"]}


def test_the_pods_default_route_stays_where_it_was() -> None:
    assert chain()["bridge"]["ipam"]["priority"] == 1000
    assert "isDefaultGateway" not in chain()["bridge"]


def test_multicast_leaves_by_the_second_interface() -> None:
    assert chain()["fabric-flat"]["routes"] == ["224.0.0.0/4"]
    assert chain(route_plugin="route-override")["route-override"]["addroutes"] == [{"dst": "224.0.0.0/4"}]
    assert "fabric-flat" not in chain(routes=[], release=False)


def test_the_lease_is_given_back_by_who_is_asked_before_bridge() -> None:
    order = [plugin["type"] for plugin in configuration(route_plugin="route-override")["plugins"]]
    assert order == ["bridge", "route-override", "fabric-flat", "tuning"]
    assert chain()["fabric-flat"]["release"] is True


def test_router_advertisements_are_taken_on_request_alone() -> None:
    assert chain()["tuning"]["sysctl"]["net.ipv6.conf.IFNAME.accept_ra"] == "0"
    wanted = chain(router_advertisements=True)["tuning"]["sysctl"]
    assert wanted["net.ipv6.conf.IFNAME.accept_ra"] == "2" and wanted["net.ipv6.conf.IFNAME.accept_ra_defrtr"] == "0"


def test_the_host_name_can_be_left_out() -> None:
    assert chain()["bridge"]["ipam"]["provide"] == [{"option": "host-name", "fromArg": "K8S_POD_NAME"}]
    assert "provide" not in chain(host_name=False)["bridge"]["ipam"]


def test_the_daemon_survives_its_own_socket_and_is_not_restarted_without_need() -> None:
    daemon = flat_network.flat_network_objects(NETWORK)[0]
    container = daemon["spec"]["template"]["spec"]["containers"][0]
    script = container["command"][-1]
    assert script.index("rm -f /run/cni/dhcp.sock") < script.index("exec /opt/cni/bin/dhcp daemon")
    # each restart costs the node's pods their leases
    assert "livenessProbe" not in container
    assert {m["mountPropagation"] for m in container["volumeMounts"] if m["name"] == "namespaces"} == {
        "HostToContainer"
    }


@pytest.mark.parametrize("dataplane", ["Iptables", "Nftables"])
@pytest.mark.parametrize(
    "autodetection",
    [
        {"interface": "^eth1$"},
        {"can_reach": "192.168.3.1"},
        {"can_reach": "router.example.com"},
        {"cidrs": ["192.168.3.0/24"]},
        {"kubernetes": True},
        {"skip_interface": "^br-"},
        {"first_found": True},
    ],
)
def test_calicos_own_definition_takes_it(dataplane: str, autodetection: dict[str, Any]) -> None:
    built = calico.calico_installation({**CALICO, "dataplane": dataplane, "autodetection": autodetection, "mtu": 8950})
    schemas.spec_validator("calico_installations.crd.yaml").validate(built["spec"])
    pool = built["spec"]["calicoNetwork"]["ipPools"][0]
    assert (pool["encapsulation"], pool["natOutgoing"]) == ("None", "Disabled")


@pytest.mark.parametrize(
    ("changes", "mistake"),
    [
        ({"pools": []}, "pools: missing"),
        ({"pools": [{"cidr": "192.168.7.1/24"}]}, r"pools\[0\].cidr: '192.168.7.1/24' is not an IPv4 network"),
        (
            {"pools": [{"cidr": "10.0.0.0/8"}, {"cidr": "10.1.0.0/16"}]},
            r"pools\[1\].cidr: 10.1.0.0/16 overlaps pools\[0\]",
        ),
        ({"pools": [{"cidr": "10.0.0.0/24", "block_size": 20}]}, r"pools\[0\].block_size: 20"),
        ({"bgp": False}, r"pools\[0\].encapsulation: None needs BGP"),
        ({"autodetection": {}}, "autodetection: missing"),
        ({"autodetection": {"interface": "^a$", "kubernetes": True}}, "autodetection: interface, kubernetes are given"),
        ({"autodetection": {"can_reach": "eth1"}}, "autodetection.can_reach: 'eth1' is no address .* interface: "),
        ({"autodetection": {"interface": "("}}, "autodetection.interface: .* no regular expression"),
        ({"autodetection": {"canReach": "10.0.0.1"}}, "autodetection.canReach: unknown"),
    ],
)
def test_calico_mistakes(changes: dict[str, Any], mistake: str) -> None:
    with pytest.raises(DocumentError, match=mistake):
        calico.calico_installation({**CALICO, **changes})


def test_the_flat_networks_bridge_is_not_where_nodes_have_their_address() -> None:
    assert calico.calico_mistakes({**CALICO, "autodetection": {"interface": "br.*"}}, "br-lan") == [
        "autodetection.interface: 'br.*' means br-lan, too, which is not where the cluster's traffic belongs"
    ]


def test_rancher_keeps_what_else_is_said() -> None:
    cluster = copy.deepcopy(RANCHER)
    cluster["spec"]["agentEnvVars"].append({"name": "INSTALL_K3S_EXEC", "value": "--debug --flannel-backend=host-gw"})
    told = {each["name"]: each["value"] for each in rancher.without_flannel(cluster)["spec"]["agentEnvVars"]}
    assert told == {
        "HTTP_PROXY": "http://proxy:3128",
        "INSTALL_K3S_EXEC": "--debug --flannel-backend=none --disable-network-policy",
    }
    assert rancher.without_flannel(rancher.without_flannel(cluster)) == rancher.without_flannel(cluster)
    with pytest.raises(DocumentError, match="takes a Cluster"):
        rancher.without_flannel(deployment())
    with pytest.raises(DocumentError, match="no way"):
        rancher.without_flannel(cluster, "flags")


def networks(workload: dict[str, Any]) -> str | None:
    annotations = workload["spec"]["template"]["metadata"].get("annotations") or {}
    found: str | None = annotations.get("k8s.v1.cni.cncf.io/networks")
    return found


def test_a_workload_is_attached_by_its_pods_annotation() -> None:
    attached = flat_network.attached(deployment(), "default/lan")
    assert networks(attached) == "default/lan" and "annotations" not in attached["metadata"]
    assert flat_network.attached(attached, "default/lan") == attached
    assert networks(flat_network.attached(attached, "default/lan@lan0")) == "default/lan@lan0"
    assert networks(flat_network.detached(attached, "default/lan")) is None


def test_other_networks_stay() -> None:
    workload = deployment(networks="storage, default/lan@net7")
    assert networks(flat_network.attached(workload, "home/other")) == "storage, default/lan@net7, home/other"
    assert networks(flat_network.detached(workload, "default/lan")) == "storage"
    # without a namespace the workload's own is meant
    assert networks(flat_network.detached(workload, "home/storage")) == "default/lan@net7"
    listed = deployment(networks='[{"name": "storage", "ips": ["10.0.0.9"]}]')
    assert json.loads(str(networks(flat_network.attached(listed, "default/lan@net7")))) == [
        {"name": "storage", "ips": ["10.0.0.9"]},
        {"name": "lan", "namespace": "default", "interface": "net7"},
    ]


def test_each_kind_has_its_template() -> None:
    cron = {"kind": "CronJob", "spec": {"jobTemplate": {"spec": {"template": {}}}}}
    template = flat_network.attached(cron, "default/lan")["spec"]["jobTemplate"]["spec"]["template"]
    assert template["metadata"]["annotations"] == {"k8s.v1.cni.cncf.io/networks": "default/lan"}
    assert "annotations" in flat_network.attached({"kind": "Pod", "metadata": {"name": "one"}}, "lan")["metadata"]
    with pytest.raises(ValueError, match="Service has no pod template"):
        flat_network.attached({"kind": "Service"}, "lan")


def test_a_patch_says_nothing_but_the_annotation() -> None:
    assert flat_network.patch(deployment(networks="storage"), "default/lan") == {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "assistant", "namespace": "home"},
        "spec": {
            "template": {"metadata": {"annotations": {"k8s.v1.cni.cncf.io/networks": "storage, default/lan"}}},
        },
    }
    gone = flat_network.patch(deployment(networks="default/lan"), "default/lan", "absent")
    assert gone["spec"]["template"]["metadata"]["annotations"] == {}


def test_who_is_on_the_network() -> None:
    def pod(name: str, networks: str, phase: str = "Running") -> dict[str, Any]:
        annotations = {"k8s.v1.cni.cncf.io/networks": networks}
        metadata = {"name": name, "namespace": "home", "annotations": annotations}
        return {"kind": "Pod", "metadata": metadata, "status": {"phase": phase}}

    definitions = [
        flat_network.flat_network_objects({**NETWORK, "name": name, "attachment": name})[-1] for name in ("lan", "iot")
    ]
    found = [
        *definitions,
        pod("a", "default/lan@x"),
        pod("b", "lan"),
        pod("c", "default/lan", "Succeeded"),
        pod("d", "default/lan"),
    ]
    found[-1]["metadata"]["deletionTimestamp"] = "2026-01-02T03:04:05Z"
    assert flat_network.standing(found, "lan", "default/lan") == {
        "others": ["iot"],
        "pods": ["home/a"],
        "leaving": ["home/d"],
    }


def test_sound_options_are_not_complained_about() -> None:
    assert flat_network_mistakes(OPTIONS) == []
    assert flat_network_mistakes({**OPTIONS, "manage_bridge": False, "uplink": None, "mtu": 9000}) == []
    assert flat_network_mistakes({**OPTIONS, "state": "absent", "uplink": None}) == []
    assert (
        flat_network_mistakes({**OPTIONS, "daemon_image": "registry.example.com:5000/busybox@sha256:" + 64 * "0"}) == []
    )


@pytest.mark.parametrize(
    ("changes", "mistake"),
    [
        ({"namespace": "Default"}, "namespace: 'Default' is not"),
        ({"attachment": ""}, "attachment: '' is not"),
        ({"bridge": "cni0"}, "bridge: cni0 is the name"),
        ({"uplink": None}, "uplink.nic: missing"),
        ({"mtu": 9000}, "mtu: 9000 is more than the bridge's MTU 1500"),
        ({"mtu": 100}, "mtu: 100 is not a usable MTU"),
        ({"route_metric": 0}, "route_metric: 0 would put"),
        ({"routes": ["224.0.0.0"]}, "routes[0]: '224.0.0.0' is no network"),
        ({"sysctls": {"kernel.msgmax": 1}}, "sysctls: 'kernel.msgmax'"),
        ({"daemon_image": "busybox"}, "daemon_image: 'busybox' is not pinned"),
        ({"daemon_image": "registry:5000/busybox:latest"}, "daemon_image: "),
        ({"daemon_socket": "dhcp.sock"}, "daemon_socket: "),
        ({"daemon_socket": "/run/" + 120 * "x" + "/dhcp.sock"}, "daemon_socket: "),
        ({"daemon_timeout": 0}, "daemon_timeout: 0"),
        ({"bin_dir": "opt"}, "bin_dir: 'opt'"),
        ({"calico": {**CALICO, "autodetection": {"can_reach": "eth1"}}}, "calico.autodetection.can_reach: "),
        ({"workloads": [{"kind": "Service", "name": "a", "namespace": "b"}]}, "workloads[0].kind: Service has no"),
        ({"workloads": [{"kind": "Pod", "name": "a", "namespace": "b"}]}, "workloads[0].kind: a Pod that exists"),
        ({"workloads": [{"kind": "Deployment", "name": "a"}]}, "workloads[0].namespace: missing"),
    ],
)
def test_each_mistake_has_one_message(changes: dict[str, Any], mistake: str) -> None:
    found = flat_network_mistakes({**OPTIONS, **changes})
    assert len(found) == 1 and found[0].startswith(mistake)


def test_numbers_may_be_text() -> None:
    """As -e and surveys give them; what is not answered is empty."""
    numbers = {"mtu": "1400", "route_metric": "2000", "daemon_timeout": "5", "daemon_resend_max": "30"}
    deeper = {"uplink": {"nic": "eth0", "vlan_id": "20", "mtu": "9000"}, "addressing": {"route_metric": "300"}}
    pool = {"calico": {**CALICO, "mtu": "8950", "pools": [{"cidr": "192.168.7.0/24", "block_size": "26"}]}}
    assert flat_network_mistakes({**OPTIONS, **numbers, **deeper, **pool}) == []
    assert flat_network_mistakes({**OPTIONS, "mtu": "", "calico": "", "workloads": ""}) == []
    assert flat_network_mistakes({**OPTIONS, "mtu": "9000"}) == [
        "mtu: 9000 is more than the bridge's MTU 1500 (uplink.mtu)"
    ]


@pytest.mark.parametrize(
    ("changes", "mistake"),
    [
        ({"mtu": "big"}, "mtu: must be a whole number, not 'big'"),
        ({"mtu": 1400.5}, "mtu: must be a whole number, not 1400.5"),
        ({"mtu": True}, "mtu: must be a whole number, not True"),
        ({"route_metric": "low"}, "route_metric: must be a whole number"),
        ({"daemon_timeout": "10s"}, "daemon_timeout: must be a whole number, not '10s'"),
        ({"uplink": {"nic": "eth0", "vlan_id": "twenty"}}, "uplink.vlan_id: must be a whole number"),
        ({"uplink": "eth0"}, "uplink: must be a dictionary, not 'eth0'; -e takes it as JSON"),
        ({"routes": "10.0.0.0/8"}, "routes: must be a list, not '10.0.0.0/8'"),
        ({"workloads": ["web"]}, "workloads[0]: must be a dictionary, not 'web'"),
        ({"calico": {**CALICO, "pools": "192.168.7.0/24"}}, "calico.pools: must be a list"),
        (
            {"calico": {**CALICO, "pools": [{"cidr": "192.168.7.0/24", "block_size": "x"}]}},
            "calico.pools[0].block_size: ",
        ),
    ],
)
def test_what_has_the_wrong_type_has_one_message(changes: dict[str, Any], mistake: str) -> None:
    found = flat_network_mistakes({**OPTIONS, **changes})
    assert len(found) == 1 and found[0].startswith(mistake), found


def test_all_mistakes_are_named_at_once() -> None:
    found = flat_network_mistakes(
        {**OPTIONS, "namespace": "A", "bridge": "cni0", "route_metric": 0, "calico": {"pools": []}}
    )
    assert [each.split(":")[0] for each in found] == [
        "namespace", "bridge", "route_metric", "calico.pools", "calico.autodetection",
    ]  # fmt: skip


def test_a_real_api_server_takes_them(cluster: Cluster, namespace: str) -> None:
    definition = yaml.safe_load(schemas.find("nad.crd.yaml").read_text())
    # this API server lets nobody be privileged
    daemon = {**DAEMON, "namespace": namespace, "security_context": {}}
    built = flat_network.flat_network_objects({**NETWORK, "namespace": namespace, "daemon": daemon})
    workload = {**deployment(), "metadata": {"name": "assistant", "namespace": namespace}}
    settings = objects.Settings(wait=False)
    report = objects.present(cluster, [definition, *built, workload], settings)
    assert {outcome.action for outcome in report.outcomes[1:]} == {"created"}
    assert not objects.present(cluster, built, settings).changed
