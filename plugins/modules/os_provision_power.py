#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0
"""Documentation of the action plugin of the same name; nothing here ever runs."""

from __future__ import annotations

DOCUMENTATION = r"""
module: os_provision_power
short_description: Ask a BMC for a server's power, or wait for it
version_added: 0.1.0
description:
  - Asks by M(community.general.redfish_info) and prints every 20 seconds how far a wait is. Changes nothing.
  - The BMC's certificate is verified, unless O(validate_certs=false).
extends_documentation_fragment:
  - baremetal.fabric.modes.read_only
attributes:
  action:
    support: full
    description: Runs M(community.general.redfish_info) where the task runs.
  async:
    support: none
    description: What is going on could not be told.
options:
  baseuri:
    description: Host and port of the BMC.
    type: str
    required: true
  username:
    description: User of the BMC.
    type: str
    required: true
  password:
    description: The user's password.
    type: str
    required: true
  validate_certs:
    description: Whether the BMC's certificate is verified.
    type: bool
    default: true
  ca_path:
    description: PEM file of the authority that signed the certificate; by default those of the machine.
    type: path
  timeout:
    description: Seconds for one request.
    type: int
    default: 60
  system:
    description: Name of the Redfish system; needed where the BMC has several.
    type: str
  state:
    description: The power to wait for. By default any answer will do.
    type: str
    choices: ['On', 'Off']
  wait_timeout:
    description: Seconds to wait; with V(0) the BMC is asked once.
    type: int
    default: 0
  poll:
    description: Seconds between two questions.
    type: int
    default: 5
author:
  - The baremetal.fabric developers (@baremetal-fabric)
"""

EXAMPLES = r"""
- name: Wait until the installer has powered the server off
  baremetal.fabric.os_provision_power:
    baseuri: bmc-metal1.example.com
    username: fabric
    password: "{{ vault_bmc_password }}"
    state: "Off"
    wait_timeout: 3600
  delegate_to: localhost
"""

RETURN = r"""
power:
  description: The C(PowerState); empty when it is not known.
  type: str
  returned: always
elapsed:
  description: Seconds that were waited.
  type: int
  returned: always
"""
