#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0
"""Documentation of the action plugin of the same name; nothing here ever runs."""

from __future__ import annotations

DOCUMENTATION = r"""
module: os_provision_plan
short_description: Decide whether a server gets a new system
version_added: 0.1.0
description:
  - A server that answers is left alone. One that is off and does not answer is installed. In doubt nothing is done, and
    everything that speaks against it is told at once.
  - A disk is written only where C(os_provision_wipe) is V(true) in the variables of the host itself, that is in the
    inventory's entry of the host or in C(host_vars/). A group's, a play's, a role's and the command line's do not
    count. The plugin asks the inventory for it, since Ansible does not tell where a variable comes from.
  - A server that some cluster knows as a Ready node is refused, whatever is asked for.
extends_documentation_fragment:
  - baremetal.fabric.modes.action
  - baremetal.fabric.modes.read_only
options:
  provider:
    description: Who installs the server.
    type: str
    choices: [existing, redfish]
    required: true
  answers:
    description: Whether the server's system could be logged in to.
    type: bool
    required: true
  power:
    description: The server's C(PowerState), as Redfish says it.
    type: str
    default: ''
  reinstall:
    description: Servers that shall be installed though they run.
    type: list
    elements: str
    default: []
  node_name:
    description: The name by which clusters know the server.
    type: str
    required: true
  system_uuid:
    description:
      - UUID of the server's board, by which a node is known as its own whatever its name, and one of its name as
        another machine's. The latter counts only while the server is off. Without it, and for nodes that have none, the
        name decides.
    type: str
  nodes:
    description: The nodes of all clusters, with C(cluster), C(name), C(ready) and C(system_uuid).
    type: list
    elements: dict
    default: []
  unknown:
    description: Why some cluster could not be asked for its nodes. Each is a refusal.
    type: list
    elements: str
    default: []
  clusters_asked:
    description: Whether there was a host cluster to ask. Without one no server that runs is installed.
    type: bool
    default: false
author:
  - The baremetal.fabric developers (@baremetal-fabric)
"""

EXAMPLES = r"""
- name: Decide what is to be done
  baremetal.fabric.os_provision_plan:
    provider: redfish
    answers: false
    power: "Off"
    node_name: metal1
    nodes:
      - {cluster: blue, name: metal2, ready: true}
  register: plan
"""

RETURN = r"""
action:
  description: What is to be done, V(keep) or V(install).
  type: str
  returned: success
reason:
  description: Why.
  type: str
  returned: success
refusals:
  description: What speaks against an installation; with any of it the task fails.
  type: list
  elements: str
  returned: always
"""
