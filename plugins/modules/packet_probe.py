#!/usr/bin/python
# Copyright (c) 2026, the baremetal.fabric authors
# Apache License 2.0 (see LICENSE)

from __future__ import annotations

DOCUMENTATION = r"""
module: packet_probe
short_description: Send, ask and listen on a server's interfaces, and say what was seen
version_added: 0.1.0
description:
  - Runs on many servers at the same time. Each one broadcasts small frames of the local experimental ethertype 0x88B5
    on the given interfaces, listens for those of the others, puts questions (ARP, packets through a chosen next hop,
    TCP and TLS connections) and returns what it saw.
  - Nothing of the server is changed, but for O(interfaces[].bring_up) while it runs. Frames are crafted, so no route,
    address or neighbour entry is needed or made.
  - Silence proves nothing unless the others were sending meanwhile. The result therefore carries RV(window), in which
    the machine that runs Ansible frames the time of the run by its own clock, whatever the clocks of the servers say.
    All servers have to run at once, so the number of forks must not be smaller than the number of servers.
  - Use the filters P(baremetal.fabric.isolation_plan#filter) and P(baremetal.fabric.isolation_verdicts#filter) to make
    the orders and to judge the answers; the role P(baremetal.fabric.verify#role) does both.
options:
  name:
    description: The name that this server puts into its frames.
    type: str
    required: true
  nonce:
    description:
      - A text that is the same on all servers of one run and different in each run, so that two runs do not hear
        each other.
      - Not a secret.
    type: str
    default: ""
  duration:
    description:
      - The longest time to send and listen, in seconds.
      - With V(0) nothing is sent; only RV(devices) is returned.
    type: float
    default: 0
  minimum:
    description: The shortest time to send and listen, in seconds, also when everything expected has been seen.
    type: float
    default: 0
  interfaces:
    description:
      - The interfaces to broadcast and listen on. One that does not exist is reported, not refused.
      - The name V(management) stands for the interface that the current ssh session came in by.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: The name of the interface.
        type: str
        required: true
      tags:
        description: VLAN ids to send additional, tagged frames with. Nobody should ever hear them.
        type: list
        elements: int
        default: []
      bring_up:
        description: Whether to switch the interface on for the run, and off again after it, in case it is off.
        type: bool
        default: false
      expect_link:
        description: Whether to wait for a sign of the switch (LACP or LLDP) on the NICs below this interface.
        type: bool
        default: false
  expected:
    description: The frames to wait for. Once all were heard, and all answers came, the run can end before O(duration).
    type: list
    elements: dict
    default: []
    suboptions:
      interface:
        description: The interface of this server to hear them on.
        type: str
        required: true
      sender:
        description: The O(name) of the sending server.
        type: str
        required: true
      from:
        description: The interface of the sending server.
        type: str
        required: true
  checks:
    description: The questions to put.
    type: list
    elements: dict
    default: []
    suboptions:
      id:
        description: A name for the answer.
        type: str
        required: true
      kind:
        description:
          - V(arp) asks who has the address.
          - V(route) hands an ICMP echo request to each next hop, and with a port also the first segment of a
            TCP connection.
          - V(tcp) connects as a program does.
          - V(tls) connects and checks the certificate against O(checks[].ca) and the address.
        type: str
        required: true
        choices: [arp, route, tcp, tls]
      interface:
        description: The interface to ask on. Needed for V(arp) and V(route); binds V(tcp) and V(tls) to it.
        type: str
      address:
        description: The address asked for, or V(@operator) for the machine that runs Ansible.
        type: str
        required: true
      port:
        description: The TCP port.
        type: int
      via:
        description:
          - The next hops of a V(route) check. An address, or V(mac:) and a hardware address, or V(@onlink) for the
            address itself, V(@gateways) for the server's own default gateways on that interface, V(@operator) for the
            machine that runs Ansible.
        type: list
        elements: str
        default: ["@onlink"]
      pod_uid:
        description: Connect from inside the network of the pod with this UID, which runs on this server.
        type: str
      ca:
        description: The certificates to trust, as PEM text.
        type: str
      expect:
        description:
          - With V(answer) the run waits for it, up to O(duration).
          - With V(reply) a refused connection will do as well - it shows that somebody is there.
        type: str
        choices: [answer, reply, silence]
        default: answer
  capture:
    description: Connections to watch for on the wire.
    type: list
    elements: dict
    default: []
    suboptions:
      interface:
        description: The interface to watch.
        type: str
        required: true
      address:
        description: The address of the serving side.
        type: str
        required: true
      port:
        description: The port of the serving side.
        type: int
        required: true
attributes:
  check_mode:
    support: full
    description: Can run in check mode. It then behaves as with O(duration=0), so that check mode disturbs nobody.
  diff_mode:
    support: none
    description: Will return details on what has changed, or what would be changed.
  platform:
    support: full
    description: Target systems that it runs on.
    platforms: linux
requirements:
  - Python 3.8 or newer and iproute2 on the server
  - Root rights on the server
author:
  - The baremetal.fabric developers (@baremetal-fabric)
"""

EXAMPLES = r"""
- name: See whether two servers of one tenant cluster hear each other, and a third does not hear them
  baremetal.fabric.packet_probe:
    name: "{{ inventory_hostname }}"
    nonce: "{{ probe_nonce }}"
    duration: 20
    minimum: 10
    interfaces:
      - name: bond0
    expected: "{{ probe_expected }}"
    checks:
      - id: gateway
        kind: arp
        interface: bond0
        address: 192.168.67.254
  register: probe_result
"""

RETURN = r"""
devices:
  description: The network devices of the server.
  returned: success
  type: list
  elements: dict
  sample:
    - name: bond0
      mac: "02:00:00:00:00:01"
      up: true
      carrier: true
      mtu: 9000
      addresses: [192.168.64.9/22]
      vlan: null
      master: null
management:
  description: The interface that the ssh session came in by.
  returned: success
  type: str
  sample: eth0
stations:
  description: The interfaces that were sent and listened on.
  returned: when O(duration) is not V(0)
  type: list
  elements: dict
  sample:
    - {interface: bond0, present: true, sent: 50, left: 50, dropped: 0, link: [lacp, lldp], cables: [eth9, eth10]}
heard:
  description: Frames of other servers.
  returned: when O(duration) is not V(0)
  type: list
  elements: dict
  contains:
    interface:
      description: The interface it was heard on.
      type: str
    sender:
      description: The server that sent it.
      type: str
    from:
      description: The interface it was sent from.
      type: str
    tag:
      description: The VLAN tag that the sender put on.
      type: int
    vlan:
      description: The VLAN tag that it arrived with.
      type: int
    count:
      description: How many there were.
      type: int
checks:
  description: One answer per question.
  returned: when O(duration) is not V(0)
  type: list
  elements: dict
  sample:
    - {id: gateway, result: answered, macs: ["02:00:00:00:00:fe"]}
captured:
  description: Connections seen on the wire.
  returned: when O(duration) is not V(0)
  type: list
  elements: dict
  sample:
    - interface: bond0
      vlan: 3
      direction: out
      client: 192.168.67.250
      server: 192.168.67.253
      segment: syn
      count: 1
complete:
  description: Whether everything expected was seen.
  returned: when O(duration) is not V(0)
  type: bool
elapsed:
  description: How long it sent and listened, in seconds.
  returned: when O(duration) is not V(0)
  type: float
window:
  description: When the run was dispatched and its answer received, by the clock of the machine that runs Ansible.
  returned: success
  type: dict
  sample: {dispatched: 1790000000.0, received: 1790000012.5}
"""

import os
from typing import Any, Dict, List

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.baremetal.fabric.plugins.module_utils._proof import devices
from ansible_collections.baremetal.fabric.plugins.module_utils._proof.session import Order, Session

_MANAGEMENT = "management"


def arguments() -> Dict[str, Any]:
    """The argument spec."""
    named = {"type": "str", "required": True}
    return {
        "name": named,
        "nonce": {"type": "str", "default": ""},
        "duration": {"type": "float", "default": 0},
        "minimum": {"type": "float", "default": 0},
        "interfaces": {
            "type": "list",
            "elements": "dict",
            "default": [],
            "options": {
                "name": named,
                "tags": {"type": "list", "elements": "int", "default": []},
                "expect_link": {"type": "bool", "default": False},
                "bring_up": {"type": "bool", "default": False},
            },
        },
        "expected": {
            "type": "list",
            "elements": "dict",
            "default": [],
            "options": {"interface": named, "sender": named, "from": named},
        },
        "checks": {
            "type": "list",
            "elements": "dict",
            "default": [],
            "options": {
                "id": named,
                "kind": {"type": "str", "required": True, "choices": ["arp", "route", "tcp", "tls"]},
                "interface": {"type": "str"},
                "address": named,
                "port": {"type": "int"},
                "via": {"type": "list", "elements": "str", "default": ["@onlink"]},
                "pod_uid": {"type": "str"},
                "ca": {"type": "str"},
                "expect": {"type": "str", "choices": ["answer", "reply", "silence"], "default": "answer"},
            },
            "required_if": [
                ("kind", "arp", ["interface"]),
                ("kind", "route", ["interface"]),
                ("kind", "tcp", ["port"]),
                ("kind", "tls", ["port", "ca"]),
            ],
        },
        "capture": {
            "type": "list",
            "elements": "dict",
            "default": [],
            "options": {"interface": named, "address": named, "port": {"type": "int", "required": True}},
        },
    }


def resolved(entries: List[Dict[str, Any]], key: str, management: str) -> List[Dict[str, Any]]:
    """The same entries with the real name in place of ``management``, which stays as their label."""
    return [
        dict(entry, **{key: management, "label": _MANAGEMENT}) if entry.get(key) == _MANAGEMENT else entry
        for entry in entries
    ]


def relabelled(observed: Dict[str, Any], management: str) -> Dict[str, Any]:
    """Observations under the names that were asked for: the judge knows no real name of a management interface."""
    for key in ("stations", "heard"):
        for entry in observed[key]:
            if entry["interface"] == management:
                entry["interface"] = _MANAGEMENT
    return observed


def switch(module: AnsibleModule, names: List[str], state: str) -> None:
    """Switch interfaces on or off."""
    for name in names:
        module.run_command(["ip", "link", "set", "dev", name, state], check_rc=True)


def main() -> None:
    module = AnsibleModule(argument_spec=arguments(), supports_check_mode=True)
    params = module.params
    _rc, text, _err = module.run_command(["ip", "-details", "-json", "address", "show"], check_rc=True)
    known = devices.parse_devices(text)
    connection = os.environ.get("SSH_CONNECTION", "")
    management = devices.management(known, connection)
    result: Dict[str, Any] = {
        "devices": [known[name].as_dict() for name in sorted(known)],
        "management": management,
    }
    if module.check_mode or params["duration"] <= 0:
        module.exit_json(changed=False, **result)
    if os.geteuid() != 0:
        module.fail_json(msg="Raw frames need root rights on the server: run this with become.")
    # Without an ssh session the name stays as it is, and is reported as an interface that does not exist.
    real = management or _MANAGEMENT
    interfaces = resolved(params["interfaces"], "name", real)
    order = Order(
        name=params["name"],
        nonce=params["nonce"],
        duration=params["duration"],
        minimum=params["minimum"],
        interfaces=interfaces,
        expected=[
            (entry["interface"], entry["sender"], entry["from"])
            for entry in resolved(params["expected"], "interface", real)
        ],
        checks=resolved(params["checks"], "interface", real),
        capture=params["capture"],
        expect_link=[entry["name"] for entry in interfaces if entry["expect_link"]],
    )
    operator = connection.split()[0] if connection else None
    off = sorted({e["name"] for e in interfaces if e["bring_up"] and e["name"] in known and not known[e["name"]].up})
    try:
        switch(module, off, "up")
        observed = Session(order, known, operator).run()
    except OSError as error:
        switch(module, off, "down")
        module.fail_json(msg="The probe cannot use the interfaces of this server: %s" % error)
    switch(module, off, "down")
    result.update(relabelled(observed, real))
    module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()
