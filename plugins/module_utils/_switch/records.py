# SPDX-License-Identifier: Apache-2.0
"""The file that stands for switches which nobody logs in to: what each carries, by the word of whoever configured it.

It lies with the inventory, since what it says (which VLAN id and subnet is whose) is a decision that outlives the
machine that runs the plays and that nothing else remembers.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import Any, Mapping

from .._host_network.system import System
from .allocate import allocate, vlan_ids
from .errors import SwitchError
from .model import Network, State, dump, load, merge, natural, network_as_dict
from .worklist import work

_VERSION = 1


@dataclass(frozen=True)
class Records:
    """What each switch carries, and what was given away but is not known to be set anywhere yet."""

    switches: Mapping[str, State] = field(default_factory=dict)
    reserved: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def empty(self) -> bool:
        return not self.reserved and not any(state.networks for state in self.switches.values())


def run(options: Mapping[str, Any], system: System, check_mode: bool) -> dict[str, Any]:
    """One phase of a play; the file is locked while it is read and written."""
    path, phase = str(options["file"]), str(options["phase"])
    with system.lock(phase in ("reserve", "record") and not check_mode, f"{path}.lock"):
        text = system.read(path)
        records = parse(text)
        if phase == "look":
            return {"changed": False, "looks": _looks(records, options["links"])}
        if phase == "reserve":
            after, result = _reserve(records, options["document"], check_mode)
        else:
            after = _merged(records, options)
            todo = work(records.switches, after.switches, options["links"])
            result = {"lines": list(todo.lines), "table": todo.table, "expected": todo.expected}
            result["looks"] = _looks(after, options["links"])
            if phase == "plan":
                return {"changed": bool(todo.lines), **result}
        old, new = ("" if each.empty else render(each) for each in (records, after))
        if new != old and not check_mode:
            if new:
                system.write(path, new, 0o644)
            else:
                system.remove(path)
        return {**result, "changed": new != old, "diff": {"before": old, "after": new}}


def parse(text: str | None) -> Records:
    if text is None:
        return Records()
    try:
        data = json.loads(text)
        if data["version"] != _VERSION:
            raise SwitchError(f"the file is of version {data['version']}, this collection knows {_VERSION}")
        switches = {name: load(json.dumps(each)) for name, each in data["switches"].items()}
        return Records(switches, dict(data["reserved"]))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise SwitchError(f"the file cannot be read ({error!r}); bring it back from a backup") from error


def render(records: Records) -> str:
    switches = {name: json.loads(dump(state)) for name, state in sorted(records.switches.items()) if state.networks}
    data = {"version": _VERSION, "reserved": dict(sorted(records.reserved.items())), "switches": switches}
    return json.dumps(data, indent=1) + "\n"


def _looks(records: Records, links: Mapping[str, Any]) -> list[dict[str, Any]]:
    """As `switch_info` tells of a switch."""
    given_away = sorted(int(each["vlan_id"]) for each in records.reserved.values())
    found = []
    for name in sorted(links):
        networks = records.switches.get(name, State()).networks
        found.append(
            {
                "switch": name,
                "networks": [network_as_dict(networks[each]) for each in sorted(networks)],
                "neighbours": None,
                "vlan_ids_used": given_away,
            }
        )
    return found


def _settings(state: State, document: Mapping[str, Any], switch: Mapping[str, Any]) -> State:
    return replace(
        state,
        bridge=str(document["bridge"]),
        mtu=int(document["mtu"]),
        uplinks=tuple(sorted(switch["uplinks"], key=natural)),
        ports=tuple(sorted(switch["ports"], key=natural)),
    )


def _reserve(records: Records, document: Mapping[str, Any], check_mode: bool) -> tuple[Records, dict[str, Any]]:
    """Ids that were given away before are given again to the same network, whatever became of the run."""
    taken = {
        name: Network(name, int(each["vlan_id"]), str(each["subnet"]), gateway="")
        for name, each in records.reserved.items()
    }
    for state in records.switches.values():
        taken.update(state.networks)
    tentative: list[str] = []
    reserved: dict[str, dict[str, Any]] = {}
    for entry in document["reserve"]:
        name = str(entry["name"])
        if name not in taken:
            if check_mode:
                tentative.append(name)
            taken[name] = allocate(entry, taken, vlan_ids(str(document["vlan_range"])), set())
        reserved[name] = {"vlan_id": taken[name].vlan_id, "subnet": taken[name].subnet}
    carried = {name for state in records.switches.values() for name in state.networks}
    new = {name: each for name, each in reserved.items() if name not in carried}
    return replace(records, reserved={**records.reserved, **new}), {"reserved": reserved, "tentative": tentative}


def _merged(records: Records, options: Mapping[str, Any]) -> Records:
    """With the play's networks as they shall be; what they were given away for is then set."""
    document = options["document"]
    switches = dict(records.switches)
    settled: set[str] = set()
    for name, switch in document["switches"].items():
        state = _settings(switches.get(name, State()), document, switch)
        switches[name] = merge(state, switch["networks"], options["reserved"])
        settled |= {str(each["name"]) for each in switch["networks"]}
    reserved = {name: each for name, each in records.reserved.items() if name not in settled}
    return Records(switches, reserved)
