# SPDX-License-Identifier: Apache-2.0
"""Carries a plan out on the server."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from . import rollback
from .errors import HostNetworkError
from .guard import GuardStatus, parse_status
from .guard_script import SCRIPT_FILE
from .links import members, unmade
from .management import ManagementPath, route_device
from .observe import read_links
from .steps import (
    AwaitDetached,
    AwaitDevices,
    ChangeBond,
    ConfirmBond,
    Guard,
    RemoveDevice,
    RemoveFile,
    Run,
    Step,
    WriteFile,
)
from .system import System


@dataclass(frozen=True)
class Limits:
    """Seconds."""

    rollback: int = 120
    carrier: int = 60
    detach: int = 30
    devices: int = 60


@dataclass
class Executor:
    system: System
    limits: Limits
    management: ManagementPath
    require_carrier: bool = True
    require_isolation: bool = True
    guards: dict[str, GuardStatus] = field(default_factory=dict)

    def carry_out(self, steps: list[Step]) -> None:
        for step in steps:
            self._do(step)

    def _do(self, step: Step) -> None:
        if isinstance(step, WriteFile):
            self.system.write(step.path, step.content, step.mode)
        elif isinstance(step, RemoveFile):
            self.system.remove(step.path)
        elif isinstance(step, Run):
            self.system.run(*step.argv)
        elif isinstance(step, Guard):
            self._guard(step)
        elif isinstance(step, AwaitDetached):
            self._await_detached(step)
        elif isinstance(step, AwaitDevices):
            self._await_devices(step)
        elif isinstance(step, RemoveDevice):
            self._remove_device(step.device)
        elif isinstance(step, ChangeBond):
            self._change_bond(step)
        elif isinstance(step, ConfirmBond):
            if not step.gone:
                self._await_carrier(step.bond)
            rollback.disarm(self.system)

    def _guard(self, step: Guard) -> None:
        status = parse_status(self.system.run(SCRIPT_FILE, "on", step.bridge, step.vlan))
        self.guards[step.bridge] = status
        if status.host_isolation == "none" and self.require_isolation:
            for undo in step.undo:
                self._do(undo)
            raise HostNetworkError(
                f"nothing on this server can keep bridge {step.bridge} of tenant cluster '{step.tenant}' apart from it:"
                " neither tc with the matchall or u32 classifier and the drop action, nor ebtables works. Install the"
                " kernel's extra modules, or accept the risk with require_isolation: false."
            )

    def _await_detached(self, step: AwaitDetached) -> None:
        ports: list[str] = []

        def detached() -> bool:
            ports[:] = sorted(set(members(read_links(self.system), step.bridge)) - {step.vlan})
            return not ports

        if not self.system.wait(detached, self.limits.detach):
            raise HostNetworkError(
                f"bridge {step.bridge} of {step.what} '{step.tenant}' is still in use by {', '.join(ports)}:"
                " remove the pods and virtual machines that are connected to it first"
            )

    def _await_devices(self, step: AwaitDevices) -> None:
        missing = [""]

        def there() -> bool:
            missing[0] = unmade(read_links(self.system), step.link, step.vlan_id, step.vlan, step.bridge)
            return not missing[0]

        if not self.system.wait(there, self.limits.devices, 0.5):
            raise HostNetworkError(
                f"the bridge of tenant cluster '{step.tenant}' is not ready after {self.limits.devices} s:"
                f" {missing[0]}. {step.made_by} was to make it on this server."
            )

    def _remove_device(self, device: str) -> None:
        # without NetworkManager, or without a profile of that name, it is the kernel's alone
        self.system.attempt("nmcli", "--wait", "10", "connection", "delete", "id", device)
        if device in read_links(self.system):
            self.system.run("ip", "link", "delete", "dev", device)

    def _change_bond(self, step: ChangeBond) -> None:
        links = read_links(self.system)
        existed = step.bond in links
        # a roll-back brings those that were there back by the file
        more = tuple(device for device in step.devices if device not in links)
        seconds = self.limits.rollback + self.limits.carrier
        rollback.arm(self.system, step.path, step.before, step.bond, existed, seconds, more)
        try:
            if step.content is None:
                self.system.remove(step.path)
            else:
                self.system.write(step.path, step.content, 0o600)
            self.system.run("netplan", "generate")
            for device in ((step.bond,) if step.recreate else ()) + step.remove:
                if device in links:
                    self.system.run("ip", "link", "delete", "dev", device)
            self.system.run("netplan", "apply")
            if step.content is not None:
                self._await_carrier(step.bond)
            self._check_way_back()
        except HostNetworkError as error:
            rollback.roll_back_now(self.system)
            raise HostNetworkError(f"{error}. The previous configuration of {step.bond} was brought back.") from error

    def _await_carrier(self, bond: str) -> None:
        if not self.require_carrier:
            return

        def carrier() -> bool:
            link = read_links(self.system).get(bond)
            return link is not None and link.up and link.carrier

        if self.system.wait(carrier, self.limits.carrier, 0.5):
            return
        links = read_links(self.system)
        lit = [name for name in members(links, bond) if links[name].carrier]
        why = (
            f"although {' and '.join(lit)} {'has' if len(lit) == 1 else 'have'}: run again; if it stays so, look"
            " whether the switch has these ports in one LACP port-channel"
            if lit
            else "and none of its NICs has: are its cables in and its switch ports up?"
        )
        raise HostNetworkError(f"{bond} has no carrier after {self.limits.carrier} s, {why}")

    def _check_way_back(self) -> None:
        """What is learned by DHCP may take over the route to the machine that runs Ansible."""
        peer, before = self.management.peer, self.management.device
        now: list[str | None] = [None]

        def same_way() -> bool:
            now[0] = route_device(self.system, str(peer))
            return now[0] is not None and before in (None, now[0])

        if peer and not self.system.wait(same_way, 15, 0.5):
            where = f"would now leave by {now[0]} instead of {before}" if now[0] else "have no route any more"
            raise HostNetworkError(f"answers to {peer}, from where this server is managed, {where}")


def lacp_partner(system: System, bond: str) -> str | None:
    """The switch's LACP system address; None while nobody answers."""
    code, output, _errors = system.attempt("ip", "-d", "-j", "link", "show", "dev", bond)
    if code != 0:
        return None
    info = (json.loads(output or "[]") or [{}])[0].get("linkinfo", {}).get("info_data", {}).get("ad_info") or {}
    partner = info.get("partner_mac")
    return partner if partner and partner != "00:00:00:00:00:00" else None
