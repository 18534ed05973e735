# SPDX-License-Identifier: Apache-2.0
"""Files of ours on the switch, as text. Pure."""

from __future__ import annotations

import hashlib
import shlex
from ipaddress import IPv4Network
from itertools import groupby
from typing import Iterable, Sequence

from . import names
from .model import Network
from .steps import Line

DIRECTORY = "/etc/fabric-switch"
STATE_FILE = DIRECTORY + "/state.json"
BOOT_FILE = DIRECTORY + "/boot"
DHCP_DIRECTORY = DIRECTORY + "/dhcp"
LEASE_DIRECTORY = "/var/lib/fabric-switch"
DHCP_SCRIPT_FILE = "/usr/local/sbin/fabric-switch-dhcp"
LOCK_FILE = "/run/fabric-switch.lock"
UNIT_NAME = "fabric-switch.service"
UNIT_FILE = "/etc/systemd/system/" + UNIT_NAME
UNIT_LINK = "/etc/systemd/system/multi-user.target.wants/" + UNIT_NAME
_MANAGED = "# Managed by Ansible (collection baremetal.fabric): local changes are overwritten."
_LEASE_SECONDS = 86400

UNIT = f"""{_MANAGED}
[Unit]
Description=VLANs of tenant clusters on this switch's ports
Wants=network-pre.target
After=network-pre.target systemd-networkd.service networking.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh {BOOT_FILE}
# the DHCP servers that it starts go on by themselves
KillMode=process

[Install]
WantedBy=multi-user.target
"""

# A server that is asked to stop is waited for: the next one wants its port.
DHCP_SCRIPT = rf"""#!/bin/sh
{_MANAGED}
#
# Starts and stops the DHCP server of a network.
#   fabric-switch-dhcp start|stop CONFIGURATION
set -eu
PATH=/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin
export PATH
file={DHCP_DIRECTORY}/$2
pid_file=/run/fabric-switch-$2.pid

running() {{ # the process in the file is the one that we mean
    [ -r "$pid_file" ] && read -r pid < "$pid_file" && grep -qF -- "--conf-file=$file" "/proc/$pid/cmdline" 2> /dev/null
}}

case $1 in
    start)
        running && exit 0
        space=$(sed -n 's/^# namespace: //p' "$file")
        mkdir -p {LEASE_DIRECTORY}
        # it goes to the background once it is ready to answer
        exec ip netns exec "$space" dnsmasq --conf-file="$file" --pid-file="$pid_file" --user=root
        ;;
    stop)
        tries=50
        while running; do
            if [ "$tries" = 0 ]; then kill -9 "$pid"; else kill "$pid"; fi
            tries=$((tries - 1))
            [ "$tries" -ge -10 ] || exit 1
            sleep 0.1
        done
        rm -f "$pid_file"
        ;;
    *)
        echo "usage: $0 start|stop CONFIGURATION" >&2
        exit 2
        ;;
esac
"""


def dhcp_configuration(network: Network) -> str:
    """dnsmasq's configuration for a network; empty where this switch serves none."""
    if network.dhcp is None or not network.routed:
        return ""
    start, end = network.dhcp
    lines = [
        _MANAGED,
        f"# namespace: {names.namespace(network.name)}",
        "port=0",
        "no-resolv",
        "no-hosts",
        "no-ping",
        "dhcp-authoritative",
        "bind-interfaces",
        f"interface={names.leg(network.vlan_id)}",
        "except-interface=lo",
        "dhcp-lease-max=4096",
        f"dhcp-leasefile={lease_file(network.name)}",
        f"dhcp-range={start},{end},{IPv4Network(network.subnet).netmask},{_LEASE_SECONDS}",
        f"dhcp-option=option:router,{network.gateway}",
        # without an own value dnsmasq would name itself, and it answers no questions here
        "dhcp-option=option:dns-server",
    ]
    return "\n".join(lines) + "\n"


def dhcp_file(network: Network) -> str:
    """The name of that file tells what is in it: a server with another file is out of date. Empty without one."""
    text = dhcp_configuration(network)
    return f"{network.name}.{hashlib.sha256(text.encode()).hexdigest()[:12]}" if text else ""


def lease_file(network: str) -> str:
    return f"{LEASE_DIRECTORY}/{network}"


def batches(lines: Iterable[Line]) -> list[tuple[list[str], str]]:
    """Command lines with their batch; lines in a row that one call of a tool can do are one."""
    found: list[tuple[list[str], str]] = []
    for (tool, namespace), group in groupby(lines, key=lambda line: (line.tool, line.namespace)):
        texts = [line.text for line in group]
        if tool in ("ip", "bridge"):
            space = ["-n", namespace] if namespace else []
            found.append(([tool, *space], "".join(f"{text}\n" for text in texts)))
        else:
            found += [([DHCP_SCRIPT_FILE, *text.split()], "") for text in texts]
    return found


def script(lines: Sequence[Line]) -> str:
    """Shell that goes on whatever fails: what is there already, or gone already, is no reason to stop."""
    text = ""
    for argv, batch in batches(lines):
        if batch:
            command = " ".join(shlex.quote(each) for each in [argv[0], "-force", *argv[1:], "-batch", "-"])
            text += f"{command} << 'EOF' || true\n{batch}EOF\n"
        else:
            text += f"{' '.join(shlex.quote(each) for each in argv)} || true\n"
    return text


def boot(lines: Sequence[Line]) -> str:
    """What brings everything back when the switch starts."""
    return (
        f"#!/bin/sh\n{_MANAGED}\n# The networks of state.json, from nothing.\n"
        "PATH=/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin\nexport PATH\n" + script(lines)
    )
