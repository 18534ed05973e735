"""Namespaces, the management network and the outside port of a lab.

Everything of a lab lives in its own network namespaces; only the operator's end of one veth pair is in the
machine's. So bringing a lab down means deleting two namespaces.
"""

from __future__ import annotations

import json
import time
from pathlib import Path

from fabric_lab.rack import topology
from fabric_lab.rack.topology import Outlet, Rack
from fabric_lab.run import run
from fabric_lab.state import Lab, LabError

_BRIDGE = "mgmt"
_OPERATOR_PORT = "op"
_CONTROL_PLANE_PORT = "cp-mgmt"
CONTROL_PLANE_MANAGEMENT_NIC = "mgmt0"
_OUTSIDE_BRIDGE = "b-cp"
_OUTSIDE_VETH = "v-cp"
# bridges keep link-local frames to themselves; this lets LLDP through the cable
_FORWARD_LLDP = "0x4000"


def _ip(netns: str | None, *arguments: str) -> str:
    return run(["ip", *(["-n", netns] if netns else []), *arguments])


def _batch(netns: str, lines: list[str]) -> None:
    if lines:
        run(["ip", "-n", netns, "-batch", "-"], "\n".join(lines) + "\n")


def _links(netns: str | None) -> dict[str, dict[str, object]]:
    found = json.loads(_ip(netns, "-j", "-d", "link", "show") or "[]")
    return {str(link["ifname"]): link for link in found}


def _exec(netns: str, *argv: str) -> None:
    run(["nsenter", f"--net=/run/netns/{netns}", "--", *argv])


def _offloads_off(netns: str | None, device: str) -> None:
    # with them on, bulk transfers through the virtual NICs stall or arrive corrupt
    command = ["ethtool", "-K", device, "tso", "off", "gso", "off", "gro", "off", "tx", "off"]
    if netns:
        _exec(netns, *command)
    else:
        run(command)


def namespaces(lab: Lab) -> list[str]:
    """The lab's namespaces that exist."""
    return [name for name in _all_namespaces(lab) if (Path("/run/netns") / name).exists()]


def _all_namespaces(lab: Lab) -> list[str]:
    return [lab.netns, lab.control_plane_netns, *(outlet.netns(lab) for outlet in topology.OUTLETS)]


def ensure(rack: Rack) -> None:
    """Make what is missing; what is there stays untouched."""
    lab = rack.lab
    for name in _all_namespaces(lab):
        if not (Path("/run/netns") / name).exists():
            _ip(None, "netns", "add", name)
            _ip(name, "link", "set", "lo", "up")
    _ensure_bridge(lab)
    _ensure_operator(lab)
    _ensure_control_plane(lab)
    _ensure_outside_port(lab)
    for outlet in topology.OUTLETS:
        _ensure_outlet(lab, outlet)
    ensure_taps(rack)


def _ensure_bridge(lab: Lab) -> None:
    if _BRIDGE in _links(lab.netns):
        return
    _exec(lab.netns, "sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1", "net.ipv6.conf.default.disable_ipv6=1")
    _batch(lab.netns, [f"link add {_BRIDGE} type bridge mcast_snooping 0 stp_state 0", f"link set {_BRIDGE} up"])
    _offloads_off(lab.netns, _BRIDGE)


def _ensure_operator(lab: Lab) -> None:
    device, inside = lab.operator_interface, _links(lab.netns)
    if device in _links(None) and _OPERATOR_PORT in inside:
        return
    if device in _links(None):
        raise LabError(f"interface {device} exists already and is not of lab {lab.name!r}: choose another --slot")
    _ip(None, "link", "add", device, "type", "veth", "peer", "name", _OPERATOR_PORT, "netns", lab.netns)
    _batch(lab.netns, [f"link set {_OPERATOR_PORT} master {_BRIDGE} up"])
    _offloads_off(lab.netns, _OPERATOR_PORT)
    # the operator's machine must not become a router between servers, whatever it forwards elsewhere
    for setting in (f"ipv4.conf.{device}.forwarding=0", f"ipv6.conf.{device}.disable_ipv6=1"):
        run(["sysctl", "-qw", f"net.{setting}"])
    _offloads_off(None, device)
    _ip(None, "addr", "add", f"{topology.operator_address(lab)}/24", "dev", device)
    _ip(None, "link", "set", device, "up")


def _isolated_port(device: str) -> list[str]:
    """Lines that put a device on the management network so that it reaches the operator and nobody else."""
    return [f"link set {device} master {_BRIDGE} up", f"link set {device} type bridge_slave isolated on"]


def _ensure_control_plane(lab: Lab) -> None:
    if _CONTROL_PLANE_PORT in _links(lab.netns):
        return
    nic = CONTROL_PLANE_MANAGEMENT_NIC
    _ip(
        lab.netns,
        "link",
        "add",
        _CONTROL_PLANE_PORT,
        "type",
        "veth",
        "peer",
        "name",
        nic,
        "netns",
        lab.control_plane_netns,
    )
    _batch(lab.netns, _isolated_port(_CONTROL_PLANE_PORT))
    _batch(
        lab.control_plane_netns,
        [f"addr add {topology.control_plane_address(lab)}/24 dev {nic}", f"link set {nic} up"],
    )
    _offloads_off(lab.netns, _CONTROL_PLANE_PORT)
    _offloads_off(lab.control_plane_netns, nic)


def _ensure_outside_port(lab: Lab) -> None:
    """The cable from a leaf port to the control plane's namespace."""
    if _OUTSIDE_VETH in _links(lab.netns):
        return
    nic, space = topology.OUTSIDE_NIC, lab.control_plane_netns
    _lay(lab, topology.outside_tap(), _OUTSIDE_BRIDGE, _OUTSIDE_VETH, nic, topology.mac(lab, 5, 1), space)
    _batch(space, [f"link set {nic} mtu 1500", f"addr add {topology.OUTSIDE_ADDRESS} dev {nic}", f"link set {nic} up"])


def _ensure_outlet(lab: Lab, outlet: Outlet) -> None:
    """The cable from a leaf port to a namespace beyond the fabric."""
    if outlet.veth in _links(lab.netns):
        return
    nic, space = topology.OUTLET_NIC, outlet.netns(lab)
    _lay(lab, outlet.tap, outlet.bridge, outlet.veth, nic, topology.outlet_mac(lab, outlet), space)
    lines = [f"link set {nic} mtu 1500", f"addr add {outlet.address} dev {nic}", f"link set {nic} up"]
    _batch(space, [*lines, *(f"route add {route}" for route in outlet.routes)])


def _lay(lab: Lab, tap: str, bridge: str, veth: str, nic: str, address: str, space: str) -> None:
    """A cable out of the rack: tap, two-port bridge, veth."""
    mtu = topology.PORT_MTU
    _ip(lab.netns, "tuntap", "add", tap, "mode", "tap")
    _batch(
        lab.netns,
        [
            f"link add {bridge} type bridge mcast_snooping 0 group_fwd_mask {_FORWARD_LLDP} stp_state 0",
            f"link add {veth} mtu {mtu} type veth peer name {nic} mtu {mtu} address {address} netns {space}",
            f"link set {tap} mtu {mtu} master {bridge} up",
            f"link set {veth} master {bridge} up",
            f"link set {bridge} up",
        ],
    )
    _offloads_off(lab.netns, tap)
    _offloads_off(lab.netns, veth)
    _offloads_off(space, nic)


def ensure_taps(rack: Rack) -> None:
    """Each machine's way into the management network."""
    present = _links(rack.lab.netns)
    for machine in rack.machines:
        if machine.tap not in present:
            _ip(rack.lab.netns, "tuntap", "add", machine.tap, "mode", "tap")
            _batch(rack.lab.netns, _isolated_port(machine.tap))
            _offloads_off(rack.lab.netns, machine.tap)


def remove_tap(lab: Lab, tap: str) -> None:
    if tap in _links(lab.netns):
        _ip(lab.netns, "link", "delete", tap)


def remove(lab: Lab) -> None:
    """Delete the lab's namespaces, and with them everything in them."""
    for name in namespaces(lab):
        _ip(None, "netns", "delete", name)
    # the kernel dismantles a namespace a moment later; the operator's interface goes with its peer
    deadline = time.monotonic() + 15
    while lab.operator_interface in _links(None):
        if time.monotonic() > deadline:
            raise LabError(f"interface {lab.operator_interface} is still there")
        time.sleep(0.1)
