#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

DOCUMENTATION = r"""
module: host_multicast
short_description: Insist that servers reach each other by multicast, as VXLANs need it
version_added: 0.1.0
description:
  - Checks that the NICs that shall carry VXLANs are there, are up and have IPv6, and that no other VXLAN device of
    the server has the same UDP port.
  - Then calls on each multicast group, and listens, until this server has heard all others and all others have heard
    it.
  - Runs on the server, at the same time on each of them. With fewer C(forks) than servers that takes C(async) with
    C(poll=0), as in the example; C(serial) must not part them. Needs root there, and Python 3.8 or newer.
attributes:
  check_mode:
    support: full
    description:
      - Only looks at the devices, sends nothing, and reports what is missing without failing, since it may still be
        made by the same play.
  diff_mode:
    support: none
    description: Nothing is changed.
options:
  name:
    description: What this server calls itself.
    type: str
    required: true
  peers:
    description: What the others call themselves.
    type: list
    elements: str
    default: []
  paths:
    description: Where to call.
    type: list
    elements: dict
    required: true
    suboptions:
      device:
        description: The NIC.
        type: str
        required: true
      group:
        description: Multicast group.
        type: str
        default: ff02::14
      port:
        description: UDP port of the VXLAN. It is only looked at.
        type: int
        default: 14789
  link_kinds:
    description:
      - Kinds of network devices that the kernel must be able to make. Tried in a network namespace that goes at once.
    type: list
    elements: str
    default: []
  probe_port:
    description: UDP port to call on, beside that of the VXLAN.
    type: int
    default: 14788
  timeout:
    description: Seconds until the servers must have heard each other.
    type: int
    default: 20
author:
  - The baremetal.fabric developers (@baremetal-fabric)
"""

EXAMPLES = r"""
- name: Do the shared servers hear each other on their bond?
  baremetal.fabric.host_multicast:
    name: "{{ inventory_hostname }}"
    peers: "{{ ansible_play_hosts | difference([inventory_hostname]) }}"
    paths:
      - device: bond0
    link_kinds: [bridge, veth, vxlan]
  become: true
  async: 60
  poll: 0
  register: calls

- name: Wait until they have
  ansible.builtin.async_status:
    jid: "{{ calls.ansible_job_id }}"
  become: true
  register: heard
  until: heard is finished
  retries: 60
  delay: 1
"""

RETURN = r"""
missing:
  description: What does not work, in sentences.
  type: list
  elements: str
  returned: success
mtu:
  description: MTU of each NIC.
  type: dict
  returned: success
heard:
  description: For each NIC and group, as C(device/group), who was heard.
  type: dict
  returned: success
"""

import json
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.baremetal.fabric.plugins.module_utils._host_network import multicast

#: What else a kind must be told to be made.
_KIND_ARGUMENTS = {
    "macvtap": "link d0 type macvtap mode passthru",
    "veth": "type veth peer name p0",
    "vxlan": "type vxlan id 1 dstport 4789",
}


def kernel_problems(module: AnsibleModule, kinds: list[str]) -> list[str]:
    """The kinds that cannot be made here, each with what the kernel says."""
    told = []
    for kind in kinds:
        arguments = _KIND_ARGUMENTS.get(kind, "type " + kind)
        script = "ip link add name p1 type veth peer name d0 && ip link add name k0 " + arguments
        code, _out, error = module.run_command(["unshare", "--net", "sh", "-c", script])
        if code:
            told.append("the kernel makes no device of kind " + kind + ": " + error.strip())
    return told


def read_devices(module: AnsibleModule) -> dict[str, dict[str, Any]]:
    _code, text, _error = module.run_command(["ip", "-details", "-json", "address", "show"], check_rc=True)
    return {each["ifname"]: each for each in json.loads(text) if "ifname" in each}


def main() -> None:
    path = {
        "device": {"type": "str", "required": True},
        "group": {"type": "str", "default": "ff02::14"},
        "port": {"type": "int", "default": 14789},
    }
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "peers": {"type": "list", "elements": "str", "default": []},
            "paths": {"type": "list", "elements": "dict", "required": True, "options": path},
            "link_kinds": {"type": "list", "elements": "str", "default": []},
            "probe_port": {"type": "int", "default": multicast.PROBE_PORT},
            "timeout": {"type": "int", "default": 20},
        },
        supports_check_mode=True,
    )
    params = module.params
    devices = read_devices(module)
    missing: list[str] = []
    for each in params["paths"]:
        missing += multicast.problems(devices, each["device"], each["group"], each["port"])
    heard: dict[str, list[str]] = {}
    if not module.check_mode:
        missing += kernel_problems(module, params["link_kinds"])
        if not missing:
            places = sorted({(each["device"], each["group"]) for each in params["paths"]})
            opened = [multicast.Path(device, group, params["probe_port"]) for device, group in places]
            missing += multicast.meet(opened, params["name"], set(params["peers"]), params["timeout"])
            heard = {each.device + "/" + each.group: sorted(each.heard) for each in opened}
    missing = list(dict.fromkeys(missing))
    if missing and not module.check_mode:
        module.fail_json(
            msg="this server cannot carry LANs: "
            + "; ".join(missing)
            + (
                ". Multicast must pass between the servers on that NIC's network, and all of them must be at it at the"
                " same time: without serial, and with more seconds (timeout) where it takes long to reach them"
                if heard
                else ""
            ),
            missing=missing,
        )
    mtu = {each["device"]: devices.get(each["device"], {}).get("mtu") for each in params["paths"]}
    module.exit_json(changed=False, missing=missing, mtu=mtu, heard=heard)


if __name__ == "__main__":
    main()
