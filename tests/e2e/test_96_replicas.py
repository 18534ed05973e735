"""Three replicas of a control plane: a server of theirs is lost and the API stays; then one again."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from .conftest import Tenants, settled, unchanged
from .lab import TestLab
from .test_50_change import copy_inventory
from .test_85_failover import watching, whole

pytestmark = pytest.mark.m6

TENANT, NAMESPACE, SERVER = "blue", "vcluster-blue", "metal1"
BLUE = ("-e", f"fabric_tenants={TENANT}")
# From one that was on its way when the server went no more than a few can come.
ANSWERS = 100


def placed(rack: TestLab) -> dict[str, str]:
    """The server of each replica that is ready."""
    found = rack.kubectl(None, "-n", NAMESPACE, "get", "pods", "-l", "app=vcluster,release=blue", "-o", "json")
    return {
        pod["metadata"]["name"]: pod["spec"]["nodeName"]
        for pod in json.loads(found)["items"]
        if any(each["type"] == "Ready" and each["status"] == "True" for each in pod["status"].get("conditions", []))
    }


def volumes(rack: TestLab) -> list[str]:
    """Those of the control plane; a virtual machine's disk is a claim there, too."""
    claims = rack.kubectl(None, "-n", NAMESPACE, "get", "pvc", "-o", "jsonpath={.items[*].metadata.name}").split()
    return [name for name in claims if name.startswith("data-")]


@dataclass(frozen=True)
class Before:
    """The inventory with one replica, and the nodes as they were with it."""

    inventory: Path
    uids: dict[str, str]


def uids(rack: TestLab) -> dict[str, str]:
    return {name: node["uid"] for name, node in rack.nodes(TENANT).items()}


@pytest.fixture(scope="module")
def before(rack: TestLab, tenants: Tenants, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Before]:
    """The tenant cluster has three replicas now."""
    tenants.ensure()
    found = Before(rack.inventory, uids(rack))
    rack.inventory = copy_inventory(tmp_path_factory.mktemp("three") / "inventory", {})
    variables = rack.inventory / "host_vars" / f"{TENANT}.yml"
    variables.write_text(yaml.safe_dump({**yaml.safe_load(variables.read_text()), "tenant_cluster_replicas": 3}))
    try:
        settled(rack.play("tenant_create", *BLUE))
        yield found
    finally:
        if rack.inventory != found.inventory:
            rack.inventory = found.inventory
            settled(rack.play("tenant_create", *BLUE))


def test_a_control_plane_grows_to_three(rack: TestLab, before: Before) -> None:
    pods = placed(rack)
    assert sorted(pods) == [f"{TENANT}-{n}" for n in range(3)] and len(set(pods.values())) == 3
    assert volumes(rack) == [f"data-{TENANT}-{n}" for n in range(3)]
    assert uids(rack) == before.uids
    unchanged(rack.play("tenant_create", *BLUE))


def test_the_api_survives_the_loss_of_a_server(
    rack: TestLab, before: Before, tmp_path: Path, say: Callable[[str], None]
) -> None:
    """Off, not reset: it does not come back before the others have shown that they do without it."""
    lost = placed(rack)[f"{TENANT}-1"]
    with watching(rack, SERVER, rack.endpoint(TENANT), tmp_path / "watch") as watch:
        rack.power(lost, "off")
        try:
            off = watch.events()[-1]["at"]
            watch.wait(lambda w: sum(at > off for at in w.answers()) >= ANSWERS, "the API is gone", timeout=300)
            rack.kubectl(TENANT, "create", "configmap", "written-by-two", "-n", "default")
        finally:
            rack.power(lost, "on")
        silence = watch.silence()
    say(f"{lost} off: no answer for {silence:.1f} s")
    whole(rack)
    rack.kubectl(None, "-n", NAMESPACE, "rollout", "status", f"statefulset/{TENANT}", "--timeout=300s")
    rack.kubectl(TENANT, "delete", "configmap", "written-by-two", "-n", "default")
    assert uids(rack) == before.uids


def test_it_shrinks_to_one(rack: TestLab, before: Before) -> None:
    rack.kubectl(TENANT, "create", "configmap", "kept", "-n", "default")
    rack.inventory = before.inventory
    settled(rack.play("tenant_create", *BLUE))
    assert sorted(placed(rack)) == [f"{TENANT}-0"] and volumes(rack) == [f"data-{TENANT}-0"]
    rack.kubectl(TENANT, "delete", "configmap", "kept", "-n", "default")
    assert uids(rack) == before.uids
    unchanged(rack.play("tenant_create", *BLUE))
