# SPDX-License-Identifier: Apache-2.0
"""Lets frames between the ports of a flat network's bridge past the server's own iptables rules.

Where br_netfilter is on, as Flannel and kubeadm want it, they run through FORWARD, whose policy is often DROP: then
pods neither get a lease nor hear anybody. Unlike a tenant's bridge this one belongs to the server, so its connections
are tracked as all others are.
"""

from __future__ import annotations

from .guard import RULES_DIRECTORY

SCRIPT_FILE = "/usr/local/sbin/fabric-flat-forward"
ACCEPTED, MISSING, UNAVAILABLE = "accepted", "missing", "unavailable"
_MANAGED = "# Managed by Ansible (collection baremetal.fabric): local changes are overwritten."

SCRIPT = r"""#!/bin/sh
# Managed by Ansible (collection baremetal.fabric): local changes are overwritten.
#
# Frames between the ports of a bridge are not this server's to refuse.
#   fabric-flat-forward on|off|status BRIDGE
set -u
PATH=/usr/sbin:/usr/bin:/sbin:/bin
export PATH

# udev and the module may want the same at the same time
exec 9> /run/fabric-flat-forward.lock
if command -v flock > /dev/null 2>&1; then flock 9; fi

rule() { # TOOL VERB
    "$1" -w 5 -t filter "$2" FORWARD -i "$bridge" -o "$bridge" -j ACCEPT 2> /dev/null
}

bridge=$2
state=unavailable
for tool in iptables ip6tables; do
    "$tool" -w 5 -t filter -S FORWARD > /dev/null 2>&1 || continue
    case $1 in
        on) rule "$tool" -C || rule "$tool" -I ;;
        off) while rule "$tool" -D; do :; done ;;
    esac
    if rule "$tool" -C; then
        [ "$state" = missing ] || state=accepted
    else
        state=missing
    fi
done
echo "$state"
"""


def rules_file(name: str) -> str:
    return f"{RULES_DIRECTORY}/90-fabric-flat-{name}.rules"


def render_rules(bridge: str) -> str:
    """udev does it as the bridge appears, at boot and whenever somebody makes it anew."""
    return f'{_MANAGED}\nACTION=="add", SUBSYSTEM=="net", KERNEL=="{bridge}", RUN+="{SCRIPT_FILE} on {bridge}"\n'
