#!/bin/sh
# Renews the plugin's kubeconfig when the pod's service-account token or the cluster's CA changes.
set -eu
account=/var/run/secrets/kubernetes.io/serviceaccount
state() { md5sum "$account/token" "$account/ca.crt"; }
known=$(state)
while sleep 10; do
  now=$(state)
  [ "$now" = "$known" ] && continue
  SLEEP=false /install-cni.sh
  known=$now
done
