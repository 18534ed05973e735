#!/bin/sh
# Unpacks image archives as containerd keeps them. Runs in mount and process namespaces of its own:
#   make-store.sh ROOT STORE IMAGES ARCHIVE…
# ROOT is a tree with Debian's containerd (the version that the lab's machines have), STORE the empty result.
set -eu
root=$1 store=$2 images=$3
shift 3
mount --make-rprivate /
mkdir -p "$root/proc" "$root/dev" "$root/tmp" "$root/run" "$root/store" "$root/images"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount -t tmpfs tmpfs "$root/run"
mount -t tmpfs tmpfs "$root/tmp"
mount --bind "$store" "$root/store"
mount --bind "$images" "$root/images"
cat >"$root/run/containerd.toml" <<'TOML'
version = 2
root = "/store"
state = "/run/containerd"
disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt"]
[grpc]
  address = "/run/containerd.sock"
TOML
chroot "$root" /usr/bin/containerd --config /run/containerd.toml --log-level warn &
server=$!
ctr() { chroot "$root" /usr/bin/ctr --address /run/containerd.sock --namespace k8s.io "$@"; }
tries=0
until ctr version >/dev/null 2>&1; do
  kill -0 "$server"
  tries=$((tries + 1))
  [ "$tries" -lt 100 ]
  sleep 0.1
done
for archive in "$@"; do
  ctr images import "/images/$archive"
done
# ends when everything is on the disk
kill "$server"
wait "$server" || [ $? -eq 143 ]
