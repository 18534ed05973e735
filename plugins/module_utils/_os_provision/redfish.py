# SPDX-License-Identifier: Apache-2.0
"""What a Redfish service says of its systems, as community.general.redfish_info hands it on. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def power(entries: Sequence[Any], system: str | None = None) -> str:
    """The `PowerState` of the system, or of the only one; ValueError when it cannot be told which or how it is."""
    systems: dict[str, Mapping[str, Any]] = {
        str(place["system_uri"]).rstrip("/").rpartition("/")[2]: inventory for place, inventory in entries
    }
    known = ", ".join(sorted(systems)) or "none"
    if system is None and len(systems) != 1:
        raise ValueError(f"this BMC has {len(systems)} systems, say which one by os_provision_bmc.system: {known}")
    name = system if system is not None else next(iter(systems))
    if name not in systems:
        raise ValueError(f"this BMC has no system '{name}'; it has {known}")
    state = systems[name].get("PowerState")
    if not state:
        raise ValueError(f"the BMC does not tell the power of system '{name}'")
    return str(state)
