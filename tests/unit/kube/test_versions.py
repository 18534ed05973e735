"""Steps between Kubernetes versions."""

from __future__ import annotations

import pytest
from ansible_collections.baremetal.fabric.plugins.filter.kubernetes_step import kubernetes_step
from ansible_collections.baremetal.fabric.plugins.module_utils._kube import versions


def node(name: str, version: str) -> dict[str, object]:
    return {"metadata": {"name": name}, "status": {"nodeInfo": {"kubeletVersion": version}}}


@pytest.mark.parametrize(
    ("present", "wanted", "nodes"),
    [
        ("v1.35.2", "v1.36.0", ["v1.35.2"]),
        ("v1.36.0", "v1.36.3", []),
        ("v1.36.3", "v1.36.3", ["v1.35.2", "v1.36.3"]),  # killed after the control plane
        ("v1.36.0+vcluster", "1.36.0", []),
    ],
)
def test_steps_that_can_be_taken(present: str, wanted: str, nodes: list[str]) -> None:
    listed = [node(f"metal{n}", version) for n, version in enumerate(nodes)]
    assert kubernetes_step(present, wanted, "blue", listed) == ""


@pytest.mark.parametrize(
    ("present", "wanted", "nodes", "said"),
    [
        ("v1.34.0", "v1.36.0", [], "from v1.34.0 to v1.36.0 skips v1.35; upgrade one minor at a time"),
        ("v1.36.0", "v1.35.9", [], "v1.35.9 is older than v1.36.0, which runs"),
        ("v1.36.2", "v1.36.1", [], "v1.36.1 is older than v1.36.2, which runs"),
        ("v1.36.0", "latest", [], "'latest' is no version such as v1.36.0"),
        ("v1.35.0", "v1.36.0", ["v1.32.0", "v1.35.0"], "would be cut off: metal0 (v1.32.0)"),
        ("v1.35.0", "v1.35.1", ["v1.36.0"], "nodes are newer than v1.35.1"),
        ("v1.36.0", "v2.0.0", [], "skips a major version"),
    ],
)
def test_steps_that_are_refused(present: str, wanted: str, nodes: list[str], said: str) -> None:
    listed = [node(f"metal{n}", version) for n, version in enumerate(nodes)]
    assert said in kubernetes_step(present, wanted, "blue", listed)


def test_what_a_distribution_adds_is_no_difference() -> None:
    assert versions.same("v1.36.0-full", "1.36.0") and not versions.same("v1.36.0", "v1.36.1")
    assert not versions.same("", "")
