"""The machines beside the rack: what is known of them, and what they are made of."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

from fabric_lab.rack import topology
from fabric_lab.rack.topology import Cable, Machine, Rack
from fabric_lab.state import Lab, write_private

NIC = "eth0"
#: A guest is a node and nothing else; more would be memory of the lab's machine that nobody uses.
MEMORY_LIMIT = 1024
_FIRST_HOST_NUMBER = 101
_LIMIT = 20
_RECORD = "guests.json"
_UNITS = {"Mi": 1, "Gi": 1024, "Ti": 1024 * 1024}


@dataclass(frozen=True)
class Guest:
    """One disk of a user's, and where its machine runs, as long as it does."""

    number: int
    namespace: str
    name: str
    mac: str = ""
    memory: int = MEMORY_LIMIT
    server: str = ""
    socket: str = ""
    bridge: str = ""
    #: How often the server had been started when the guest was plugged in: what was plugged in before is lost.
    plugged_at: int = 0
    address: str = ""

    @property
    def key(self) -> str:
        return f"{self.namespace}/{self.name}"

    @property
    def machine_name(self) -> str:
        return f"vm{self.number}"

    @property
    def placed(self) -> bool:
        return bool(self.server)

    def released(self) -> Guest:
        return replace(self, server="", socket="", bridge="", plugged_at=0, address="")


def load(lab: Lab) -> dict[str, Guest]:
    try:
        data = json.loads((lab.run_directory / _RECORD).read_text())
    except FileNotFoundError:
        return {}
    return {guest.key: guest for guest in (Guest(**each) for each in data)}


def save(lab: Lab, known: dict[str, Guest]) -> None:
    write_private(lab.run_directory / _RECORD, json.dumps([asdict(guest) for guest in known.values()]) + "\n")


def free_number(known: dict[str, Guest]) -> int | None:
    taken = {guest.number for guest in known.values()}
    return next((number for number in range(1, _LIMIT + 1) if number not in taken), None)


def free_socket(rack: Rack, known: dict[str, Guest], servers: Sequence[str]) -> tuple[str, str] | None:
    """A server, by its name in the rack, and a socket where no guest is plugged in; the emptiest server first."""
    taken = {(guest.server, guest.socket) for guest in known.values() if guest.placed}
    free = {
        machine.name: [cable.nic for cable in machine.sockets if (machine.name, cable.nic) not in taken]
        for machine in rack.machines
        if machine.name in servers
    }
    candidates = [(-len(sockets), name) for name, sockets in free.items() if sockets]
    if not candidates:
        return None
    server = min(candidates)[1]
    return server, free[server][0]


def mebibytes(text: str) -> int:
    """The memory that a guest is given for what was asked."""
    found = re.fullmatch(r"(\d+)(Mi|Gi|Ti)", text)
    return min(int(found.group(1)) * _UNITS[found.group(2)], MEMORY_LIMIT) if found else MEMORY_LIMIT


def machine(rack: Rack, guest: Guest) -> Machine:
    """The guest as a machine; its one cable ends in the socket that it is plugged into."""
    cables: tuple[Cable, ...] = ()
    server = rack.machine(guest.server)
    if server is not None:
        end = next(cable for cable in server.sockets if cable.nic == guest.socket)
        peer = f"{server.name}:{end.nic}"
        cables = (Cable(NIC, guest.mac, end.destination_port, end.source_port, peer=peer),)
    return Machine(
        guest.machine_name, "guest", guest.number, _FIRST_HOST_NUMBER + guest.number - 1, guest.memory, cables
    )


def beside(rack: Rack) -> Rack:
    """The rack with the guests that are known."""
    known = load(rack.lab)
    return Rack(rack.lab, (*rack.machines, *(machine(rack, guest) for guest in known.values())))


def find(lab: Lab, name: str) -> Machine | None:
    """The machine of a guest, by the name that its user gave it."""
    rack = topology.build(lab)
    return next((machine(rack, guest) for guest in load(lab).values() if guest.name == name), None)
