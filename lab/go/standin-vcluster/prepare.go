package main

import (
	"context"
	"fmt"
	"log"
	"strings"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

func tenantConfig(certificates pki, server string) (*rest.Config, error) {
	text, err := certificates.kubeconfigFor("admin", server, "kubernetes")
	if err != nil {
		return nil, err
	}
	config, err := clientcmd.RESTConfigFromKubeConfig(text)
	if err != nil {
		return nil, err
	}
	config.QPS, config.Burst = 50, 100
	return config, nil
}

func tenantClient(certificates pki, server string) (kubernetes.Interface, error) {
	config, err := tenantConfig(certificates, server)
	if err != nil {
		return nil, err
	}
	return kubernetes.NewForConfig(config)
}

// prepare brings the tenant cluster to where nodes can join and the host cluster knows how to reach it. The first
// replica does it, at every start; done is told as soon as this pod may serve.
func prepare(ctx context.Context, i *instance, certificates pki, tenant kubernetes.Interface, done func()) error {
	if err := await(ctx, "kube-apiserver", i.ready); err != nil {
		return ignoreStop(ctx, err)
	}
	if !i.first() {
		done()
		return nil
	}
	steps := []struct {
		name string
		run  func(context.Context) error
	}{
		{"kubeadm's configuration", func(ctx context.Context) error { return uploadConfiguration(ctx, i, tenant) }},
		{"join rules and cluster-info", func(ctx context.Context) error { return applyManifests(ctx, i, certificates) }},
		{"endpoint", func(ctx context.Context) error { return publishEndpoint(ctx, i, tenant) }},
		{"kubeconfig Secrets", func(ctx context.Context) error { return exportKubeconfig(ctx, i, certificates) }},
	}
	for _, step := range steps {
		begin := time.Now()
		if err := retry(ctx, step.name, step.run); err != nil {
			return ignoreStop(ctx, err)
		}
		log.Printf("prepared: %s (%.1f s)", step.name, time.Since(begin).Seconds())
	}
	done()
	return nil
}

func ignoreStop(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// retry repeats a step until it succeeds: right after its start an API server may still refuse some requests.
func retry(ctx context.Context, name string, run func(context.Context) error) error {
	var said string
	return await(ctx, name, func(ctx context.Context) error {
		err := run(ctx)
		if err != nil && err.Error() != said {
			said = err.Error()
			log.Print(fmt.Errorf("%s: %s", name, strings.TrimSpace(said)))
		}
		return err
	})
}
