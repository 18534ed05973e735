# SPDX-License-Identifier: Apache-2.0
"""A server for tests of flat networks: what netplan and networkd make of the file is done in memory."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from ansible_collections.baremetal.fabric.plugins.module_utils._host_network import rollback
from ansible_collections.baremetal.fabric.plugins.module_utils._host_network.flat_forward import SCRIPT_FILE

from .fake_server import FakeServer, _link

DIRECTORY = "etc/netplan"


class FlatServer(FakeServer):
    """eth9 has an address of the flat network by DHCP; eth10 has nothing; Ansible comes in over vec0."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        #: device -> what `ip address` tells of it
        self.addresses: dict[str, list[dict[str, Any]]] = {}
        #: what `ip route` tells, by family
        self.routes: dict[int, list[dict[str, Any]]] = {4: [], 6: []}
        #: a question that this server does not answer
        self.mute = ""
        self.accepted: set[str] = set()
        self.iptables = True
        self.lease("eth9", "192.168.2.151")

    def lease(self, device: str, address: str, prefix: int = 24, gateway: str | None = None) -> None:
        found = {"family": "inet", "local": address, "prefixlen": prefix, "scope": "global", "dynamic": True}
        self.addresses[device] = [found]
        if gateway:
            self.routes[4].append(
                {"dst": "default", "gateway": gateway, "dev": device, "protocol": "dhcp", "metric": 100}
            )

    def fixed(self, device: str, address: str, prefix: int, gateway: str) -> None:
        self.addresses[device] = [{"family": "inet", "local": address, "prefixlen": prefix, "scope": "global"}]
        self.routes[4] += [
            {"dst": "default", "gateway": gateway, "dev": device, "protocol": "static"},
            {"dst": "10.9.0.0/16", "gateway": gateway, "dev": device, "protocol": "static", "metric": 50},
        ]

    def _command(self, argv: Sequence[str]) -> tuple[int, str, str]:
        line = " ".join(argv)
        if line == self.mute:
            return 2, "", "Device busy"
        if line.startswith("ip -j address show dev"):
            return 0, json.dumps([{"addr_info": self.addresses.get(argv[-1], [])}]), ""
        if line.startswith(("ip -4 -j route show", "ip -6 -j route show")):
            key = "dst" if argv[-1] == "default" else "dev"
            entries = [each for each in self.routes[int(argv[1][1])] if each[key] == argv[-1]]
            return 0, json.dumps(entries), ""
        if line == "ip -d -j address show":
            for name, link in self.links.items():
                link["addr_info"] = self.addresses.get(name, [])
        if argv[0] == SCRIPT_FILE and argv[1] == "status":
            return 0, self._forward(argv[2]), ""
        return super()._command(argv)

    def _changing(self, argv: Sequence[str], line: str) -> tuple[int, str, str]:
        if argv[0] == SCRIPT_FILE:
            (self.accepted.add if argv[1] == "on" else self.accepted.discard)(argv[2])
            return 0, self._forward(argv[2]), ""
        return super()._changing(argv, line)

    def _forward(self, bridge: str) -> str:
        if not self.iptables:
            return "unavailable\n"
        return ("accepted" if bridge in self.accepted else "missing") + "\n"

    def _ip(self, words: list[str]) -> tuple[int, str, str]:
        if words[0] == "add" and "bridge" in words and "address" in words:
            index = words.index("address")
            mac = words[index + 1]
            code = super()._ip([*words[:index], *words[index + 2 :]])
            self.links[words[words.index("name") + 1]]["address"] = mac
            return code
        if words[0] == "set" and "address" in words:
            self.links[words[2]]["address"] = words[-1]
            return 0, "", ""
        return super()._ip(words)

    def _delete(self, name: str) -> None:
        super()._delete(name)
        self.addresses = {device: found for device, found in self.addresses.items() if device in self.links}

    def documents(self) -> dict[str, Any]:
        merged: dict[str, Any] = {}
        for path in sorted(self.file(DIRECTORY).iterdir()):
            for heading, entries in yaml.safe_load(path.read_text())["network"].items():
                if isinstance(entries, dict):
                    for name, entry in entries.items():
                        merged.setdefault(heading, {}).setdefault(name, {}).update(entry)
        return merged

    def _apply(self) -> None:
        plan = self.documents()
        matched = {
            name: entry["match"]["name"] for name, entry in plan.get("ethernets", {}).items() if "match" in entry
        }
        ours = set(matched.values())
        for nic in ("eth9", "eth10"):
            if nic not in ours and self.links[nic].get("master", "").startswith("br-"):
                del self.links[nic]["master"]
            if nic == "eth9" and nic not in ours:
                self.lease("eth9", "192.168.2.151")
        for name, entry in plan.get("vlans", {}).items():
            parent = matched.get(entry["link"], entry["link"])
            if name not in self.links:
                self.links[name] = _link(name, self.links[parent]["address"], "vlan", link=parent)
                self.links[name]["linkinfo"]["info_data"] = {"id": entry["id"]}
            self._configure(name, entry)
        for name, entry in plan.get("bridges", {}).items():
            if name not in self.links:
                self.links[name] = _link(name, entry["macaddress"], "bridge")
                self.links[name]["linkinfo"]["info_data"] = {"stp_state": 0}
            for port in entry["interfaces"]:
                device = matched.get(port, port)
                self.links[device]["master"] = name
                self.addresses.pop(device, None)
            self._configure(name, entry)
            self._set_carrier(name)
        for identifier, nic in matched.items():
            self._configure(nic, plan["ethernets"][identifier])

    def _configure(self, name: str, entry: dict[str, Any]) -> None:
        link = self.links[name]
        link["mtu"] = entry.get("mtu", 1500)
        link["flags"] = ["UP", "LOWER_UP"]
        if entry.get("dhcp4"):
            self.lease(name, "192.168.2.151" if name.startswith("br-") else "192.168.3.2")
        elif entry.get("addresses"):
            self.addresses[name] = [
                {"family": "inet", "local": each.split("/")[0], "prefixlen": int(each.split("/")[1]), "scope": "global"}
                for each in entry["addresses"]
            ]

    def _roll_back(self) -> None:
        """Does what the script says, in this world."""
        script = self.file(rollback.DIRECTORY + "/armed/roll-back").read_text()
        saved = self.file(rollback.DIRECTORY + "/armed/saved.yaml")
        path = next(line for line in script.splitlines() if line.startswith("# file: ")).removeprefix("# file: ")
        if saved.exists():
            self.file(path).write_text(saved.read_text())
        else:
            self.file(path).unlink(missing_ok=True)
        for line in script.splitlines():
            if "ip link delete dev" in line:
                device = line.rsplit(" ", 1)[1]
                if device in self.links:
                    self._delete(device)
            elif line == "netplan apply":
                self._apply()

    def _validate(self, root: Path) -> tuple[int, str, str]:
        for path in sorted((root / DIRECTORY).iterdir()):
            yaml.safe_load(path.read_text())
        return 0, "", ""

    def state(self) -> dict[str, Any]:
        addresses = {
            name: [each["local"] for each in entries] for name, entries in sorted(self.addresses.items()) if entries
        }
        return {**super().state(), "addresses": addresses, "accepted": sorted(self.accepted)}
