# SPDX-License-Identifier: Apache-2.0
"""What several modules say alike of the modes they know."""

from __future__ import annotations


class ModuleDocFragment:
    # Of whatever only looks.
    READ_ONLY = r"""
attributes:
  check_mode:
    support: full
    description: Same as without it.
  diff_mode:
    support: none
    description: Changes nothing.
"""

    # Besides, of what is an action plugin alone.
    ACTION = r"""
attributes:
  action:
    support: full
    description: Runs inside Ansible; needs no connection.
  async:
    support: none
    description: There is nothing to wait for.
"""
