"""What stands in the rack and how it is cabled. Pure: names, addresses, ports; nothing is touched here."""

from __future__ import annotations

from dataclasses import dataclass

from fabric_lab.state import Lab

LEAF = "leaf1"
SHARED = 3
# the host control plane's way into the fabric: a leaf port that lands in a network namespace of the machine
OUTSIDE_PORT = "swp13"
OUTSIDE_SERVER = "hostcp1"
OUTSIDE_NIC = "eth9"
OUTSIDE_ADDRESS = "192.168.55.253/21"
SERVER_NICS = ("eth9", "eth10")
# NICs of the shared servers whose cables end nowhere until a virtual machine is plugged in there
SOCKETS = ("vm0", "vm1")
_FIRST_SOCKET_NIC = 0x10
_FIRST_SOCKET_PORT = 41000
MANAGEMENT_NIC = "vec0"
PORT_MTU = 9216
# bare-metal servers beyond the third come after the outside ports, so that existing cables stay where they are
_FIRST_EXTRA_PORT = 16


@dataclass(frozen=True)
class Cable:
    """One end of a cable: the NIC as the machine sees it, and the two UDP ports that carry it."""

    nic: str
    mac: str
    source_port: int = 0
    destination_port: int = 0
    tap: str = ""
    peer: str = ""


@dataclass(frozen=True)
class Outlet:
    """A leaf port that lands in a network namespace of this machine, where a web server answers."""

    name: str
    port: str
    tap: str
    veth: str
    bridge: str
    address: str  # with prefix length
    routes: tuple[str, ...]  # NETWORK via GATEWAY

    def netns(self, lab: Lab) -> str:
        return f"{lab.netns}-{self.name[:3]}"

    @property
    def host(self) -> str:
        return self.address.split("/")[0]


# What the leaf's agent takes for the internet, and where its provider expects it.
UPLINK_ADDRESS = "203.0.113.1/24"
INTERNET = Outlet(
    "internet", "swp14", "x-int", "v-int", "b-int", "203.0.113.80/24", ("198.51.100.0/28 via 203.0.113.1",)
)
# Services of the operator's that tenant clusters may share: a server in a VPC of their own.
SERVICES = Outlet("services", "swp15", "x-svc", "v-svc", "b-svc", "10.80.0.10/24", ("default via 10.80.0.1",))
OUTLETS = (INTERNET, SERVICES)
OUTLET_NIC = "eth0"
_FIRST_OUTLET_HOST = 6


@dataclass(frozen=True)
class Machine:
    """A virtual machine of the rack."""

    name: str
    kind: str  # leaf, shared or metal
    index: int
    host_number: int
    memory: int  # MiB
    cables: tuple[Cable, ...]
    sockets: tuple[Cable, ...] = ()

    @property
    def nics(self) -> tuple[Cable, ...]:
        return (*self.cables, *self.sockets)

    @property
    def tap(self) -> str:
        return f"m-{self.name}"


@dataclass(frozen=True)
class Rack:
    lab: Lab
    machines: tuple[Machine, ...]

    @property
    def leaf(self) -> Machine:
        return self.machines[0]

    @property
    def servers(self) -> tuple[Machine, ...]:
        return self.machines[1:]

    def machine(self, name: str) -> Machine | None:
        return next((machine for machine in self.machines if machine.name == name), None)

    def address(self, machine: Machine) -> str:
        return management_address(self.lab, machine.host_number)


def management_network(lab: Lab) -> str:
    """The first three octets of the management network."""
    return f"10.77.{lab.slot}"


def management_address(lab: Lab, host_number: int) -> str:
    return f"{management_network(lab)}.{host_number}"


def operator_address(lab: Lab) -> str:
    return management_address(lab, 1)


def control_plane_address(lab: Lab) -> str:
    return management_address(lab, 5)


def mac(lab: Lab, host_number: int, nic: int) -> str:
    """A locally administered address that says where it belongs, the same on every start."""
    return f"02:fa:{lab.slot:02x}:{host_number:02x}:00:{nic:02x}"


def leaf_ports(kind: str, index: int) -> tuple[str, str]:
    """The two leaf ports of a server."""
    position = index - 1 if kind == "shared" else SHARED + index - 1
    first = 2 * position + 1
    if kind == "metal" and index > 3:
        first = _FIRST_EXTRA_PORT + 2 * (index - 4)
    return f"swp{first}", f"swp{first + 1}"


def _sockets(lab: Lab, server: str, kind: str, index: int, host_number: int) -> tuple[Cable, ...]:
    """The spare NICs of a server; a virtual machine takes the other end of the two UDP ports."""
    if kind != "shared":
        return ()
    ports = [_FIRST_SOCKET_PORT + 16 * index + 2 * position for position in range(len(SOCKETS))]
    return tuple(
        Cable(nic, mac(lab, host_number, _FIRST_SOCKET_NIC + position), port, port + 1, peer=f"{server}:{nic}")
        for position, (nic, port) in enumerate(zip(SOCKETS, ports, strict=True))
    )


def outlet_mac(lab: Lab, outlet: Outlet) -> str:
    return mac(lab, _FIRST_OUTLET_HOST + OUTLETS.index(outlet), 1)


def outside_tap() -> str:
    return "x-cp"


def build(lab: Lab, shared_memory: int = 2816, metal_memory: int = 1024, leaf_memory: int = 384) -> Rack:
    """The rack of a lab."""
    servers: list[Machine] = []
    leaf_ends: dict[int, Cable] = {}
    kinds = [("shared", index, 10 + index, shared_memory) for index in range(1, SHARED + 1)]
    kinds += [("metal", index, 20 + index, metal_memory) for index in range(1, lab.metal + 1)]
    for kind, index, host_number, memory in kinds:
        ends: list[Cable] = []
        name = f"{kind}{index}"
        for position, (nic, port) in enumerate(zip(SERVER_NICS, leaf_ports(kind, index), strict=True)):
            number = int(port.removeprefix("swp"))
            # each cable has a pair of UDP ports of its own; the lab's namespace keeps them apart from other labs'
            switch_side, server_side = 40000 + 2 * number, 40001 + 2 * number
            leaf_ends[number] = Cable(port, mac(lab, 10, number), switch_side, server_side, peer=f"{name}:{nic}")
            ends.append(
                Cable(nic, mac(lab, host_number, position + 1), server_side, switch_side, peer=f"{LEAF}:{port}")
            )
        sockets = _sockets(lab, name, kind, index, host_number)
        servers.append(Machine(name, kind, index, host_number, memory, tuple(ends), sockets))
    outside = int(OUTSIDE_PORT.removeprefix("swp"))
    leaf_ends[outside] = Cable(
        OUTSIDE_PORT, mac(lab, 10, outside), tap=outside_tap(), peer=f"{OUTSIDE_SERVER}:{OUTSIDE_NIC}"
    )
    for outlet in OUTLETS:
        number = int(outlet.port.removeprefix("swp"))
        peer = f"{outlet.name}:{OUTLET_NIC}"
        leaf_ends[number] = Cable(outlet.port, mac(lab, 10, number), tap=outlet.tap, peer=peer)
    leaf = Machine(LEAF, "leaf", 1, 10, leaf_memory, tuple(leaf_ends[number] for number in sorted(leaf_ends)))
    return Rack(lab, (leaf, *servers))
