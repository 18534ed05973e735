#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0
"""Documentation of the action plugin of the same name; nothing here ever runs."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kube_manifests
short_description: Read manifests, and insist on their checksums
version_added: 0.1.0
description:
  - Reads manifests from URLs, or from files of the machine that runs Ansible, once and in their order. A URL without a
    checksum is refused before anything is read, and so is a text that is not what its checksum says.
  - They are read by the lookups P(ansible.builtin.url#lookup) and P(ansible.builtin.file#lookup); what is set for these
    (such as a proxy, or C(ansible_lookup_url_timeout)) counts here, too.
extends_documentation_fragment:
  - baremetal.fabric.modes.action
  - baremetal.fabric.modes.read_only
options:
  sources:
    description: The manifests.
    type: list
    elements: dict
    required: true
    suboptions:
      manifest:
        description: URL, or path where Ansible runs. A relative one is looked for where a role's files are.
        type: str
        required: true
        aliases: [source]
      checksum:
        description: SHA-256 of the text. Needed for a URL; without one a file is not compared.
        type: str
  checksum_option:
    description: Where users give the checksums, for the message about one that is missing.
    type: str
    required: true
author:
  - The baremetal.fabric developers (@baremetal-fabric)
"""

EXAMPLES = r"""
- name: Read the manifests
  baremetal.fabric.kube_manifests:
    sources:
      - manifest: https://example.com/releases/v1.2.3/operator.yaml
        checksum: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
      - manifest: files/settings.yaml
    checksum_option: operator_checksums
  register: manifests

- name: Run the operator
  baremetal.fabric.kube_objects:
    kubeconfig: /etc/fabric/host.kubeconfig
    objects: "{{ manifests.texts | map('from_yaml_all') | map('list') | flatten(levels=1) | select | list }}"
"""

RETURN = r"""
texts:
  description: The texts of the manifests, in their order.
  type: list
  elements: str
  returned: success
"""
