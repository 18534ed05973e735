"""Which licence a control plane needs."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.documents.common import merge
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.documents.control_plane import control_plane_values
from ansible_collections.baremetal.fabric.plugins.module_utils._vcluster import licence
from ansible_collections.baremetal.fabric.plugins.module_utils._vcluster.paths import nested

from tests.support.control_planes import EXAMPLE

from .charts import schema_of
from .paths import knows


def test_our_own_values_are_free() -> None:
    by_tier = licence.tiers(control_plane_values(EXAMPLE))
    assert by_tier == {"Free": ["privateNodes.enabled", "controlPlane.backingStore.etcd.embedded.enabled"]}
    assert licence.needed(by_tier) == "Free"


@pytest.mark.parametrize(("path", "tier"), [(path, tier) for path, tier, _needs in licence.FEATURES])
def test_each_feature(path: str, tier: str) -> None:
    value: Any = True if path.endswith(("enabled", "embedded")) else {"something": "set"}
    assert licence.tiers(nested(path, value)) == {tier: [path]}
    assert licence.tiers(nested(path, False if value is True else {})) == {}
    assert licence.tier_of(path) == tier
    release = "0.30" if path.startswith("sleepMode") else "0.36"
    assert knows(schema_of(release), path.split("."))


def test_open_source_needs_none() -> None:
    values = {"controlPlane": {"backingStore": {"etcd": {"deploy": {"enabled": True}}}}}
    assert licence.needed(licence.tiers(values)) == "OSS"
    assert licence.tier_of("controlPlane.backingStore.etcd.deploy.enabled") == "OSS"
    assert licence.tier_of("controlPlane.backingStore.database.external.dataSource") == "Prod"


@pytest.mark.parametrize(
    ("path", "given", "tier", "refused"),
    [
        (None, False, "", False),
        (None, False, "Free", False),
        ("controlPlane.advanced.kubeVip.enabled", False, "", True),
        ("controlPlane.advanced.kubeVip.enabled", True, "", False),
        ("controlPlane.advanced.kubeVip.enabled", True, "Prod", True),
        ("controlPlane.advanced.kubeVip.enabled", False, "Scale", False),
    ],
)
def test_when_it_is_refused(path: str | None, given: bool, tier: str, refused: bool) -> None:
    values = control_plane_values(EXAMPLE)
    if path:
        values = merge(values, nested(path, True))
    message = licence.refusal(values, given, tier)
    assert (message is not None) is refused
    if message:
        assert "Scale for controlPlane.advanced.kubeVip.enabled" in message and "privateNodes" not in message
