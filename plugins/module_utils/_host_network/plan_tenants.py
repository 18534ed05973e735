# SPDX-License-Identifier: Apache-2.0
"""What has to happen to tenants' VLAN devices, bridges and files. Pure.

The order makes every step repeatable: a tenant's netplan file, which names its devices, is written before they are made
and removed after they are gone, so whoever comes after a kill finds what there is to do.
Devices are made with iproute2, the same that netplan would have networkd make: applying netplan reconfigures the bond
below them, and with it everybody else's traffic.
"""

from __future__ import annotations

from dataclasses import replace

from . import netplan
from .errors import HostNetworkError
from .guard import UNIT, UNIT_FILE, UNIT_NAME, render_rules, rules_file
from .guard_script import SCRIPT, SCRIPT_FILE
from .links import Link, Links, members, unmade
from .makers import needs_cut, refuse_makers
from .model import HOST, Desired, Tenant
from .netplan import TenantDevices
from .observe import PROFILES, Observed
from .steps import AwaitDetached, AwaitDevices, Guard, RemoveDevice, RemoveFile, Run, Step, WriteFile

_GENERATE = Run(("netplan", "generate"))


def plan_tenants(desired: Desired, observed: Observed) -> list[Step]:
    """Releases come before claims: a VLAN id may go from one tenant to another."""
    known = [tenant for tenant in desired.present if tenant.vlan_id is not None]
    refuse_makers(desired, known, observed)
    moved = {tenant.name for tenant in known if _has_other_devices(tenant, observed) or needs_cut(tenant, observed)}
    released = {*desired.absent, *moved}
    _refuse_conflicts(known, observed, released)
    steps: list[Step] = []
    for name in (*desired.absent, *sorted(moved)):
        steps += _remove_devices(name, observed)
    files = _remove_files(desired.absent, observed)
    if desired.present:
        files += _support(observed)
    for tenant in known:
        files += _files(tenant, observed, desired.settle or tenant.name in moved)
    remaining = _without(observed, released)
    devices: list[Step] = []
    for tenant in known:
        if tenant.made_by == HOST:
            devices += _add_devices(tenant, remaining, observed)
        else:
            devices += _expect_devices(tenant, remaining, observed, desired.settle)
    steps += files
    if observed.has_netplan and (files or devices or any(name in observed.rules for name in desired.absent)):
        steps.append(_GENERATE)
    steps += devices
    if desired.settle:
        steps += [step for tenant in known for step in _release(tenant, observed)]
    # last: they tell whoever comes after a kill that the removal was not through
    steps += [RemoveFile(rules_file(name), observed.rules[name]) for name in desired.absent if name in observed.rules]
    others = (set(observed.tenant_files) | set(observed.rules)) - set(desired.absent)
    if desired.absent and not desired.present and not others:
        steps += _remove_support(observed)
    return steps


def _without(observed: Observed, released: set[str]) -> Links:
    """The devices that are left when those of the released tenants are gone."""
    gone: set[str] = set()
    for name in released:
        for devices in _held(name, observed):
            gone |= {devices.bridge, devices.vlan}
    return {name: link for name, link in observed.links.items() if name not in gone}


def _has_other_devices(tenant: Tenant, observed: Observed) -> bool:
    return any(not held.same_as(devices_of(tenant)) for held in _held(tenant.name, observed))


def _held(name: str, observed: Observed) -> list[TenantDevices]:
    """What a tenant has on this server by its netplan file, and by what an operator of the host cluster was to make."""
    file, record = observed.tenant_files.get(name), observed.records.get(name)
    return [devices for devices in (file.devices if file else None, record) if devices]


def devices_of(tenant: Tenant) -> TenantDevices:
    return TenantDevices(
        tenant.name,
        tenant.link,
        int(tenant.vlan_id or 0),
        str(tenant.vlan_device),
        str(tenant.bridge),
        tenant.made_by,
    )


def _support(observed: Observed) -> list[Step]:
    steps: list[Step] = []
    if observed.guard_script != SCRIPT:
        steps.append(WriteFile(SCRIPT_FILE, SCRIPT, 0o755, observed.guard_script))
    if observed.guard_unit != UNIT:
        steps += [
            WriteFile(UNIT_FILE, UNIT, 0o644, observed.guard_unit),
            # only the next boot needs to know, and a reload of systemd is dear
            Run(("systemctl", "enable", "--quiet", "--no-reload", UNIT_NAME)),
        ]
    return steps


def _remove_support(observed: Observed) -> list[Step]:
    """With the last tenant goes what only tenants need."""
    steps: list[Step] = []
    if observed.guard_unit is not None:
        steps += [
            Run(("systemctl", "disable", "--quiet", "--no-reload", UNIT_NAME)),
            RemoveFile(UNIT_FILE, observed.guard_unit),
        ]
    if observed.guard_script is not None:
        steps.append(RemoveFile(SCRIPT_FILE, observed.guard_script))
    return steps


def _remove_files(names: tuple[str, ...], observed: Observed) -> list[Step]:
    return [
        RemoveFile(netplan.tenant_file(name), observed.tenant_files[name].text)
        for name in names
        if name in observed.tenant_files
    ]


def _remove_devices(name: str, observed: Observed) -> list[Step]:
    file = observed.tenant_files.get(name)
    if file is not None and file.devices is None:
        raise HostNetworkError(
            f"{netplan.tenant_file(name)} was not written by this collection (its first comment lines are missing):"
            " remove it and its devices by hand"
        )
    steps: list[Step] = []
    seen: list[TenantDevices] = []
    for devices in _held(name, observed):
        if not any(devices.same_as(other) for other in seen):
            # that of the record, should both be there: NetworkManager may know them
            record = observed.records.get(name)
            made_by = record.made_by if record and record.same_as(devices) else devices.made_by
            steps += _remove(replace(devices, made_by=made_by), observed)
        seen.append(devices)
    return steps


def _remove(devices: TenantDevices, observed: Observed) -> list[Step]:
    links = observed.links
    steps: list[Step] = []
    if _is(links.get(devices.bridge), "bridge"):
        if set(members(links, devices.bridge)) - {devices.vlan}:
            steps.append(AwaitDetached(devices.name, devices.bridge, devices.vlan))
        steps.append(_delete(devices, devices.bridge, "bridge"))
    vlan = links.get(devices.vlan)
    if vlan and _is(vlan, "vlan") and vlan.parent == devices.link:
        steps.append(_delete(devices, devices.vlan, "VLAN device"))
    if observed.guard_script is not None:
        steps.append(Run((SCRIPT_FILE, "off", devices.bridge, devices.vlan)))
    return steps


def _delete(devices: TenantDevices, device: str, what: str) -> Step:
    if devices.made_by != HOST:
        return RemoveDevice(device)
    return Run(("ip", "link", "delete", "dev", device), f"remove {what} {device}")


def _refuse_conflicts(tenants: list[Tenant], observed: Observed, released: set[str]) -> None:
    for tenant in tenants:
        for other in sorted({*observed.tenant_files, *observed.records} - {tenant.name} - released):
            for held in _held(other, observed):
                if held.bridge != tenant.bridge and (held.vlan_id, held.link) != (tenant.vlan_id, tenant.link):
                    continue
                where = netplan.tenant_file(other) if held.made_by == HOST else rules_file(other)
                raise HostNetworkError(
                    f"VLAN {tenant.vlan_id} of tenant cluster '{tenant.name}' is held on this server by tenant cluster"
                    f" '{other}' ({where}). Nothing was touched."
                )
        _refuse_foreign_devices(tenant, observed.links)


def _refuse_foreign_devices(tenant: Tenant, links: Links) -> None:
    vlan, bridge = links.get(str(tenant.vlan_device)), links.get(str(tenant.bridge))
    if vlan and not (_is(vlan, "vlan") and vlan.parent == tenant.link and vlan.data.get("id") == tenant.vlan_id):
        raise HostNetworkError(f"{vlan.name} exists on this server and is not VLAN {tenant.vlan_id} on {tenant.link}")
    if vlan and vlan.master not in (None, tenant.bridge):
        raise HostNetworkError(f"{vlan.name} exists on this server and belongs to {vlan.master}")
    if bridge and not _is(bridge, "bridge"):
        raise HostNetworkError(f"{bridge.name} exists on this server and is no bridge but {bridge.kind or 'a NIC'}")
    for link in (vlan, bridge):
        if link and link.addresses:
            raise HostNetworkError(
                f"{link.name} has addresses of its own ({', '.join(link.addresses)}): a tenant VLAN must not reach the"
                " server. Nothing was touched."
            )
    for link in links.values():
        if (
            link.kind == "vlan"
            and link.parent == tenant.link
            and link.data.get("id") == tenant.vlan_id
            and link != vlan
        ):
            raise HostNetworkError(
                f"VLAN {tenant.vlan_id} on {tenant.link} exists on this server as {link.name}, which is not ours"
            )


def _files(tenant: Tenant, observed: Observed, final: bool) -> list[Step]:
    """Until it is `final`, a former maker's record stays: it tells that there is somebody to be released."""
    steps: list[Step] = []
    devices, before = devices_of(tenant), observed.rules.get(tenant.name)
    rules = render_rules(devices)
    if tenant.made_by == HOST and tenant.name in observed.records and not final:
        rules = before or rules
    if before != rules:
        steps.append(WriteFile(rules_file(tenant.name), rules, 0o644, before))
        if tenant.made_by != HOST:
            # the devices may appear any moment
            steps.append(Run(("udevadm", "control", "--reload")))
    if tenant.made_by != HOST:
        return steps
    content, file = netplan.render_tenant(tenant), observed.tenant_files.get(tenant.name)
    if file is None or file.text != content:
        steps.append(WriteFile(netplan.tenant_file(tenant.name), content, 0o600, file.text if file else None))
    return steps


def _expect_devices(tenant: Tenant, links: Links, observed: Observed, settle: bool) -> list[Step]:
    """Somebody else makes them; that they are there, and guarded, is seen to here."""
    devices = devices_of(tenant)
    missing = unmade(links, devices.link, devices.vlan_id, devices.vlan, devices.bridge)
    steps: list[Step] = []
    if missing and not settle:
        return steps
    if missing:
        steps.append(
            AwaitDevices(tenant.name, devices.link, devices.vlan_id, devices.vlan, devices.bridge, tenant.made_by)
        )
    status = None if missing else observed.guards.get(devices.bridge)
    if status is None or not status.in_force:
        steps.append(Guard(tenant.name, devices.bridge, devices.vlan))
    return steps


def _release(tenant: Tenant, observed: Observed) -> list[Step]:
    """What the former maker would bring back at the next boot. Nobody is told now: the devices are in use."""
    if tenant.made_by != HOST:
        files = _remove_files((tenant.name,), observed)
        return [*files, _GENERATE] if files else []
    record = observed.records.get(tenant.name)
    paths = [f"{PROFILES}/{device}.nmconnection" for device in (record.bridge, record.vlan)] if record else []
    return [RemoveFile(path, observed.profiles[path]) for path in paths if path in observed.profiles]


def _add_devices(tenant: Tenant, links: Links, observed: Observed) -> list[Step]:
    """Guarded before it is up, and a member of the bridge before it can take in a packet."""
    devices = devices_of(tenant)
    vlan, bridge = links.get(devices.vlan), links.get(devices.bridge)
    steps: list[Step] = []
    if vlan is None:
        steps.append(
            Run(
                (
                    *("ip", "link", "add", "link", devices.link, "name", devices.vlan),
                    *("type", "vlan", "id", str(devices.vlan_id)),
                ),
                f"add VLAN device {devices.vlan}",
            )
        )
        steps.append(_quiet(devices.vlan))
    if bridge is None:
        steps.append(
            Run(
                ("ip", "link", "add", "name", devices.bridge, "type", "bridge", "stp_state", "0", "forward_delay", "0"),
                f"add bridge {devices.bridge}",
            )
        )
        steps.append(_quiet(devices.bridge))
    elif int(bridge.data.get("stp_state", 0)) != 0:
        steps.append(
            Run(
                ("ip", "link", "set", "dev", devices.bridge, "type", "bridge", "stp_state", "0", "forward_delay", "0"),
                f"turn spanning tree off on {devices.bridge}",
            )
        )
    if bridge and int(bridge.data.get("vlan_filtering") or 0) != 0:
        steps.append(
            Run(
                ("ip", "link", "set", "dev", devices.bridge, "type", "bridge", "vlan_filtering", "0"),
                f"turn VLAN filtering off on {devices.bridge}",
            )
        )
    status = observed.guards.get(devices.bridge) if vlan and bridge else None
    if status is None or not status.in_force:
        steps.append(Guard(tenant.name, devices.bridge, devices.vlan, _undo(tenant, devices)))
    for link, name in ((vlan, devices.vlan), (bridge, devices.bridge)):
        if tenant.mtu and (link is None or link.mtu != tenant.mtu):
            steps.append(Run(("ip", "link", "set", "dev", name, "mtu", str(tenant.mtu)), f"MTU {tenant.mtu} on {name}"))
    if vlan is None or vlan.master != devices.bridge:
        steps.append(
            Run(
                ("ip", "link", "set", "dev", devices.vlan, "master", devices.bridge),
                f"connect {devices.vlan} to {devices.bridge}",
            )
        )
    for link, name in ((vlan, devices.vlan), (bridge, devices.bridge)):
        if link is None or not link.up:
            steps.append(Run(("ip", "link", "set", "dev", name, "up"), f"set {name} up"))
    return steps


def _undo(tenant: Tenant, devices: TenantDevices) -> tuple[Run | RemoveFile, ...]:
    return (
        Run(("ip", "link", "delete", "dev", devices.bridge)),
        Run(("ip", "link", "delete", "dev", devices.vlan)),
        RemoveFile(netplan.tenant_file(tenant.name), ""),
        RemoveFile(rules_file(tenant.name), ""),
        _GENERATE,
    )


def _quiet(device: str) -> Run:
    """No IPv6 link-local address, ever."""
    return Run(("ip", "link", "set", "dev", device, "addrgenmode", "none"))


def _is(link: Link | None, kind: str) -> bool:
    return link is not None and link.kind == kind
