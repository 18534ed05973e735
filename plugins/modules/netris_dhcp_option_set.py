#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

DOCUMENTATION = r"""
module: netris_dhcp_option_set
short_description: Manage a DHCP option set of Netris
version_added: 0.1.0
description:
  - Creates, changes and deletes a set of DHCP options that V-Nets can use.
extends_documentation_fragment:
  - baremetal.fabric.netris
  - baremetal.fabric.netris.entry
  - baremetal.fabric.netris.attributes
options:
  name:
    description:
      - Name of the option set. It is matched exactly.
    type: str
    required: true
  description:
    description:
      - Free text.
    type: str
  domain_search:
    description:
      - Search domain.
    type: str
  dns_servers:
    description:
      - Addresses of DNS servers, first choice first.
    type: list
    elements: str
  ntp_servers:
    description:
      - NTP servers, first choice first.
    type: list
    elements: str
  lease_time:
    description:
      - Lease time in seconds.
    type: int
  options:
    description:
      - Further options, in any order.
    type: list
    elements: dict
    suboptions:
      code:
        description:
          - Number of the option.
        type: int
        required: true
      type:
        description:
          - Type of the value, such as V(string) or V(ipv4-address).
        type: str
        required: true
      value:
        description:
          - The value.
        type: str
        required: true
seealso:
  - module: baremetal.fabric.netris_document
  - module: baremetal.fabric.netris_info
author:
  - The baremetal.fabric contributors (@baremetal-fabric)
"""

EXAMPLES = r"""
- name: Give leases a DNS server
  baremetal.fabric.netris_dhcp_option_set:
    name: lab
    dns_servers: [10.0.0.53]
"""

RETURN = r"""
object:
  description: The object as it is now, or in check mode as it would be. Null when it is absent.
  type: dict
  returned: success
  sample: {id: 2, name: lab, dns_servers: [10.0.0.53], lease_time: 86400}
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
    module = AnsibleModule(argument_spec=noun_argument_spec("dhcp_option_sets"), supports_check_mode=True)
    run_noun(module, "dhcp_option_sets")


if __name__ == "__main__":
    main()
