#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

DOCUMENTATION = r"""
module: os_provision_media
short_description: Serve media to BMCs and installers while there are any
version_added: 0.1.0
description:
  - Serves by HTTP, or HTTPS with O(certificate), what M(baremetal.fabric.os_provision_seed) wrote below O(directory),
    and ends when the last server's directory was removed. To be run with C(async) and C(poll=0).
  - Ranges of bytes are answered, because BMCs read media piece by piece. Directories are not listed.
attributes:
  check_mode:
    support: full
    description: Serves nothing.
  diff_mode:
    support: none
    description: Changes nothing.
options:
  directory:
    description: What is served.
    type: path
    required: true
  address:
    description: Address to listen at.
    type: str
    required: true
  port:
    description: Port to listen at.
    type: int
    required: true
  lifetime:
    description: Seconds after which it ends in any case.
    type: int
    default: 7200
  certificate:
    description: PEM file of the certificate.
    type: path
  key:
    description: PEM file of the certificate's private key.
    type: path
author:
  - The baremetal.fabric developers (@baremetal-fabric)
"""

EXAMPLES = r"""
- name: Serve the media
  baremetal.fabric.os_provision_media:
    directory: /var/lib/fabric/media
    address: 10.0.0.1
    port: 8069
  async: 7300
  poll: 0
  delegate_to: localhost
"""

RETURN = r"""
in_time:
  description: Whether it ended because nothing was left to serve.
  type: bool
  returned: success
"""

from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.baremetal.fabric.plugins.module_utils._os_provision.media import MediaServer


def argument_spec() -> dict[str, Any]:
    return {
        "directory": {"type": "path", "required": True},
        "address": {"type": "str", "required": True},
        "port": {"type": "int", "required": True},
        "lifetime": {"type": "int", "default": 7200},
        "certificate": {"type": "path"},
        # a path
        "key": {"type": "path", "no_log": False},
    }


def main() -> None:
    module = AnsibleModule(argument_spec(), required_by={"key": ["certificate"]}, supports_check_mode=True)
    params = module.params
    if module.check_mode:
        module.exit_json(changed=False, in_time=True)
    try:
        server = MediaServer(
            Path(params["directory"]),
            params["address"],
            params["port"],
            params["certificate"] or "",
            params["key"] or "",
        )
    except OSError as error:
        module.fail_json(msg=f"cannot serve media at {params['address']}:{params['port']}: {error.strerror or error}")
    module.exit_json(changed=False, in_time=server.serve_while_needed(params["lifetime"]))


if __name__ == "__main__":
    main()
