"""What a virtual machine is told at its first boot: cloud-init user data by which it joins its tenant cluster.

The way is that of a bare-metal server (`_node.join`): the join script comes over TLS that is verified against the
tenant cluster's own CA, it and the token are in files that only root can read, and neither is in an argument list.
"""

from __future__ import annotations

import shlex

from .. import yaml_text
from .common import Document, DocumentError, known, require

HOME = "/var/lib/baremetal.fabric/join"
PROGRAM = "/usr/local/sbin/baremetal-fabric-join"
#: Lists to which a user's own entries are added, before ours.
_LISTS = ("write_files", "runcmd")

_SCRIPT = r"""#!/bin/sh
# Makes this machine a node of its tenant cluster. Run once, by cloud-init, as root.
set -eu
umask 077
home=@HOME@ endpoint=@ENDPOINT@ mac=@MAC@ node=@NODE@
deadline=$(($(date +%s) + @TIMEOUT@))

say() { echo "baremetal.fabric: $*"; }
# The token is good for one join: whatever comes of it, nothing of it stays.
trap 'rm -f "$home/request" "$home/script" "$home/scrub" "$home/log"' EXIT
again() {
  [ "$(date +%s)" -lt "$deadline" ] || { say "$*; given up"; exit 1; }
  sleep 5
}

address_of_nic() {
  for device in /sys/class/net/*; do
    if [ "$(cat "$device/address" 2>/dev/null)" = "$mac" ]; then
      ip -4 -o address show dev "${device##*/}" scope global | sed -n 's|.* inet \([0-9.]*\)/.*|\1|p' | head -n 1
    fi
  done | head -n 1
}
address=$(address_of_nic)
while [ -z "$address" ]; do
  again "no address on the NIC $mac"
  address=$(address_of_nic)
done

if [ -d /etc/sysconfig ]; then kubelet=/etc/sysconfig/kubelet; else kubelet=/etc/default/kubelet; fi
pin_address() { # true when the file had to be changed
  if grep -qs -e "--node-ip=$address" "$kubelet"; then return 1; fi
  mkdir -p "${kubelet%/*}"
  if grep -qs '^KUBELET_EXTRA_ARGS=' "$kubelet"; then
    sed -i "s/^KUBELET_EXTRA_ARGS=\"*\([^\"]*\)\"*\$/KUBELET_EXTRA_ARGS=\"\1 --node-ip=$address\"/" "$kubelet"
  else
    (umask 022 && printf 'KUBELET_EXTRA_ARGS="--node-ip=%s"\n' "$address" >>"$kubelet")
  fi
}

say "fetching the join script from $endpoint for $node ($address)"
sed -n 's/.*token=\([a-z0-9]*\)\.\([a-z0-9]*\)".*/s|\2|(token)|g/p' "$home/request" >"$home/scrub"
until curl --config "$home/request" --output "$home/script"; do again "no join script from $endpoint"; done
[ "$(head -c 2 "$home/script")" = '#!' ] || { say "$endpoint did not answer with a script"; exit 1; }
say "running the join script, sha256 $(sha256sum "$home/script" | cut -d ' ' -f 1)"
pin_address || true
joined=0
sh "$home/script" --node-name "$node" @ARGUMENTS@ >"$home/log" 2>&1 || joined=$?
sed -f "$home/scrub" "$home/log" | tail -n 40
if [ "$joined" != 0 ]; then
  say "the join script ended with $joined"
  exit "$joined"
fi
# The script wipes the machine before it installs.
if pin_address; then systemctl restart kubelet; fi
say "$node has joined"
"""


def user_data(intent: Document) -> str:
    """The cloud-config.

    `intent`: node_name, endpoint_host and port (the first None while unknown), ca and token (None in plans), mac,
    join_arguments, join_timeout (seconds); optional: ssh_authorized_keys, cloud_config (merged: its write_files and
    runcmd come before ours, and the names that we set are refused).
    """
    require(intent, ("node_name", "endpoint_host", "port", "ca", "token", "mac", "join_arguments", "join_timeout"))
    own: Document = {
        "hostname": intent["node_name"],
        "preserve_hostname": False,
        "write_files": [
            _file(f"{HOME}/ca.crt", "0600", str(known(intent["ca"]))),
            _file(f"{HOME}/request", "0600", _request(intent)),
            _file(PROGRAM, "0700", _script(intent)),
        ],
        "runcmd": [[PROGRAM]],
    }
    if intent.get("ssh_authorized_keys"):
        own["ssh_authorized_keys"] = list(intent["ssh_authorized_keys"])
    theirs: Document = intent.get("cloud_config") or {}
    clash = sorted(set(theirs) & (set(own) - set(_LISTS)))
    if clash:
        raise DocumentError(f"cloud_config sets {', '.join(clash)}, which is ours")
    merged = {**theirs, **own, **{key: [*(theirs.get(key) or []), *own[key]] for key in _LISTS}}
    return "#cloud-config\n" + yaml_text.readable(yaml_text.plain(merged))


def _endpoint(intent: Document) -> str:
    return f"{known(intent['endpoint_host'])}:{intent['port']}"


def _file(path: str, mode: str, content: str) -> Document:
    return {"path": path, "owner": "root:root", "permissions": mode, "content": content}


def _request(intent: Document) -> str:
    """curl's configuration: on its command line the token would be everybody's to read."""
    lines = [
        f'url = "https://{_endpoint(intent)}/node/join?token={known(intent["token"])}"',
        f'cacert = "{HOME}/ca.crt"',
        # The VIP is a neighbour on the VLAN, never behind a proxy.
        'noproxy = "*"',
        "connect-timeout = 10",
        "max-time = 120",
        "fail",
        "silent",
        "show-error",
    ]
    return "\n".join(lines) + "\n"


def _script(intent: Document) -> str:
    text = _SCRIPT
    for mark, value in (
        ("@HOME@", HOME),
        ("@ENDPOINT@", _endpoint(intent)),
        ("@MAC@", intent["mac"]),
        ("@NODE@", intent["node_name"]),
        ("@TIMEOUT@", str(int(intent["join_timeout"]))),
    ):
        text = text.replace(mark, shlex.quote(value))
    return text.replace(" @ARGUMENTS@", "".join(f" {shlex.quote(str(each))}" for each in intent["join_arguments"]))
