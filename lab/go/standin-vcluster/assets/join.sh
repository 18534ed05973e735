#!/bin/sh
# Turns this server into a node of the tenant cluster {{ .Name }}. Served by the lab's stand-in for vCluster, in place
# of the real one's script; takes the same options.
set -eu
umask 022

endpoint={{ shell .Endpoint }}
version={{ shell .Version }}
state=/var/lib/vcluster-node
containerd_conf=/etc/containerd/config.toml
units='kubelet kube-proxy vcluster-node-network'

say() { printf '[join] %s\n' "$*" >&2; }
die() { say "error: $*"; exit 1; }

binaries=/usr/local/bin
plugins=/opt/cni/bin
node_name=$(hostname)
node_ip=${NODE_IP:-}
skip_reset= reset_only= skip_join= force_join=

# options ---------------------------------------------------------------------------------------------------------
while [ $# -gt 0 ]; do
  option=$1 value=
  shift
  case $option in
    --*=*) value=${option#*=} option=${option%%=*} ;;
    --kubernetes-version|--repository-url|--binaries-dir|--cni-binaries-dir|--bundle-path|--node-name|--node-ip|--selinux-rpm-url)
      [ $# -gt 0 ] || die "$option needs a value"
      value=$1
      shift ;;
  esac
  case $option in
    --kubernetes-version) [ "v${value#v}" = "$version" ] || die "only $version can be installed here, not $value" ;;
    --binaries-dir) binaries=$value ;;
    --cni-binaries-dir) plugins=$value ;;
    --node-name) node_name=$value ;;
    --node-ip) node_ip=$value ;;
    --skip-reset) skip_reset=1 ;;
    --reset-only) reset_only=1 ;;
    --skip-join) skip_join=1 ;;
    --force-join) force_join=1 ;;
    --containerd-selinux|--skip-selinux-rpm|--selinux-rpm-url) ;; # nothing of SELinux on this system
    --repository-url|--bundle-path) die "$option is not part of this stand-in" ;;
    *) die "unknown option $option" ;;
  esac
done

[ "$(id -u)" = 0 ] || die "must run as root"
for tool in systemctl curl gzip sha256sum containerd ctr ip; do
  command -v "$tool" >/dev/null || die "needs $tool"
done
[ -d /run/systemd/system ] || die "needs systemd"
PATH=$binaries:$PATH
export PATH

# files -----------------------------------------------------------------------------------------------------------
put() { # path mode: standard input becomes the file, in one step; it is remembered for the reset
  mkdir -p "${1%/*}"
  cat >"$1.new"
  chmod "$2" "$1.new"
  mv -f "$1.new" "$1"
  remember "$1"
}

remember() {
  mkdir -p "$state"
  grep -qxF "$1" "$state/files" 2>/dev/null || printf '%s\n' "$1" >>"$state/files"
}

# reset -----------------------------------------------------------------------------------------------------------
reset_node() { # all: also take away what was installed, as before the first join
  if [ ! -e "$state" ] && [ ! -e /etc/kubernetes/kubelet.conf ]; then
    say "nothing to reset"
    return
  fi
  say "removing what makes this server a node"
  for unit in $units; do
    if [ -e "/etc/systemd/system/$unit.service" ]; then
      systemctl --quiet disable --now "$unit.service"
    fi
  done
  if command -v kubeadm >/dev/null; then
    systemctl start containerd
    kubeadm reset --force --cri-socket {{ shell .ContainerSocket }} >"$log" 2>&1 || { cat "$log" >&2; die "kubeadm reset failed"; }
  fi
  if command -v kube-proxy >/dev/null; then
    kube-proxy --cleanup >"$log" 2>&1 || { cat "$log" >&2; die "kube-proxy --cleanup failed"; }
  fi
  if command -v standin-cni >/dev/null; then
    standin-cni --cleanup --cluster-cidr={{ .PodCIDR }}
  fi
  rm -rf --one-file-system /etc/kubernetes /var/lib/kubelet /var/lib/cni /etc/cni/net.d/10-lab.conflist /var/log/pods /var/log/containers
  if [ -e "$state/hosts-line" ]; then
    grep -vxFf "$state/hosts-line" /etc/hosts >/etc/hosts.new || true # no other line is no error
    cat /etc/hosts.new >/etc/hosts
    rm -f /etc/hosts.new
  fi
  if [ "${1:-}" != all ]; then
    return
  fi
  if [ -e "$state/containerd.toml" ]; then
    cp "$state/containerd.toml" "$containerd_conf"
  elif [ -e "$state/containerd.absent" ]; then
    rm -f "$containerd_conf"
  fi
  if [ -e "$state/containerd.disabled" ]; then
    systemctl --quiet disable --now containerd
  else
    systemctl restart containerd
  fi
  if [ -e "$state/files" ]; then
    while IFS= read -r file; do
      rm -f "$file"
    done <"$state/files"
  fi
  rm -rf "$state"
  systemctl daemon-reload
}

work=$(mktemp -d /var/tmp/vcluster-join.XXXXXX)
log=$work/log
trap 'rm -rf "$work"' EXIT

if [ -n "$reset_only" ]; then
  reset_node all
  say "this server is no node any more"
  exit 0
fi
if systemctl --quiet is-active kubelet.service && [ -z "$force_join" ]; then
  die "a kubelet is running here; --force-join joins anew"
fi
if [ -z "$skip_reset" ]; then
  reset_node
fi

# download --------------------------------------------------------------------------------------------------------
cat >"$work/ca.crt" <<'PEM'
{{ .Authority }}PEM

fetch() { curl -fsS --cacert "$work/ca.crt" --connect-timeout 20 "$@"; }

target_of() { # path in the bundle: where it goes
  case $1 in
    bin/*) printf '%s\n' "$binaries/${1#bin/}" ;;
    cni/*) printf '%s\n' "$plugins/${1#cni/}" ;;
    images/*) printf '%s\n' "$work/${1#images/}" ;;
    *) die "unknown file $1 in the bundle" ;;
  esac
}

present() { # checksum file
  [ -f "$2" ] && printf '%s  %s\n' "$1" "$2" | sha256sum --check --status
}

{{ range .PreInstall }}{{ . }}
{{ end -}}
fetch -o "$work/manifest" "https://$endpoint/node/download/manifest"
mkdir -p "$binaries" "$plugins"
: >"$work/downloads"
: >"$work/missing"
while read -r sum path reference; do
  case $path in
    images/*)
      # an image that is there already needs no download; its last field is "name@digest"
      if systemctl --quiet is-active containerd && ctr -n k8s.io images list | awk '{print $1 "@" $3}' | grep -qxF "$reference"; then
        continue
      fi ;;
    *) if present "$sum" "$(target_of "$path")"; then remember "$(target_of "$path")"; continue; fi ;;
  esac
  target=$(target_of "$path")
  printf 'url = "https://%s/node/download/%s.gz"\noutput = "%s.new.gz"\n' "$endpoint" "$path" "$target" >>"$work/downloads"
  printf '%s %s\n' "$sum" "$target" >>"$work/missing"
done <"$work/manifest"
if [ -s "$work/missing" ]; then
  say "downloading $(wc -l <"$work/missing") files of Kubernetes $version from $endpoint"
  fetch --config "$work/downloads"
  while read -r sum target; do
    gzip --decompress --force "$target.new.gz"
    present "$sum" "$target.new" || die "$target arrived damaged"
    chmod 0755 "$target.new"
    mv -f "$target.new" "$target"
    case $target in "$work"/*) ;; *) remember "$target" ;; esac
  done <"$work/missing"
fi

# container runtime -----------------------------------------------------------------------------------------------
if [ ! -e "$state/containerd.seen" ]; then
  mkdir -p "$state"
  if [ -e "$containerd_conf" ]; then cp "$containerd_conf" "$state/containerd.toml"; else : >"$state/containerd.absent"; fi
  systemctl --quiet is-enabled containerd || : >"$state/containerd.disabled"
  : >"$state/containerd.seen"
fi
cat >"$work/containerd.toml" <<TOML
version = 2
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{{ .PauseImage }}"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "$plugins"
    conf_dir = "/etc/cni/net.d"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = true
TOML
mkdir -p "${containerd_conf%/*}" /etc/cni/net.d
if ! cmp -s "$work/containerd.toml" "$containerd_conf"; then
  cp "$work/containerd.toml" "$containerd_conf"
  systemctl stop containerd
fi
systemctl --quiet --no-reload enable containerd
systemctl start containerd
for archive in "$work"/*.tar; do
  [ -e "$archive" ] || continue
  ctr -n k8s.io images import "$archive" >"$log" 2>&1 || { cat "$log" >&2; die "importing ${archive##*/} failed"; }
  rm -f "$archive"
done

# system ----------------------------------------------------------------------------------------------------------
put /etc/modules-load.d/vcluster-node.conf 0644 <<'CONF'
overlay
br_netfilter
nf_conntrack
CONF
put /etc/sysctl.d/90-vcluster-node.conf 0644 <<'CONF'
net.ipv4.ip_forward = 1
net.bridge.bridge-nf-call-iptables = 1
net.bridge.bridge-nf-call-ip6tables = 1
CONF
systemctl restart systemd-modules-load.service
sysctl --quiet --load /etc/sysctl.d/90-vcluster-node.conf

if [ -z "$node_ip" ]; then
  # the address that this server uses towards the tenant cluster's API
  node_ip=$(ip -4 route get {{ shell .Host }} | sed -n 's/.* src \([0-9.]*\).*/\1/p')
fi
[ -n "$node_ip" ] || die "no address towards $endpoint"
if ! getent hosts "$node_name" >/dev/null; then
  printf '%s %s\n' "$node_ip" "$node_name" | tee "$state/hosts-line" >>/etc/hosts
fi

put /etc/systemd/system/kubelet.service 0644 <<UNIT
[Unit]
Description=kubelet of the tenant cluster {{ .Name }}
After=network-online.target containerd.service
Wants=network-online.target containerd.service
StartLimitIntervalSec=0
[Service]
Environment="KUBECONFIGS=--bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf --kubeconfig=/etc/kubernetes/kubelet.conf"
EnvironmentFile=-/var/lib/kubelet/kubeadm-flags.env
EnvironmentFile=-/etc/default/kubelet
ExecStart=$binaries/kubelet \$KUBECONFIGS --config=/var/lib/kubelet/config.yaml --housekeeping-interval=60s \$KUBELET_KUBEADM_ARGS \$KUBELET_EXTRA_ARGS
Restart=always
RestartSec=5
[Install]
WantedBy=multi-user.target
UNIT
{{ if .KubeProxy }}
put /etc/systemd/system/kube-proxy.service 0644 <<UNIT
[Unit]
Description=kube-proxy of the tenant cluster {{ .Name }}
ConditionPathExists=/etc/kubernetes/kube-proxy.conf
After=network-online.target
StartLimitIntervalSec=0
[Service]
ExecStart=$binaries/kube-proxy --kubeconfig=/etc/kubernetes/kube-proxy.conf --hostname-override=$node_name --proxy-mode=iptables --cluster-cidr={{ .PodCIDR }} --conntrack-max-per-core=0 --conntrack-tcp-timeout-established=0 --conntrack-tcp-timeout-close-wait=0{{ range .ProxyArguments }} {{ . }}{{ end }}
Restart=always
RestartSec=5
[Install]
WantedBy=multi-user.target
UNIT
{{ end }}{{ if .Network }}
put /etc/systemd/system/vcluster-node-network.service 0644 <<UNIT
[Unit]
Description=pod network of the tenant cluster {{ .Name }}
ConditionPathExists=/etc/kubernetes/kube-proxy.conf
After=network-online.target
StartLimitIntervalSec=0
[Service]
ExecStart=$binaries/standin-cni --kubeconfig=/etc/kubernetes/kube-proxy.conf --node=$node_name --cluster-cidr={{ .PodCIDR }}
Restart=always
RestartSec=5
[Install]
WantedBy=multi-user.target
UNIT
{{ end }}
# One reload for all units: it is slow on small machines.
network_units="{{ if .KubeProxy }} kube-proxy.service{{ end }}{{ if .Network }} vcluster-node-network.service{{ end }}"
# shellcheck disable=SC2086 # several names
systemctl --quiet --no-reload enable kubelet.service $network_units
systemctl daemon-reload

if [ -n "$skip_join" ]; then
  say "installed, not joined"
  exit 0
fi

# join ------------------------------------------------------------------------------------------------------------
{{ range .PreJoin }}{{ . }}
{{ end -}}
( umask 077; sed -e "s/@NODE_NAME@/$node_name/" -e "s/@NODE_IP@/$node_ip/" >"$work/join.yaml" ) <<'YAML'
{{ .JoinConfiguration }}YAML
say "joining $endpoint as $node_name ($node_ip)"
kubeadm join --config "$work/join.yaml" >"$log" 2>&1 || { cat "$log" >&2; die "kubeadm join failed"; }
mkdir -p /etc/kubernetes/manifests # the kubelet complains every second about a folder that is not there
{{ if or .KubeProxy .Network }}
( umask 077; mkdir -p /etc/kubernetes; cat >/etc/kubernetes/kube-proxy.conf ) <<'YAML'
{{ .ProxyKubeconfig }}YAML
# shellcheck disable=SC2086 # several names
systemctl start $network_units
{{ end -}}
{{ range .PostJoin }}{{ . }}
{{ end -}}
say "$node_name has joined"
