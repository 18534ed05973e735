# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from ansible_collections.baremetal.fabric.plugins.module_utils._host_cluster.labels import label_changes, missing_nodes

LABEL = "tenant.baremetal.fabric/blue"
NODES = [
    {"metadata": {"name": "a", "labels": {LABEL: "bridge", "other": "1"}}},
    {"metadata": {"name": "b", "labels": {LABEL: "old"}}},
    {"metadata": {"name": "c"}},
]


def test_only_named_nodes_that_differ_are_patched() -> None:
    changes = label_changes(NODES, ["a", "b"], {LABEL: "bridge"})
    assert [(change.node, change.patch) for change in changes] == [("b", {"metadata": {"labels": {LABEL: "bridge"}}})]


def test_removal_touches_this_label_alone_wherever_it_is() -> None:
    changes = label_changes(NODES, None, {LABEL: None})
    assert [change.node for change in changes] == ["a", "b"]
    assert changes[0].patch == {"metadata": {"labels": {LABEL: None}}}
    assert (changes[0].before, changes[0].after) == ({LABEL: "bridge"}, {})


def test_a_node_that_does_not_exist_is_noticed() -> None:
    assert missing_nodes(NODES, ["a", "z"]) == ["z"]


def test_exclusive_labels_leave_the_other_nodes() -> None:
    changes = label_changes(NODES, ["b", "c"], {LABEL: "node"}, exclusive=True)
    assert [(change.node, change.after) for change in changes] == [
        ("a", {}),
        ("b", {LABEL: "node"}),
        ("c", {LABEL: "node"}),
    ]
    assert changes[0].patch == {"metadata": {"labels": {LABEL: None}}}
