# SPDX-License-Identifier: Apache-2.0
"""Who makes a tenant's devices, and from whom to whom they may go. Pure.

This server and nmstate take over devices as they are. bridge-operator connects its VLAN only to bridges that it makes
itself, and restores its own as long as it is told of them.
"""

from __future__ import annotations

from .errors import HostNetworkError
from .model import BRIDGE_OPERATOR, HOST, NMSTATE, Desired, Tenant
from .observe import Observed


def former_maker(tenant: Tenant, observed: Observed) -> str | None:
    """Who else than `tenant.made_by` has its devices still in its books."""
    record = observed.records.get(tenant.name)
    if record and record.made_by != tenant.made_by:
        return record.made_by
    if tenant.made_by != HOST and tenant.name in observed.tenant_files:
        return HOST
    return None


def needs_cut(tenant: Tenant, observed: Observed) -> bool:
    """Whether the devices have to go before the new maker can make its own."""
    if tenant.made_by != BRIDGE_OPERATOR or tenant.bridge not in observed.links:
        return False
    record = observed.records.get(tenant.name)
    return record is None or record.made_by != BRIDGE_OPERATOR


def refuse_makers(desired: Desired, known: list[Tenant], observed: Observed) -> None:
    nmstate = [tenant.name for tenant in desired.present if tenant.made_by == NMSTATE]
    if nmstate and not observed.network_manager and desired.require_network_manager:
        raise HostNetworkError(
            "NetworkManager does not run on this server, and kubernetes-nmstate configures nothing without it. Install"
            " NetworkManager 1.22 or newer and let it manage VLANs and bridges, or use host_network_backend: host."
            " Nothing was touched."
        )
    for tenant in known:
        record = observed.records.get(tenant.name)
        if tenant.made_by == NMSTATE and record and record.made_by == BRIDGE_OPERATOR:
            raise HostNetworkError(
                f"the bridge of tenant cluster '{tenant.name}' is bridge-operator's, which removes what nmstate would"
                " take over. Move it to host_network_backend: host first, then to nmstate. Nothing was touched."
            )
        if needs_cut(tenant, observed) and not desired.allow_cut:
            raise HostNetworkError(
                f"{tenant.bridge} of tenant cluster '{tenant.name}' is on this server already, and bridge-operator"
                " never connects a VLAN to a bridge that it has not made itself. With host_network_allow_cut: true it"
                " is removed first, which cuts the tenant cluster off and needs every pod to have left it."
                " Nothing was touched."
            )
