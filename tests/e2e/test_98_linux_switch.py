"""The main job without Netris: the plays configure the leaf over ssh. A lab of its own, without the agent."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator

import pytest
from fabric_lab import levels

from .conftest import settled, unchanged
from .lab import SHARED, TestLab, running

pytestmark = pytest.mark.linux_switch


def vlans(lab: TestLab) -> dict[int, set[str]]:
    """By the switch's own kernel: VLAN ids and the bridge ports in them."""
    found: dict[int, set[str]] = {}
    for entry in json.loads(lab.ssh("leaf1", "bridge -j vlan show") or "[]"):
        for vlan in entry["vlans"]:
            found.setdefault(int(vlan["vlan"]), set()).add(entry["ifname"])
    return found


def leaf_state(lab: TestLab) -> str:
    """Everything that could be left on the switch."""
    return lab.ssh(
        "leaf1",
        "ip -brief link | awk '{print $1, $2}' | sort; ip netns list; bridge -j vlan show;"
        " ls -d /etc/fabric-switch /var/lib/fabric-switch /etc/systemd/system/fabric-switch.service"
        " /usr/local/sbin/fabric-switch-dhcp 2>/dev/null; pgrep -a dnsmasq || true",
    )


@pytest.fixture(scope="module")
def lab() -> Iterator[TestLab]:
    with running(os.environ.get("FABRIC_E2E_LAB", "e2e") + "switch", "linux_switch") as made:
        yield made


def test_there_is_no_agent(lab: TestLab) -> None:
    assert lab.ssh("leaf1", "systemctl is-active fabric-agent || true").strip() != "active"
    assert vlans(lab) == {}


def test_the_whole_chain_and_again(lab: TestLab) -> None:
    before = leaf_state(lab)
    settled(lab.play("site", "--check"))
    assert leaf_state(lab) == before
    for playbook in ("host_cluster", "tenant_create", "verify"):
        settled(lab.play(playbook))
    shared = {f"po-{name}" for name in SHARED}
    assert vlans(lab) == {
        100: {*shared, "swp13", "gw100"},
        101: {*shared, "po-metal1", "gw101"},
        102: {*shared, "po-metal2", "gw102"},
    }
    for playbook in ("host_cluster", "tenant_create", "verify"):
        unchanged(lab.play(playbook))
    assert {node["ready"] for node in lab.nodes("blue").values()} == {"True"}


def test_a_switch_that_restarts_comes_up_with_its_networks(lab: TestLab) -> None:
    before = vlans(lab)
    lab.power("leaf1", "reset")
    levels.up(lab.lab, levels.Level.rack, levels.Phases())
    # ssh answers before everything is up; this returns when the unit is through
    lab.ssh("leaf1", "systemctl start fabric-switch.service")
    assert vlans(lab) == before
    settled(lab.play("tenant_create"))
    settled(lab.play("verify"))


def test_deletion_leaves_nothing(lab: TestLab) -> None:
    settled(lab.play("tenant_delete", "-e", "fabric_delete=blue,green"))
    assert set(vlans(lab)) == {100}
    assert all(name not in lab.devices("leaf1") for name in ("po-metal1", "po-metal2"))
    assert "fabric-net-host" in lab.ssh("leaf1", "ip netns list")
