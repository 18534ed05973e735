"""The switch agents' protocol and what follows from their reports."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest
from fabric_lab.controller import agents

from .rack import AUTOMATIC, Rack, demo_seed
from .test_clusters import PATH


@pytest.fixture
def required() -> Iterator[Rack]:
    rack = Rack(demo_seed(), agents="required").login()
    yield rack
    rack.close()


def test_only_the_token_opens_it(demo: Rack) -> None:
    for token in ("Bearer wrong", "", "Basic agents-only"):
        headers = {"Authorization": token}
        assert demo.client.get("/agent/v1/config?switch=leaf1", headers=headers).status_code == 401
        assert demo.client.post("/agent/v1/report", json={"switch": "leaf1"}, headers=headers).status_code == 401
    good = {"Authorization": "Bearer agents-only"}
    assert demo.client.get("/agent/v1/config?switch=leaf9", headers=good).status_code == 404
    assert demo.client.post("/agent/v1/report", json={"switch": "metal1"}, headers=good).status_code == 404
    assert demo.client.post("/agent/v1/report", content=b"{", headers=good).status_code == 400


def test_config_of_an_idle_switch(demo: Rack) -> None:
    config = demo.agent()
    assert set(config) == {"generation", "switch", "ports", "lags", "vnets", "nat", "peerings"}
    assert (config["switch"], len(config["ports"]), config["lags"], config["vnets"]) == ("leaf1", 16, [], [])
    assert config["ports"][0] == {"name": "swp1", "mtu": 9000, "admin": "up", "description": "swp1@leaf1"}


def test_generation_counts_what_matters_only(demo: Rack) -> None:
    start = demo.agent()["generation"]
    demo.post("/api/v2/vpc", name="a", adminTenant={"id": 1})
    demo.template("t")
    assert demo.agent()["generation"] == start
    demo.vnet("v", ports=[{"name": "swp16@leaf1"}])
    changed = demo.agent()["generation"]
    assert changed > start
    demo.refused("POST", "/api/v2/vnet", {"name": "v", "tenant": {"id": 1}, "sites": [{"id": 1}]})
    assert demo.agent()["generation"] == changed


def test_long_poll_waits_and_is_woken(demo: Rack) -> None:
    since = demo.agent()["generation"]
    start = time.monotonic()
    assert demo.agent(since, wait=0.2)["generation"] == since
    assert time.monotonic() - start >= 0.2
    timer = threading.Timer(0.2, lambda: demo.vnet("v", ports=[{"name": "swp16@leaf1"}]))
    timer.start()
    start = time.monotonic()
    config = demo.agent(since, wait=10)
    assert config["generation"] > since
    assert config["vnets"][0]["name"] == "v"
    assert time.monotonic() - start < 5
    timer.join()


def test_unknown_future_generation_answers_at_once(demo: Rack) -> None:
    start = time.monotonic()
    assert demo.agent(since=10_000, wait=10)["generation"] < 10_000
    assert time.monotonic() - start < 5


def test_cluster_waits_for_the_agent(required: Rack) -> None:
    required.report(required.agent()["generation"])
    cluster = required.cluster("blue", required.template("t", AUTOMATIC), ["metal1"])
    path = f"{PATH}/{cluster['id']}"
    assert cluster["status"]["label"] == "Provisioning"
    config = required.agent()
    required.report(config["generation"] - 1)
    assert required.get(path)["status"]["label"] == "Provisioning"
    vnet = config["vnets"][0]["id"]
    required.report(config["generation"], vnets=[{"id": vnet, "applied": False}])
    assert required.get(path)["status"]["label"] == "Provisioning"
    required.report(config["generation"], vnets=[{"id": vnet, "applied": True}])
    assert required.get(path)["status"]["label"] == "Active"
    # A server that leaves has to be taken off the switch as well.
    required.put(path, tags=[], servers=[])
    assert required.get(path)["status"]["label"] == "Provisioning"
    required.report(required.agent()["generation"])
    assert required.get(path)["status"]["label"] == "Active"


def test_health_follows_the_reports(required: Rack, monkeypatch: pytest.MonkeyPatch) -> None:
    path = f"/api/v2/hw/{required.device('leaf1')}"
    read = required.get(path)
    assert (read["status"], read["health"]["ok"], read["lastSeen"]) == ("Critical", 0, 0)
    assert "never reported" in read["health"]["message"]
    assert required.report(1) == 200
    read = required.get(path)
    assert (read["status"], read["health"]["ok"], read["health"]["critical"]) == ("OK", 1, 0)
    assert read["lastSeen"] > 0
    required.report(1, healthy=False, message="bridge is missing")
    assert required.get(path)["health"]["message"] == "bridge is missing"
    assert required.get(path)["status"] == "Critical"
    required.report(1)
    monkeypatch.setattr(agents, "SILENCE", -1.0)
    assert "has not reported" in required.get(path)["health"]["message"]


def test_without_agents_all_is_well(demo: Rack) -> None:
    assert demo.get(f"/api/v2/hw/{demo.device('leaf1')}")["status"] == "OK"


def test_ports_show_what_the_agent_sees(demo: Rack) -> None:
    lldp = {"system": "shared1", "port": "eth9"}
    ports = [
        {"name": "swp1", "oper": "up", "speed": 1000, "mtu": 9000, "lldp": lldp},
        {"name": "swp2", "oper": "down", "speed": None, "mtu": 9000, "lldp": None},
    ]
    demo.report(1, ports=ports)
    found = {port["name"]: port for port in demo.get("/api/v2/ports")}
    assert found["swp1@leaf1"]["status"] == {"label": "Up", "value": "up"}
    assert (found["swp1@leaf1"]["speed"], found["swp1@leaf1"]["lldp"]) == ("1000", lldp)
    assert found["swp2@leaf1"]["status"]["value"] == "down"
    assert found["eth9@shared1"]["status"]["value"] == "up"
    assert found["eth10@shared1"]["status"]["value"] == "down"


def test_leases_are_hosts(demo: Rack) -> None:
    cluster = demo.cluster("blue", demo.template("t", AUTOMATIC), ["metal1"])
    vnet, subnet = cluster["resources"]["vnets"][0]["id"], cluster["resources"]["subnets"][0]["id"]
    lease = {"vnet": vnet, "ip": "192.168.64.7", "mac": "02:00:00:00:00:01", "hostname": "metal1"}
    demo.report(1, leases=[lease, {**lease, "ip": "not an address"}, {**lease, "ip": "10.9.9.9"}])
    hosts = demo.get(f"/api/v2/ipam/hosts/{subnet}")
    assert [(host["address"], host["name"]) for host in hosts] == [
        ("192.168.64.7", "metal1"), ("192.168.67.254", "blue-nodes"),
    ]  # fmt: skip
    assert hosts[0]["mac"][0]["address"] == "02:00:00:00:00:01"
