#!/bin/sh
for nic in /sys/class/net/*; do
    if [ "$(cat $nic/address)" = 0c:42:a1:00:00:01 ]; then
        debconf-set netcfg/choose_interface "${nic##*/}"
        exit 0
    fi
done
echo 'no NIC has the address 0c:42:a1:00:00:01' >&2
exit 1
