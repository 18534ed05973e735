# SPDX-License-Identifier: Apache-2.0
"""What must hold where no controller knows the switches, so that the inventory has to."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from .model import Model, Server, Switch
from .names import interface_mistake
from .problems import Problems

_RANGE, _GATEWAY = "fabric_vlan_range", "fabric_gateway_switch"
# Names of networks become names of files, namespaces and port-channels on the switch.
_NETWORK_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")
# VLAN 1 is what switches put everything into, and the last ones are reserved on many.
_FIRST_ID, _LAST_ID = 2, 4094


def check(model: Model, members: Mapping[str, Sequence[str]], mtu: int, problems: Problems) -> None:
    """Every rule; `members` are the inventory's other groups, `mtu` the servers' (0: the usual one)."""
    if not model.switches:
        problems.add(
            "switches", f"the group has no hosts; fabric_provider {model.fabric.provider} needs the leaf switches in it"
        )
    for name in model.switches:
        for group, hosts in members.items():
            if name in hosts:
                problems.add(name, f"is in the groups {group} and switches; a host belongs to one of them")
    _check_range(model, problems)
    _check_options(model, mtu, problems)
    _check_gateway(model, problems)
    _check_names(model, problems)
    for switch in model.switches.values():
        _check_ports(model, switch, problems)
    _check_cables(model, problems)


def vlan_ids(text: str) -> list[int]:
    """The ids that "100-199,300" names, those that no VLAN can have included."""
    found: set[int] = set()
    for part in text.replace(" ", "").split(","):
        low, _dash, high = part.partition("-")
        if low:
            found.update(range(int(low), int(high or low) + 1))
    return sorted(found)


def _check_range(model: Model, problems: Problems) -> None:
    if problems.has(_RANGE):
        return
    text = model.fabric.vlan_range
    if not text:
        problems.add(_RANGE, f"is required with fabric_provider {model.fabric.provider}, for example 100-199")
        return
    for part in text.replace(" ", "").split(","):
        low, _dash, high = part.partition("-")
        if int(high or low) < int(low):
            problems.add(_RANGE, f"'{part}' ends before it begins")
        elif int(low) < _FIRST_ID or int(high or low) > _LAST_ID:
            problems.add(_RANGE, f"'{part}' goes beyond the VLAN ids {_FIRST_ID} to {_LAST_ID}")
    needed = len(model.tenant_clusters) + 1
    if not problems.has(_RANGE) and len(vlan_ids(text)) < needed:
        problems.add(
            _RANGE,
            f"'{text}' has {len(vlan_ids(text))} VLAN ids; the host cluster and {needed - 1} tenant clusters need"
            f" {needed}",
        )


def _check_options(model: Model, mtu: int, problems: Problems) -> None:
    fabric = model.fabric
    if mtu > fabric.switch_mtu:
        problems.add("fabric_switch_mtu", f"{fabric.switch_mtu} is less than fabric_mtu, {mtu}")
    mistake = interface_mistake(fabric.switch_bridge)
    if mistake:
        problems.add("fabric_switch_bridge", mistake)
    if fabric.switch_dhcp and not fabric.switch_gateway:
        problems.add("fabric_switch_dhcp", "needs fabric_switch_gateway: DHCP is served from the gateway's address")


def _check_gateway(model: Model, problems: Problems) -> None:
    """Said, not guessed: with a rule by name or order the gateway would move with the next switch."""
    wanted, known = model.fabric.gateway_switch, ", ".join(sorted(model.switches))
    if wanted and model.switches and wanted not in model.switches:
        problems.add(_GATEWAY, f"no switch '{wanted}' in the group switches; known: {known}")
    elif not wanted and len(model.switches) > 1:
        problems.add(
            _GATEWAY,
            f"is required with {len(model.switches)} switches ({known}): name the one that gives VLAN ids and subnets"
            " away and is the networks' gateway; where networks are in use already, the one that it was so far",
        )


def _check_names(model: Model, problems: Problems) -> None:
    named = [
        ("fabric_host_cluster.name", model.host_cluster.name),
        *((f"{each.name}.fabric_netris_name", each.netris_name) for each in model.tenant_clusters.values()),
    ]
    for path, name in named:
        if not _NETWORK_NAME.fullmatch(name):
            problems.add(path, f"'{name}' cannot be the name of a network on a switch: letters, digits, '-', '_', '.'")


def _servers(model: Model) -> dict[str, Server]:
    """By the name that links use."""
    return {each.netris_name: each for each in (*model.shared_servers.values(), *model.bare_metal.values())}


def _check_ports(model: Model, switch: Switch, problems: Problems) -> None:
    servers, path = _servers(model), f"{switch.name}.fabric_links"
    for port, end in switch.links.items():
        where = f"{path}.{port}"
        mistake = interface_mistake(port)
        if mistake:
            problems.add(where, mistake)
        if port in switch.uplinks:
            problems.add(where, "is also one of fabric_uplinks")
        if problems.has(where):
            continue
        nic, _at, server = end.partition("@")
        if server in model.host_cluster.extra_servers:
            continue
        if server not in servers:
            known = ", ".join(sorted([*servers, *model.host_cluster.extra_servers])) or "none"
            problems.add(where, f"no server '{server}'; known: {known}")
        elif nic not in model.fabric.server_nics:
            problems.add(where, f"no fabric NIC '{nic}'; fabric_server_nics: {', '.join(model.fabric.server_nics)}")
    for index, port in enumerate(switch.uplinks):
        mistake = interface_mistake(port)
        if mistake:
            problems.add(f"{switch.name}.fabric_uplinks[{index}]", mistake)
    if len(model.switches) > 1 and not switch.uplinks:
        problems.add(
            f"{switch.name}.fabric_uplinks",
            f"names no port; with {len(model.switches)} switches each needs one by which networks reach the others",
        )


def _ends(model: Model) -> Iterator[tuple[str, str, str, str]]:
    for switch in model.switches.values():
        for port, end in switch.links.items():
            nic, _at, server = end.partition("@")
            yield switch.name, port, nic, server


def _check_cables(model: Model, problems: Problems) -> None:
    first: dict[tuple[str, str], str] = {}
    behind: dict[str, set[str]] = {}
    for switch, port, nic, server in _ends(model):
        place = f"{port}@{switch}"
        other = first.setdefault((nic, server), place)
        if other != place:
            problems.add(f"{switch}.fabric_links.{port}", f"{nic}@{server} is also at the other end of {other}")
        behind.setdefault(server, set()).add(switch)
    for server, switches in behind.items():
        if len(switches) > 1:
            problems.add(
                server,
                f"its NICs end on {' and '.join(sorted(switches))}; a port-channel over two switches (MLAG) is nothing"
                f" that fabric_provider {model.fabric.provider} makes",
            )
    if not model.switches:
        return
    used = [*model.shared_servers.values(), *(each for each in model.bare_metal.values() if each.tenant_cluster)]
    for each in used:
        missing = [nic for nic in model.fabric.server_nics if (nic, each.netris_name) not in first]
        if missing:
            ends = ", ".join(f"{nic}@{each.netris_name}" for nic in missing)
            problems.add(each.name, f"no switch has {ends} in its fabric_links")
    for index, extra in enumerate(model.host_cluster.extra_servers):
        if extra not in behind:
            problems.add(
                f"fabric_host_cluster.extra_servers[{index}]", f"no switch has a NIC of '{extra}' in its fabric_links"
            )
