# SPDX-License-Identifier: Apache-2.0
"""What has to happen to a flat network's bridge and the cluster's link on this server. Pure.

A bridge that gets an address, or that takes over a NIC as a whole, goes through netplan under the dead-man switch. One
without an address over a VLAN is only another port on a device that stays as it is: it is made with iproute2, as tenant
VLANs are, and costs nobody a packet.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable

from .errors import HostNetworkError
from .flat_forward import ACCEPTED, SCRIPT, SCRIPT_FILE, render_rules, rules_file
from .flat_model import KEEP, NONE, STATIC, Addressing, FlatNetwork, Port
from .flat_netplan import Resolved, flat_file, kept_addressing, kept_facts, render_flat
from .flat_observe import FlatObserved
from .links import Link, carriers, members, resolve_nics
from .model import Nic
from .steps import AwaitDetached, ChangeBond, ConfirmBond, RemoveFile, Run, Step, WriteFile

_GENERATE = Run(("netplan", "generate"))
_WHAT = "flat network"


@dataclass(frozen=True)
class FlatPlan:
    #: Under the dead-man switch; what comes before it, and what follows when it is confirmed.
    change: ChangeBond | None = None
    confirm: ConfirmBond | None = None
    before: tuple[Step, ...] = ()
    after: tuple[Step, ...] = ()
    resolved: Resolved | None = None


Look = Callable[[str, Addressing], Addressing]


def plan_flat(network: FlatNetwork, observed: FlatObserved, look: Look, allow_connection_nics: bool) -> FlatPlan:
    """`look` tells what addresses a device has."""
    if observed.text is not None and observed.file is None:
        raise HostNetworkError(
            f"{flat_file(network.name)} was not written by this collection (its first comment lines are missing):"
            " remove it and its devices by hand"
        )
    if not network.present:
        return _plan_absent(network, observed, allow_connection_nics)
    if observed.pending:
        observed.pending.refuse_other(flat_file(network.name))
    resolved = resolve(network, observed, look)
    _refuse(resolved, observed)
    content = render_flat(resolved)
    reasons = _reasons(resolved, content, observed)
    stale = _stale(resolved, observed)
    armed = bool(observed.pending and observed.pending.armed)
    support = _support(network, observed)
    forward = _forward(network, observed)
    detach = _detach(network, observed, stale)
    if not reasons:
        confirm = ConfirmBond(network.bridge) if armed else None
        return FlatPlan(confirm=confirm, before=support, after=forward, resolved=resolved)
    # netplan need not be applied where there is no address and no NIC taken over, and was none before
    if resolved.quiet and not armed and (observed.file is None or observed.file.quiet):
        devices = _devices(resolved, content, stale, observed)
        return FlatPlan(before=(*detach, *support), after=(*devices, *forward), resolved=resolved)
    touched = _touched(resolved, observed)
    if not allow_connection_nics:
        _refuse_own_way_in(network.bridge, touched, observed)
    change = ChangeBond(
        network.bridge,
        flat_file(network.name),
        content,
        observed.text,
        recreate=False,
        reasons=tuple(reasons),
        devices=resolved.devices[1:],
        remove=stale,
    )
    return FlatPlan(change=change, before=(*detach, *support), after=forward, resolved=resolved)


# -- what is wanted, with the kernel's names -----------------------------------------------------------------


def resolve(network: FlatNetwork, observed: FlatObserved, look: Look) -> Resolved:
    ports = [network.uplink] + ([network.cluster.port] if network.cluster else [])
    nics = {port.nic: Nic(port.nic, port.mac) for port in ports}
    devices = resolve_nics(observed.links, tuple(nics.values()))
    names = {nic: devices[number] for number, nic in enumerate(nics)}
    uplink = names[network.uplink.nic]
    addressing, kept = network.addressing, None
    if addressing.mode == KEEP:
        device = network.uplink.device(uplink)
        former = observed.file
        # what was kept once is not on the uplink any more
        known = former.kept if former and former.uplink == device else None
        if known is None:
            found = look(device, addressing) if device in observed.links else Addressing(NONE)
            known = kept_facts(found)
        addressing, kept = kept_addressing(known, network.addressing), known
    link = observed.links[uplink]
    return Resolved(
        network,
        uplink,
        names[network.cluster.port.nic] if network.cluster else None,
        link.permanent_mac or link.mac,
        addressing,
        kept,
        tuple(sorted(name for name in names.values() if observed.links[name].kind == "bond")),
    )


# -- what is refused -----------------------------------------------------------------------------------------


def _refuse(wanted: Resolved, observed: FlatObserved) -> None:
    network = wanted.network
    found: list[str] = []
    legs = [("uplink", wanted.uplink_nic, network.uplink)]
    if network.cluster:
        legs.append(("cluster_link", str(wanted.cluster_nic), network.cluster.port))
    own = set(observed.file.devices) if observed.file else set()
    for where, nic, port in legs:
        found += _leg_obstacles(where, nic, port, wanted, observed, own)
    bridge = observed.links.get(network.bridge)
    if bridge and network.bridge not in own:
        found.append(f"bridge: {network.bridge} exists on this server and is not ours: choose another name")
    for name, file in sorted(observed.others.items()):
        shared = {network.bridge, wanted.uplink} & {file.bridge, file.uplink}
        if shared:
            found.append(f"{' and '.join(sorted(shared))} belong to the flat network '{name}' ({flat_file(name)})")
    found += _same_metric(wanted, observed)
    if found:
        raise HostNetworkError(f"{'; '.join(found)}. Nothing was touched.", mistakes=found)


def _leg_obstacles(
    where: str, nic: str, port: Port, wanted: Resolved, observed: FlatObserved, own: set[str]
) -> list[str]:
    network, links = wanted.network, observed.links
    device, link = port.device(nic), links[nic]
    if port.vlan_id is None:
        if nic in wanted.bonds:
            return [f"{where}: {nic} is a bond, which others use, too: give a VLAN on it (vlan_id)"]
        if link.master not in (None, network.bridge):
            return [f"{where}: {nic} belongs to {link.master}"]
        # their definitions would be out of force at the next boot
        riders = sorted(
            each.name for each in links.values() if each.kind == "vlan" and each.parent == nic and each.name not in own
        )
        if riders:
            return [f"{where}: {nic} carries {', '.join(riders)}, which we know nothing of: take a NIC of its own"]
        return []
    found = [
        f"{where}: VLAN {port.vlan_id} on {nic} exists on this server as {each.name}, which is not ours"
        for each in links.values()
        if each.kind == "vlan" and each.parent == nic and each.data.get("id") == port.vlan_id and each.name not in own
    ]
    if device in links and device not in own and not found:
        found.append(f"{where}: {device} exists on this server and is not VLAN {port.vlan_id} of {nic}")
    if link.master not in (None, network.bridge):
        found.append(f"{where}: {nic} belongs to {link.master}, to which its VLANs would go: take them from that")
    return found


def _same_metric(wanted: Resolved, observed: FlatObserved) -> list[str]:
    """Of two default routes with one metric the kernel takes whichever came first."""
    ours = {wanted.network.bridge, wanted.uplink, wanted.uplink_nic}
    legs = [("addressing", wanted.addressing)]
    if wanted.network.cluster:
        ours |= {str(wanted.cluster), str(wanted.cluster_nic)}
        legs.append(("cluster_link.addressing", wanted.network.cluster.addressing))
    return [
        f"{where}.route_metric: {addressing.route_metric} is the metric of the default route by {route.device}, too:"
        " give the one that shall be used the lower figure"
        for where, addressing in legs
        for route in observed.default_routes
        if addressing.default_route and route.device not in ours and route.metric == addressing.route_metric
    ]


def _refuse_own_way_in(bridge: str, touched: set[str], observed: FlatObserved) -> None:
    management = observed.management
    shared = sorted(touched & set(management.nics))
    if shared:
        via = "" if management.device in shared else f" through {management.device}"
        raise HostNetworkError(
            f"this server is reached over {', '.join(shared)}{via} (the way back to {management.peer}), which"
            f" {'is' if len(shared) == 1 else 'are'} to be changed with {bridge}: a mistake would cut the server off"
            " until it takes the change back by itself. Nothing was touched. Reach it over another NIC, or allow the"
            " change with allow_connection_nics."
        )


def _touched(wanted: Resolved, observed: FlatObserved) -> set[str]:
    nics = {wanted.uplink_nic} | ({wanted.cluster_nic} if wanted.cluster_nic else set())
    return nics | {each for nic in nics for each in carriers(observed.links, nic)}


# -- what differs, and what to do about it -------------------------------------------------------------------


def _reasons(wanted: Resolved, content: str, observed: FlatObserved) -> list[str]:
    network, links = wanted.network, observed.links
    bridge, uplink = links.get(network.bridge), links.get(wanted.uplink)
    reasons: list[str] = []
    if bridge is None:
        addresses = "no address" if wanted.addressing.mode == NONE else _words(wanted.addressing)
        reasons.append(f"bridge over {wanted.uplink} with {addresses}")
    else:
        reasons += _bridge_differences(wanted, bridge)
        if uplink is None or uplink.master != network.bridge:
            reasons.append(f"{wanted.uplink} connected to it")
    if network.cluster and wanted.cluster not in links:
        reasons.append(f"the cluster's link {wanted.cluster} with {_words(network.cluster.addressing)}")
    for device, mtu in _mtus(wanted):
        link = links.get(device)
        if link and mtu and link.mtu != mtu:
            reasons.append(f"MTU {mtu} on {device}")
    if observed.text != content and not reasons:
        reasons.append("its netplan file differs")
    return reasons


def _bridge_differences(wanted: Resolved, bridge: Link) -> list[str]:
    found: list[str] = []
    if wanted.mac and bridge.mac != wanted.mac:
        found.append(f"address {bridge.mac} becomes {wanted.mac}")
    if int(bridge.data.get("stp_state", 0)) != 0:
        found.append("spanning tree off")
    if wanted.addressing.mode == STATIC:
        missing = [each for each in wanted.addressing.addresses if each not in bridge.addresses]
        found += [f"address {', '.join(missing)}"] if missing else []
    if not bridge.up:
        found.append("up")
    return found


def _mtus(wanted: Resolved) -> list[tuple[str, int | None]]:
    network = wanted.network
    found = [(network.bridge, network.uplink.mtu), (wanted.uplink, network.uplink.mtu)]
    if network.cluster:
        found.append((str(wanted.cluster), network.cluster.port.mtu))
    return found


def _words(addressing: Addressing) -> str:
    if addressing.mode == STATIC:
        return ", ".join(addressing.addresses)
    return "no address" if addressing.mode == NONE else "an address by DHCP"


def _devices(wanted: Resolved, content: str, stale: tuple[str, ...], observed: FlatObserved) -> list[Step]:
    """The bridge over a VLAN as netplan will make it at the next boot, made now."""
    network, links = wanted.network, observed.links
    bridge, vlan = links.get(network.bridge), links.get(wanted.uplink)
    steps: list[Step] = []
    if observed.text != content:
        steps.append(WriteFile(flat_file(network.name), content, 0o600, observed.text))
    for device in stale:
        if device in links:
            steps.append(Run(("ip", "link", "delete", "dev", device), f"remove {device}"))
    steps.append(_GENERATE)
    if vlan is None:
        steps.append(
            Run(
                (
                    *("ip", "link", "add", "link", wanted.uplink_nic, "name", wanted.uplink),
                    *("type", "vlan", "id", str(network.uplink.vlan_id)),
                ),
                f"add VLAN device {wanted.uplink}",
            )
        )
        steps.append(_plain(wanted.uplink))
    if bridge is None:
        address = ("address", wanted.mac) if wanted.mac else ()
        steps.append(
            Run(
                (
                    *("ip", "link", "add", "name", network.bridge, *address),
                    *("type", "bridge", "stp_state", "0", "forward_delay", "0"),
                ),
                f"add bridge {network.bridge}",
            )
        )
        steps.append(_plain(network.bridge))
    else:
        steps += _mended(wanted, bridge)
    for device, link in ((wanted.uplink, vlan), (network.bridge, bridge)):
        if network.uplink.mtu and (link is None or link.mtu != network.uplink.mtu):
            mtu = str(network.uplink.mtu)
            steps.append(Run(("ip", "link", "set", "dev", device, "mtu", mtu), f"MTU {mtu} on {device}"))
    if vlan is None or vlan.master != network.bridge:
        words = ("ip", "link", "set", "dev", wanted.uplink, "master", network.bridge)
        steps.append(Run(words, f"connect {wanted.uplink} to {network.bridge}"))
    for device, link in ((wanted.uplink, vlan), (network.bridge, bridge)):
        if link is None or not link.up:
            steps.append(Run(("ip", "link", "set", "dev", device, "up"), f"set {device} up"))
    return steps


def _mended(wanted: Resolved, bridge: Link) -> list[Step]:
    steps: list[Step] = []
    if int(bridge.data.get("stp_state", 0)) != 0:
        words = ("ip", "link", "set", "dev", bridge.name, "type", "bridge", "stp_state", "0", "forward_delay", "0")
        steps.append(Run(words, f"turn spanning tree off on {bridge.name}"))
    if wanted.mac and bridge.mac != wanted.mac:
        steps.append(Run(("ip", "link", "set", "dev", bridge.name, "address", wanted.mac), f"MAC of {bridge.name}"))
    return steps


def _plain(device: str) -> Run:
    """No IPv6 address of its own where none is wanted."""
    return Run(("ip", "link", "set", "dev", device, "addrgenmode", "none"))


def _support(network: FlatNetwork, observed: FlatObserved) -> tuple[Step, ...]:
    steps: list[Step] = []
    if observed.script != SCRIPT:
        steps.append(WriteFile(SCRIPT_FILE, SCRIPT, 0o755, observed.script))
    rules = render_rules(network.bridge)
    if observed.rules != rules:
        steps.append(WriteFile(rules_file(network.name), rules, 0o644, observed.rules))
    return tuple(steps)


def _forward(network: FlatNetwork, observed: FlatObserved) -> tuple[Step, ...]:
    """Where iptables is not used there is nothing to say, and nothing to do again in every run."""
    there = network.bridge in observed.links and observed.script == SCRIPT
    if observed.forward == ACCEPTED or (there and observed.forward != "missing"):
        return ()
    text = f"accept frames between ports of {network.bridge}" if there else ""
    return (Run((SCRIPT_FILE, "on", network.bridge), text),)


def _stale(wanted: Resolved, observed: FlatObserved) -> tuple[str, ...]:
    """Devices of the file as it is that the new one does not name."""
    former = observed.file.devices if observed.file else ()
    return tuple(each for each in former if each not in wanted.devices)


def _detach(network: FlatNetwork, observed: FlatObserved, stale: tuple[str, ...]) -> tuple[Step, ...]:
    file = observed.file
    if not file or file.bridge not in stale:
        return ()
    return _awaiting(network.name, observed)


def _awaiting(name: str, observed: FlatObserved) -> tuple[Step, ...]:
    file = observed.file
    if not file or not set(members(observed.links, file.bridge)) - {file.uplink}:
        return ()
    return (AwaitDetached(name, file.bridge, file.uplink, _WHAT),)


# -- removal -------------------------------------------------------------------------------------------------


def _plan_absent(network: FlatNetwork, observed: FlatObserved, allow_connection_nics: bool) -> FlatPlan:
    """The uplink gets back what it had: the other files are still there, and in force again."""
    steps: list[Step] = []
    if observed.rules is not None:
        steps.append(RemoveFile(rules_file(network.name), observed.rules))
    if observed.script is not None and not observed.others:
        steps.append(RemoveFile(SCRIPT_FILE, observed.script))
    file = observed.file
    if file is None or observed.text is None:
        pending = observed.pending
        ours = pending is not None and pending.armed and pending.path == flat_file(network.name)
        # nobody but the switch knows the bridge's name any more
        confirm = ConfirmBond(str(pending.device), gone=True) if pending and ours else None
        return FlatPlan(confirm=confirm, after=tuple(steps))
    if observed.pending:
        observed.pending.refuse_other(flat_file(network.name))
    off: tuple[Step, ...] = ()
    if observed.script is not None:
        off = (Run((SCRIPT_FILE, "off", file.bridge)),)
    before = (*_awaiting(network.name, observed), *off)
    if file.quiet:
        removal: list[Step] = [
            Run(("ip", "link", "delete", "dev", each), f"remove {each}")
            for each in file.devices
            if each in observed.links
        ]
        removal += [RemoveFile(flat_file(network.name), observed.text), _GENERATE]
        return FlatPlan(before=before, after=(*removal, *steps))
    if not allow_connection_nics:
        pods = set(members(observed.links, file.bridge)) - {file.uplink}
        touched = {each for device in (file.uplink, *file.devices) for each in carriers(observed.links, device)}
        _refuse_own_way_in(file.bridge, touched - pods, observed)
    change = ChangeBond(
        file.bridge,
        flat_file(network.name),
        None,
        observed.text,
        recreate=False,
        reasons=(f"{file.uplink} as it was before",),
        remove=file.devices,
    )
    return FlatPlan(change=change, before=before, after=tuple(steps))
