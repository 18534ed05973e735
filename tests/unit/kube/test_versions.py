"""Steps between Kubernetes versions."""

from __future__ import annotations

import pytest
from ansible_collections.baremetal.fabric.plugins.filter.kubernetes_step import kubernetes_step
from ansible_collections.baremetal.fabric.plugins.module_utils._kube import versions
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.versions import Step


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


@pytest.mark.parametrize(
    ("was", "to", "taken"),
    [
        ("v1.36.1", "v1.36.1", Step.NONE),
        ("v1.36.1", "v1.36.3", Step.PATCH),
        ("v1.36.1", "v1.36.0", Step.PATCH_BACK),
        ("v1.36.1", "v1.37.0", Step.MINOR),
        ("v1.36.1", "v1.38.0", Step.SKIP),
        ("v1.36.1", "v2.0.0", Step.SKIP),
        ("v1.36.1", "v1.35.9", Step.BACK),
        ("v2.0.0", "v1.99.0", Step.BACK),
    ],
)
def test_what_lies_between_two_versions(was: str, to: str, taken: Step) -> None:
    first, second = versions.parse(was), versions.parse(to)
    assert first and second and versions.step(first, second) is taken
