# SPDX-License-Identifier: Apache-2.0
"""A leaf switch for tests: its kernel in memory, which refuses what a real one refuses, and files in a directory.

The rules it holds commands to (a port must be down to join a port-channel, a bridge port loses its VLANs when it
leaves, a namespace takes its interfaces along, …) are those of the kernel in the lab's switch.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ansible_collections.baremetal.fabric.plugins.module_utils._host_network.system import System
from ansible_collections.baremetal.fabric.plugins.module_utils._switch import render, rollback


class Killed(BaseException):
    """Stands for SIGKILL: nothing in the program may catch it."""


class KernelSays(Exception):
    """A command that the kernel refuses."""


def nothing(_what: str) -> None:
    """Before a change, unless a test wants something."""


@dataclass
class Device:
    kind: str = ""
    mtu: int = 1500
    up: bool = False
    master: str = ""
    alias: str = ""
    mode: str = ""
    default_pvid: int = 0
    vlan_filtering: int = 1
    # of a veth: the namespace and name of its other end
    peer: tuple[str, str] | None = None
    vlans: dict[int, bool] = field(default_factory=dict)


class FakeSwitch(System):
    def __init__(self, root: Path, ports: int = 8) -> None:
        super().__init__(self._command, str(root))
        self.root = root
        self.links = {"vec0": Device(up=True), **{f"swp{n}": Device(kind="veth") for n in range(1, ports + 1)}}
        # namespace → interface → (addresses, up)
        self.spaces: dict[str, dict[str, tuple[set[str], bool]]] = {}
        self.lldp: dict[str, tuple[str, str]] | None = {}
        self.route = "vec0"
        self.commands: list[str] = []
        self.failing: str | None = None
        #: called before each command that changes something
        self.before_change: Callable[[str], None] = nothing
        self.watchdog = False
        #: whether its dead-man switch can be armed
        self.arms = True
        self._now = 0.0
        self._pid = 100
        for directory in ("run/netns", "proc"):
            (root / directory).mkdir(parents=True)

    # -- what tests look at

    def picture(self) -> dict[str, Any]:
        """Everything that could be left behind."""
        return {
            "links": {
                name: (each.kind, each.mtu, each.up, each.master, each.alias, dict(each.vlans))
                for name, each in sorted(self.links.items())
            },
            "spaces": {name: {k: (sorted(v[0]), v[1]) for k, v in each.items()} for name, each in self.spaces.items()},
            "dhcp": sorted(self.dhcp()),
        }

    def files(self) -> list[str]:
        return sorted(
            str(path.relative_to(self.root))
            for path in self.root.rglob("*")
            if not path.is_dir() and path.relative_to(self.root).parts[0] not in ("proc",) and path.suffix != ".lock"
        )

    def dhcp(self) -> set[str]:
        prefix = f"--conf-file={render.DHCP_DIRECTORY}/"
        found = set()
        for path in (self.root / "proc").glob("*/cmdline"):
            found |= {each.removeprefix(prefix) for each in path.read_text().split("\0") if each.startswith(prefix)}
        return found

    def reaches(self) -> dict[int, set[str]]:
        """By VLAN id, the bridge ports that are in it."""
        found: dict[int, set[str]] = {}
        for name, device in self.links.items():
            for vid in device.vlans:
                found.setdefault(vid, set()).add(name)
        return found

    def restart(self) -> None:
        """What is in memory is lost; the unit runs the boot file."""
        bridges = {name: each for name, each in self.links.items() if each.kind == "bridge" and not each.alias}
        ports = {name: Device(kind=each.kind) for name, each in self.links.items() if name.startswith("swp")}
        self.links = {"vec0": Device(up=True), **ports, **bridges}
        for space in list(self.spaces):
            (self.root / "run/netns" / space).unlink()
        self.spaces = {}
        for path in [*(self.root / "proc").glob("*/cmdline"), *(self.root / "run/fabric-switch-armed").glob("*")]:
            path.unlink()
        self.watchdog = False
        if (boot := self.read(render.BOOT_FILE)) is not None and (self.root / render.UNIT_LINK[1:]).is_symlink():
            refused = self._script(boot)
            assert refused == [], refused

    def time_is_up(self) -> None:
        """The dead-man switch goes off, if there is one."""
        if self.watchdog:
            self.watchdog = False
            self._roll_back("wait")

    def pause(self, seconds: float) -> None:
        self._now += seconds
        if self._now > 30:
            self.time_is_up()

    def now(self) -> float:
        return self._now

    # -- commands

    def _command(self, argv: Sequence[str]) -> tuple[int, str, str]:
        line = " ".join(argv)
        if argv[0] == "lldpcli":
            return (1, "", "no lldpd") if self.lldp is None else (0, json.dumps(self._neighbours()), "")
        if line == "bridge -V":
            return 0, "bridge utility, iproute2-6.1.0", ""
        if line == "ip -d -j address show":
            return 0, json.dumps([self._shown(name) for name in self.links]), ""
        if line == "bridge -j vlan show":
            return 0, json.dumps(self._vlans()), ""
        if line.startswith("ip -j route get"):
            return 0, json.dumps([{"dev": self.route}]), ""
        if found := re.fullmatch(r"ip -n (\S+) -j address show", line):
            return 0, json.dumps(self._space(found[1])), ""
        if list(argv[:2]) == ["/bin/sh", self.path(rollback.ARMED + "/roll-back")]:
            if argv[2] == "arm":
                if not self.arms:
                    return 1, "", "setsid (util-linux) is missing"
                self.watchdog = True
            else:
                self._roll_back(argv[2])
            return 0, "", ""
        try:
            self._change(argv)
        except KernelSays as error:
            return 2, "", str(error)
        return 0, "", ""

    def _change(self, argv: Sequence[str]) -> None:
        if argv[0] == render.DHCP_SCRIPT_FILE:
            self._one(["dhcp", *argv[1:]], "")
            return
        space = argv[2] if argv[1] == "-n" else ""
        assert argv[-2] == "-batch", argv
        for number, text in enumerate(Path(argv[-1]).read_text().splitlines(), 1):
            try:
                self._one([argv[0], *text.split()], space)
            except KernelSays as error:
                raise KernelSays(f"{error}\nCommand failed {argv[-1]}:{number}") from None

    def _one(self, words: list[str], space: str) -> None:
        line = " ".join(words) if not space else f"{words[0]} -n {space} {' '.join(words[1:])}"
        self.before_change(line)
        if self.failing and re.search(self.failing, line):
            raise KernelSays("RTNETLINK answers: Operation not supported")
        self.commands.append(line)
        if words[0] == "dhcp":
            self._dhcp(words[1], words[2])
        elif words[0] == "bridge":
            self._vlan(words[1:])
        elif space:
            self._inside(words[1:], space)
        elif words[1] == "netns":
            self._netns(words[2], words[3])
        elif words[2] == "add":
            self._add(words[3:])
        elif words[2] == "delete":
            self._delete(words[3])
        else:
            self._set(words[3], words[4:])

    def _device(self, name: str) -> Device:
        if name not in self.links:
            raise KernelSays(f'Cannot find device "{name}"')
        return self.links[name]

    def _add(self, words: list[str]) -> None:
        name, kind = words[0], words[words.index("type") + 1]
        if name in self.links:
            raise KernelSays("RTNETLINK answers: File exists")
        mtu = int(words[words.index("mtu") + 1]) if "mtu" in words else 1500
        device = Device(kind=kind, mtu=mtu)
        if kind == "bond":
            device.mode = words[words.index("mode") + 1]
        if kind == "veth":
            device.peer = (words[words.index("netns") + 1], words[words.index("name") + 1])
            if device.peer[0] not in self.spaces:
                raise KernelSays('Invalid "netns" value')
            self.spaces[device.peer[0]][device.peer[1]] = (set(), False)
        self.links[name] = device

    def _delete(self, name: str) -> None:
        peer = self._device(name).peer
        del self.links[name]
        if peer and peer[0] in self.spaces:
            del self.spaces[peer[0]][peer[1]]
        for each in self.links.values():
            if each.master == name:
                self._release(each)

    def _release(self, device: Device) -> None:
        if self.links.get(device.master, Device(kind="bond")).kind == "bond":
            device.up = False
        device.master = ""
        device.vlans.clear()

    def _set(self, name: str, words: list[str]) -> None:
        device = self._device(name)
        if words[0] == "mtu":
            device.mtu = int(words[1])
            for each in self.links.values():
                if device.kind == "bond" and each.master == name:
                    each.mtu = device.mtu
        elif words[0] == "alias":
            device.alias = words[1]
        elif words[0] == "nomaster":
            self._release(device)
        elif words[0] == "master":
            master = self._device(words[1])
            if device.master == words[1]:
                return
            if device.master:
                self._release(device)
            if master.kind == "bond":
                if device.up:
                    raise KernelSays("RTNETLINK answers: Operation not permitted")
                device.up, device.mtu = True, master.mtu
            elif master.default_pvid:
                device.vlans[master.default_pvid] = True
            device.master = words[1]
        else:
            assert words in (["up"], ["down"]), words
            device.up = words[0] == "up"

    def _vlan(self, words: list[str]) -> None:
        device, vid = self._device(words[3]), int(words[5])
        if self.links.get(device.master, Device()).kind != "bridge":
            raise KernelSays("RTNETLINK answers: Operation not supported")
        if words[1] == "add":
            if "pvid" in words:
                device.vlans = {each: False if untagged else untagged for each, untagged in device.vlans.items()}
            device.vlans[vid] = "pvid" in words
        elif device.vlans.pop(vid, None) is None:
            raise KernelSays("RTNETLINK answers: No such file or directory")

    def _netns(self, what: str, name: str) -> None:
        if what == "add":
            if name in self.spaces:
                raise KernelSays(f'Cannot create namespace file "/run/netns/{name}": File exists')
            self.spaces[name] = {}
            (self.root / "run/netns" / name).touch()
            return
        if name not in self.spaces:
            raise KernelSays(f'Cannot remove namespace file "/run/netns/{name}": No such file or directory')
        del self.spaces[name]
        (self.root / "run/netns" / name).unlink()
        for device in [each for each, link in self.links.items() if link.peer and link.peer[0] == name]:
            self._delete(device)

    def _inside(self, words: list[str], space: str) -> None:
        if space not in self.spaces:
            raise KernelSays(f'Cannot open network namespace "{space}": No such file or directory')
        if words[:3] == ["link", "set", "lo"]:
            return
        name = words[4] if words[0] == "addr" else words[2]
        if name not in self.spaces[space]:
            raise KernelSays(f'Cannot find device "{name}"')
        addresses, up = self.spaces[space][name]
        if words[0] == "link":
            self.spaces[space][name] = (addresses, words[3] == "up")
        elif words[1] == "add":
            addresses.add(words[2])
        else:
            addresses.remove(words[2])
        del up

    def _dhcp(self, what: str, name: str) -> None:
        if what == "stop":
            for path in (self.root / "proc").glob("*/cmdline"):
                if path.read_text().endswith(f"/{name}\0"):
                    path.unlink()
            return
        configuration = self.read(f"{render.DHCP_DIRECTORY}/{name}")
        if configuration is None:
            raise KernelSays(f"dnsmasq: cannot read {name}")
        space = re.search(r"^# namespace: (\S+)$", configuration, re.M)
        interface = re.search(r"^interface=(\S+)$", configuration, re.M)
        assert space and interface
        if interface[1] not in self.spaces.get(space[1], {}):
            raise KernelSays(f"dnsmasq: unknown interface {interface[1]}")
        self._pid += 1
        self.write(f"/proc/{self._pid}/cmdline", f"dnsmasq\0--conf-file={render.DHCP_DIRECTORY}/{name}\0", 0o644)
        self.write(f"{render.LEASE_DIRECTORY}/{name.rpartition('.')[0]}", "", 0o644)

    # -- scripts

    def _script(self, text: str) -> list[str]:
        """Run what `render.script` makes of lines; what the kernel refused, which the script passes over."""
        refused = []
        for argv, body in re.findall(r"^(\S.*?)(?: << 'EOF' \|\| true\n((?:.*\n)*?EOF\n)| \|\| true\n)", text, re.M):
            words = argv.split()
            lines = body.removesuffix("EOF\n").splitlines() if body else [" ".join(words[1:])]
            space = words[words.index("-n") + 1] if "-n" in words else ""
            for line in lines:
                tool = words[0] if body else "dhcp"
                try:
                    self._one([tool, *line.split()], space)
                except KernelSays as error:
                    refused.append(f"{line}: {error}")
        return refused

    def _roll_back(self, how: str) -> None:
        text = self.read(rollback.ARMED + "/roll-back")
        token = self.read(rollback.ARMED + "/token")
        assert text is not None
        if token is None or token not in text:
            return
        failing, self.failing = self.failing, None
        self._script(text)
        self.failing = failing
        for path in re.findall(r"^rm -f '(.*)'$", text, re.M):
            self.remove(path)
        for directory in (render.DHCP_DIRECTORY, render.DIRECTORY):
            self.remove_empty(directory)
        rollback.forget(self)
        if how == "wait":
            self.write(rollback.MARKER, "2026-01-01T00:00:00Z\n", 0o644)

    # -- what the kernel tells

    def _shown(self, name: str) -> dict[str, Any]:
        device = self.links[name]
        info: dict[str, Any] = {"info_kind": device.kind} if device.kind else {}
        if device.kind == "bond":
            info["info_data"] = {"mode": device.mode}
        if device.kind == "bridge":
            info["info_data"] = {
                "vlan_filtering": device.vlan_filtering,
                "vlan_default_pvid": device.default_pvid,
            }
        shown: dict[str, Any] = {
            "ifname": name,
            "mtu": device.mtu,
            "flags": ["UP", "LOWER_UP"] if device.up else [],
            "linkinfo": info,
            "addr_info": [],
        }
        if device.master:
            shown["master"] = device.master
        if device.alias:
            shown["ifalias"] = device.alias
        return shown

    def _vlans(self) -> list[dict[str, Any]]:
        return [
            {
                "ifname": name,
                "vlans": [
                    {"vlan": vid, **({"flags": ["PVID", "Egress Untagged"]} if untagged else {})}
                    for vid, untagged in sorted(device.vlans.items())
                ],
            }
            for name, device in self.links.items()
            if device.vlans
        ]

    def _space(self, name: str) -> list[dict[str, Any]]:
        return [
            {
                "ifname": interface,
                "mtu": 1500,
                "flags": ["UP"] if up else [],
                "addr_info": [
                    {"local": address.split("/")[0], "prefixlen": int(address.split("/")[1])} for address in addresses
                ],
            }
            for interface, (addresses, up) in self.spaces[name].items()
        ]

    def _neighbours(self) -> dict[str, Any]:
        return {
            "lldp": [
                {
                    "interface": [
                        {
                            "name": port,
                            "chassis": [{"name": [{"value": system}]}],
                            "port": [{"id": [{"type": "ifname", "value": nic}]}],
                        }
                        for port, (system, nic) in (self.lldp or {}).items()
                    ]
                }
            ]
        }
