# SPDX-License-Identifier: Apache-2.0
"""A server for tests: files in a temporary directory, network devices in memory, and the commands that touch them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ansible_collections.baremetal.fabric.plugins.module_utils._host_network import rollback
from ansible_collections.baremetal.fabric.plugins.module_utils._host_network.guard_script import SCRIPT_FILE
from ansible_collections.baremetal.fabric.plugins.module_utils._host_network.system import System

PEER = "10.77.0.1"
EXISTING = "network:\n  version: 2\n"


class Killed(BaseException):
    """Stands for SIGKILL: nothing in the program may catch it."""


class FakeServer(System):
    def __init__(self, root: Path) -> None:
        super().__init__(self._command, str(root))
        self.root = root
        self.links: dict[str, dict[str, Any]] = {}
        self.commands: list[str] = []
        self.isolation = "tc-matchall"
        self.guarded: set[str] = set()
        self.timer = False
        self.rolling_back = False
        self.route: str | None = "vec0"
        self.carrier = True
        self.network_manager = True
        self.failing: dict[str, str] = {}
        #: called before each change with its description; may raise Killed
        self.before_change: Callable[[str], None] = lambda _what: None
        self._now = 0.0
        self.nic("vec0", "02:00:00:00:00:01")
        self.nic("eth9", "02:00:00:00:00:09")
        self.nic("eth10", "02:00:00:00:00:10")
        for directory in ("etc/netplan", "usr/sbin", "run"):
            (root / directory).mkdir(parents=True)
        (root / "usr/sbin/netplan").write_text("")
        (root / "etc/netplan/10-base.yaml").write_text(EXISTING)

    # -- the state that tests set and look at ---------------------------------------------------------------

    def nic(self, name: str, mac: str) -> None:
        self.links[name] = _link(name, mac)

    def bond(self, name: str = "bond0", members: Sequence[str] = ("eth9", "eth10")) -> None:
        self.links[name] = _link(name, self.links[members[0]]["address"], "bond")
        self.links[name]["linkinfo"]["info_data"] = {
            "mode": "802.3ad",
            "miimon": 100,
            "ad_lacp_rate": "fast",
            "xmit_hash_policy": "layer3+4",
            "ad_info": {"partner_mac": "02:ff:00:00:00:01"},
        }
        for member in members:
            own = self.links[member]
            own["linkinfo"] = {"info_slave_data": {"perm_hwaddr": own["address"]}}
            own.update(master=name, address=self.links[name]["address"])
        self._set_carrier(name)

    def port(self, bridge: str, name: str) -> None:
        self.links[name] = _link(name, "02:00:00:00:00:77", "veth")
        self.links[name]["master"] = bridge

    def file(self, path: str) -> Path:
        return self.root / path.lstrip("/")

    def state(self) -> dict[str, Any]:
        """Everything that lasts: what two runs are compared by."""
        files = {
            str(path.relative_to(self.root)): path.read_text()
            for path in sorted(self.root.rglob("*"))
            if path.is_file()
        }
        links = {
            name: (link.get("master"), sorted(link["flags"]), link["mtu"], link.get("link"))
            for name, link in sorted(self.links.items())
        }
        return {"files": files, "links": links, "guarded": sorted(self.guarded), "timer": self.timer}

    # -- System ---------------------------------------------------------------------------------------------

    def write(self, path: str, content: str, mode: int) -> None:
        self._change(f"write {path}")
        super().write(path, content, mode)

    def remove(self, path: str) -> None:
        self._change(f"remove {path}")
        super().remove(path)

    def now(self) -> float:
        return self._now

    def pause(self, seconds: float) -> None:
        self._now += seconds

    def environment(self) -> dict[str, str]:
        return {"SSH_CONNECTION": f"{PEER} 40000 10.77.0.11 22"}

    def parent_pid(self) -> int:
        return 1

    # -- commands -------------------------------------------------------------------------------------------

    def _command(self, argv: Sequence[str]) -> tuple[int, str, str]:
        line = " ".join(argv)
        for pattern, error in self.failing.items():
            if re.search(pattern, line):
                return 1, "", error
        if line in ("ip -d -j address show",) or line.startswith("ip -d -j link show dev"):
            wanted = [self.links[argv[-1]]] if "dev" in argv else list(self.links.values())
            return 0, json.dumps(wanted), ""
        if line.startswith("ip -j route get"):
            return (0, json.dumps([{"dst": argv[-1], "dev": self.route}]), "") if self.route else (2, "", "unreachable")
        if argv[0] == SCRIPT_FILE and argv[1] == "status":
            return 0, self._status(argv[2]), ""
        if line == "systemctl is-active --quiet NetworkManager.service":
            return (0 if self.network_manager else 3), "", ""
        if line.startswith("systemctl is-active"):
            return (0 if self.rolling_back else 3), "", ""
        if line.startswith("netplan generate --root-dir"):
            return self._validate(Path(argv[-1]))
        self._change(line)
        self.commands.append(line)
        return self._changing(argv, line)

    def _changing(self, argv: Sequence[str], line: str) -> tuple[int, str, str]:
        if argv[0] == "ip":
            return self._ip(list(argv[2:]))
        if argv[0] == SCRIPT_FILE:
            if not self.file(SCRIPT_FILE).exists():
                return 127, "", "not found"
            (self.guarded.add if argv[1] == "on" else self.guarded.discard)(argv[2])
            return 0, self._status(argv[2]), ""
        if line == "netplan apply":
            self._apply()
        elif line.startswith("systemd-run"):
            self.timer = True
        elif line.startswith("systemctl stop"):
            self.timer = False
        elif line.startswith("/bin/sh " + rollback.DIRECTORY):
            self._roll_back()
        return 0, "", ""

    def _ip(self, words: list[str]) -> tuple[int, str, str]:
        verb, rest = words[0], words[1:]
        options = dict(zip(rest[::2], rest[1::2], strict=False))
        if verb == "add":
            if "vlan" in rest:
                name = options["name"]
                if options["link"] not in self.links:
                    return 1, "", "Cannot find device"
                self.links[name] = _link(name, self.links[options["link"]]["address"], "vlan", link=options["link"])
                self.links[name]["linkinfo"]["info_data"] = {"id": int(rest[-1])}
            else:
                self.links[options["name"]] = _link(options["name"], "02:00:00:00:00:99", "bridge")
                self.links[options["name"]]["linkinfo"]["info_data"] = {"stp_state": 0}
        elif verb == "delete":
            self._delete(options["dev"])
        else:
            link = self.links[rest[1]]
            if rest[-1] == "up":
                link["flags"] = ["UP", "LOWER_UP"]
            elif "mtu" in rest:
                link["mtu"] = int(rest[-1])
            elif "master" in rest:
                link["master"] = rest[-1]
        return 0, "", ""

    def _delete(self, name: str) -> None:
        del self.links[name]
        for other in list(self.links.values()):
            if other.get("master") == name:
                del other["master"]
                if "info_slave_data" in other.get("linkinfo", {}):
                    other["address"] = other.pop("linkinfo")["info_slave_data"]["perm_hwaddr"]
            if other.get("link") == name:
                self._delete(other["ifname"])

    def _apply(self) -> None:
        """What networkd makes of the bond's file; tenants' devices are not needed from here."""
        text = self.read("/etc/netplan/80-fabric-bond.yaml")
        if text is None:
            return
        members = re.search(r"interfaces: \[(.*)\]", text)
        name = re.search(r"bonds:\n    (\S+):", text)
        assert members and name
        if name.group(1) not in self.links:
            self.bond(name.group(1), members.group(1).split(", "))
        mtu = re.search(r"mtu: (\d+)", text)
        for device in (name.group(1), *members.group(1).split(", ")):
            self.links[device]["mtu"] = int(mtu.group(1)) if mtu else 1500
        self._set_carrier(name.group(1))

    def _set_carrier(self, name: str) -> None:
        self.links[name]["flags"] = ["UP", "LOWER_UP"] if self.carrier else ["UP"]

    def _roll_back(self) -> None:
        """Does what the script says, in this world."""
        script = self.file(rollback.DIRECTORY + "/armed/roll-back").read_text()
        saved = self.file(rollback.DIRECTORY + "/armed/saved.yaml")
        bond_file = self.file("/etc/netplan/80-fabric-bond.yaml")
        if saved.exists():
            bond_file.write_text(saved.read_text())
        else:
            bond_file.unlink(missing_ok=True)
        assert "netplan apply" in script
        if "bond0" in self.links:
            self._delete("bond0")
        self._apply()

    def _validate(self, root: Path) -> tuple[int, str, str]:
        texts = [path.read_text() for path in sorted((root / "etc/netplan").iterdir())]
        assert EXISTING in texts, "the server's other files belong to the picture"
        defined = "bonds:\n    bond0:" in "".join(texts)
        if any("link: bond0" in text for text in texts) and not defined:
            return 1, "", f"{root}/etc/netplan/90.yaml: interface 'bond0' is not defined"
        return 0, "", ""

    def _status(self, bridge: str) -> str:
        isolation = self.isolation if bridge in self.guarded else "none"
        silent = "yes" if bridge in self.guarded else "no"
        return f"host_isolation={isolation}\nbridged_traffic=exempt\nsilent={silent}\n"

    def _change(self, what: str) -> None:
        self.before_change(what)


def _link(name: str, mac: str, kind: str | None = None, link: str | None = None) -> dict[str, Any]:
    found: dict[str, Any] = {"ifname": name, "address": mac, "mtu": 1500, "flags": [], "addr_info": []}
    if kind:
        found["linkinfo"] = {"info_kind": kind, "info_data": {}}
    if link:
        found["link"] = link
    return found
