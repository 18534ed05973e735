"""A drawing of the rack: what is where, and how it is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from fabric_lab.rack import controller, ssh, topology, vm
from fabric_lab.rack.topology import Machine, Rack
from fabric_lab.standin_kubevirt import guests
from fabric_lab.state import Lab, LabError
from fabric_lab.supervisor.client import Supervisor
from fabric_lab.supervisor.spec import ProcessStatus

_STATUS_FILE = "/run/fabric-agent/status.json"


@dataclass(frozen=True)
class Switch:
    """What the leaf's agent knows, as far as it could be asked."""

    report: Mapping[str, Any] = field(default_factory=dict)
    lags: Mapping[str, list[str]] = field(default_factory=dict)
    vnets: tuple[Mapping[str, Any], ...] = ()

    def carries(self, port: str) -> list[str]:
        """The V-Nets on a port, as the port or its port-channel carries them."""
        interfaces = {port} | {name for name, members in self.lags.items() if port in members}
        return [
            f"{vnet['name']} ({vnet['vlan']}{' tagged' if member['tagged'] else ''})"
            for vnet in self.vnets
            for member in vnet["members"]
            if member["interface"] in interfaces
        ]

    def channel(self, port: str) -> str:
        """The port-channel of a port, and whether the port takes part in it."""
        up = {member for lag in self.report.get("lags", ()) for member in lag["up_members"]}
        return next(
            (f"{name} {'up' if port in up else '-'}" for name, members in self.lags.items() if port in members), "-"
        )

    def neighbour(self, port: str) -> str:
        lldp = next((entry["lldp"] for entry in self.report.get("ports", ()) if entry["name"] == port), None)
        return f"{lldp['system']}:{lldp['port']}" if lldp else "-"


def power(status: ProcessStatus | None) -> str:
    if status is None:
        return "-"
    return {"running": "on", "waiting": "booting", "stopped": "off", "ended": "halted"}[status.state]


def rows(rack: Rack, processes: Mapping[str, ProcessStatus], reachable: set[str], switch: Switch) -> list[list[str]]:
    """The table of cables: leaf port, other end, its machine's state, what the port carries. Pure."""
    found = []
    for cable in rack.leaf.cables:
        name, _, nic = cable.peer.partition(":")
        machine = rack.machine(name)
        state = power(processes.get(vm.process_name(name))) if machine else "host"
        login = "-" if machine is None else ("yes" if name in reachable else "no")
        carried = ", ".join(switch.carries(cable.nic)) or ("nothing" if switch.report else "?")
        found.append(
            [cable.nic, nic, name, state, login, switch.channel(cable.nic), switch.neighbour(cable.nic), carried]
        )
    return found


def table(header: list[str], lines: list[list[str]]) -> str:
    widths = [max(len(line[column]) for line in [header, *lines]) for column in range(len(header))]
    return "\n".join(
        "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip()
        for line in [header, *lines]
    )


def draw(lab: Lab) -> str:
    """The lab as text."""
    supervisor = Supervisor(lab)
    try:
        processes = supervisor.status()
    except LabError as error:
        return str(error)
    rack = topology.build(lab)
    lines = [f"lab {lab.name}, slot {lab.slot}"]
    if process := processes.get(controller.NAME):
        where = controller.url(lab, rack=vm.process_name(topology.LEAF) in processes)
        lines.append(f"controller  {where}  {process.state} for {process.uptime:.0f} s")
    if vm.process_name(topology.LEAF) in processes:
        lines += _draw_rack(rack, processes)
    others = [status for name, status in processes.items() if name != controller.NAME and not name.startswith("vm-")]
    if others:
        entries = [
            [each.name, each.state, str(each.pid or "-"), f"{each.uptime:.0f} s", str(each.starts)] for each in others
        ]
        lines += ["", table(["process", "state", "pid", "for", "starts"], entries)]
    return "\n".join([*lines, "", f"logs: {lab.log_directory}"])


def _draw_rack(rack: Rack, processes: Mapping[str, ProcessStatus]) -> list[str]:
    with ThreadPoolExecutor(8) as pool:
        answers = pool.map(lambda machine: ssh.answers(rack.address(machine)), rack.machines)
        reachable = {machine.name for machine, answer in zip(rack.machines, answers, strict=True) if answer}
    switch = _ask_switch(rack) if topology.LEAF in reachable else Switch()
    report = switch.report
    agent = "unknown"
    if report:
        health = "healthy" if report["healthy"] else f"unhealthy: {report['message']}"
        agent = f"{health}, generation {report['generation']} applied"
    lines = [
        f"management  {topology.management_network(rack.lab)}.0/24, operator {topology.operator_address(rack.lab)}",
        f"leaf agent  {agent}",
        "",
        table(
            ["leaf1", "NIC", "server", "power", "ssh", "channel", "LLDP", "V-Nets (VLAN)"],
            rows(rack, processes, reachable, switch),
        ),
        "",
        table(
            ["machine", "address", "memory", "power", "for", "boots"],
            [_machine_row(rack, machine, processes) for machine in guests.beside(rack).machines],
        ),
    ]
    leases = [[lease["ip"], lease["mac"], lease["hostname"]] for lease in report.get("leases", ())]
    return [*lines, "", table(["leased", "to", "name"], leases)] if leases else lines


def _machine_row(rack: Rack, machine: Machine, processes: Mapping[str, ProcessStatus]) -> list[str]:
    status = processes.get(vm.process_name(machine.name))
    uptime = f"{status.uptime:.0f} s" if status else "-"
    boots = str(status.starts) if status else "-"
    return [machine.name, rack.address(machine), f"{machine.memory} MiB", power(status), uptime, boots]


def _ask_switch(rack: Rack) -> Switch:
    try:
        data = json.loads(ssh.run(rack, rack.leaf, f"cat {_STATUS_FILE}", timeout=15))
    except (LabError, json.JSONDecodeError):
        return Switch()
    return Switch(data["report"], data["lags"], tuple(data["vnets"]))
