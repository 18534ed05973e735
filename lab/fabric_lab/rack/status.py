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
    switch = Switch()
    if topology.LEAF in reachable:
        switch = _ask_agent(rack) if rack.lab.agent else _ask_kernel(rack)
    report = switch.report
    agent = "unknown" if rack.lab.agent else f"none, the fabric is {rack.lab.fabric}"
    if report and rack.lab.agent:
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


def _ask_agent(rack: Rack) -> Switch:
    try:
        data = json.loads(ssh.run(rack, rack.leaf, f"cat {_STATUS_FILE}", timeout=15))
    except (LabError, json.JSONDecodeError):
        return Switch()
    return Switch(data["report"], data["lags"], tuple(data["vnets"]))


def _ask_kernel(rack: Rack) -> Switch:
    """Where no agent reports, what the switch's kernel and LLDP say."""
    script = "ip -j link show; bridge -j vlan show; lldpcli -f json0 show neighbors | tr -d '\\n'"
    try:
        lines = ssh.run(rack, rack.leaf, script, timeout=15).splitlines()
        links, vlans, lldp = (json.loads(line) for line in lines if line.strip())
    except (LabError, ValueError):
        return Switch()
    return read_kernel(links, vlans, lldp)


def read_kernel(links: list[dict[str, Any]], vlans: list[dict[str, Any]], lldp: dict[str, Any]) -> Switch:
    """A switch from `ip -j link`, `bridge -j vlan` and `lldpcli -f json0 show neighbors`. Pure."""
    bonds: dict[str, list[str]] = {link["ifname"]: [] for link in links if link["ifname"].startswith("po-")}
    for link in links:
        if link.get("master") in bonds:
            bonds[link["master"]].append(link["ifname"])
    members: dict[int, list[dict[str, object]]] = {}
    for entry in vlans:
        for vlan in entry.get("vlans") or ():
            for vid in range(vlan["vlan"], vlan.get("vlanEnd", vlan["vlan"]) + 1):
                tagged = "PVID" not in (vlan.get("flags") or ())
                members.setdefault(vid, []).append({"interface": entry["ifname"], "tagged": tagged})
    heard = decode_lldp(lldp)
    up = {link["ifname"] for link in links if "LOWER_UP" in link.get("flags", ())}
    return Switch(
        report={
            "ports": [{"name": port, "lldp": heard.get(port)} for port in sorted(heard)],
            "lags": [
                {"name": bond, "up_members": [port for port in ports if port in up]} for bond, ports in bonds.items()
            ],
        },
        lags=bonds,
        vnets=tuple({"name": "VLAN", "vlan": vid, "members": found} for vid, found in sorted(members.items())),
    )


def decode_lldp(data: dict[str, Any]) -> dict[str, dict[str, str]]:
    """Neighbours by local port."""
    found = {}
    for lldp in data.get("lldp") or ():
        for interface in lldp.get("interface") or ():
            names = (interface.get("chassis") or [{}])[0].get("name") or []
            ids = (interface.get("port") or [{}])[0].get("id") or []
            if names and ids:
                found[interface["name"]] = {"system": names[0]["value"], "port": ids[0]["value"]}
    return found
