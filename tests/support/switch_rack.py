"""Servers and a switch that the role `fabric` can be played against without virtual machines.

Real Ansible, scripts, locks and processes; the kernel of the switch is a stand-in, since bridges that know VLANs are
nothing that every machine has.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from tests.support import switch_space

SERVERS = ("shared1", "shared2", "shared3", "metal1", "metal2", "metal3")
ROOT = Path(__file__).parents[2]
PLAYS = ROOT / "tests/integration/switch"


class Rack:
    def __init__(self, directory: Path) -> None:
        self.directory = directory
        switch_space.make(directory)
        for name in SERVERS:
            switch_space.server(directory / name)

    def start(self, group: str, entry: str = "main", *options: str, **environment: str) -> subprocess.Popen[str]:
        extra = json.dumps({"group": group, "entry": entry})
        return subprocess.Popen(
            ["ansible-playbook", "-i", str(PLAYS / "inventory.yml"), str(PLAYS / "play.yml"), "-e", extra, *options],
            cwd=ROOT,
            env={**os.environ, "SWITCH_SPACE": str(self.directory), "ANSIBLE_NOCOLOR": "1", **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def play(self, group: str, entry: str = "main", *options: str, **environment: str) -> str:
        process = self.start(group, entry, *options, **environment)
        output, _none = process.communicate(timeout=300)
        assert process.returncode == 0, output
        return output

    def facts(self, tenant: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.directory / f"{tenant}.json").read_text())
        return found

    def cable(self, server: str, **nics: tuple[str, int | None]) -> None:
        """What a server hears: by NIC, the port of leaf1 and the untagged VLAN that it tells."""
        interfaces = [
            {
                "name": nic,
                "chassis": [{"name": [{"value": "leaf1"}]}],
                "port": [{"id": [{"type": "ifname", "value": port}]}],
                **({"vlan": [{"vlan-id": str(vlan), "pvid": True}]} if vlan else {}),
            }
            for nic, (port, vlan) in nics.items()
        ]
        (self.directory / server / "lldp.json").write_text(json.dumps({"lldp": [{"interface": interfaces}]}))

    def vlans(self) -> dict[int, set[str]]:
        return switch_space.kernel(self.directory).reaches()
