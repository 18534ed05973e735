#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

DOCUMENTATION = r"""
module: netris_nat
short_description: Manage a NAT rule of Netris
version_added: 0.1.0
description:
  - Creates, changes and deletes a NAT rule of a VPC. Netris carries it out on the site's SoftGates.
  - A rule has no tags in Netris. The ownership mark is kept in its comment, and O(tags) with it.
extends_documentation_fragment:
  - baremetal.fabric.netris
  - baremetal.fabric.netris.entry
  - baremetal.fabric.netris.attributes
options:
  name:
    description:
      - Name of the rule. It is matched exactly.
    type: str
    required: true
  server_cluster:
    description:
      - Name of a server cluster. Together with O(postfix) it names the V-Net whose subnet is meant where this entry
        needs one. The server cluster may be made by the same M(baremetal.fabric.netris_document).
    type: str
  postfix:
    description:
      - Postfix of the template's entry that the V-Net was made from.
    type: str
  site:
    description:
      - Name of the site. Needed to create it.
    type: str
  vpc:
    description:
      - Name of the VPC whose servers the rule is for, not that of the public addresses. Needed to create it, and cannot
        be changed later.
    type: str
  enabled:
    description:
      - Whether the rule is in force. A new one is unless said otherwise.
    type: bool
  action:
    description:
      - V(snat) gives connections to the outside another source, V(dnat) leads connections from the outside to a server,
        V(accept_snat) exempts from V(snat). Needed to create it.
    type: str
    choices: [snat, dnat, accept_snat]
  protocol:
    description:
      - Protocol that the rule is for. A new rule is for all of them unless said otherwise.
    type: str
    choices: [all, tcp, udp, icmp]
  source:
    description:
      - Network or address that connections come from. With V(snat) and O(server_cluster) the subnet of its V-Net unless
        said otherwise.
    type: str
  source_port:
    description:
      - Port or range that connections come from.
    type: str
  destination:
    description:
      - Network or address that connections go to. With V(dnat) the public address.
    type: str
  destination_port:
    description:
      - Port or range that connections go to.
    type: str
  snat_to:
    description:
      - Address that connections come from afterwards, out of a subnet with the purpose V(nat) of the system VPC.
    type: str
  snat_to_pool:
    description:
      - Network to choose such addresses from, in place of O(snat_to).
    type: str
  dnat_to:
    description:
      - Address that connections go to afterwards.
    type: str
  dnat_to_host:
    description:
      - The same as a host number of the subnet that O(server_cluster) and O(postfix) name.
    type: int
  dnat_to_port:
    description:
      - Port that connections go to afterwards. Without one it stays as it is.
    type: str
  tags:
    description:
      - Words in the rule's comment, separated by commas. The ownership mark is added and kept by itself and need not be
        listed.
    type: list
    elements: str
seealso:
  - module: baremetal.fabric.netris_document
  - module: baremetal.fabric.netris_info
author:
  - The baremetal.fabric contributors (@baremetal-fabric)
"""

EXAMPLES = r"""
- name: Let the servers of blue reach the internet
  baremetal.fabric.netris_nat:
    name: blue-snat
    site: Default
    vpc: blue
    action: snat
    source: 192.168.64.0/22
    snat_to: 198.51.100.10

- name: Lead a port of a public address to host 10 of blue
  baremetal.fabric.netris_nat:
    name: blue-web
    site: Default
    vpc: blue
    action: dnat
    protocol: tcp
    destination: 198.51.100.11
    destination_port: "443"
    server_cluster: blue
    postfix: nodes
    dnat_to_host: 10
    dnat_to_port: "8443"
"""

RETURN = r"""
object:
  description: The object as it is now, or in check mode as it would be. Null when it is absent.
  type: dict
  returned: success
  sample: {id: 4, name: blue-snat, vpc: blue, action: snat, source: 192.168.64.0/22, snat_to: 198.51.100.10}
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
    module = AnsibleModule(argument_spec=noun_argument_spec("nats"), supports_check_mode=True)
    run_noun(module, "nats")


if __name__ == "__main__":
    main()
