"""A tenant cluster goes without a trace, and its neighbour does not notice."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from .conftest import Tenants, settled, unchanged
from .lab import LEAF, SHARED, TestLab, end_state

# Four a second: an interruption of a quarter of a second is seen.
PING = "exec ping -i 0.25 -n {address}"
REPLY = re.compile(r"icmp_seq=(\d+) ttl=")


class Pings:
    """What came back so far, by the number that each carries."""

    def __init__(self, output: Path) -> None:
        self._output = output

    def replies(self) -> list[int]:
        return sorted({int(number) for number in REPLY.findall(self._output.read_text())})

    def lost(self) -> list[int]:
        """Numbers below the last one that came back; a packet that is on its way is not lost."""
        seen = self.replies()
        return sorted(set(range(1, seen[-1])) - set(seen)) if seen else []


@contextmanager
def steady_ping(lab: TestLab, machine: str, address: str, output: Path) -> Iterator[Pings]:
    """Pings all the while, over a session of its own."""
    with lab.process(machine, PING.format(address=address), output):
        pings = Pings(output)
        deadline = time.monotonic() + 20
        while not pings.replies():
            assert time.monotonic() < deadline, f"{machine} cannot ping {address}: {output.read_text()}"
            time.sleep(0.2)
        yield pings


@pytest.fixture(scope="module")
def deleted(rack: TestLab, tenants: Tenants, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """green is deleted while blue and the host cluster are watched."""
    tenants.ensure()
    tenants.end_states["green"] = end_state(rack, "green")
    vnet = next(each for each in rack.controller()["vnet"] if each["name"] == "green-nodes")
    blue = rack.endpoint("blue")
    outputs = tmp_path_factory.mktemp("pings")
    with (
        steady_ping(rack, "metal1", blue, outputs / "tenant") as tenant,
        steady_ping(rack, "shared1", "192.168.55.253", outputs / "host") as host,
    ):
        tenants.spoil()
        settled(rack.play("tenant_delete", "-e", "fabric_delete=green"))
        at_the_end = tenant.replies()[-1]
        deadline = time.monotonic() + 30
        while tenant.replies()[-1] < at_the_end + 12:  # what a late change of the switch would break
            assert time.monotonic() < deadline, "the pings ended with the play"
            time.sleep(0.5)
    return {"vlan": vnet["vlan"], "subnet": vnet["gateways"][0]["prefix"], "tenant": tenant, "host": host}


@pytest.mark.m5
def test_the_neighbours_lose_no_ping(deleted: dict[str, Any]) -> None:
    for pings in (deleted["tenant"], deleted["host"]):
        assert len(pings.replies()) > 20
        assert pings.lost() == []


@pytest.mark.m5
def test_the_controller_knows_nothing_of_it(rack: TestLab, deleted: dict[str, Any]) -> None:
    text = json.dumps({name: objects for name, objects in rack.controller().items() if name != "hw"})
    assert '"green' not in text
    subnet = str(deleted["subnet"]).rpartition(".")[0]
    assert subnet not in json.dumps(rack.controller()["ipam/subnets"])


@pytest.mark.m5
def test_the_switch_has_none_of_its_vlan(rack: TestLab, deleted: dict[str, Any]) -> None:
    vlans = json.loads(rack.ssh(LEAF, "bridge -json vlan show"))
    carrying = [port["ifname"] for port in vlans for vlan in port["vlans"] if vlan["vlan"] == deleted["vlan"]]
    assert carrying == []
    assert str(deleted["subnet"]).split("/")[0] not in rack.ssh(
        LEAF, "ip -all netns exec ip -brief address; ip -brief address"
    )


@pytest.mark.m5
@pytest.mark.parametrize("server", SHARED)
def test_shared_servers_have_none_of_it(rack: TestLab, deleted: dict[str, Any], server: str) -> None:
    devices = rack.devices(server)
    assert {f"bond0.{deleted['vlan']}", f"br-vlan-{deleted['vlan']}"} & set(devices) == set()
    assert rack.ssh(server, "grep -rl green /etc/netplan /etc/systemd/network || true") == ""


@pytest.mark.m5
def test_the_host_cluster_has_none_of_it(rack: TestLab, deleted: dict[str, Any]) -> None:
    del deleted
    assert [name for names in rack.objects().values() for name in names if "green" in name] == []
    labels = rack.kubectl(None, "get", "nodes", "-o", "jsonpath={.items[*].metadata.labels}")
    assert "green" not in labels


@pytest.mark.m5
def test_its_server_was_drained_and_reset(rack: TestLab, deleted: dict[str, Any]) -> None:
    del deleted
    assert (
        rack.ssh(
            "metal2", "ls -A /etc/kubernetes /var/lib/kubelet 2>/dev/null | grep -E 'kubelet.conf|pki|pods' || true"
        )
        == ""
    )
    assert rack.ssh("metal2", "systemctl is-active kubelet || true").strip() != "active"


@pytest.mark.m5
def test_deleting_again_changes_nothing(rack: TestLab, deleted: dict[str, Any]) -> None:
    del deleted
    unchanged(rack.play("tenant_delete", "-e", "fabric_delete=green"))
