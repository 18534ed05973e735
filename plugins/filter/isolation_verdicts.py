# Copyright (c) 2026, the baremetal.fabric authors
# Apache License 2.0 (see LICENSE)
"""The filter isolation_verdicts."""

from __future__ import annotations

DOCUMENTATION = r"""
name: isolation_verdicts
short_description: Judge what the probes of all servers saw
version_added: 0.1.0
description:
  - Every pair of places gets a verdict on each layer, C(passed), C(failed) or C(not proven).
  - Silence counts only when the listener was shown to hear, the sender to speak, and both at the same time.
    Everything else that was not heard is C(not proven), never C(passed).
positional: observations
options:
  _input:
    description: The same dictionary that was given to P(baremetal.fabric.isolation_plan#filter).
    type: dict
    required: true
  observations:
    description: What M(baremetal.fabric.packet_probe) returned for each server.
    type: dict
    required: true
author:
  - The baremetal.fabric developers (@baremetal-fabric)
"""

EXAMPLES = r"""
- name: Show the isolation matrix
  ansible.builtin.debug:
    msg: "{{ (scene | baremetal.fabric.isolation_verdicts(observations)).table }}"
"""

RETURN = r"""
_value:
  description:
    - C(verdicts), each with subject, row, column, layer, expected, verdict, reason and whether it is required.
    - C(matrix), row by column by layer, the worst verdict of each.
    - C(table), the matrix as lines of text.
    - C(tenants), each tenant cluster with VLAN id, subnet, API endpoint and nodes; C(summary), the same as lines of
      text.
    - C(failures), a line of text for each; C(unproven), a line for each reason; C(untried), a line for each thing that
      there was no opportunity to prove.
    - C(counts) of the verdicts.
  type: dict
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.baremetal.fabric.plugins.module_utils._proof import render
from ansible_collections.baremetal.fabric.plugins.module_utils._proof.evaluate import (
    FAILED,
    NOT_PROVEN,
    PASSED,
    judge,
)
from ansible_collections.baremetal.fabric.plugins.module_utils._proof.scene import scene_of


def isolation_verdicts(given: Mapping[str, Any], observations: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    verdicts = judge(scene_of(given), observations)
    return {
        "verdicts": [dataclasses.asdict(verdict) for verdict in verdicts],
        "matrix": render.matrix(verdicts),
        "table": render.table(verdicts),
        "tenants": render.tenants(given),
        "summary": render.summary(given),
        "failures": render.complaints([each for each in verdicts if each.verdict == FAILED]),
        "unproven": render.causes([each for each in verdicts if each.verdict == NOT_PROVEN and each.required]),
        "untried": render.complaints([each for each in verdicts if each.verdict == NOT_PROVEN and not each.required]),
        "counts": {kind: sum(each.verdict == kind for each in verdicts) for kind in (PASSED, FAILED, NOT_PROVEN)},
    }


class FilterModule:
    """What Ansible asks a filter file for."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"isolation_verdicts": isolation_verdicts}
