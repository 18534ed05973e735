#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

DOCUMENTATION = r"""
module: netris_server_cluster
short_description: Manage a server cluster of Netris
version_added: 0.1.0
description:
  - Creates, changes and deletes a server cluster, and waits until it is Active.
  - A dedicated server is untagged on the cluster's V-Nets and belongs to one cluster at a time. A shared server is
    tagged and may be in any number of them.
extends_documentation_fragment:
  - baremetal.fabric.netris
  - baremetal.fabric.netris.entry
  - baremetal.fabric.netris.wait
  - baremetal.fabric.netris.attributes
options:
  name:
    description:
      - Name of the cluster. It is matched exactly.
    type: str
    required: true
  site:
    description:
      - Name of the site. Together with O(name) it tells clusters apart. Needed to create it.
    type: str
  owner:
    description:
      - Name of the owner, the Netris tenant that the object belongs to. Needed to create it, and cannot be changed
        later.
    type: str
  vpc:
    description:
      - Name of the VPC. Needed to create it, and cannot be changed later.
    type: str
  template:
    description:
      - Name of the server cluster template. Needed to create it, and cannot be changed later.
    type: str
  servers:
    description:
      - The servers, in any order.
    type: list
    elements: dict
    suboptions:
      name:
        description:
          - Name of the server.
        type: str
        required: true
      shared:
        description:
          - Whether the server is shared. It is dedicated by default.
        type: bool
      state:
        description:
          - V(absent) takes the server out, with O(servers_mode=merge).
        type: str
        choices: [present, absent]
  servers_mode:
    description:
      - With V(exact), the default, the cluster has the given servers and no others. With V(merge), they are added to
        what is there, whoever put it there.
    type: str
    choices: [exact, merge]
  gateways:
    description:
      - Answers to the gateways that the template asks for with V(specify). Used at creation only.
    type: list
    elements: dict
    suboptions:
      postfix:
        description:
          - Postfix of the template entry.
        type: str
        required: true
      address:
        description:
          - Gateway with prefix length.
        type: str
        required: true
  tags:
    description:
      - Tags. The ownership mark is added and kept by itself and need not be listed.
    type: list
    elements: str
seealso:
  - module: baremetal.fabric.netris_server_cluster_template
  - module: baremetal.fabric.netris_document
  - module: baremetal.fabric.netris_info
author:
  - The baremetal.fabric contributors (@baremetal-fabric)
"""

EXAMPLES = r"""
- name: Make the tenant cluster blue on the fabric
  baremetal.fabric.netris_server_cluster:
    name: blue
    site: Default
    owner: Admin
    vpc: blue
    template: tenant-nodes
    servers:
      - {name: shared1, shared: true}
      - {name: shared2, shared: true}
      - {name: metal1}
  register: blue

- name: Show its VLAN
  ansible.builtin.debug:
    msg: "{{ blue.vnets.nodes.vlan_id }}"
"""

RETURN = r"""
object:
  description: The object as it is now, or in check mode as it would be. Null when it is absent.
  type: dict
  returned: success
  sample: {id: 12, name: blue, site: Default, vpc: blue, template: tenant-nodes, status: Active}
vnets:
  description:
    - The V-Nets of the cluster by the postfix of the template entry that each was made for. Every value is null until
      the controller has chosen it.
  type: dict
  returned: success
  sample:
    nodes:
      vnet: blue-nodes
      vnet_id: 5
      vlan_id: 3
      vpc: blue
      subnet: 192.168.64.0/22
      gateway: 192.168.67.254
      dhcp_range: {start: 192.168.64.1, end: 192.168.67.249}
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
    module = AnsibleModule(argument_spec=noun_argument_spec("server_clusters"), supports_check_mode=True)
    run_noun(module, "server_clusters")


if __name__ == "__main__":
    main()
