"""Every path of the Netris API that is answered."""

from __future__ import annotations

from .call import Route
from .nouns import (
    acl,
    auth,
    clusters,
    dhcp,
    general,
    hardware,
    ipam,
    l4lb,
    lags,
    links,
    nat,
    peerings,
    ports,
    reservations,
    sites,
    templates,
    tenants,
    vnets,
    vpcs,
)

_MODULES = (
    acl, auth, clusters, dhcp, general, hardware, ipam, l4lb, lags, links, nat, peerings, ports,
    reservations, sites, templates, tenants, vnets, vpcs,
)  # fmt: skip

ROUTES: list[Route] = [route for module in _MODULES for route in module.ROUTES]
