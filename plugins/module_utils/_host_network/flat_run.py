# SPDX-License-Identifier: Apache-2.0
"""Observe, plan, check, carry out: the one path that the module host_flat_network goes through."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Mapping

from . import rollback
from .execute import Executor
from .flat_model import FlatNetwork, flat_network_from_options
from .flat_netplan import Resolved
from .flat_observe import FlatObserved, default_routes, forward_state, found_addressing, observe_flat
from .flat_plan import FlatPlan, plan_flat
from .management import ManagementPath
from .observe import read_links
from .run import diff_of, limits_of
from .steps import Step
from .system import System
from .validate import validate


def apply_flat(options: Mapping[str, Any], system: System, check_mode: bool) -> dict[str, Any]:
    """Bring the server's leg in the flat network to the desired state, or say what that would take."""
    network = flat_network_from_options(options)
    observed = observe_flat(system, network, options.get("management_peer"))
    plan = plan_flat(
        network,
        observed,
        lambda device, wanted: found_addressing(system, device, wanted),
        bool(options.get("allow_connection_nics")),
    )
    steps: list[Step] = [*plan.before, *(step for step in (plan.change, plan.confirm) if step), *plan.after]
    validate(system, steps)
    # a roll-back must find what it knows of: the rest waits for the second call
    if plan.change and not check_mode:
        steps = [*plan.before, plan.change]
    actions = [step.text for step in steps if step.text]
    warnings = rollback.warnings(observed.pending)
    if not check_mode:
        executor = Executor(
            system,
            limits_of(options),
            _way_back(plan, observed),
            require_carrier=bool(options.get("require_carrier", True)),
        )
        executor.carry_out(steps)
        if plan.change is None and observed.pending:
            rollback.forget(system)
        if steps:
            observed = _again(system, network, observed)
    result: dict[str, Any] = {
        "changed": bool(actions),
        "actions": actions,
        "confirm_needed": plan.change is not None and not check_mode,
        "bridge": _bridge(plan.resolved, observed),
        "cluster_link": _cluster_link(plan.resolved, observed),
        "default_routes": [
            {"device": each.device, "metric": each.metric, "via": each.via, "family": each.family}
            for each in observed.default_routes
        ],
        "bridged_traffic": observed.forward,
        "management": {"peer": observed.management.peer, "nics": list(observed.management.nics)},
        "diff": diff_of(steps, actions),
    }
    return {**result, "warnings": warnings} if warnings else result


def _again(system: System, network: FlatNetwork, observed: FlatObserved) -> FlatObserved:
    links = read_links(system)
    there = network.present and network.bridge in links
    return replace(
        observed,
        links=links,
        default_routes=default_routes(system),
        forward=forward_state(system, network.bridge) if there else observed.forward,
    )


def _way_back(plan: FlatPlan, observed: FlatObserved) -> ManagementPath:
    """The way to the machine that runs Ansible moves with the address: from the NIC to the bridge, and back."""
    management = observed.management
    device = management.device
    wanted, file = plan.resolved, observed.file
    if wanted and device == wanted.uplink:
        device = wanted.network.bridge
    elif wanted is None and file and device == file.bridge:
        device = file.uplink if file.uplink not in file.devices else None
    return replace(management, device=device)


def _bridge(wanted: Resolved | None, observed: FlatObserved) -> dict[str, Any] | None:
    if wanted is None:
        return None
    live = observed.links.get(wanted.network.bridge)
    return {
        "name": wanted.network.bridge,
        "uplink": wanted.uplink,
        "mac": live.mac if live else wanted.mac,
        "carrier": bool(live and live.carrier),
        "addresses": list(live.addresses) if live else [],
        "mtu": live.mtu if live else wanted.network.uplink.mtu,
    }


def _cluster_link(wanted: Resolved | None, observed: FlatObserved) -> dict[str, Any] | None:
    if wanted is None or wanted.network.cluster is None:
        return None
    live = observed.links.get(str(wanted.cluster))
    return {
        "device": wanted.cluster,
        "addresses": list(live.addresses) if live else [],
        "mtu": live.mtu if live else wanted.network.cluster.port.mtu,
    }
