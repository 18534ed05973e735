# SPDX-License-Identifier: Apache-2.0
"""Options in, result out: the one sequence that the module goes through."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Mapping

from . import netplan, rollback
from .errors import HostNetworkError
from .execute import Executor, Limits, lacp_partner
from .makers import former_maker
from .model import Bond, Desired, desired_from_options
from .observe import Observed, observe, read_links
from .plan_bond import BondPlan, plan_bond
from .plan_tenants import plan_tenants
from .steps import ChangeBond, RemoveFile, Step, WriteFile
from .system import System
from .validate import validate

_UNKNOWN = "(known after apply)"


def apply(options: Mapping[str, Any], system: System, check_mode: bool) -> dict[str, Any]:
    """Bring the server's network to the desired state, or say what that would take."""
    desired = desired_from_options(options, check_mode)
    observed = observe(system, desired, options.get("management_peer"))
    bond_plan = BondPlan()
    if desired.bond:
        bond_plan = plan_bond(desired.bond, observed, bool(options.get("allow_connection_nics")))
    _require_link(desired, observed)
    tenant_steps = plan_tenants(desired, observed)
    steps: list[Step] = [step for step in (bond_plan.change, bond_plan.confirm) if step]
    steps += tenant_steps
    validate(system, steps)
    # tenants wait until the bond that carries them is confirmed: a roll-back must not take them along
    if bond_plan.change and not check_mode:
        steps = [bond_plan.change]
    actions = [step.text for step in steps if step.text]
    actions += [
        f"set up VLAN {_UNKNOWN} of tenant cluster '{tenant.name}'"
        for tenant in desired.present
        if tenant.vlan_id is None
    ]
    warnings = rollback.warnings(observed.pending)
    if not check_mode:
        executor = Executor(
            system,
            limits_of(options),
            observed.management,
            require_carrier=bool(options.get("require_carrier", True)),
            require_isolation=bool(options.get("require_isolation", True)),
        )
        executor.carry_out(steps)
        if bond_plan.change is None and observed.pending:
            rollback.forget(system)
        if actions:
            observed = replace(observed, links=read_links(system), guards={**observed.guards, **executor.guards})
    tenants = _tenant_results(desired, observed)
    result: dict[str, Any] = {
        "changed": bool(actions),
        "actions": actions,
        "confirm_needed": bond_plan.change is not None and not check_mode,
        "bond": _bond_result(desired.bond, bond_plan, observed, system) if desired.bond else None,
        "tenants": tenants,
        "management": {"peer": observed.management.peer, "nics": list(observed.management.nics)},
        "diff": diff_of(steps, actions),
    }
    warnings += [warning for tenant in tenants for warning in _tenant_warnings(tenant)]
    return {**result, "warnings": warnings} if warnings else result


def _require_link(desired: Desired, observed: Observed) -> None:
    if desired.bond is None and desired.present and desired.link not in observed.links:
        raise HostNetworkError(f"{desired.link}, which is to carry the tenant VLANs, does not exist on this server")
    armed = observed.pending is not None and observed.pending.armed
    if desired.bond is None and observed.pending and armed:
        what = observed.pending.device or "this server's bond"
        raise HostNetworkError(f"an earlier change of {what} is not confirmed yet; run again what changed it")


def limits_of(options: Mapping[str, Any]) -> Limits:
    defaults = Limits()
    return replace(
        defaults,
        rollback=options.get("rollback_timeout") or defaults.rollback,
        carrier=options.get("carrier_timeout") or defaults.carrier,
        devices=options.get("devices_timeout") or defaults.devices,
        detach=defaults.detach if options.get("detach_timeout") is None else options["detach_timeout"],
    )


def _bond_result(bond: Bond, plan: BondPlan, observed: Observed, system: System) -> dict[str, Any]:
    live = observed.links.get(bond.name)
    return {
        "name": bond.name,
        "members": list(plan.devices),
        "carrier": bool(live and live.carrier),
        "addresses": list(live.addresses) if live else [],
        "mtu": live.mtu if live else bond.mtu,
        "lacp_partner": lacp_partner(system, bond.name) if live and bond.lacp else None,
    }


def _tenant_results(desired: Desired, observed: Observed) -> list[dict[str, Any]]:
    results: list[dict[str, Any]] = []
    for tenant in desired.present:
        guard = observed.guards.get(tenant.bridge or "")
        results.append(
            {
                "name": tenant.name,
                "state": "present",
                "vlan_id": tenant.vlan_id,
                "vlan_device": tenant.vlan_device,
                "bridge": tenant.bridge,
                "made_by": tenant.made_by,
                "releases": None if desired.settle else former_maker(tenant, observed),
                "host_isolation": guard.host_isolation if guard else None,
                "bridged_traffic": guard.bridged_traffic if guard else None,
            }
        )
    return results + [{"name": name, "state": "absent"} for name in desired.absent]


def diff_of(steps: list[Step], actions: list[str]) -> list[dict[str, str]]:
    """Files as they were and will be; what has no file (devices) as a list of actions."""
    diffs: list[dict[str, str]] = []
    for step in steps:
        if isinstance(step, (WriteFile, ChangeBond)) and step.content != step.before:
            if step.path.startswith(netplan.DIRECTORY):
                diffs.append(
                    {
                        "before_header": step.path,
                        "after_header": step.path,
                        "before": step.before or "",
                        "after": step.content or "",
                    }
                )
        elif isinstance(step, RemoveFile) and step.path.startswith(netplan.DIRECTORY):
            diffs.append({"before_header": step.path, "after_header": step.path, "before": step.before, "after": ""})
    if actions:
        diffs.append({"before": "", "after": "\n".join(actions) + "\n", "after_header": "actions"})
    return diffs


def _tenant_warnings(tenant: Mapping[str, Any]) -> list[str]:
    warnings: list[str] = []
    if tenant.get("host_isolation") == "none":
        warnings.append(
            f"bridge {tenant['bridge']} of tenant cluster '{tenant['name']}' is not kept apart from the server"
        )
    if tenant.get("bridged_traffic") == "missing":
        warnings.append(f"bridged traffic on {tenant['bridge']} runs through this server's own iptables rules")
    return warnings
