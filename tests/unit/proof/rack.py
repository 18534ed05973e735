"""A small rack in plain data, and what its servers see when everything is as it should be.

``observe`` answers the orders that the plan makes, so a test changes one thing and looks at what the judge says.
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from ansible_collections.baremetal.fabric.plugins.module_utils._intent.build import build_model
from ansible_collections.baremetal.fabric.plugins.module_utils._proof.plan import plan
from ansible_collections.baremetal.fabric.plugins.module_utils._proof.scene import Scene, scene_of

WIDE: dict[str, Any] = {
    "fabric_site": "Default",
    "fabric_owner": "Admin",
    "fabric_server_nics": ["eth9", "eth10"],
    "fabric_bond": "bond0",
    "fabric_tenant_supernet": "192.168.64.0/18",
    "fabric_tenant_prefix_length": 22,
    "fabric_gateway_host_number": 1022,
    "fabric_reserved_networks": [{"name": "management", "prefix": "10.77.0.0/16"}],
    "fabric_host_cluster": {
        "name": "host",
        "gateway": "192.168.55.254/21",
        "api_endpoint": "192.168.55.253:6443",
        "pod_cidr": "10.244.0.0/16",
        "service_cidr": "10.96.0.0/16",
        "kubeconfig": "/nowhere/host.kubeconfig",
    },
}
GROUPS = {
    "tenant_clusters": ["blue", "green"],
    "shared_servers": ["shared1", "shared2"],
    "bare_metal": ["metal1", "metal2", "metal3", "metal4"],
}
TENANT_OF = {"metal1": "blue", "metal2": "green", "metal4": "blue"}
VLAN = {"blue": 3, "green": 4}
ADDRESS = {
    "shared1": "192.168.48.1/21",
    "shared2": "192.168.48.2/21",
    "metal1": "192.168.64.1/22",
    "metal4": "192.168.64.2/22",
    "metal2": "192.168.68.1/22",
}


def given() -> dict[str, Any]:
    """What the filters get."""
    hostvars: dict[str, dict[str, Any]] = {host: dict(WIDE) for hosts in GROUPS.values() for host in hosts}
    for server, tenant in TENANT_OF.items():
        hostvars[server]["fabric_tenant_cluster"] = tenant
    return {
        "model": build_model(hostvars, GROUPS).as_dict(),
        "facts": {
            "blue": facts(3, "192.168.64.0/22", "192.168.67"),
            "green": facts(4, "192.168.68.0/22", "192.168.71"),
        },
        "looks": {
            server: look(server, at)
            for at, server in enumerate(sorted([*GROUPS["shared_servers"], *GROUPS["bare_metal"]]), 1)
        },
        "clusters": {name: cluster(name) for name in VLAN},
        "host_targets": [{"name": "pod coredns", "address": "10.244.1.3", "port": 53}],
    }


def facts(vlan: int, subnet: str, last: str) -> dict[str, Any]:
    return {
        "fabric_vlan_id": vlan,
        "fabric_subnet": subnet,
        "fabric_gateway": f"{last}.254",
        "fabric_vip": f"{last}.253",
        "fabric_control_plane_range": {"start": f"{last}.250", "end": f"{last}.252"},
    }


def look(server: str, number: int) -> dict[str, Any]:
    def device(name: str, addresses: list[str], mac: int) -> dict[str, Any]:
        return {"name": name, "mac": f"02:00:00:00:{number:02x}:{mac:02x}", "addresses": addresses}

    devices = [
        device("vec0", [f"10.77.0.{10 + number}/24"], 0),
        device("bond0", [ADDRESS[server]] if server in ADDRESS else [], 1),
    ]
    if server.startswith("shared"):
        devices += [device(f"br-vlan-{vlan}", [], vlan) for vlan in VLAN.values()]
    return {"devices": devices, "management": "vec0"}


def cluster(name: str) -> dict[str, Any]:
    return {
        "ca": f"PEM of {name}",
        "control_planes": [{"name": f"{name}-0", "node": "shared1", "uid": f"uid-{name}-0"}],
        "endpoint_holder": {"name": "apiserver-lb-1", "node": "shared2", "uid": f"uid-{name}-lb"},
        "nodes": [
            {"name": server, "ready": True, "state": "Ready", "version": "v1.36.3", "addresses": []}
            for server, tenant in TENANT_OF.items()
            if tenant == name
        ],
        "problem": None,
    }


def scene(data: dict[str, Any] | None = None) -> Scene:
    return scene_of(data or given())


def observe(data: dict[str, Any] | None = None) -> dict[str, dict[str, Any]]:
    """What an honest rack answers to the plan."""
    stage = scene(data)
    orders = plan(stage, "nonce", 30, 12)
    return deepcopy({server: _observe(server, order, stage) for server, order in orders.items()})


def _observe(server: str, order: dict[str, Any], stage: Scene) -> dict[str, Any]:
    heard = []
    for expected in order["expected"]:
        frame = {"sender": expected["sender"], "from": expected["from"], "tag": None, "count": 40}
        heard.append({**frame, "interface": expected["interface"], "vlan": None})
        if expected["interface"].startswith("br-vlan-"):
            heard.append({**frame, "interface": expected["interface"].replace("br-vlan-", "bond0."), "vlan": None})
            vlan = int(expected["interface"].rpartition("-")[2])
            heard.append({**frame, "interface": "bond0", "vlan": vlan})
    captured = [
        {
            "interface": "bond0",
            "vlan": segment.vlan,
            "direction": "out",
            "client": "192.168.67.250",
            "server": segment.endpoint.address,
            "segment": "syn",
            "count": 1,
        }
        for segment in stage.segments.values()
        for pod in segment.control_planes
        if segment.endpoint and pod.server == server
    ]
    return {
        "elapsed": 12.0,
        "complete": True,
        "window": {"dispatched": 1000.0, "received": 1015.0},
        "stations": [
            {"interface": entry["name"], "present": True, "sent": 50, "left": 50, "link": ["lldp"], "cables": []}
            for entry in order["interfaces"]
        ],
        "heard": heard,
        "captured": captured,
        "checks": [_answer(check) for check in order["checks"]],
    }


def _answer(check: dict[str, Any]) -> dict[str, Any]:
    kind = check["kind"]
    if kind in ("tcp", "tls"):
        return {"id": check["id"], "result": "open", "detail": "", "source": "192.168.67.250"}
    if kind == "arp":
        return {"id": check["id"], "result": "answered", "macs": ["02:00:00:00:00:fe"]}
    if check["expect"] == "answer" if "expect" in check else True:
        return {
            "id": check["id"],
            "result": "answered",
            "next_hops": [check["address"]],
            "via": {check["address"]: "echo reply"},
        }
    return {"id": check["id"], "result": "silent", "next_hops": ["192.168.67.254"], "via": {}}
