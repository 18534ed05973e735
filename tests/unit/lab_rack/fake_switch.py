"""A model of a Linux switch that understands the commands of the agent's plans, and refuses what a kernel would."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from fabric_agent.desired import BRIDGE, Desired
from fabric_agent.dhcp import configuration_name
from fabric_agent.observe import Link, Namespace, Observed, Vlan, decode_rules
from fabric_agent.plan import Step


@dataclass
class FakeSwitch:
    links: dict[str, Link] = field(default_factory=dict)
    vlans: dict[str, set[Vlan]] = field(default_factory=dict)
    # namespace → interface → addresses
    spaces: dict[str, dict[str, set[str]]] = field(default_factory=dict)
    peers: dict[str, tuple[str, str]] = field(default_factory=dict)
    up_in_space: set[tuple[str, str]] = field(default_factory=set)
    forwarding: set[str] = field(default_factory=set)
    # pairs of devices between two namespaces, each end with the other one
    joints: dict[tuple[str, str], tuple[str, str]] = field(default_factory=dict)
    routes: dict[str, set[str]] = field(default_factory=dict)
    rules: dict[str, tuple[str, ...]] = field(default_factory=dict)
    dhcp: set[str] = field(default_factory=set)
    removed_leases: list[str] = field(default_factory=list)
    history: list[dict[str, frozenset[Vlan]]] = field(default_factory=list)

    @classmethod
    def with_ports(cls, count: int) -> FakeSwitch:
        names = ["vec0", *(f"swp{number}" for number in range(1, count + 1))]
        return cls(links={name: Link(name, kind="veth" if name != "vec0" else "", up=name == "vec0") for name in names})

    def observed(self) -> Observed:
        spaces = {
            name: Namespace(
                {link: frozenset(addresses) for link, addresses in links.items()},
                name in self.forwarding,
                frozenset(link for link in links if (name, link) not in self.up_in_space),
                frozenset(self.routes.get(name, ())),
                self.rules.get(name, ()),
            )
            for name, links in self.spaces.items()
        }
        vlans = {name: frozenset(vlans) for name, vlans in self.vlans.items()}
        return Observed(dict(self.links), vlans, spaces, frozenset(self.dhcp))

    def apply(self, steps: tuple[Step, ...], desired: Desired) -> None:
        for step in steps:
            words = step.line.split()
            if step.tool == "dhcp-start":
                vnet = next(vnet for vnet in desired.vnets if str(vnet.id) == step.line)
                assert vnet.gateways[0].address in self.spaces[step.namespace][vnet.leg], "DHCP before its gateway"
                self.dhcp.add(configuration_name(vnet))
            elif step.tool == "dhcp-stop":
                self.dhcp.remove(step.line)
            elif step.tool == "lease-remove":
                self.removed_leases.append(step.line)
            elif step.tool == "sysctl":
                assert step.line == "net.ipv4.ip_forward=1"
                assert step.namespace in self.spaces
                self.forwarding.add(step.namespace)
            elif step.tool == "rules":
                assert step.namespace in self.spaces
                self.rules[step.namespace] = decode_rules(step.line)
            elif step.tool == "bridge":
                self._vlan(words)
            else:
                self._ip(words, step.namespace)
            self.history.append({name: frozenset(vlans) for name, vlans in self.vlans.items()})

    def _vlan(self, words: list[str]) -> None:
        assert words[0] == "vlan"
        device, vid = words[3], int(words[5])
        assert self.links[device].master == BRIDGE, f"{device} is not in the bridge"
        if words[1] == "add":
            self.vlans.setdefault(device, set()).add(Vlan(vid, "pvid" in words))
        else:
            self.vlans[device] = {vlan for vlan in self.vlans[device] if vlan.vid != vid}

    def _ip(self, words: list[str], space: str) -> None:
        if words[0] == "netns":
            if words[1] == "add":
                assert words[2] not in self.spaces
                self.spaces[words[2]] = {}
            else:
                for link in list(self.spaces[words[2]]):
                    if (words[2], link) in self.joints:
                        self._part(words[2], link)
                    else:
                        self._delete(
                            next(name for name, (where, leg) in self.peers.items() if (where, leg) == (words[2], link))
                        )
                for known in (self.spaces, self.routes, self.rules):
                    known.pop(words[2], None)
                self.forwarding.discard(words[2])
        elif words[0] == "route":
            self._route(words, space)
        elif words[:2] == ["link", "add"] and space:
            self._join(words, space)
        elif words[:2] == ["link", "delete"] and space:
            self._part(space, words[2])
        elif words[0] == "addr":
            addresses = self.spaces[space][words[4]]
            (addresses.add if words[1] == "add" else addresses.remove)(words[2])
        elif words[1] == "add":
            self._add(words)
        elif words[1] == "delete":
            assert words[2] in self.links
            self._delete(words[2])
        elif space:
            if words[3:] == ["up"] and words[2] != "lo":
                assert words[2] in self.spaces[space]
                self.up_in_space.add((space, words[2]))
        else:
            self._set(words[2], words[3:])

    def _join(self, words: list[str], space: str) -> None:
        one, other = (space, words[2]), (words[words.index("netns") + 1], words[words.index("name") + 1])
        for (where, device), far in ((one, other), (other, one)):
            assert device not in self.spaces[where], f"{device} exists in {where}"
            assert self.rules.get(where), f"{device} joins {where} before its rules"
            self.spaces[where][device] = set()
            self.joints[(where, device)] = far

    def _part(self, space: str, device: str) -> None:
        far = self.joints.pop((space, device))
        del self.joints[far]
        for where, gone in ((space, device), far):
            del self.spaces[where][gone]
            self.up_in_space.discard((where, gone))
            self.routes[where] = {route for route in self.routes.get(where, ()) if route.split()[-1] != gone}

    def _route(self, words: list[str], space: str) -> None:
        route = " ".join(words[2:7])
        routes = self.routes.setdefault(space, set())
        if words[1] == "add":
            assert words[7:] == ["proto", "static"]
            assert (space, words[6]) in self.up_in_space, f"{words[6]} is down"
            assert words[2] not in {each.split()[0] for each in routes}, f"a second route for {words[2]}"
            routes.add(route)
        else:
            routes.remove(route)

    def _add(self, words: list[str]) -> None:
        name = words[2]
        assert name not in self.links, f"{name} exists"
        kind = words[words.index("type") + 1]
        mode = words[words.index("mode") + 1] if "mode" in words else ""
        mtu = int(words[words.index("mtu") + 1]) if "mtu" in words else 1500
        self.links[name] = Link(name, kind=kind, bond_mode=mode, mtu=mtu)
        if kind == "veth":
            leg, space = words[words.index("name") + 1], words[words.index("netns") + 1]
            self.spaces[space][leg] = set()
            self.peers[name] = (space, leg)

    def _delete(self, name: str) -> None:
        del self.links[name]
        self.vlans.pop(name, None)
        if name in self.peers:
            space, leg = self.peers.pop(name)
            self.spaces.get(space, {}).pop(leg, None)
            self.up_in_space.discard((space, leg))
        for other, link in list(self.links.items()):
            if link.master == name:  # a bond leaves its ports closed
                self.links[other] = replace(link, master="", up=False, mtu=1500)

    def _set(self, name: str, words: list[str]) -> None:
        link = self.links[name]
        if words[0] == "mtu":
            self.links[name] = replace(link, mtu=int(words[1]))
            for other, port in list(self.links.items()):
                if link.kind == "bond" and port.master == name:
                    self.links[other] = replace(port, mtu=int(words[1]))
        elif words[0] == "nomaster":
            self.vlans.pop(name, None)
            bond = self.links[link.master].kind == "bond"
            self.links[name] = replace(link, master="", up=link.up and not bond, mtu=1500 if bond else link.mtu)
        elif words[0] == "master":
            master = self.links[words[1]]
            if master.kind == "bond":
                assert not link.up, f"{name} must be down to join {words[1]}"
                self.links[name] = replace(link, master=words[1], up=True, mtu=master.mtu)
            else:
                self.links[name] = replace(link, master=words[1])
        else:
            self.links[name] = replace(link, up=words[0] == "up")
