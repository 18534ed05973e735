# SPDX-License-Identifier: Apache-2.0
"""What has to happen to the bond. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from . import netplan
from .errors import HostNetworkError
from .links import Link, Links, carriers, members, resolve_nics
from .management import ManagementPath
from .model import Bond
from .observe import Observed
from .steps import ChangeBond, ConfirmBond


@dataclass(frozen=True)
class BondPlan:
    change: ChangeBond | None = None
    confirm: ConfirmBond | None = None
    devices: tuple[str, ...] = ()


def plan_bond(bond: Bond, observed: Observed, allow_connection_nics: bool) -> BondPlan:
    links = observed.links
    devices = resolve_nics(links, bond.nics)
    _refuse_foreign_members(bond, devices, links)
    mac = _address(links[devices[0]])
    content = netplan.render_bond(bond, devices, mac)
    differences = _differences(bond, devices, mac, links.get(bond.name))
    strays = sorted(set(members(links, bond.name)) ^ set(devices)) if bond.name in links else []
    reasons = list(differences)
    reasons += [f"members {', '.join(devices)}"] if strays and not differences else []
    reasons += _mtu_difference(bond, devices, links)
    if observed.bond_text != content and not reasons:
        reasons.append("its netplan file differs")
    if observed.pending:
        observed.pending.refuse_other(netplan.BOND_FILE)
    armed = bool(observed.pending and observed.pending.armed)
    if not reasons:
        return BondPlan(confirm=ConfirmBond(bond.name) if armed else None, devices=devices)
    if not allow_connection_nics:
        touched = set(devices) | set(carriers(links, bond.name) if bond.name in links else ())
        _refuse_own_way_in(bond, touched, observed.management)
    change = ChangeBond(
        bond.name,
        netplan.BOND_FILE,
        content,
        observed.bond_text,
        # networkd does not change these on a bond that exists
        recreate=bond.name in links and bool(differences),
        reasons=tuple(reasons),
    )
    return BondPlan(change=change, devices=devices)


def _address(nic: Link) -> str | None:
    """A member carries the bond's address; its own is the permanent one."""
    return nic.permanent_mac or nic.mac


def _differences(bond: Bond, devices: tuple[str, ...], mac: str | None, live: Link | None) -> list[str]:
    """What differs between the bond as it is and as it shall be, as far as only a new device can mend it."""
    if live is None:
        return [f"{bond.mode} over {', '.join(devices)}"]
    if live.kind != "bond":
        raise HostNetworkError(f"{bond.name} exists on this server and is no bond but {live.kind or 'a NIC'}")
    wanted: dict[str, object] = {"mode": bond.mode, "miimon": bond.mii_monitor_interval}
    if bond.lacp:
        wanted["ad_lacp_rate"] = bond.lacp_rate
    if bond.mode in ("802.3ad", "balance-xor", "balance-tlb"):
        wanted["xmit_hash_policy"] = bond.transmit_hash_policy
    found = [
        f"{key} {live.data.get(key)} becomes {value}"
        for key, value in wanted.items()
        if key in live.data and str(live.data[key]) != str(value)
    ]
    if mac and live.mac != mac:
        found.append(f"address {live.mac} becomes {mac}")
    return found


def _mtu_difference(bond: Bond, devices: tuple[str, ...], links: Links) -> list[str]:
    if not bond.mtu or bond.name not in links:
        return []
    wrong = [name for name in (bond.name, *devices) if links[name].mtu != bond.mtu]
    return [f"MTU {bond.mtu} on {', '.join(wrong)}"] if wrong else []


def _refuse_foreign_members(bond: Bond, devices: tuple[str, ...], links: Links) -> None:
    taken = [
        f"{name} belongs to {links[name].master}" for name in devices if links[name].master not in (None, bond.name)
    ]
    if taken:
        raise HostNetworkError(f"NICs of {bond.name} are in use: {', '.join(taken)}. Nothing was touched.")


def _refuse_own_way_in(bond: Bond, touched: set[str], management: ManagementPath) -> None:
    shared = sorted(touched & set(management.nics))
    if shared:
        via = "" if management.device in shared else f" through {management.device}"
        raise HostNetworkError(
            f"this server is reached over {', '.join(shared)}{via} (the way back to {management.peer}), which"
            f" {'is' if len(shared) == 1 else 'are'} to be changed with {bond.name}: a mistake would cut the server"
            " off. Nothing was touched. Reach it over a management NIC, or allow the change with allow_connection_nics."
        )
