#!/bin/sh
# Puts whereabouts on the node this pod runs on: the plugin, a kubeconfig made from the pod's service account, and its
# configuration. Understands the same environment as the image it stands for. Can be sourced (SLEEP=false) or run.
set -eu

bin_dir=${CNI_BIN_DIR:-/host/opt/cni/bin}
conf_dir=${CNI_CONF_DIR:-/host/etc/cni/net.d}
account=/var/run/secrets/kubernetes.io/serviceaccount
own_dir=$conf_dir/whereabouts.d
# the plugin runs on the node, where the mount below /host is at the root
node_dir=${own_dir#/host}

put() { # file: standard input becomes its content in one step, readable by root alone
  ( umask 077; cat >"$1.new" )
  mv -f "$1.new" "$1"
}

write_kubeconfig() {
  host=$KUBERNETES_SERVICE_HOST
  case $host in *:*) host="[$host]" ;; esac
  put "$own_dir/whereabouts.kubeconfig" <<EOF
apiVersion: v1
kind: Config
clusters:
- name: node
  cluster:
    server: https://$host:$KUBERNETES_SERVICE_PORT
    certificate-authority-data: $(base64 <"$account/ca.crt" | tr -d '\n')
users:
- name: whereabouts
  user:
    token: $(cat "$account/token")
contexts:
- name: whereabouts
  context:
    cluster: node
    user: whereabouts
    namespace: ${WHEREABOUTS_NAMESPACE:-kube-system}
current-context: whereabouts
EOF
}

mkdir -p "$own_dir"
write_kubeconfig
put "$own_dir/whereabouts.conf" <<EOF
{
  "datastore": "kubernetes",
  "configuration_path": "$node_dir",
  "kubernetes": {"kubeconfig": "$node_dir/whereabouts.kubeconfig"},
  "reconciler_cron_expression": "${WHEREABOUTS_RECONCILER_CRON:-30 4 * * *}"
}
EOF
if [ -n "${NODENAME:-}" ]; then
  printf '%s' "$NODENAME" | put "$own_dir/nodename"
fi
# a running plugin keeps the file it was started from
cp /whereabouts "$bin_dir/.whereabouts.new"
chmod 0755 "$bin_dir/.whereabouts.new"
mv -f "$bin_dir/.whereabouts.new" "$bin_dir/whereabouts"
echo "whereabouts is installed in $bin_dir"

if [ "${SLEEP:-true}" = true ]; then
  exec sleep 2147483647
fi
