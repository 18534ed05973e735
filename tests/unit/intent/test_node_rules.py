# SPDX-License-Identifier: Apache-2.0
"""What an inventory may say of a bare-metal server's node."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from .conftest import Inventory


def test_what_is_allowed(inventory: Inventory) -> None:
    inventory.set(
        "metal1",
        node_join_labels={"example.com/rack": "r7", "slot": 3, "gpu": True, "empty": ""},
        node_join_taints=[
            {"key": "example.com/gpu", "value": "a100", "effect": "NoSchedule"},
            {"key": "example.com/gpu", "effect": "NoExecute"},
        ],
        node_join_kubelet_arguments=["--v=4"],
        node_join_kubelet_config={"maxPods": 250},
        node_join_registries=["ghcr.io", "mirror.example.com:5000", "http://10.0.0.1/v2/"],
        node_join_proxy={"https_proxy": "http://proxy:3128"},
    )
    inventory.model()


@pytest.mark.parametrize(
    ("variables", "path", "message"),
    [
        ({"node_join_labels": {"a b": "1"}}, "node_join_labels.a b", "'a b' is no name: "),
        ({"node_join_labels": {"Exa_mple/x": "1"}}, "node_join_labels.Exa_mple/x", "before the '/' is no DNS name"),
        ({"node_join_labels": {"x": "a b"}}, "node_join_labels.x", "'a b' is no label value: "),
        ({"node_join_labels": {"x": ["a"]}}, "node_join_labels.x", "must be text, not ['a']"),
        ({"node_join_labels": {"kubernetes.io/hostname": "x"}}, "node_join_labels.kubernetes.io/hostname", "kubelet"),
        ({"node_join_taints": [{"key": "x"}]}, "node_join_taints[0].effect", "is required"),
        ({"node_join_taints": [{"key": "x", "effect": "Never"}]}, "node_join_taints[0].effect", "NoSchedule"),
        ({"node_join_taints": [{"key": "x/", "effect": "NoExecute"}]}, "node_join_taints[0].key", "is no name"),
        ({"node_join_taints": [{"key": "x", "effect": "NoExecute"}] * 2}, "node_join_taints[1]", "is there twice"),
        ({"node_join_kubelet_arguments": ["--v 4"]}, "node_join_kubelet_arguments[0]", "does not look like --v=4"),
        ({"node_join_kubelet_arguments": ["--node-ip=1"]}, "node_join_kubelet_arguments[0]", "set by the join"),
        ({"node_join_registries": ["a b"]}, "node_join_registries[0]", "does not look like ghcr.io"),
        ({"node_join_proxy": {"htps_proxy": "x"}}, "node_join_proxy.htps_proxy", "did you mean https_proxy?"),
    ],
)
def test_what_is_not(
    inventory: Inventory,
    only: Callable[[dict[str, str], str], str],
    variables: dict[str, Any],
    path: str,
    message: str,
) -> None:
    assert message in only(inventory.set("metal1", **variables).problems(), f"metal1.{path}")
