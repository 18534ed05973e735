# SPDX-License-Identifier: Apache-2.0
"""What the inventory says of one host alone.

Ansible hands out variables without saying where they come from. Some consents must not be given for a group by one
line, so this asks the inventory itself: what stands at the host in an inventory's file, script or plugin, and what the
variable plugins (host_vars/) know of the host as such. Groups, plays, roles and the command line are not asked.
"""

from __future__ import annotations

from typing import Any

from ansible.vars.plugins import get_vars_from_inventory_sources


def of_host(variable_manager: Any, loader: Any, name: str) -> dict[str, Any]:
    """The variables of the host's own, as they are written: templates are not resolved."""
    inventory = getattr(variable_manager, "_inventory", None)
    if inventory is None:
        return {}
    host = inventory.get_host(name)
    if host is None:
        return {}
    # Earlier ones yield to later ones, as Ansible itself has them: an inventory's file, then host_vars/ beside it.
    values: dict[str, Any] = dict(host.vars)
    for stage in ("inventory", "task"):
        values.update(get_vars_from_inventory_sources(loader, inventory._sources, [host], stage))
    return values
