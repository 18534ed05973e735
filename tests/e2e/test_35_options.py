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
#: Three probes of two seconds each and the lease take seconds, even on the lab's machines; how many is printed.
PATIENCE = 180.0


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

    def signal(node: str, uid: str, name: str) -> int:
        """How many processes were sent the signal."""
        # systemd writes the pod's uid with underscores in the names of control groups
        pattern = f"{uid}|{uid.replace('-', '_')}"
        send = f"grep -Eq '{pattern}' /proc/$p/cgroup && kill -{name} $p && echo $p"
        return len(rack.ssh(node, f"for p in $(pgrep -x haproxy); do {send}; done; true").split())

    def stop(pod: dict[str, Any]) -> None:
        told.append((pod["spec"]["nodeName"], pod["metadata"]["uid"]))
        assert signal(*told[-1], "STOP") > 0, "no Envoy was found to be stopped"

    yield stop
    for each in told:
        signal(*each, "KILL")


def envoy_restarts(rack: TestLab, pod: str) -> int:
    found = json.loads(rack.kubectl(None, "get", "pod", pod, "-n", NAMESPACE, "-o", "json"))
    return next(each["restartCount"] for each in found["status"]["containerStatuses"] if each["name"] == "envoy")


def answers(rack: TestLab) -> bool:
    """Whether the API does at the VIP, to a server of the tenant cluster; a refusal of the anonymous is an answer."""
    url = f"https://{rack.endpoint('blue')}/version"
    return rack.ssh("metal1", f"curl -sk -o /dev/null -w '%{{http_code}}' --max-time 5 {url} || true").strip() != "000"


@pytest.mark.m4
def test_an_envoy_that_hangs_does_not_keep_the_vip(
    rack: TestLab,
    tenants: Tenants,
    stopped: Callable[[dict[str, Any]], None],
    say: Callable[[str], None],
) -> None:
    """The other pod takes it. Should kube-vip come back in the same pod before that, Envoy is restarted there."""
    tenants.ensure()
    assert answers(rack)
    holder = rack.endpoint_holder("blue")
    before = envoy_restarts(rack, holder)
    stopped(json.loads(rack.kubectl(None, "get", "pod", holder, "-n", NAMESPACE, "-o", "json")))
    began = time.monotonic()
    # Between the two it has none.
    while rack.endpoint_holder("blue") in (holder, "") and envoy_restarts(rack, holder) == before:
        assert time.monotonic() - began < PATIENCE, f"{holder} keeps the VIP, and its Envoy hangs"
        time.sleep(0.5)
    moved = rack.endpoint_holder("blue") not in (holder, "")
    seconds = time.monotonic() - began
    say(f"{'the VIP left the pod' if moved else 'Envoy was restarted'} {seconds:.1f} s after Envoy hung")
    while not answers(rack):
        assert time.monotonic() - began < PATIENCE, "the API does not answer at the VIP"
        time.sleep(0.5)
