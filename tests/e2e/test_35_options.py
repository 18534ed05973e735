"""What control plane and load balancer are given beyond their existence: policies, refusals, and a VIP that moves."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from .conftest import Tenants
from .lab import TestLab

NAMESPACE = "vcluster-blue"
#: Three probes of two seconds each, the lease, and the lab's slow machines.
MOVE_SECONDS = 40.0


@pytest.mark.m4
def test_the_pod_network_is_closed_by_policies(rack: TestLab, tenants: Tenants) -> None:
    """That they are there; the lab's CNI does not enforce any, as verify says."""
    tenants.ensure()
    found = json.loads(rack.kubectl(None, "get", "networkpolicy", "-n", NAMESPACE, "-o", "json"))
    assert {each["metadata"]["name"] for each in found["items"]} == {"control-plane", "api-load-balancer"}


@pytest.mark.m4
def test_what_a_control_plane_cannot_become_is_refused_by_name(rack: TestLab, tenants: Tenants) -> None:
    tenants.ensure()
    changes = {"tenant_cluster_service_cidr": "10.97.0.0/16"}
    run = rack.play("tenant_create", "--check", "-e", "fabric_tenants=blue", "-e", json.dumps(changes))
    assert run.returncode != 0
    (failure,) = run.failed
    assert "tenant_cluster_service_cidr: is 10.96.0.0/16 and cannot become 10.97.0.0/16" in failure.text()


@pytest.fixture
def stopped(rack: TestLab) -> Iterator[Callable[[dict[str, Any]], None]]:
    """Stops the Envoy of a pod as if it hung. In the end it is killed: one that goes on would spin."""
    told: list[tuple[str, str]] = []

    def signal(node: str, uid: str, name: str) -> None:
        # systemd writes the pod's uid with underscores in the names of control groups
        pattern = f"{uid}|{uid.replace('-', '_')}"
        rack.ssh(
            node,
            f"for p in $(pgrep -x haproxy); do grep -Eq '{pattern}' /proc/$p/cgroup && kill -{name} $p; done; true",
        )

    def stop(pod: dict[str, Any]) -> None:
        told.append((pod["spec"]["nodeName"], pod["metadata"]["uid"]))
        signal(*told[-1], "STOP")

    yield stop
    for each in told:
        signal(*each, "KILL")


@pytest.mark.m4
def test_the_vip_leaves_a_pod_whose_envoy_hangs(
    rack: TestLab,
    tenants: Tenants,
    stopped: Callable[[dict[str, Any]], None],
    say: Callable[[str], None],
) -> None:
    tenants.ensure()
    holder = rack.endpoint_holder("blue")
    stopped(json.loads(rack.kubectl(None, "get", "pod", holder, "-n", NAMESPACE, "-o", "json")))
    began = time.monotonic()
    now = holder
    # Between the two it has none.
    while now in (holder, "") and time.monotonic() - began < MOVE_SECONDS:
        time.sleep(0.5)
        now = rack.endpoint_holder("blue")
    seconds = time.monotonic() - began
    say(f"the VIP left a pod whose Envoy hung after {seconds:.1f} s")
    assert now and now != holder
    assert rack.nodes("blue"), "the API answers at the VIP"
