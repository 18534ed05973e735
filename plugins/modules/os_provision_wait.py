#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0
"""Documentation of the action plugin of the same name; nothing here ever runs."""

from __future__ import annotations

DOCUMENTATION = r"""
module: os_provision_wait
short_description: Wait until a server's own system can be logged in to
version_added: 0.1.0
description:
  - Logs in by the connection of the host, needs no Python there, and prints every 20 seconds how far it is. That an ssh
    server answers is not enough, for installers have one, too.
extends_documentation_fragment:
  - baremetal.fabric.modes.read_only
attributes:
  action:
    support: full
    description: Runs inside Ansible.
  async:
    support: none
    description: What is going on could not be told.
options:
  timeout:
    description: Seconds to wait; with V(0) it is tried once.
    type: int
    default: 0
  identity:
    description: The installation that the system must come from, as M(baremetal.fabric.os_provision_seed) returned it.
    type: str
  required:
    description: Whether it is a failure when nobody answers.
    type: bool
    default: true
author:
  - The baremetal.fabric developers (@baremetal-fabric)
"""

EXAMPLES = r"""
- name: See whether the server has a system
  baremetal.fabric.os_provision_wait:
    required: false
  register: system
"""

RETURN = r"""
answers:
  description: Whether the system could be logged in to.
  type: bool
  returned: always
identity:
  description: The installation that it comes from; empty when it was installed by other means.
  type: str
  returned: always
said:
  description: What the last attempt ended with.
  type: str
  returned: always
"""
