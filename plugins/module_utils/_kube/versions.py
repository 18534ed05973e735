"""Kubernetes versions: which step from one to another is one that a control plane and its nodes can take."""

from __future__ import annotations

import re
from enum import Enum
from typing import NamedTuple

_FORM = re.compile(r"^v?(\d+)\.(\d+)\.(\d+)")
#: How many minors a kubelet may be behind its API server.
SKEW = 3


class Version(NamedTuple):
    major: int
    minor: int
    patch: int

    def __str__(self) -> str:
        return f"v{self.major}.{self.minor}.{self.patch}"


class Step(Enum):
    """What lies between two versions; nodes can follow one minor at a time."""

    NONE = "none"
    PATCH = "a newer patch"
    PATCH_BACK = "an older patch of the same minor"
    MINOR = "the next minor"
    SKIP = "a minor or a major is skipped"
    BACK = "an older minor"


def parse(text: str) -> Version | None:
    """What distributions add to a version plays no part."""
    found = _FORM.match(text.strip())
    return Version(*(int(part) for part in found.groups())) if found else None


def step(was: Version, to: Version) -> Step:
    if to[:2] == was[:2]:
        return Step.NONE if to == was else Step.PATCH if to > was else Step.PATCH_BACK
    if to < was:
        return Step.BACK
    return Step.MINOR if (to.major, to.minor) == (was.major, was.minor + 1) else Step.SKIP


def mistake(name: str, present: str, wanted: str, nodes: dict[str, str]) -> str:
    """Why the tenant cluster cannot be brought from one version to the other; empty if it can."""
    was, to = parse(present), parse(wanted)
    if to is None:
        return f"{name}.tenant_cluster_kubernetes_version: '{wanted}' is no version such as v1.36.0"
    if was is None:
        return f"{name}: its API server says of itself that it is '{present}', which is no version"
    taken = step(was, to)
    if taken in (Step.BACK, Step.PATCH_BACK):
        return (
            f"{name}.tenant_cluster_kubernetes_version: {to} is older than {was}, which runs; Kubernetes cannot go back"
            " (restore a snapshot from before the upgrade instead)"
        )
    if taken is Step.SKIP:
        between = ", ".join(f"v{was.major}.{minor}" for minor in range(was.minor + 1, to.minor))
        return (
            f"{name}.tenant_cluster_kubernetes_version: from {was} to {to} skips {between or 'a major version'};"
            " upgrade one minor at a time"
        )
    too_old = [f"{node} ({version})" for node, version in sorted(nodes.items()) if _behind(version, to) > SKEW]
    newer = [f"{node} ({version})" for node, version in sorted(nodes.items()) if _ahead(version, to)]
    if too_old:
        listed = ", ".join(too_old)
        return f"{name}: nodes more than {SKEW} minors behind {to} would be cut off: {listed}; upgrade them first"
    if newer:
        return f"{name}: nodes are newer than {to}, which no API server may be older than: {', '.join(newer)}"
    return ""


def same(one: str, other: str) -> bool:
    left, right = parse(one), parse(other)
    return left is not None and left == right


def _behind(version: str, to: Version) -> int:
    found = parse(version)
    return to.minor - found.minor if found and found.major == to.major else 0


def _ahead(version: str, to: Version) -> bool:
    found = parse(version)
    return found is not None and (found.major, found.minor) > (to.major, to.minor)
