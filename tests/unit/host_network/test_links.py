# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

from ansible_collections.baremetal.fabric.plugins.module_utils._host_network.links import Link, carriers, parse_links
from ansible_collections.baremetal.fabric.plugins.module_utils._host_network.management import management_path

from .fake_server import FakeServer


def test_the_way_down_from_a_vlan_on_a_bond_below_a_bridge() -> None:
    links = {
        "br0": Link("br0", "bridge"),
        "bond0.7": Link("bond0.7", "vlan", parent="bond0", master="br0"),
        "bond0": Link("bond0", "bond"),
        "eth9": Link("eth9", master="bond0"),
        "eth10": Link("eth10", "veth", master="bond0", parent="if5"),
        "veth1": Link("veth1", "veth", master="br0"),
    }
    assert set(carriers(links, "br0")) == {"eth9", "eth10", "veth1"}
    assert carriers(links, "eth9") == ("eth9",)


def test_members_tell_their_permanent_address() -> None:
    text = (Path(__file__).parent / "golden" / "ip-address.json").read_text()
    links = parse_links(text)
    assert links["eth9"].master == "bond0" and links["eth9"].permanent_mac == "02:fa:06:0b:00:01"
    assert links["eth10"].permanent_mac == "02:fa:06:0b:00:02"
    assert links["bond0"].data["mode"] == "802.3ad" and links["bond0"].carrier
    assert links["bond0"].addresses == ("192.168.55.31/21",)
    assert links["bond0.3"].parent == "bond0" and links["bond0.3"].data["id"] == 3


def test_an_escalated_process_finds_its_ssh_connection_in_an_ancestor(tmp_path: Path) -> None:
    class Escalated(FakeServer):
        def environment(self) -> dict[str, str]:
            return {}

        def parent_pid(self) -> int:
            return 300

    server = Escalated(tmp_path)
    for pid, parent, environment in ((300, 200, b"A=1\0"), (200, 1, b"B=2\0SSH_CONNECTION=10.77.0.1 4 10.77.0.2 22\0")):
        directory = tmp_path / "proc" / str(pid)
        directory.mkdir(parents=True)
        (directory / "environ").write_bytes(environment)
        (directory / "stat").write_text(f"{pid} (odd) name) S {parent} 0 0")
    path = management_path(server, {"vec0": Link("vec0")}, None)
    assert (path.peer, path.device, path.nics) == ("10.77.0.1", "vec0", ("vec0",))


def test_a_local_connection_has_no_way_to_lose(tmp_path: Path) -> None:
    class Local(FakeServer):
        def environment(self) -> dict[str, str]:
            return {}

    assert management_path(Local(tmp_path), {}, None).peer is None
