#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

DOCUMENTATION = r"""
module: netris_link
short_description: Manage a link of Netris
version_added: 0.1.0
description:
  - >-
    Creates, changes and deletes a link: the cable between two ports. Which end is called local makes no difference.
extends_documentation_fragment:
  - baremetal.fabric.netris
  - baremetal.fabric.netris.entry
  - baremetal.fabric.netris.attributes
options:
  local:
    description:
      - One end, as V(port@device).
    type: str
    required: true
  remote:
    description:
      - The other end, as V(port@device).
    type: str
    required: true
  underlay:
    description:
      - Whether the link carries the fabric itself. Links of servers do not.
    type: bool
  local_ipv4:
    description:
      - IPv4 address of the local end with prefix length, or empty.
    type: str
  local_ipv6:
    description:
      - IPv6 address of the local end with prefix length, or empty.
    type: str
  remote_ipv4:
    description:
      - IPv4 address of the remote end with prefix length, or empty.
    type: str
  remote_ipv6:
    description:
      - IPv6 address of the remote end with prefix length, or empty.
    type: str
seealso:
  - module: baremetal.fabric.netris_server
  - module: baremetal.fabric.netris_document
  - module: baremetal.fabric.netris_info
author:
  - The baremetal.fabric contributors (@baremetal-fabric)
"""

EXAMPLES = r"""
- name: Enter the cable of a server's NIC
  baremetal.fabric.netris_link:
    local: eth9@metal1
    remote: swp7@leaf1
"""

RETURN = r"""
object:
  description: The object as it is now, or in check mode as it would be. Null when it is absent.
  type: dict
  returned: success
  sample: {id: 4, local: eth9@metal1, remote: swp7@leaf1, underlay: false}
plan:
  description: What was done, or in check mode would be done, in order. Empty when nothing changes.
  type: list
  elements: dict
  returned: success
  contains:
    noun:
      description: Kind of object.
      type: str
    name:
      description: Name of the object.
      type: str
    operation:
      description: One of V(create), V(update), V(delete).
      type: str
    changes:
      description: The fields that change, each with C(field), C(before) and C(after).
      type: list
      elements: dict
    reason:
      description: Why, where it is not obvious.
      type: str
requests:
  description: Number of requests that were made, as C(read) and C(write).
  type: dict
  returned: success
errors:
  description: All mistakes in the options, each with C(path) and C(message). Nothing was written then.
  type: list
  elements: dict
  returned: when options are wrong
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.baremetal.fabric.plugins.module_utils._netris.module import noun_argument_spec, run_noun


def main() -> None:
    module = AnsibleModule(argument_spec=noun_argument_spec("links"), supports_check_mode=True)
    run_noun(module, "links")


if __name__ == "__main__":
    main()
