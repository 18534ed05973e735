# SPDX-License-Identifier: Apache-2.0
"""Options in, result out: the sequences that the modules go through."""

from __future__ import annotations

import re
import uuid
from dataclasses import replace
from typing import Any, Mapping, Sequence

from .._host_network.errors import HostNetworkError
from .._host_network.management import management_path
from .._host_network.system import System
from . import names, render, rollback
from .allocate import allocate, vlan_ids
from .errors import SwitchError
from .model import Network, PortBefore, State, dump, load, merge, natural, network_as_dict
from .observe import Observed, neighbours, observe
from .plan import from_nothing, plan, shared_uplink
from .steps import Line, Plan

_BATCH = "/run/fabric-switch.batch"
_UNKNOWN = "(known after apply)"
_SPARE = 30.0


# --- looking -----------------------------------------------------------------------------------------------------


def look(system: System, switch: str) -> dict[str, Any]:
    """What the switch carries by its own record, and what its ports lead to. Changes nothing."""
    # what another play is at has half of its namespaces and ports
    with system.lock(True, render.LOCK_FILE):
        state, observed = load(system.read(render.STATE_FILE)), observe(system)
    heard = neighbours(system)
    return {
        "switch": switch,
        "networks": [network_as_dict(state.networks[name]) for name in sorted(state.networks)],
        "ports": {
            name: {"up": link.up, "carrier": link.carrier, "mtu": link.mtu}
            for name, link in sorted(observed.links.items(), key=lambda item: natural(item[0]))
            if link.kind in (None, "veth") and name != "lo" and not names.is_gateway_port(name)
        },
        "neighbours": (
            None
            if heard is None
            else {port: {"system": each.system, "port": each.port} for port, each in sorted(heard.items())}
        ),
        "vlan_ids_used": sorted(_foreign(state, observed)),
        "rolled_back": (rollback.rolled_back(system) or "").strip() or None,
    }


def _foreign(state: State, observed: Observed) -> set[int]:
    """VLAN ids that are in use on this switch and not ours."""
    ours = {network.vlan_id for network in state.networks.values()}
    return {vlan.vid for vlans in observed.vlans.values() for vlan in vlans} - ours


# --- changing ----------------------------------------------------------------------------------------------------


def apply(options: Mapping[str, Any], system: System, check_mode: bool) -> dict[str, Any]:
    """One phase of a play on this switch; SwitchError says why it cannot be."""
    phase = options["phase"]
    if phase == "confirm":
        with system.lock(not check_mode, render.LOCK_FILE):
            return _confirm(str(options["token"]), system)
    change = _reserve if phase == "reserve" else _apply
    deadline = system.now() + int(options["rollback_timeout"]) + _SPARE
    while True:
        with system.lock(not check_mode, render.LOCK_FILE):
            # what another play has not confirmed yet may still be taken back: it is waited for, without the lock
            if check_mode or rollback.armed(system) is None:
                return change(options, system, check_mode)
        if system.now() > deadline:
            raise SwitchError(
                "another play's change of this switch is neither confirmed nor taken back; look at"
                f" {rollback.ARMED} on the switch, and remove it once nothing of it runs any more"
            )
        system.pause(0.25)


def _settings(before: State, options: Mapping[str, Any]) -> State:
    if before.networks and before.bridge != options["bridge"]:
        raise SwitchError(
            f"the switch's networks are on bridge {before.bridge}; fabric_switch_bridge cannot become"
            f" {options['bridge']} while there are any"
        )
    return replace(
        before,
        bridge=str(options["bridge"]),
        mtu=int(options["mtu"]),
        uplinks=tuple(sorted(options["uplinks"], key=natural)),
        ports=tuple(sorted(options["ports"], key=natural)),
    )


def _reserve(options: Mapping[str, Any], system: System, check_mode: bool) -> dict[str, Any]:
    """VLAN ids and subnets for new networks, in the record only: no port changes, so there is nothing to roll back."""
    before, observed = load(system.read(render.STATE_FILE)), observe(system)
    state, ids = _settings(before, options), vlan_ids(str(options["vlan_range"]))
    foreign = _foreign(before, observed) | {int(each) for each in options["vlan_ids_used"]}
    known = {str(name): each for name, each in options["reserved"].items()}
    networks = dict(state.networks)
    # what others have given away is no longer free, whether or not this play is about it
    others = {name: _elsewhere(name, each) for name, each in known.items() if name not in networks}
    reserved: dict[str, dict[str, Any]] = {}
    for entry in options["networks"]:
        name = str(entry["name"])
        if name not in networks:
            if check_mode and name not in known:
                reserved[name] = {"vlan_id": None, "subnet": None}
                continue
            taken = {**others, **networks}
            taken.pop(name, None)
            networks[name] = allocate(entry, taken, ids, foreign, known.get(name))
        reserved[name] = {"vlan_id": networks[name].vlan_id, "subnet": networks[name].subnet}
    after = replace(state, networks=networks)
    changed = networks != dict(before.networks) or any(each["vlan_id"] is None for each in reserved.values())
    if changed and not check_mode:
        # ports and bridge are what the next phase brings: until then the record keeps what was there of them
        record = replace(before, networks=networks) if before.networks else after
        system.write(render.STATE_FILE, dump(record), 0o600)
    actions = [
        f"reserve VLAN {each['vlan_id'] or _UNKNOWN} and {each['subnet'] or _UNKNOWN} for {name}"
        for name, each in sorted(reserved.items())
        if name not in before.networks
    ]
    return {"changed": changed, "reserved": reserved, "actions": actions, "diff": _diff(before, after, actions)}


def _elsewhere(name: str, record: Mapping[str, Any]) -> Network:
    """A network of another switch, as far as it takes an id and a subnet."""
    return Network(name, int(record["vlan_id"]), str(record["subnet"]), gateway="")


def _apply(options: Mapping[str, Any], system: System, check_mode: bool) -> dict[str, Any]:
    before, observed = load(system.read(render.STATE_FILE)), observe(system)
    wanted = merge(_settings(before, options), options["networks"], options["reserved"])
    wanted = _remember_ports(wanted, observed)
    unknown = [
        str(each["name"])
        for each in options["networks"]
        if each.get("state") != "absent" and each["name"] not in wanted.networks
    ]
    if unknown and not check_mode:
        raise SwitchError(f"no VLAN id was reserved for {', '.join(unknown)}; run the play again")
    todo = plan(before, wanted, observed)
    _check_way_in(options, system, observed, wanted, todo)
    record = wanted if wanted.networks else State()
    files = _files(record, observed)
    stale = _stale(system, record)
    differing = [path for path, (text, _mode) in files.items() if system.read(path) != text]
    actions = [str(step.do) for step in todo.steps]
    actions += [f"write {path}" for path in differing] + [f"remove {path}" for path in stale]
    actions += [f"carry {name} on VLAN {_UNKNOWN}" for name in unknown]
    result: dict[str, Any] = {
        "changed": bool(actions),
        "actions": actions,
        "networks": [network_as_dict(record.networks[name]) for name in sorted(record.networks)],
        "confirm_needed": False,
        "token": None,
        "diff": _diff(before, record, actions),
    }
    if check_mode or not actions:
        return result
    if not todo.steps:
        _settle(system, record, files)
        return result
    token = uuid.uuid4().hex
    _carry_out(system, todo, files, dump(record), token, int(options["rollback_timeout"]))
    return {**result, "confirm_needed": True, "token": token}


def _remember_ports(wanted: State, observed: Observed) -> State:
    """How each port was when we first came to it, and the ports of members that the inventory no longer names."""
    of_members = {port for network in wanted.networks.values() for member in network.members for port in member.ports}
    ports = tuple(sorted({*wanted.ports, *of_members}, key=natural))
    now = {
        port: PortBefore(observed.links[port].mtu, observed.links[port].up)
        for port in (*ports, *wanted.uplinks)
        if port in observed.links
    }
    return replace(wanted, ports=ports, before={**now, **wanted.before})


def _check_way_in(options: Mapping[str, Any], system: System, observed: Observed, wanted: State, todo: Plan) -> None:
    if not todo.steps or options.get("allow_connection_ports"):
        return
    way = management_path(system, observed.links, options.get("management_peer"))
    crossed = sorted({*way.nics} & {*wanted.ports, *wanted.uplinks}, key=natural)
    if crossed:
        raise SwitchError(
            f"Ansible itself reaches this switch by {', '.join(crossed)}, which is to be changed. Reach it by its"
            " management port, or accept the risk with fabric_switch_allow_connection_ports. Nothing was touched"
        )


def _carry_out(
    system: System, todo: Plan, files: Mapping[str, tuple[str, int]], record: str, token: str, seconds: int
) -> None:
    new = [path for path, _text in todo.files if not system.exists(path)]
    system.write(render.DHCP_SCRIPT_FILE, render.DHCP_SCRIPT, 0o755)
    for path, text in todo.files:
        system.write(path, text, files.get(path, (text, 0o644))[1])
    rollback.arm(system, todo.undo, new, record, token, seconds)
    try:
        execute(system, [step.do for step in todo.steps])
    except HostNetworkError as error:
        rollback.roll_back_now(system)
        raise SwitchError(f"{error}. What was changed has been taken back") from error


def execute(system: System, lines: Sequence[Line]) -> None:
    """Do the lines; an error names the one that failed."""
    for argv, batch in render.batches(lines):
        if not batch:
            system.run(*argv)
            continue
        system.write(_BATCH, batch, 0o600)
        try:
            code, output, errors = system.attempt(*argv, "-batch", system.path(_BATCH))
        finally:
            system.remove(_BATCH)
        if code != 0:
            said = (errors or output).strip()
            at = re.search(r":(\d+)\s*$", said)
            line = batch.splitlines()[int(at.group(1)) - 1] if at else batch.splitlines()[0]
            raise SwitchError(f"'{' '.join(argv)} {line}' failed: {said}")


def _confirm(token: str, system: System) -> dict[str, Any]:
    before = load(system.read(render.STATE_FILE))
    record = load(rollback.disarm(system, token))
    _settle(system, record, _files(record, observe(system)))
    # nobody but an administrator sees a difference between the change and its confirmation
    return {"changed": dump(before) != dump(record), "actions": []}


# --- files -------------------------------------------------------------------------------------------------------


def _files(record: State, observed: Observed) -> dict[str, tuple[str, int]]:
    """Everything that lies on the switch while it carries a network."""
    if not record.networks:
        return {}
    bridge = observed.links.get(record.bridge)
    of_others = None if bridge is None or names.is_ours(bridge.alias) else bridge
    lines = from_nothing(record, of_others, shared_uplink(record, observed))
    found = {
        render.STATE_FILE: (dump(record), 0o600),
        render.BOOT_FILE: (render.boot(lines), 0o755),
        render.DHCP_SCRIPT_FILE: (render.DHCP_SCRIPT, 0o755),
        render.UNIT_FILE: (render.UNIT, 0o644),
    }
    for network in record.networks.values():
        name = render.dhcp_file(network)
        if name:
            found[f"{render.DHCP_DIRECTORY}/{name}"] = (render.dhcp_configuration(network), 0o644)
    return found


def _stale(system: System, record: State) -> list[str]:
    """Files of ours that nothing needs any more, directories last."""
    wanted = {render.dhcp_file(network) for network in record.networks.values()}
    found = [f"{render.DHCP_DIRECTORY}/{name}" for name in system.list(render.DHCP_DIRECTORY) if name not in wanted]
    found += [
        f"{render.LEASE_DIRECTORY}/{name}"
        for name in system.list(render.LEASE_DIRECTORY)
        if name not in record.networks
    ]
    if not record.networks:
        files = (render.BOOT_FILE, render.STATE_FILE, render.DHCP_SCRIPT_FILE, render.UNIT_FILE)
        found += [path for path in files if system.exists(path)]
    return found


def _settle(system: System, record: State, files: Mapping[str, tuple[str, int]]) -> None:
    """The record, and with it what the switch starts with."""
    for path in _stale(system, record):
        system.remove(path)
    for path, (text, mode) in files.items():
        if system.read(path) != text:
            system.write(path, text, mode)
    if record.networks:
        system.link(render.UNIT_FILE, render.UNIT_LINK)
    else:
        system.remove(render.UNIT_LINK)
        for directory in (render.DHCP_DIRECTORY, render.DIRECTORY, render.LEASE_DIRECTORY):
            system.remove_empty(directory)


def _diff(before: State, after: State, actions: Sequence[str]) -> list[dict[str, str]]:
    """The record as it was and will be, and the commands."""
    diffs = []
    old, new = (dump(before) if before.networks else "", dump(after) if after.networks else "")
    if old != new:
        diffs.append(
            {
                "before_header": render.STATE_FILE,
                "after_header": render.STATE_FILE,
                "before": old,
                "after": new,
            }
        )
    if actions:
        diffs.append({"before": "", "after": "\n".join(actions) + "\n", "after_header": "actions"})
    return diffs
