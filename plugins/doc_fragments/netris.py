# SPDX-License-Identifier: Apache-2.0
"""Documentation that the netris_* modules share."""

from __future__ import annotations


class ModuleDocFragment:
    # Where the controller is.
    DOCUMENTATION = r"""
options:
  url:
    description:
      - Address of the Netris controller, such as V(https://controller.example.com).
      - If not given, the environment variable E(NETRIS_URL) is used.
    type: str
    required: true
  username:
    description:
      - User to log in as.
      - If not given, the environment variable E(NETRIS_USERNAME) is used.
    type: str
    required: true
  password:
    description:
      - Password of that user.
      - If not given, the environment variable E(NETRIS_PASSWORD) is used.
    type: str
    required: true
  validate_certs:
    description:
      - Whether to verify the controller's TLS certificate. Turning this off sends the password to whoever answers.
      - If not given, the environment variable E(NETRIS_VALIDATE_CERTS) is used.
    type: bool
    default: true
  ca_path:
    description:
      - File with the certificate of the authority that signed the controller's certificate, in PEM format.
      - If not given, the environment variable E(NETRIS_CA_PATH) is used.
    type: path
  timeout:
    description:
      - Seconds that one request may take.
      - If not given, the environment variable E(NETRIS_TIMEOUT) is used.
    type: int
    default: 60
requirements:
  - requests (Python library) on the machine that runs the module
notes:
  - Runs where the controller's API can be reached, usually on the Ansible controller itself by C(delegate_to) or a
    local connection.
"""

    # What every entry takes.
    ENTRY = r"""
options:
  state:
    description:
      - V(present) creates the object or brings it in line; fields that are not given keep their value.
      - V(absent) deletes it. That something is not there is no change.
    type: str
    choices: [present, absent]
    default: present
  adopt:
    description:
      - Whether to change or delete an object that does not carry our ownership mark, the tag
        V(managed-by=baremetal.fabric), and to mark it. Without it such an object is only ever read.
      - Objects without tags cannot be marked; for them this makes no difference.
    type: bool
    default: false
  recreate:
    description:
      - Whether to delete and create the object when a field differs that the controller cannot change. Otherwise
        that is an error.
    type: bool
    default: false
"""

    WAIT = r"""
options:
  wait:
    description:
      - Whether to wait until server clusters are Active. Without it, what only an Active cluster can tell is null, and
        V-Nets that clusters make are left for the next run.
    type: bool
    default: true
  wait_timeout:
    description:
      - Seconds to wait before giving up, with the last status in the message.
    type: int
    default: 600
  poll_interval:
    description:
      - Seconds between two looks. One look serves all objects.
    type: int
    default: 5
"""

    ATTRIBUTES = r"""
attributes:
  check_mode:
    support: full
    description: Reads, plans and reports; what only the controller can choose is null.
  diff_mode:
    support: full
    description: Shows what differs, in stable order.
  idempotent:
    support: full
    description: A second run changes nothing, also after a run that was cut short.
  action_group:
    support: full
    membership: [baremetal.fabric.netris]
    description: Connection options can be set once for the group C(baremetal.fabric.netris) in C(module_defaults).
"""

    ATTRIBUTES_INFO = r"""
attributes:
  check_mode:
    support: full
    description: Only reads.
  diff_mode:
    support: N/A
    description: Changes nothing.
  idempotent:
    support: full
    description: Changes nothing.
  action_group:
    support: full
    membership: [baremetal.fabric.netris]
    description: Connection options can be set once for the group C(baremetal.fabric.netris) in C(module_defaults).
"""
