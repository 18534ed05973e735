# SPDX-License-Identifier: Apache-2.0
"""Debian: answers for debian-installer. Pure.

debian-installer looks for nobody's data on further media by itself. Media that are used with virtual media carry
`LOADER` in their initrd as preseed.cfg: it finds the medium with the label CIDATA and goes on with what is there.
"""

from __future__ import annotations

import ipaddress
import shlex

from .._kube import yaml_text
from . import files, network
from .model import ROOT, Installation

PACKAGES = ("openssh-server", "sudo", "python3", "netplan.io", "systemd-resolved", "systemd-timesyncd")

#: The same for all servers and without any secret.
LOADER = r"""#_preseed_V1
d-i debian-installer/locale string en_US.UTF-8
d-i keyboard-configuration/xkb-keymap select us
d-i preseed/early_command string \
    mkdir -p /cidata && \
    for device in $(list-devices disk; list-devices cd; list-devices usb-partition); do \
        mount -o ro $device /cidata 2>/dev/null || continue; \
        [ -e /cidata/preseed.cfg ] && break; \
        umount /cidata; \
    done; \
    sh /cidata/early.sh && debconf-set-selections /cidata/preseed.cfg
"""


def early_script(wanted: Installation) -> str:
    """Names the NIC of the installation's network, which only its MAC address is known of."""
    return (
        "#!/bin/sh\n"
        "for nic in /sys/class/net/*; do\n"
        f'    if [ "$(cat $nic/address)" = {wanted.management.mac} ]; then\n'
        '        debconf-set netcfg/choose_interface "${nic##*/}"\n'
        "        exit 0\n"
        "    fi\n"
        "done\n"
        f"echo 'no NIC has the address {wanted.management.mac}' >&2\n"
        "exit 1\n"
    )


def preseed(wanted: Installation) -> str:
    lines = [
        "#_preseed_V1",
        "d-i debian-installer/locale string en_US.UTF-8",
        "d-i keyboard-configuration/xkb-keymap select us",
        *_network(wanted),
        *_clock(wanted),
        *_user(wanted),
        *_disk(wanted),
        "tasksel tasksel/first multiselect standard",
        f"d-i pkgsel/include string {' '.join([*PACKAGES, *wanted.packages])}",
        "d-i pkgsel/upgrade select none",
        "popularity-contest popularity-contest/participate boolean false",
        f"d-i mirror/http/proxy string {wanted.proxy}".rstrip(),
        _late(wanted),
        "d-i finish-install/reboot_in_progress note",
        "d-i debian-installer/exit/poweroff boolean true",
    ]
    return "\n".join(lines) + "\n"


def _network(wanted: Installation) -> list[str]:
    lines = [f"d-i netcfg/get_hostname string {wanted.hostname}", f"d-i netcfg/hostname string {wanted.hostname}"]
    if not wanted.management.address:
        return lines
    address = ipaddress.ip_interface(wanted.management.address)
    return [
        *lines,
        "d-i netcfg/disable_autoconfig boolean true",
        f"d-i netcfg/get_ipaddress string {address.ip}",
        f"d-i netcfg/get_netmask string {address.netmask}",
        f"d-i netcfg/get_gateway string {wanted.management.gateway or 'none'}",
        f"d-i netcfg/get_nameservers string {' '.join(wanted.dns)}".rstrip(),
        "d-i netcfg/confirm_static boolean true",
    ]


def _clock(wanted: Installation) -> list[str]:
    lines = ["d-i clock-setup/utc boolean true", f"d-i time/zone string {wanted.timezone}"]
    if wanted.ntp:
        lines.append(f"d-i clock-setup/ntp-server string {wanted.ntp[0]}")
    return lines


def _user(wanted: Installation) -> list[str]:
    password = wanted.password_hash or "!"
    if wanted.user == ROOT:
        return [
            "d-i passwd/root-login boolean true",
            f"d-i passwd/root-password-crypted password {password}",
            "d-i passwd/make-user boolean false",
        ]
    return [
        "d-i passwd/root-login boolean false",
        "d-i passwd/make-user boolean true",
        f"d-i passwd/user-fullname string {wanted.user}",
        f"d-i passwd/username string {wanted.user}",
        f"d-i passwd/user-password-crypted password {password}",
    ]


# With an error debian-installer asks whether to go on, and takes the only disk that there is if somebody, or a frontend
# that asks nobody, says yes. So it stays here until whoever waits for it gives up.
_STOP = "{ logger -t fabric 'the disk that is to be written is not there'; while :; do sleep 60; done; }"


def _disk(wanted: Installation) -> list[str]:
    """A disk that is not there ends the installation: nothing is ever guessed."""
    if wanted.disk.path:
        which = [
            f"d-i partman/early_command string [ -b {wanted.disk.path} ] || {_STOP}",
            f"d-i partman-auto/disk string {wanted.disk.path}",
            f"d-i grub-installer/bootdev string {wanted.disk.path}",
        ]
    else:
        name = shlex.quote(wanted.disk.serial)
        find = f'disk=$(for link in /dev/disk/by-id/*{name}; do readlink -f "$link"; done | sort -u)'
        which = [
            f'd-i partman/early_command string {find}; [ -b "$disk" ] || {_STOP};'
            ' debconf-set partman-auto/disk "$disk"; debconf-set grub-installer/bootdev "$disk"'
        ]
    return [
        *which,
        "d-i partman-auto/method string regular",
        "d-i partman-auto/choose_recipe select atomic",
        "d-i partman-lvm/device_remove_lvm boolean true",
        "d-i partman-md/device_remove_md boolean true",
        "d-i partman-partitioning/confirm_write_new_label boolean true",
        "d-i partman/choose_partition select finish",
        "d-i partman/confirm boolean true",
        "d-i partman/confirm_nooverwrite boolean true",
        "d-i grub-installer/only_debian boolean true",
    ]


def _late(wanted: Installation) -> str:
    home = "/root" if wanted.user == ROOT else f"/home/{wanted.user}"
    keys = files.File(f"{home}/.ssh/authorized_keys", "\n".join(wanted.authorized_keys) + "\n", 0o600)
    management = yaml_text.dump({"network": network.management(wanted)})
    commands = [
        files.command(keys),
        f"chmod 700 {home}/.ssh && chown -R {wanted.user}: {home}/.ssh",
        # netplan takes over from ifupdown, to which debian-installer gave the network
        files.command(files.File("/etc/network/interfaces", "auto lo\niface lo inet loopback\n")),
        files.command(files.File(network.MANAGEMENT_FILE, management, 0o600)),
        "systemctl enable systemd-networkd systemd-resolved",
        *(files.command(file) for file in files.of(wanted)),
    ]
    targets = [f"in-target sh -c {shlex.quote(each)}" for each in commands]
    return "d-i preseed/late_command string " + " && \\\n    ".join(targets)
