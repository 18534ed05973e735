"""Proof in packets, and that the proof itself can fail."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from .conftest import Tenants, unchanged
from .lab import SERVERS, TestLab

PASSED, FAILED = "passed", "failed"


@pytest.fixture(scope="module")
def report(rack: TestLab, tenants: Tenants) -> dict[str, Any]:
    tenants.ensure()
    run = unchanged(rack.play("verify"))
    assert set(SERVERS) <= set(run.hosts)
    found = run.fact("verify_report")
    assert isinstance(found, dict)
    return found


def cell(report: dict[str, Any], row: str, column: str) -> dict[str, str]:
    found = report["matrix"][row][column]
    assert isinstance(found, dict)
    return found


@pytest.mark.m5
@pytest.mark.parametrize("tenant", ["blue", "green"])
def test_within_a_tenant_cluster_everything_passes(report: dict[str, Any], tenant: str) -> None:
    inside = cell(report, tenant, tenant)
    assert set(inside) == {"layer 2", "layer 3", "VLAN tag", "API endpoint", "node"}
    assert {layer: verdict for layer, verdict in inside.items() if layer != "API endpoint"} == dict.fromkeys(
        ("layer 2", "layer 3", "VLAN tag", "node"), PASSED
    )


APART = [
    ("blue", "green"),
    ("green", "blue"),
    ("blue", "host cluster"),
    ("host cluster", "blue"),
    ("green", "host cluster"),
    ("parked", "blue"),
    ("parked", "green"),
    ("parked", "host cluster"),
    ("management", "management"),
    ("blue", "management"),
    ("parked", "management"),
]


@pytest.mark.m5
@pytest.mark.parametrize(("row", "column"), APART)
def test_isolation_at_both_layers(report: dict[str, Any], row: str, column: str) -> None:
    assert cell(report, row, column) == {"layer 2": PASSED, "layer 3": PASSED}


@pytest.mark.m5
@pytest.mark.parametrize("server", ["shared1", "shared2", "shared3"])
def test_the_host_vlan_stays_untagged(report: dict[str, Any], server: str) -> None:
    found = [each for each in report["verdicts"] if each["subject"] == f"host cluster on {server}: untagged"]
    assert [each["verdict"] for each in found] == [PASSED]


@pytest.mark.m5
def test_routing_through_control_planes_was_really_tried(report: dict[str, Any]) -> None:
    tried = [
        each
        for each in report["verdicts"]
        if each["row"] == "blue" and each["column"] == "host cluster" and each["layer"] == "layer 3"
    ]
    targets = {each["subject"].split(" to ")[1] for each in tried}
    assert any(target.startswith("pod ") for target in targets) and any(
        "service kubernetes" in target for target in targets
    )
    assert {each["verdict"] for each in tried} == {PASSED}


@pytest.mark.m5
@pytest.mark.parametrize("tenant", ["blue", "green"])
def test_the_endpoint_opens_across_servers_with_the_tag_on_the_wire(
    rack: TestLab, report: dict[str, Any], tenant: str
) -> None:
    """With the address held beside the only control-plane pod there is nothing to see: then it is moved first."""

    def verdicts(found: dict[str, Any]) -> list[str]:
        subject = f"{tenant} API endpoint from a control-plane pod on another server than its holder"
        return [each["verdict"] for each in found["verdicts"] if each["subject"] == subject]

    attempts = 0
    while verdicts(report) != [PASSED] and attempts < 3:
        attempts += 1
        namespace = f"vcluster-{tenant}"
        holder = rack.endpoint_holder(tenant)
        rack.kubectl(None, "-n", namespace, "delete", "pod", holder, "--wait=true")
        rack.kubectl(None, "-n", namespace, "rollout", "status", "deployment/apiserver-lb", "--timeout=120s")
        report = unchanged(rack.play("verify")).fact("verify_report")
    assert verdicts(report) == [PASSED]


@pytest.fixture
def bridged(rack: TestLab) -> Iterator[None]:
    """A mistake on one shared server: the bridges of both tenant clusters joined by a veth pair."""
    blue, green = (
        next(each["vlan"] for each in rack.controller()["vnet"] if each["name"] == f"{tenant}-nodes")
        for tenant in ("blue", "green")
    )
    rack.ssh(
        "shared1",
        f"""
        ip link add leak0 type veth peer name leak1
        ip link set leak0 master br-vlan-{blue} up
        ip link set leak1 master br-vlan-{green} up
        """,
    )
    yield
    rack.ssh("shared1", "ip link del leak0")


@pytest.mark.m5
@pytest.mark.usefixtures("bridged", "report")
def test_a_leak_is_found_and_every_violation_told_at_once(rack: TestLab) -> None:
    run = rack.play("verify")
    assert run.returncode != 0
    message = "\n".join(each.text() for each in run.failed)
    for line in ("metal1 (blue) to metal2 (green)", "metal2 (green) to metal1 (blue)"):
        assert f"layer 2: {line}" in message
