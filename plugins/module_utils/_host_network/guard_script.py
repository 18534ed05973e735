# SPDX-License-Identifier: Apache-2.0
"""The script that guards tenant bridges on a server. Plain POSIX shell: udev runs it before anything else is up.

It starts few processes: a server may carry many tenants, and udev runs it once for each while booting.
"""

from __future__ import annotations

SCRIPT_FILE = "/usr/local/sbin/fabric-tenant-guard"

# Order is preference: tc needs nothing but iproute2 and sees every frame; ebtables is for kernels without tc's
# classifiers.
SCRIPT = r"""#!/bin/sh
# Managed by Ansible (collection baremetal.fabric): local changes are overwritten.
#
# Keeps the bridge of a tenant VLAN apart from this server.
#   fabric-tenant-guard silence DEVICE            no protocol of this server's own on a device
#   fabric-tenant-guard on BRIDGE VLAN_DEVICE     put the guard in place and print what is in force
#   fabric-tenant-guard off BRIDGE VLAN_DEVICE    take away what outlives the devices
#   fabric-tenant-guard status BRIDGE VLAN_DEVICE print what is in force
#   fabric-tenant-guard wait SECONDS              wait until every tenant's bridge is there
set -u
PATH=/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin
export PATH

# udev and the module may want the same at the same time.
one_at_a_time() {
    exec 9> /run/fabric-tenant-guard.lock
    if command -v flock > /dev/null 2>&1; then flock 9; fi
}

setting() { # NAME: its value, empty without such a setting
    value=
    if [ -r "/proc/sys/net/$1" ]; then read -r value < "/proc/sys/net/$1"; fi
}

# No IPv6, no answer to ARP, no routing.
silence() {
    for pair in ipv6/conf/"$1"/disable_ipv6=1 ipv4/conf/"$1"/arp_ignore=8 ipv4/conf/"$1"/forwarding=0 \
        ipv4/conf/"$1"/rp_filter=1 ipv4/conf/"$1"/accept_redirects=0; do
        setting "${pair%=*}"
        if [ -n "$value" ] && [ "$value" != "${pair##*=}" ]; then
            echo "${pair##*=}" > "/proc/sys/net/${pair%=*}"
        fi
    done
}

silent() {
    setting "ipv4/conf/$1/arp_ignore"
    [ "$value" = 8 ] || return 1
    setting "ipv6/conf/$1/disable_ipv6"
    [ "${value:-1}" = 1 ]
}

tc_drops() { # BRIDGE CLASSIFIER
    for direction in ingress egress; do
        case $(tc filter show dev "$1" "$direction" 2>/dev/null) in
            *"pref 1 $2 "*"action drop"*) ;;
            *) return 1 ;;
        esac
    done
}

tc_drop() { # BRIDGE CLASSIFIER ARGUMENT...
    bridge=$1
    shift
    # what is there already is refused, which is why the outcome is looked at and not the exit code
    tc -force -batch - > /dev/null 2>&1 << EOF
qdisc add dev $bridge clsact
filter add dev $bridge ingress protocol all pref 1 $* action drop
filter add dev $bridge egress protocol all pref 1 $* action drop
EOF
    tc_drops "$bridge" "$1"
}

ebtables_rules() { # add|delete BRIDGE
    for tool in ebtables ebtables-legacy; do
        command -v "$tool" > /dev/null 2>&1 || continue
        "$tool" -t filter -D INPUT --logical-in "$2" -j DROP 2>/dev/null
        "$tool" -t filter -D OUTPUT --logical-out "$2" -j DROP 2>/dev/null
        [ "$1" = add ] || continue
        "$tool" -t filter -I INPUT --logical-in "$2" -j DROP 2>/dev/null &&
            "$tool" -t filter -I OUTPUT --logical-out "$2" -j DROP 2>/dev/null &&
            return 0
    done
    [ "$1" = delete ]
}

ebtables_drops() { # BRIDGE
    for tool in ebtables ebtables-legacy; do
        command -v "$tool" > /dev/null 2>&1 || continue
        case $("$tool" -t filter -L INPUT 2>/dev/null) in
            *"--logical-in $1 -j DROP"*) return 0 ;;
        esac
    done
    return 1
}

host_isolation() { # BRIDGE: sets $isolation
    if tc_drops "$1" matchall; then
        isolation=tc-matchall
    elif tc_drops "$1" u32; then
        isolation=tc-u32
    elif [ -d /sys/module/ebtables ] && ebtables_drops "$1"; then
        isolation=ebtables
    else
        isolation=none
    fi
}

isolate() { # BRIDGE
    host_isolation "$1"
    [ "$isolation" = none ] || return 0
    tc_drop "$1" matchall || tc_drop "$1" u32 match u32 0 0 || ebtables_rules add "$1"
    host_isolation "$1"
}

exempt() { # TOOL BRIDGE
    "$1" -w 5 -t raw -C PREROUTING -i "$2" -j CT --notrack 2>/dev/null &&
        "$1" -w 5 -t filter -C FORWARD -i "$2" -o "$2" -j ACCEPT 2>/dev/null
}

unexempt() { # TOOL BRIDGE
    "$1" -w 5 -t raw -D PREROUTING -i "$2" -j CT --notrack 2>/dev/null
    "$1" -w 5 -t filter -D FORWARD -i "$2" -o "$2" -j ACCEPT 2>/dev/null
}

add_exemption() { # TOOL BRIDGE
    "$1-restore" --wait=5 --noflush 2>/dev/null << EOF
*raw
-I PREROUTING -i $2 -j CT --notrack
COMMIT
*filter
-I FORWARD -i $2 -o $2 -j ACCEPT
COMMIT
EOF
}

# Frames between the bridge's ports are no business of this server's firewall and connection tracking, through which
# br_netfilter sends them. Sets $bridged.
bridged_traffic() { # on|off|status BRIDGE
    bridged=unavailable
    for family in iptables ip6tables; do
        for tool in "$family" "$family-legacy"; do
            command -v "$tool" > /dev/null 2>&1 || continue
            if [ "$1" = off ]; then
                unexempt "$tool" "$2"
            elif exempt "$tool" "$2"; then
                [ "$bridged" = missing ] || bridged=exempt
                break
            elif [ "$1" = on ]; then
                # one of the two may be there
                unexempt "$tool" "$2"
                if add_exemption "$tool" "$2"; then
                    [ "$bridged" = missing ] || bridged=exempt
                    break
                fi
            elif "$tool" -w 5 -t raw -S PREROUTING > /dev/null 2>&1; then
                bridged=missing
                break
            fi
        done
    done
}

report() { # BRIDGE VLAN_DEVICE
    echo "host_isolation=$isolation"
    echo "bridged_traffic=$bridged"
    if silent "$1" && silent "$2"; then echo "silent=yes"; else echo "silent=no"; fi
}

on() {
    silence "$1"
    silence "$2"
    [ -e "/sys/class/net/$1" ] || return 0
    one_at_a_time
    isolate "$1"
    bridged_traffic on "$1"
    report "$1" "$2"
}

off() {
    one_at_a_time
    if [ -d /sys/module/ebtables ]; then ebtables_rules delete "$1"; fi
    bridged_traffic off "$1"
    # rules that were not there are as gone as those that were
    return 0
}

status() {
    host_isolation "$1"
    bridged_traffic status "$1"
    report "$1" "$2"
}

wait_for_bridges() { # SECONDS
    left=$(($1 * 5))
    # what comes with a pod (bridge-operator) cannot be waited for before pods are started
    cat /etc/netplan/90-fabric-tenant-*.yaml /etc/udev/rules.d/90-fabric-tenant-*.rules 2>/dev/null |
        sed -n -e 's/ made_by=nmstate$//' \
            -e 's/^# fabric-tenant: .* vlan=\([^ ]*\) bridge=\([^ ]*\)$/\1 \2/p' |
        sort -u |
        while read -r vlan bridge; do
            until [ -e "/sys/class/net/$bridge/brif/$vlan" ]; do
                if [ "$left" -le 0 ]; then
                    echo "bridge $bridge with port $vlan is not there after $1 s, going on without it" >&2
                    break
                fi
                left=$((left - 1))
                sleep 0.2
            done
        done
}

case ${1:-} in
    silence) silence "$2" ;;
    on) on "$2" "$3" ;;
    off) off "$2" ;;
    status) status "$2" "$3" ;;
    wait) wait_for_bridges "$2" ;;
    *)
        echo "usage: $0 on|off|status BRIDGE VLAN_DEVICE, silence DEVICE, or wait SECONDS" >&2
        exit 2
        ;;
esac
"""
