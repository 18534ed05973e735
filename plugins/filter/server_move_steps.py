# SPDX-License-Identifier: Apache-2.0
"""What a server has to leave before it can be where it belongs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

DOCUMENTATION = r"""
name: server_move_steps
short_description: What a bare-metal server has to leave before it moves
version_added: 0.1.0
description:
  - Joins what the controller says of a server's place with what the server says of itself. They can differ, when a run
    was killed or somebody has moved the server by hand.
positional: look, tenant_clusters
options:
  _input:
    description: One of the moves that M(baremetal.fabric.fabric_plan) returned.
    type: dict
    required: true
  look:
    description:
      - What M(baremetal.fabric.node_join_info) said of the server, with the API endpoint of the tenant cluster that it
        shall be in. Empty for a server that does not answer.
    type: dict
    required: true
  tenant_clusters:
    description: Inventory names of all tenant clusters.
    type: list
    elements: str
    required: true
author:
  - The baremetal.fabric developers (@baremetal-fabric)
"""

EXAMPLES = r"""
- name: What has metal1 to leave?
  ansible.builtin.debug:
    msg: "{{ planned.moves.metal1 | baremetal.fabric.server_move_steps(server_look, groups.tenant_clusters) }}"
"""

RETURN = r"""
_value:
  description:
    - The move with C(leave), whether the server has to be taken out of something and reset, and C(leave_from), the
      tenant cluster whose node it is, empty if there is none to be asked.
  type: dict
"""


def server_move_steps(
    move: Mapping[str, Any], look: Mapping[str, Any], tenant_clusters: Sequence[str]
) -> dict[str, Any]:
    source, target = str(move["source"]), str(move["target"])
    noted = str(look.get("tenant") or "")
    # The server's own word first: that is where its node is. What it says of a cluster that is gone helps nobody.
    runs_in = noted if noted in tenant_clusters else source
    remains = bool(look.get("remains"))
    in_place = bool(target) and source == target
    # In its place, a join that was interrupted is the join's business; a node of another cluster is not.
    leave = bool(look.get("foreign")) if in_place else bool(source) or remains
    leave_from = runs_in if leave else ""
    if leave and leave_from == target and source != target:
        leave_from = source
    return {**move, "leave": leave, "leave_from": leave_from}


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"server_move_steps": server_move_steps}
