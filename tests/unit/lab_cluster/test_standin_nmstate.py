"""What the stand-in for kubernetes-nmstate makes of a desired state."""

from __future__ import annotations

import pytest
from fabric_lab.standin_nmstate import links

VLAN = {"name": "bond0.3", "type": "vlan", "state": "up", "mtu": 9000, "vlan": {"base-iface": "bond0", "id": 3}}
BRIDGE = {"name": "br-vlan-3", "type": "linux-bridge", "state": "up", "bridge": {"port": [{"name": "bond0.3"}]}}


def test_devices_are_made_unless_they_are_there() -> None:
    assert links.script({"interfaces": [VLAN, BRIDGE]}).splitlines() == [
        "set -eu",
        "[ -e /sys/class/net/bond0.3 ] || ip link add link bond0 name bond0.3 type vlan id 3",
        "ip link set dev bond0.3 mtu 9000",
        "ip link set dev bond0.3 up",
        "[ -e /sys/class/net/br-vlan-3 ] || ip link add name br-vlan-3 type bridge stp_state 0 forward_delay 0",
        "ip link set dev bond0.3 master br-vlan-3",
        "ip link set dev br-vlan-3 up",
    ]


def test_absent_is_no_failure_twice() -> None:
    assert "if [ -e /sys/class/net/bond0.3 ]; then ip link delete dev bond0.3; fi" in links.script(
        {"interfaces": [{**VLAN, "state": "absent"}]}
    )


@pytest.mark.parametrize(
    "change", [{"type": "bond"}, {"state": "down"}, {"ipv4": {"enabled": True}}, {"name": "a b"}, {"name": "$(reboot)"}]
)
def test_what_it_does_not_know_it_refuses(change: dict[str, object]) -> None:
    with pytest.raises(links.Unsupported):
        links.script({"interfaces": [{**VLAN, **change}]})
