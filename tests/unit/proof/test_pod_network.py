"""Who says that a control plane is open to the host cluster's pods."""

from __future__ import annotations

import pytest
from ansible_collections.baremetal.fabric.plugins.module_utils._host_cluster.cni import Cni
from ansible_collections.baremetal.fabric.plugins.module_utils._proof.clusters import describe_pod_network


@pytest.mark.parametrize(
    ("cni", "open_"),
    [
        (Cni("calico"), False),
        (Cni("cilium"), False),
        (Cni("canal"), False),
        (Cni("flannel", managed_by="k3s"), False),
        (Cni("flannel"), True),
        (Cni("bridge"), True),
    ],
    ids=lambda each: f"{each.name}-{each.managed_by}" if isinstance(each, Cni) else "",
)
def test_a_policy_needs_a_cni_that_enforces_it(cni: Cni, open_: bool) -> None:
    notes = describe_pod_network({"blue": True}, cni)
    assert bool(notes) is open_
    assert all(note.startswith("blue: ") and cni.name in note for note in notes)


def test_without_a_policy_no_cni_helps() -> None:
    (note,) = describe_pod_network({"green": False, "blue": True}, Cni("calico"))
    assert note.startswith("green: ") and "tenant_cluster_network_policy" in note
