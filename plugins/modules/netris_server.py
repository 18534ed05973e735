#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

DOCUMENTATION = r"""
module: netris_server
short_description: Manage a server in the inventory of Netris
version_added: 0.1.0
description:
  - Creates, changes and deletes a server. Its links survive every change.
extends_documentation_fragment:
  - baremetal.fabric.netris
  - baremetal.fabric.netris.entry
  - baremetal.fabric.netris.attributes
options:
  name:
    description:
      - Name of the server. It is matched exactly.
    type: str
    required: true
  site:
    description:
      - Name of the site. Needed to create it, and cannot be changed later.
    type: str
  owner:
    description:
      - Name of the owner, the Netris tenant that the object belongs to. Needed to create it.
    type: str
  nics:
    description:
      - Number of NICs, V(eth1) to V(ethN). Needed to create it, and cannot be changed later.
    type: int
  description:
    description:
      - Free text.
    type: str
  main_address:
    description:
      - Main address, V(auto) to let the controller choose one, or empty.
    type: str
  management_address:
    description:
      - Management address, V(auto) to let the controller choose one, or empty.
    type: str
  asn:
    description:
      - Number of the autonomous system, or V(auto).
    type: str
  custom_data:
    description:
      - Custom data, a text that holds JSON.
    type: str
  role:
    description:
      - Role of the server, as the controller calls it.
    type: str
  tags:
    description:
      - Tags. The ownership mark is added and kept by itself and need not be listed.
    type: list
    elements: str
seealso:
  - module: baremetal.fabric.netris_link
  - module: baremetal.fabric.netris_document
  - module: baremetal.fabric.netris_info
author:
  - The baremetal.fabric contributors (@baremetal-fabric)
"""

EXAMPLES = r"""
- name: Enter a bare-metal server
  baremetal.fabric.netris_server:
    name: metal1
    site: Default
    owner: Admin
    nics: 10
"""

RETURN = r"""
object:
  description: The object as it is now, or in check mode as it would be. Null when it is absent.
  type: dict
  returned: success
  sample: {id: 21, name: metal1, site: Default, owner: Admin, nics: 10}
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
    module = AnsibleModule(argument_spec=noun_argument_spec("servers"), supports_check_mode=True)
    run_noun(module, "servers")


if __name__ == "__main__":
    main()
