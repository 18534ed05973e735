# Copyright: Contributors to the baremetal.fabric collection
# SPDX-License-Identifier: Apache-2.0

# This code is private to the baremetal.fabric collection: it may change without notice.

# Hooks and codecs share one signature, whether or not one of them needs all of it.

"""Sites: fabrics with their VLAN ranges. Read only."""

from __future__ import annotations

from ..model import Field, Record, Text, Value, World
from ..noun import Noun


class Site(Noun):
    key = "sites"
    label = "site"
    collection = "/api/v2/sites"
    fields = (
        Field("name", "name", Text()),
        Field("vlan_range", "vlanRange", Text()),
        Field("vlan_range_auto_assign", "vlanRangeAutoAssign", Text()),
    )

    def extras(self, record: Record, world: World) -> Value:
        """How many VLAN ids the controller can still choose from, as far as V-Nets use them."""
        chosen_from = record.value["vlan_range_auto_assign"] or record.value["vlan_range"] or "2-4094"
        pool = _expand(chosen_from)
        used = sorted(
            {
                vnet.value["vlan"]
                for vnet in world.all("vnets")
                if vnet.value.get("vlan") and record.value["name"] in vnet.value["sites"]
            }
        )
        return {"vlans_used": used, "vlans_free": len(pool - set(used)) if world.has("vnets") else None}


def _expand(text: str) -> set[int]:
    """The VLAN ids of "2-100,200"; 1 is never given out."""
    ids: set[int] = set()
    for part in text.replace(" ", "").split(","):
        low, dash, high = part.partition("-")
        if low.isdigit() and (not dash or high.isdigit()):
            ids.update(range(int(low), int(high if dash else low) + 1))
    return {vlan for vlan in ids if 2 <= vlan <= 4094}
