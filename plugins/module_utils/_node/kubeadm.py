"""A join script for tenant clusters that serve none: stock kubeadm, with programs that are on the server already.

It takes the options of vCluster's script, so that the same code runs it, keeps it for the reset, and hides its token.
"""

from __future__ import annotations

import base64
import hashlib
import re
import shlex

from .script import Script, ScriptError, scrub

_ENDPOINT = re.compile(r"^[A-Za-z0-9.:\[\]-]+:\d+$")
_TOKEN = re.compile(r"^[a-z0-9]{6}\.[a-z0-9]{16}$")

# The discovery file pins the whole authority, not a hash of its key, and spares the token a place in an argument list.
_TEXT = """\
#!/bin/sh
# Makes this server a node of the tenant cluster at @ENDPOINT@ by kubeadm, or with --reset-only a plain server again.
set -eu
umask 077

reset_only= force=
count=$#
while [ "$count" -gt 0 ]; do
  option=$1
  shift
  count=$((count - 1))
  case $option in
    --reset-only) reset_only=1 ;;
    --force-join) force=1 ;;
    *) set -- "$@" "$option" ;;
  esac
done

for tool in kubeadm systemctl; do
  command -v "$tool" >/dev/null || { echo "needs $tool" >&2; exit 1; }
done
if [ -n "$reset_only" ]; then
  exec kubeadm reset --force
fi
if systemctl --quiet is-active kubelet.service && [ -z "$force" ]; then
  echo "a kubelet is running here; --force-join joins anew" >&2
  exit 1
fi
for rest in /etc/kubernetes/kubelet.conf /etc/kubernetes/bootstrap-kubelet.conf /etc/kubernetes/pki/ca.crt; do
  if [ -e "$rest" ]; then
    kubeadm reset --force
    break
  fi
done
work=$(mktemp -d /run/kubeadm-join.XXXXXX)
trap 'rm -rf "$work"' EXIT
cat >"$work/discovery.conf" <<'CONF'
apiVersion: v1
kind: Config
clusters:
- name: tenant
  cluster:
    server: https://@ENDPOINT@
    certificate-authority-data: @CA@
contexts:
- name: tenant
  context: {cluster: tenant, user: bootstrap}
current-context: tenant
users:
- name: bootstrap
  user:
    token: @TOKEN@
CONF
systemctl --quiet enable kubelet.service
kubeadm join --discovery-file "$work/discovery.conf" "$@"
"""


def script(endpoint: str, ca: str, token: str) -> Script:
    """The script for one server; its checksum is that of the text without the token."""
    if not ca.strip():
        raise ScriptError("no CA given: nothing would tell the tenant cluster's API from another's")
    if not _ENDPOINT.match(endpoint):
        raise ScriptError(shlex.quote(endpoint) + " is no address:port")
    if not _TOKEN.match(token):
        raise ScriptError("the token does not have the form of a bootstrap token")
    text = _TEXT.replace("@ENDPOINT@", endpoint)
    text = text.replace("@CA@", base64.b64encode(ca.encode("utf-8")).decode("ascii")).replace("@TOKEN@", token)
    return Script(text, hashlib.sha256(scrub(text, token).encode("utf-8")).hexdigest())
