#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

DOCUMENTATION = r"""
module: netris_document
short_description: Bring a Netris controller in line with a whole document
version_added: 0.1.0
description:
  - Takes a document of lists, compares it with what the controller has, and creates, changes and deletes in the right
    order. Everything that reading shows to be wrong with the document is reported at once, before anything is written.
  - Names refer to each other freely within the document. A server that one server cluster lets go of can be taken by
    another in the same document.
  - Waits for all server clusters of the document together until they are Active, and then changes the V-Nets that they
    made where the document says so.
  - Reads one list for each kind of object, so a run that changes nothing costs the same for one object as for a
    thousand.
extends_documentation_fragment:
  - baremetal.fabric.netris
  - baremetal.fabric.netris.wait
  - baremetal.fabric.netris.attributes
options:
  document:
    description:
      - A mapping of lists. Its keys are V(vpcs), V(dhcp_option_sets), V(allocations), V(subnets), V(servers), V(links),
        V(lags), V(server_cluster_templates), V(server_clusters), V(vnets), V(vpc_peerings) and V(nats).
      - Each entry takes the options of the module of that kind, such as M(baremetal.fabric.netris_vpc) for an entry of
        V(vpcs), without the connection.
    type: dict
    required: true
  purge:
    description:
      - Kinds of which everything that carries our ownership mark and is not in the document is deleted. Only kinds that
        have tags are possible.
    type: list
    elements: str
    default: []
seealso:
  - module: baremetal.fabric.netris_info
  - module: baremetal.fabric.netris_server_cluster
author:
  - The baremetal.fabric contributors (@baremetal-fabric)
"""

EXAMPLES = r"""
- name: Make a tenant cluster on the fabric
  baremetal.fabric.netris_document:
    document:
      vpcs:
        - {name: blue, owner: Admin}
      lags:
        - {switch: leaf1, ports: [swp7, swp8], description: metal1, owner: Admin}
      server_cluster_templates:
        - name: tenant-nodes
          vnets:
            - postfix: nodes
              type: l2vpn
              vlan: untagged
              vlan_id: auto
              server_nics: [eth9, eth10]
              ipv4_gateway: {allocation: 192.168.64.0/18, child_subnet_prefix_length: 22, hostnum: 1022}
              ipv4_dhcp_enabled: true
      server_clusters:
        - name: blue
          site: Default
          owner: Admin
          vpc: blue
          template: tenant-nodes
          servers:
            - {name: shared1, shared: true}
            - {name: metal1}
      vnets:
        - server_cluster: blue
          postfix: nodes
          gateways:
            - dhcp: {start_host: 1, end_host: 1017}
  register: fabric

- name: Show the VLAN that the controller has chosen
  ansible.builtin.debug:
    msg: "{{ fabric.server_clusters.blue.vnets.nodes.vlan_id }}"

- name: Remove it again, and the template with the last tenant cluster
  baremetal.fabric.netris_document:
    document:
      server_clusters: [{name: blue, site: Default, state: absent}]
      vpcs: [{name: blue, state: absent}]
      server_cluster_templates: [{name: tenant-nodes, state: absent, if_unused: true}]
"""

RETURN = r"""
plan:
  description: What was done, or in check mode would be done, in order. Empty when nothing changes.
  type: list
  elements: dict
  returned: success
  contains:
    noun:
      description: Kind of object, a key of O(document).
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
kept:
  description: What was to be deleted only if unused and is still used, with its users.
  type: list
  elements: str
  returned: success
server_clusters:
  description: The server clusters of the document by name. Values that only the controller can choose are null before.
  type: dict
  returned: success
  sample:
    blue:
      id: 12
      name: blue
      site: Default
      owner: Admin
      vpc: blue
      template: tenant-nodes
      status: Active
      servers: [{name: metal1, shared: false}, {name: shared1, shared: true}]
      vnets:
        nodes:
          vnet: blue-nodes
          vnet_id: 5
          vlan_id: 3
          vpc: blue
          subnet: 192.168.64.0/22
          gateway: 192.168.67.254
          dhcp_range: {start: 192.168.64.1, end: 192.168.67.249}
objects:
  description: Every present object of the document as it is now, or in check mode as it would be, by kind.
  type: dict
  returned: success
waited:
  description: What was seen while waiting, each with C(seconds) and the C(status) of the clusters not yet Active.
  type: list
  elements: dict
  returned: success
requests:
  description: Number of requests that were made, as C(read) and C(write).
  type: dict
  returned: success
errors:
  description: All mistakes in the document, each with C(path) and C(message). Nothing was written then.
  type: list
  elements: dict
  returned: when the document is wrong
  sample:
    - path: "server_clusters[0].servers[1].name"
      message: "there is no server 'metal9' (did you mean 'metal1'?)"
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.baremetal.fabric.plugins.module_utils._netris.module import (
    document_argument_spec,
    run_document,
)


def main() -> None:
    module = AnsibleModule(argument_spec=document_argument_spec(), supports_check_mode=True)
    run_document(module)


if __name__ == "__main__":
    main()
