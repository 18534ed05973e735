# SPDX-License-Identifier: Apache-2.0
"""What a person has to set at which switch port. Pure.

For reading, as a table, and as what the servers must hear once it is done.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import Any, Iterator, Mapping

from .model import State, natural

COLUMNS = (
    "switch",
    "port",
    "server",
    "nic",
    "change",
    "port_channel",
    "untagged_vlan",
    "tagged_vlans",
    "mtu",
    "networks",
)


@dataclass(frozen=True)
class Port:
    """One port as it shall be; without networks it is to carry nothing."""

    switch: str
    port: str
    server: str
    nic: str
    # The ports that are one LACP port-channel with it, itself included; empty for a port on its own.
    channel: tuple[str, ...]
    untagged: int | None
    tagged: tuple[int, ...]
    mtu: int
    networks: tuple[str, ...]

    def __str__(self) -> str:
        end = f"{self.nic}@{self.server}" if self.server else "uplink"
        if not self.networks:
            return f"{self.switch} {self.port} ({end}): no VLAN, no port-channel"
        parts = []
        if self.channel:
            parts.append(f"LACP port-channel of {', '.join(self.channel)}")
        if self.untagged is not None:
            parts.append(f"VLAN {self.untagged} untagged (access)")
        if self.tagged:
            parts.append(f"VLANs {', '.join(map(str, self.tagged))} tagged")
        if self.untagged is None:
            parts.append("nothing untagged")
        return f"{self.switch} {self.port} ({end}): {'; '.join([*parts, f'MTU {self.mtu}'])}"


def ports(switch: str, state: State, links: Mapping[str, str]) -> dict[str, Port]:
    """All ports of a switch that are cabled to servers or are uplinks, by name."""
    found = {}
    for name in sorted({*links, *state.uplinks}, key=natural):
        nic, _at, server = links.get(name, "@").partition("@")
        here = [
            (network, member)
            for network in state.networks.values()
            for member in network.members
            if name in member.ports
        ]
        channel: tuple[str, ...] = next((m.ports for _n, m in here if len(m.ports) > 1), ())
        untagged = next((network.vlan_id for network, member in here if not member.tagged), None)
        tagged = {network.vlan_id for network, member in here if member.tagged}
        names = {network.name for network, _member in here}
        if name in state.uplinks:
            channel = state.uplinks if len(state.uplinks) > 1 else ()
            tagged = {network.vlan_id for network in state.networks.values()}
            names = set(state.networks)
        found[name] = Port(
            switch, name, server, nic, channel, untagged, tuple(sorted(tagged)), state.mtu, tuple(sorted(names))
        )
    return found


@dataclass(frozen=True)
class Work:
    lines: tuple[str, ...]
    table: str
    # By server, what its NICs have to hear by LLDP once it is done.
    expected: Mapping[str, list[dict[str, Any]]]


def work(before: Mapping[str, State], after: Mapping[str, State], links: Mapping[str, Mapping[str, str]]) -> Work:
    """The way from one state of all switches to another."""
    lines: list[str] = []
    rows: list[dict[str, Any]] = []
    expected: dict[str, list[dict[str, Any]]] = {}
    for switch in sorted(after):
        old = ports(switch, before.get(switch, State()), links[switch])
        new = ports(switch, after[switch], links[switch])
        lines += list(_networks(switch, before.get(switch, State()), after[switch]))
        for name, port in new.items():
            known = old.get(name)
            unused = not port.networks and (known is None or not known.networks)
            changed = not unused and (known is None or _settings(known) != _settings(port))
            if changed:
                lines.append(str(port))
                if port.server:
                    expected.setdefault(port.server, []).append(_hears(port, known))
            rows.append(_row(port, changed))
    return Work(tuple(lines), _table(rows), expected)


def _settings(port: Port) -> tuple[object, ...]:
    return port.channel, port.untagged, port.tagged, port.mtu if port.networks else None


def _networks(switch: str, before: State, after: State) -> Iterator[str]:
    for name in sorted({*before.networks, *after.networks}):
        old, new = before.networks.get(name), after.networks.get(name)
        if new is None and old is not None:
            yield f"{switch}: VLAN {old.vlan_id} ({name}) goes, with its gateway and DHCP if this switch has them"
        elif new is not None and (
            old is None or (old.gateway, old.dhcp, old.routed) != (new.gateway, new.dhcp, new.routed)
        ):
            parts = [f"{switch}: VLAN {new.vlan_id} ({name})"]
            if new.routed:
                parts.append(f"gateway {new.gateway_interface}, routed to no other network")
                parts.append(f"DHCP {new.dhcp[0]}-{new.dhcp[1]} with that router" if new.dhcp else "no DHCP")
            yield "; ".join(parts)


def _vlans(port: Port | None) -> set[int]:
    return set() if port is None else {*port.tagged, *([] if port.untagged is None else [port.untagged])}


def _hears(port: Port, before: Port | None) -> dict[str, Any]:
    return {
        "nic": port.nic,
        "switch": port.switch,
        "port": port.port,
        "untagged": port.untagged,
        "tagged": list(port.tagged),
        "gone": sorted(_vlans(before) - _vlans(port)),
    }


def _row(port: Port, changed: bool) -> dict[str, Any]:
    return {
        "switch": port.switch,
        "port": port.port,
        "server": port.server,
        "nic": port.nic,
        "change": ("set" if port.networks else "clear") if changed else "",
        "port_channel": "+".join(port.channel),
        "untagged_vlan": "" if port.untagged is None else port.untagged,
        "tagged_vlans": " ".join(map(str, port.tagged)),
        "mtu": port.mtu if port.networks else "",
        "networks": " ".join(port.networks),
    }


def _table(rows: list[dict[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
