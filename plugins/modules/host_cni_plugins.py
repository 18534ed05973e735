#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

DOCUMENTATION = r"""
module: host_cni_plugins
short_description: Insist on CNI plugins and configuration on a node
version_added: 0.1.0
description:
  - Fails with one message when CNI plugins that tenant networks rely on are missing on a node, or when configuration
    files that another program writes do not come in time. Only reads.
  - Neither Calico nor Cilium nor Flannel installs the C(bridge) plugin, and Debian's package puts it where kubelet's
    container runtime does not look.
  - Runs on the node, needs only Python 3.8 or newer.
attributes:
  check_mode:
    support: full
    description: Reports what is missing and does not fail, since it may still be installed by the same play.
  diff_mode:
    support: none
    description: Nothing is changed.
options:
  plugins:
    description: Names of the plugins.
    type: list
    elements: str
    default: []
  bin_dirs:
    description: Directories that the container runtime takes plugins from.
    type: list
    elements: path
    default: [/opt/cni/bin]
  files:
    description: Patterns of files of which at least one each must be there.
    type: list
    elements: path
    default: []
  timeout:
    description: Seconds to wait for what is missing.
    type: int
    default: 0
author:
  - The baremetal.fabric developers (@baremetal-fabric)
"""

EXAMPLES = r"""
- name: Insist on the plugins that tenant networks are made of
  baremetal.fabric.host_cni_plugins:
    plugins: [bridge, tuning]

- name: Wait for the configuration that Multus writes
  baremetal.fabric.host_cni_plugins:
    plugins: [multus]
    files: ["/etc/cni/net.d/00-multus.conf*"]
    timeout: 120
"""

RETURN = r"""
plugins:
  description: Where each plugin was found.
  type: dict
  returned: success
missing:
  description: Plugins and file patterns that were not found.
  type: list
  elements: str
  returned: success
"""

import glob
import os
import time
from typing import Sequence

from ansible.module_utils.basic import AnsibleModule


def find(plugins: Sequence[str], directories: Sequence[str]) -> dict[str, str]:
    """Where each plugin is; those that are nowhere are left out."""
    found: dict[str, str] = {}
    for plugin in plugins:
        for directory in directories:
            path = os.path.join(directory, plugin)
            if os.path.isfile(path) and os.access(path, os.X_OK):
                found.setdefault(plugin, path)
    return found


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "plugins": {"type": "list", "elements": "str", "default": []},
            "bin_dirs": {"type": "list", "elements": "path", "default": ["/opt/cni/bin"]},
            "files": {"type": "list", "elements": "path", "default": []},
            "timeout": {"type": "int", "default": 0},
        },
        supports_check_mode=True,
    )
    plugins, directories, patterns = (module.params[key] for key in ("plugins", "bin_dirs", "files"))
    deadline = time.monotonic() + (0 if module.check_mode else module.params["timeout"])
    while True:
        found = find(plugins, directories)
        no_plugin = [plugin for plugin in plugins if plugin not in found]
        no_file = [pattern for pattern in patterns if not glob.glob(pattern)]
        if not (no_plugin or no_file) or time.monotonic() >= deadline:
            break
        time.sleep(0.5)
    missing = no_plugin + no_file
    if missing and not module.check_mode:
        reasons = []
        if no_plugin:
            reasons.append(
                f"CNI plugin {', '.join(no_plugin)} is not in {' or '.join(directories)}:"
                " install the CNI reference plugins"
            )
        if no_file:
            reasons.append(f"{', '.join(no_file)} has not appeared")
        module.fail_json(msg="this node cannot carry tenant networks: " + "; ".join(reasons), missing=missing)
    module.exit_json(changed=False, plugins=found, missing=missing)


if __name__ == "__main__":
    main()
