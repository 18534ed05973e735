# SPDX-License-Identifier: Apache-2.0
"""Which tier of vCluster's licence a control plane needs.

Source: vCluster's own list of products (docs, src/data/products.yaml). That list is the vendor's policy and changes, so
whoever holds a licence can say so and is believed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .paths import Values, at

#: From none to the highest; each includes those before it.
TIERS = ("OSS", "Free", "Dev", "Prod", "Scale")


def _on(value: Any) -> bool:
    return value is True


def _filled(value: Any) -> bool:
    return bool(value)


#: Path, tier, and when the value at the path needs it.
FEATURES: tuple[tuple[str, str, Callable[[Any], bool]], ...] = (
    ("privateNodes.enabled", "Free", _on),
    ("privateNodes.autoNodes", "Free", _filled),
    ("privateNodes.vpn.enabled", "Free", _on),
    ("privateNodes.defaultProfile", "Free", _filled),
    ("controlPlane.backingStore.etcd.embedded.enabled", "Free", _on),
    ("controlPlane.coredns.embedded", "Free", _on),
    ("sync.toHost.customResources", "Free", _filled),
    ("sync.fromHost.customResources", "Free", _filled),
    ("sleep.auto", "Dev", _filled),
    ("sleepMode.enabled", "Dev", _on),
    ("controlPlane.backingStore.database.external.enabled", "Prod", _on),
    ("snapshots.auto.schedule", "Prod", _filled),
    ("controlPlane.advanced.kubeVip.enabled", "Scale", _on),
    ("integrations.netris.enabled", "Scale", _on),
    ("policies.centralAdmission.validatingWebhooks", "Scale", _filled),
    ("policies.centralAdmission.mutatingWebhooks", "Scale", _filled),
)


def tiers(values: Values) -> dict[str, list[str]]:
    """The paths of values by the tier that they need, from the lowest tier up; nothing for plain open source."""
    found: dict[str, list[str]] = {}
    for tier in TIERS:
        paths = [path for path, needed, needs in FEATURES if needed == tier and needs(at(values, path))]
        if paths:
            found[tier] = paths
    return found


def needed(by_tier: Mapping[str, list[str]]) -> str:
    """The tier that all of them need."""
    return max(by_tier, key=TIERS.index, default=TIERS[0])


def tier_of(path: str) -> str:
    """The tier of what is at this path or in it."""
    inside = [tier for known, tier, _needs in FEATURES if known == path or known.startswith(f"{path}.")]
    around = [tier for known, tier, _needs in FEATURES if path.startswith(f"{known.removesuffix('.enabled')}.")]
    return max([*inside, *around], key=TIERS.index, default=TIERS[0])


def refusal(values: Values, licence_given: bool, tier: str) -> str | None:
    """What is wrong with the licence; None if nothing is, as far as can be told from here.

    Without a word about the tier, a licence that is given is taken for the right one, and private nodes alone are let
    pass: their free licence may be in the namespace already.
    """
    by_tier = tiers(values)
    wanted = needed(by_tier)
    if tier:
        held = tier
    elif licence_given:
        return None
    else:
        held = "Free"
    if TIERS.index(wanted) <= TIERS.index(held):
        return None
    above = [
        f"{each} for {', '.join(paths)}" for each, paths in by_tier.items() if TIERS.index(each) > TIERS.index(held)
    ]
    told = f"your licence is {tier}" if tier else "no tenant_cluster_licence is given"
    return (
        f"vCluster needs a licence of tier {'; '.join(above)}, and {told}:"
        f" leave that out, or set tenant_cluster_licence_tier to {wanted} if you have one"
    )
