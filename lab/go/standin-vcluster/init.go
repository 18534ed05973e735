package main

import (
	"context"
	"fmt"
	"log"
	"maps"
	"os"
	"path/filepath"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

const (
	pkiFolder    = "/pki"
	defaultLocal = "https://127.0.0.1:6443"
)

// initialise runs before the other containers: it gets the control plane's certificates from the Secret that all
// replicas share, makes what is missing, and lays files out for the others.
func initialise(ctx context.Context, i *instance) error {
	host, err := hostClient()
	if err != nil {
		return err
	}
	service, err := host.CoreV1().Services(i.namespace).Get(ctx, i.name, metav1.GetOptions{})
	if err != nil {
		return err
	}
	leaves := i.leaves(i.servingNames(service.Spec.ClusterIP))
	secrets := sharedSecret{client: host, namespace: i.namespace, name: i.name + "-certs", owner: owner(service), labels: i.labels()}
	certificates, err := secrets.ensure(ctx, func(data pki) (bool, error) {
		founded := data.founded(i.replicas())
		completed, err := data.complete(leaves, time.Now())
		return founded || completed, err
	})
	if err != nil {
		return err
	}
	files, err := withKubeconfigs(certificates, i.local)
	if err != nil {
		return err
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(pkiFolder, name), content, 0o600); err != nil {
			return err
		}
	}
	return nil
}

func hostClient() (kubernetes.Interface, error) {
	config, err := rest.InClusterConfig()
	if err != nil {
		return nil, err
	}
	return kubernetes.NewForConfig(config)
}

func (i *instance) labels() map[string]string {
	return map[string]string{"app": "vcluster", "release": i.name, "vcluster-name": i.name}
}

// owner makes an object go when the release's Service goes.
func owner(service *corev1.Service) metav1.OwnerReference {
	return metav1.OwnerReference{APIVersion: "v1", Kind: "Service", Name: service.Name, UID: service.UID}
}

// sharedSecret is a Secret that several replicas may want to make or amend at the same time.
type sharedSecret struct {
	client    kubernetes.Interface
	namespace string
	name      string
	owner     metav1.OwnerReference
	labels    map[string]string
}

// ensure returns the Secret's data after amend has had its say. Whoever writes first wins; the others start over from
// what was written.
func (s sharedSecret) ensure(ctx context.Context, amend func(pki) (bool, error)) (pki, error) {
	secrets := s.client.CoreV1().Secrets(s.namespace)
	for attempt := 0; attempt < 20; attempt++ {
		secret, err := secrets.Get(ctx, s.name, metav1.GetOptions{})
		missing := apierrors.IsNotFound(err)
		if err != nil && !missing {
			return nil, err
		}
		if missing {
			secret = &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: s.name}}
		}
		data := pki{}
		maps.Copy(data, secret.Data)
		changed, err := amend(data)
		if err != nil {
			return nil, err
		}
		if !changed && !missing {
			return data, nil
		}
		secret.Data, secret.Labels = data, s.labels
		if s.owner.UID != "" {
			secret.OwnerReferences = []metav1.OwnerReference{s.owner}
		}
		if missing {
			_, err = secrets.Create(ctx, secret, metav1.CreateOptions{})
		} else {
			_, err = secrets.Update(ctx, secret, metav1.UpdateOptions{})
		}
		if err == nil {
			log.Printf("Secret %s is written", s.name)
			return data, nil
		}
		if !apierrors.IsAlreadyExists(err) && !apierrors.IsConflict(err) {
			return nil, err
		}
	}
	return nil, fmt.Errorf("Secret %s changes all the time", s.name)
}

// withKubeconfigs adds what the control plane's own programs use to talk to their API server.
func withKubeconfigs(certificates pki, server string) (pki, error) {
	files := maps.Clone(certificates)
	for _, leaf := range []string{"admin", "controller-manager", "scheduler"} {
		text, err := certificates.kubeconfigFor(leaf, server, "kubernetes")
		if err != nil {
			return nil, err
		}
		files[leaf+".conf"] = text
	}
	return files, nil
}

func readPKI(folder string) (pki, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	files := pki{}
	for _, entry := range entries {
		if !entry.Type().IsRegular() {
			continue
		}
		if files[entry.Name()], err = os.ReadFile(filepath.Join(folder, entry.Name())); err != nil {
			return nil, err
		}
	}
	return files, nil
}
