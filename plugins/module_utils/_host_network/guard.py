# SPDX-License-Identifier: Apache-2.0
"""What keeps a tenant VLAN away from the server itself, and the server's firewall away from the tenant VLAN.

A bridge without addresses is not enough: Linux answers for every address it owns on whatever interface a packet comes
in (the weak host model), routes what it is sent when forwarding is on, as it is on every Kubernetes node, and the
bridge CNI plugin makes bridges promiscuous. So everything that a tenant's bridge would hand up to the server is dropped
at the bridge device itself, and nothing is let out through it. Frames between the ports of the bridge never pass there.

In the other direction br_netfilter, which Flannel and kubeadm ask for, sends bridged frames through the server's own
iptables: connection tracking shared by tenants whose addresses may overlap, kube-proxy's NAT, and a FORWARD policy that
often says DROP. Tenant bridges are exempted from that.

One script does it, for the module at runtime and for udev when the devices appear at boot (or in whatever way), so that
a tenant's bridge is never there unguarded.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from .guard_script import SCRIPT_FILE
from .model import HOST
from .netplan import TenantDevices

UNIT_NAME = "fabric-tenant-networks.service"
UNIT_FILE = "/etc/systemd/system/" + UNIT_NAME
RULES_DIRECTORY = "/etc/udev/rules.d"
_RULES_PREFIX = "90-fabric-tenant-"
_MANAGED = "# Managed by Ansible (collection baremetal.fabric): local changes are overwritten."

UNIT = f"""{_MANAGED}
[Unit]
Description=Tenant VLAN bridges are there before pods are started
After=systemd-networkd.service
Before=kubelet.service k3s.service k3s-agent.service rke2-server.service rke2-agent.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart={SCRIPT_FILE} wait 60

[Install]
WantedBy=multi-user.target
"""


@dataclass(frozen=True)
class GuardStatus:
    """What the guard found in force for one bridge."""

    host_isolation: str = "none"
    bridged_traffic: str = "unavailable"
    silent: bool = False

    @property
    def in_force(self) -> bool:
        return self.host_isolation != "none" and self.bridged_traffic != "missing" and self.silent


def rules_file(tenant: str) -> str:
    return f"{RULES_DIRECTORY}/{_RULES_PREFIX}{tenant}.rules"


def tenant_of_rules(file_name: str) -> str | None:
    found = re.fullmatch(re.escape(_RULES_PREFIX) + r"(.+)\.rules", file_name)
    return found.group(1) if found else None


def render_rules(devices: TenantDevices) -> str:
    """udev guards the devices as they appear, before any network manager sees them.

    Of devices that an operator of the host cluster makes, this file is all that tells the server whose they are.
    """
    guards = {devices.vlan: f"silence {devices.vlan}", devices.bridge: f"on {devices.bridge} {devices.vlan}"}
    lines = [_MANAGED] if devices.made_by == HOST else [_MANAGED, devices.mark]
    lines += [
        f'ACTION=="add", SUBSYSTEM=="net", KERNEL=="{_literal(device)}", RUN+="{SCRIPT_FILE} {guard}"'
        for device, guard in guards.items()
    ]
    return "\n".join(lines) + "\n"


def parse_status(output: str) -> GuardStatus:
    values = dict(line.split("=", 1) for line in output.splitlines() if "=" in line)
    return GuardStatus(
        values.get("host_isolation", "none"),
        values.get("bridged_traffic", "unavailable"),
        values.get("silent") == "yes",
    )


def _literal(name: str) -> str:
    """udev reads KERNEL as a pattern."""
    return re.sub(r"([*?\[\]|\\])", r"\\\1", name)
