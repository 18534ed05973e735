# SPDX-License-Identifier: Apache-2.0
"""What the operators that may make bridges on the shared servers would do wrong, or not at all, without a word."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from .._kube.documents.bridges import BRIDGE_OPERATOR
from .model import Model
from .problems import Problems

_BACKEND = "host_network_backend"
_ACCEPTED = "host_network_bridge_operator_accepted"
_IMAGE = "host_network_bridge_operator_image"
_BY_DIGEST = re.compile(r"\S+@sha256:[0-9a-f]{64}")
# With more, a server that starts is likely to meet a daemon that reconciles what it does not know yet, and crashes.
_MOST_TENANTS = 10


def check(model: Model, wide: Mapping[str, Any], problems: Problems) -> None:
    """Every mistake at once; nothing of it concerns the backends host and nmstate."""
    if wide[_BACKEND] != BRIDGE_OPERATOR:
        return
    if not wide[_ACCEPTED]:
        problems.add(
            _BACKEND,
            "bridge-operator loses a tenant's VLAN without telling when a server starts and a pod is quicker than its"
            " daemon, forgets what it has made when that restarts, and is not maintained (docs/bridge-backends.md);"
            f" use host or nmstate, or say {_ACCEPTED}: true",
        )
    if not _BY_DIGEST.fullmatch(wide[_IMAGE]):
        problems.add(_IMAGE, "name the daemon's image by its digest (…@sha256:…): bridge-operator has no release")
    if len(model.tenant_clusters) > _MOST_TENANTS:
        problems.add(
            _BACKEND,
            f"bridge-operator carries {_MOST_TENANTS} tenant clusters at most, there are {len(model.tenant_clusters)}:"
            " with more its daemon crashes when a server starts",
        )
    everywhere = tuple(sorted(model.shared_servers))
    for tenant in model.tenant_clusters.values():
        if tenant.shared_servers != everywhere and set(tenant.shared_servers) <= set(everywhere):
            problems.add(
                f"{tenant.name}.fabric_shared_servers",
                "bridge-operator's daemon crashes on every server that is left out; leave this variable out",
            )
