# SPDX-License-Identifier: Apache-2.0
"""What modules say alike that may change the NICs by which Ansible itself reaches the server."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
attributes:
  check_mode:
    support: full
    description: The future files are also checked by netplan itself, on a copy.
  diff_mode:
    support: full
    description: Shows the netplan files and the actions at runtime.
options:
  allow_connection_nics:
    description:
      - Allow to change NICs over which Ansible itself reaches the server. Without it that is refused.
    type: bool
    default: false
  management_peer:
    description:
      - Address that Ansible connects from. By default the other end of the SSH connection.
    type: str
  rollback_timeout:
    description:
      - Seconds after which the server takes an unconfirmed change back, beyond those of O(carrier_timeout).
    type: int
    default: 120
  carrier_timeout:
    description: Seconds to wait for a carrier on what was changed.
    type: int
    default: 60
  require_carrier:
    description: Whether a change that ends without a carrier is a failure and is rolled back.
    type: bool
    default: true
  detach_timeout:
    description: Seconds to wait until pods and virtual machines have left a bridge that is to be removed.
    type: int
    default: 30
"""
