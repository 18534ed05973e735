# SPDX-License-Identifier: Apache-2.0
"""The guard's script, run by the shell with tools that only remember what they were told.

Whether it really keeps packets away is tried on the lab; here is what it does where tools or kernels lack something.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from ansible_collections.baremetal.fabric.plugins.module_utils._host_network.guard import GuardStatus, parse_status
from ansible_collections.baremetal.fabric.plugins.module_utils._host_network.guard_script import SCRIPT

SETTINGS = ("ipv4/conf/{}/arp_ignore", "ipv4/conf/{}/forwarding", "ipv4/conf/{}/rp_filter", "ipv6/conf/{}/disable_ipv6")
# Filters per direction, one line each; $KNOWN are the classifiers of this kernel.
TC = """
state=$STATE/tc
case "$*" in
    "-force -batch -") while read -r object verb rest; do
        [ "$object" = filter ] || continue
        set -- $rest
        case " $KNOWN " in *" $8 "*) echo "$2 $3 filter protocol all pref 1 $8 chain 0 action drop" >> "$state" ;; esac
    done ;;
    "filter show dev "*) grep "^$4 $5 " "$state" 2>/dev/null ;;
esac
"""
IPTABLES = """
state=$STATE/${0##*/}; touch "$state"
[ "$BROKEN" != yes ] || exit 3
shift 2  # -w 5
table=$2 verb=$3; shift 3
case $verb in
    -C) grep -qx -- "$table $*" "$state" ;;
    -D) grep -qx -- "$table $*" "$state" || exit 1
        grep -vx -- "$table $*" "$state" > "$state.new"
        mv -f "$state.new" "$state" ;;
    -S) : ;;
esac
"""
RESTORE = """
[ "$BROKEN" != yes ] || exit 3
while read -r word rest; do
    case $word in
        \\**) table=${word#?} ;;
        -I) echo "$table $rest" >> "$STATE/$(basename "$0" -restore)" ;;
    esac
done
"""


class Machine:
    def __init__(self, root: Path) -> None:
        self.root = root
        for directory in ("bin", "state", "sys/class/net", "run"):
            (root / directory).mkdir(parents=True)
        self.known, self.broken = "matchall u32", ""
        for device in ("br-vlan-3", "bond0.3"):
            (root / "sys/class/net" / device).mkdir()
            for name in SETTINGS:
                path = root / "proc/sys/net" / name.format(device)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text("0\n")
        self.tool("tc", TC)
        for family in ("iptables", "ip6tables"):
            # where both flavours are installed, rules of the first are none of the second
            for tool in (family, f"{family}-legacy"):
                self.tool(tool, IPTABLES)
                self.tool(f"{tool}-restore", RESTORE)

    def tool(self, name: str, text: str) -> None:
        path = self.root / "bin" / name
        path.write_text("#!/bin/sh" + text)
        path.chmod(0o755)

    def run(self, *arguments: str) -> GuardStatus:
        return parse_status(self.call(*arguments).stdout)

    def call(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        script = SCRIPT.replace("PATH=/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin", "")
        for place in ("/proc/sys/net", "/sys/class/net", "/sys/module", "/etc/netplan", "/etc/udev/rules.d", "/run/"):
            script = script.replace(place, f"{self.root}{place}")
        environment = {
            "PATH": f"{self.root}/bin:/usr/bin:/bin",
            "STATE": str(self.root / "state"),
            "KNOWN": self.known,
            "BROKEN": self.broken,
        }
        return subprocess.run(
            ["/bin/sh", "-c", script, "guard", *arguments], env=environment, capture_output=True, text=True, check=True
        )

    def setting(self, name: str, device: str) -> str:
        return (self.root / "proc/sys/net" / name.format(device)).read_text().strip()

    def rules(self, family: str) -> list[str]:
        path = self.root / "state" / family
        return sorted(path.read_text().splitlines()) if path.exists() else []


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


ON = ("on", "br-vlan-3", "bond0.3")
STATUS = ("status", "br-vlan-3", "bond0.3")
RULES = ["filter FORWARD -i br-vlan-3 -o br-vlan-3 -j ACCEPT", "raw PREROUTING -i br-vlan-3 -j CT --notrack"]


def test_on_puts_everything_in_force_once(machine: Machine) -> None:
    assert machine.run(*STATUS) == GuardStatus("none", "missing", False)
    for _ in range(2):
        assert machine.run(*ON) == GuardStatus("tc-matchall", "exempt", True)
    assert machine.run(*STATUS).in_force
    for family in ("iptables", "ip6tables"):
        assert machine.rules(family) == RULES
    for device in ("br-vlan-3", "bond0.3"):
        assert [machine.setting(name, device) for name in SETTINGS] == ["8", "0", "1", "1"]


def test_off_takes_away_what_outlives_the_devices(machine: Machine) -> None:
    machine.run(*ON)
    machine.run("off", "br-vlan-3", "bond0.3")
    assert machine.rules("iptables") == machine.rules("ip6tables") == []


def test_half_an_exemption_is_completed_and_not_doubled(machine: Machine) -> None:
    machine.run(*ON)
    (machine.root / "state/iptables").write_text(RULES[0] + "\n")
    assert machine.run(*STATUS).bridged_traffic == "missing"
    assert machine.run(*ON).bridged_traffic == "exempt"
    assert machine.rules("iptables") == RULES


def test_a_kernel_without_matchall_uses_u32(machine: Machine) -> None:
    machine.known = "u32"
    assert machine.run(*ON).host_isolation == "tc-u32"


def test_nothing_works_is_said_and_not_hidden(machine: Machine) -> None:
    machine.known = ""
    assert machine.run(*ON).host_isolation == "none"


def test_a_server_without_usable_iptables_is_no_failure(machine: Machine) -> None:
    machine.broken = "yes"
    status = machine.run(*ON)
    assert status.bridged_traffic == "unavailable" and status.in_force


def test_the_vlan_device_is_silent_before_there_is_a_bridge(machine: Machine) -> None:
    (machine.root / "sys/class/net/br-vlan-3").rmdir()
    machine.run("silence", "bond0.3")
    assert machine.setting(SETTINGS[0], "bond0.3") == "8"
    assert machine.setting(SETTINGS[0], "br-vlan-3") == "0"


def test_waiting_ends_when_the_bridges_are_there(machine: Machine) -> None:
    netplan = machine.root / "etc/netplan"
    netplan.mkdir(parents=True)
    text = "# fabric-tenant: name=blue link=bond0 vlan_id=3 vlan=bond0.3 bridge=br-vlan-3\n"
    (netplan / "90-fabric-tenant-blue.yaml").write_text(text)
    (machine.root / "sys/class/net/br-vlan-3/brif/bond0.3").mkdir(parents=True)
    machine.run("wait", "60")


def test_what_nmstate_makes_is_waited_for_and_what_a_pod_makes_is_not(machine: Machine) -> None:
    rules = machine.root / "etc/udev/rules.d"
    rules.mkdir(parents=True)
    for name, number, maker in (("blue", 3, "nmstate"), ("green", 4, "nmstate"), ("red", 5, "bridge_operator")):
        mark = f"# fabric-tenant: name={name} link=bond0 vlan_id={number} vlan=bond0.{number} bridge=br-vlan-{number}"
        (rules / f"90-fabric-tenant-{name}.rules").write_text(f"# Managed\n{mark} made_by={maker}\n")
    (machine.root / "sys/class/net/br-vlan-3/brif/bond0.3").mkdir(parents=True)
    assert machine.call("wait", "0").stderr.splitlines() == [
        "bridge br-vlan-4 with port bond0.4 is not there after 0 s, going on without it"
    ]
