package main

import (
	"bytes"
	"context"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// exportKubeconfig writes the Secret by which users of the host cluster reach the tenant cluster as its administrator.
func exportKubeconfig(ctx context.Context, i *instance, certificates pki) error {
	host, err := hostClient()
	if err != nil {
		return err
	}
	service, err := host.CoreV1().Services(i.namespace).Get(ctx, i.name, metav1.GetOptions{})
	if err != nil {
		return err
	}
	secret := sharedSecret{client: host, namespace: i.namespace, name: "vc-" + i.name, owner: owner(service), labels: i.labels()}
	wanted, err := i.exported(certificates)
	if err != nil {
		return err
	}
	_, err = secret.ensure(ctx, func(data pki) (bool, error) {
		changed := false
		for name, content := range wanted {
			changed = changed || !bytes.Equal(data[name], content)
			data[name] = content
		}
		return changed, nil
	})
	return err
}

func (i *instance) exported(certificates pki) (pki, error) {
	server := i.values.ExportKubeConfig.Server
	if server == "" {
		server = "https://localhost:8443"
	}
	name := i.values.ExportKubeConfig.Context
	if name == "" {
		name = "my-vcluster"
	}
	text, err := certificates.kubeconfigFor("admin", server, name)
	return pki{
		"config": text, "certificate-authority": certificates["ca.crt"],
		"client-certificate": certificates["admin.crt"], "client-key": certificates["admin.key"],
	}, err
}

// proxyKubeconfig is a fresh identity for the kube-proxy of one node.
func (i *instance) proxyKubeconfig(certificates pki, now time.Time) ([]byte, error) {
	certificate, key, err := certificates.issue(leaf{
		name: "kube-proxy", authority: "ca", subject: proxySubject, usages: clientUsages,
	}, now)
	if err != nil {
		return nil, fmt.Errorf("kube-proxy: %w", err)
	}
	return kubeconfig(i.endpoint(), i.name, "kube-proxy", certificates["ca.crt"], certificate, key)
}
