"""The drawing of the rack."""

from __future__ import annotations

from fabric_lab.rack import status, topology
from fabric_lab.rack.status import Switch
from fabric_lab.state import Lab
from fabric_lab.supervisor.spec import ProcessStatus

SWITCH = Switch(
    report={
        "lags": [{"name": "agg4", "up_members": ["swp7"]}],
        "ports": [{"name": "swp7", "lldp": {"system": "metal1", "port": "eth9"}}, {"name": "swp8", "lldp": None}],
    },
    lags={"agg4": ["swp7", "swp8"]},
    vnets=(
        {"name": "blue-nodes", "vlan": 3, "members": [{"interface": "agg4", "tagged": False}]},
        {"name": "host-nodes", "vlan": 2, "members": [{"interface": "swp13", "tagged": True}]},
    ),
)


def test_rows_tell_what_each_port_carries() -> None:
    rack = topology.build(Lab("demo", 0))
    processes = {"vm-metal1": ProcessStatus("vm-metal1", "stopped", None, 1, 0.0, None)}
    found = {row[0]: row[1:] for row in status.rows(rack, processes, {"shared1"}, SWITCH)}
    assert found["swp7"] == ["eth9", "metal1", "off", "no", "agg4 up", "metal1:eth9", "blue-nodes (3)"]
    assert found["swp8"][4:] == ["agg4 -", "-", "blue-nodes (3)"]
    assert found["swp1"] == ["eth9", "shared1", "-", "yes", "-", "-", "nothing"]
    assert found["swp13"] == ["eth9", "hostcp1", "host", "-", "-", "-", "host-nodes (2 tagged)"]


def test_what_is_not_known_is_not_claimed() -> None:
    rack = topology.build(Lab("demo", 0))
    assert {row[-1] for row in status.rows(rack, {}, set(), Switch())} == {"?"}


def test_table_aligns() -> None:
    assert status.table(["a", "bbb"], [["long", "x"]]) == "a     bbb\nlong  x"
