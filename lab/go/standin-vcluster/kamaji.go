package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

const (
	kamajiNamespace = "kamaji-system"
	kamajiFinalizer = "finalizer.kamaji.clastix.io/datastore"
	nameLabel       = "kamaji.clastix.io/name"
	storeSecret     = "etcd-certs"
	storeAddress    = "https://etcd." + kamajiNamespace + ".svc:2379"
	lookEvery       = 2 * time.Second
)

var (
	controlPlanes = schema.GroupVersionResource{Group: "kamaji.clastix.io", Version: "v1alpha1", Resource: "tenantcontrolplanes"}
	dataStores    = schema.GroupVersionResource{Group: "kamaji.clastix.io", Version: "v1alpha1", Resource: "datastores"}
)

// kamaji acts on TenantControlPlanes as Kamaji would, as far as the lab needs: real control planes with their data in
// a shared etcd, Secrets under the real names, the status that callers wait for, and a finalizer that takes the data
// along. It knows one version, one DataStore, and has no webhooks: what those refuse is refused nowhere here.
type kamaji struct {
	host     kubernetes.Interface
	dynamic  dynamic.Interface
	image    string // of the control planes' containers, which is its own
	coredns  string
	version  string
	prepared map[types.UID]int64 // generations for which a tenant cluster has all that joining nodes need
	said     map[types.UID]string
}

func runKamaji(ctx context.Context) error {
	// without a kubeconfig, that of the pod
	config, err := clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG"))
	if err != nil {
		return err
	}
	config.QPS, config.Burst = 50, 100
	host, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return err
	}
	k := &kamaji{
		host: host, dynamic: client, image: os.Getenv("IMAGE"), coredns: os.Getenv("COREDNS_IMAGE"), version: os.Getenv("KUBERNETES_VERSION"),
		prepared: map[types.UID]int64{}, said: map[types.UID]string{},
	}
	if k.image == "" || k.coredns == "" || k.version == "" {
		return errors.New("IMAGE, COREDNS_IMAGE and KUBERNETES_VERSION must be set")
	}
	log.Print("the lab's stand-in for Kamaji")
	for tick := time.NewTicker(lookEvery); ; {
		k.look(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// look brings everything one step further. What fails is told once and tried again.
func (k *kamaji) look(ctx context.Context) {
	store, err := k.ensureStore(ctx)
	if err != nil {
		k.tell("DataStore", "", err)
		return
	}
	listed, err := k.dynamic.Resource(controlPlanes).List(ctx, metav1.ListOptions{})
	if err != nil {
		k.tell("TenantControlPlanes", "", err)
		return
	}
	for n := range listed.Items {
		object := &listed.Items[n]
		err := k.reconcile(ctx, object, store)
		k.tell(object.GetNamespace()+"/"+object.GetName(), object.GetUID(), err)
	}
}

func (k *kamaji) tell(what string, uid types.UID, err error) {
	text := ""
	if err != nil {
		text = err.Error()
	}
	if k.said[uid] != text {
		k.said[uid] = text
		log.Printf("%s: %s", what, map[bool]string{true: "fine", false: text}[text == ""])
	}
}

// ensureStore keeps etcd's certificates and says of the DataStores that use them whether they are ready.
func (k *kamaji) ensureStore(ctx context.Context) (pki, error) {
	secret := sharedSecret{client: k.host, namespace: kamajiNamespace, name: storeSecret}
	names := []string{"etcd." + kamajiNamespace + ".svc", "localhost", "127.0.0.1"}
	both := []x509.ExtKeyUsage{serverUse, clientUse}
	store, err := secret.ensure(ctx, func(data pki) (bool, error) {
		return data.complete([]leaf{
			{"etcd-server", "etcd-ca", pkix.Name{CommonName: "etcd"}, both, names},
			{"etcd-root", "etcd-ca", pkix.Name{CommonName: "root"}, both[1:], nil},
		}, time.Now())
	})
	if err != nil {
		return nil, err
	}
	sick := storeHealth(ctx, store)
	listed, err := k.dynamic.Resource(dataStores).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, err
	}
	for _, object := range listed.Items {
		ready, found, _ := unstructured.NestedBool(object.Object, "status", "ready")
		if !found || ready != (sick == nil) {
			patch := map[string]any{"status": map[string]any{"ready": sick == nil}}
			if err := k.patch(ctx, dataStores, "", object.GetName(), patch, "status"); err != nil {
				return nil, err
			}
		}
	}
	return store, sick
}

func storeHealth(ctx context.Context, store pki) error {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(store["etcd-ca.crt"])
	certificate, err := tls.X509KeyPair(store["etcd-root.crt"], store["etcd-root.key"])
	if err != nil {
		return err
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}}
	defer transport.CloseIdleConnections()
	return get(ctx, &http.Client{Timeout: 5 * time.Second, Transport: transport}, storeAddress+"/health")
}

func (k *kamaji) reconcile(ctx context.Context, object *unstructured.Unstructured, store pki) error {
	if object.GetDeletionTimestamp() != nil {
		return k.remove(ctx, object, store)
	}
	if changed, err := k.complete(ctx, object); err != nil || changed {
		return err // there will be a new generation to look at
	}
	t, err := newTenant(object, k.coredns)
	if err != nil {
		return err
	}
	if t.version != k.version {
		return fmt.Errorf("this stand-in has Kubernetes %s only, not %s", k.version, t.version)
	}
	if err := applyObjects(ctx, k.dynamic, "kamaji", []*unstructured.Unstructured{t.service()}); err != nil {
		return err
	}
	service, err := k.host.CoreV1().Services(t.namespace).Get(ctx, t.name, metav1.GetOptions{})
	if err != nil {
		return err
	}
	certificates, err := k.certificates(ctx, t, store, service)
	if err != nil {
		return err
	}
	objects, err := t.objects(certificates, k.image)
	if err != nil {
		return err
	}
	if err := applyObjects(ctx, k.dynamic, "kamaji", objects); err != nil {
		return err
	}
	deployment, err := k.dynamic.Resource(resources["Deployment"]).Namespace(t.namespace).Get(ctx, t.name, metav1.GetOptions{})
	if err != nil {
		return err
	}
	running := t.rolledOut(deployment)
	if running && k.prepared[object.GetUID()] != object.GetGeneration() {
		if err = k.prepare(ctx, t, certificates); err == nil {
			k.prepared[object.GetUID()] = object.GetGeneration()
		}
	}
	status := t.status(deployment, running && err == nil, service.Spec.ClusterIP)
	if same(object.Object["status"], status) {
		return err
	}
	return errors.Join(err, k.patch(ctx, controlPlanes, t.namespace, t.name, map[string]any{"status": status}, "status"))
}

// complete fills in what Kamaji's webhook would have: the DataStore, and names in it that stay.
func (k *kamaji) complete(ctx context.Context, object *unstructured.Unstructured) (bool, error) {
	patch := map[string]any{}
	own := schemaName(object)
	spec := map[string]any{}
	for name, value := range map[string]string{"dataStore": "default", "dataStoreSchema": own, "dataStoreUsername": own} {
		if found, _, _ := unstructured.NestedString(object.Object, "spec", name); found == "" {
			spec[name] = value
		}
	}
	if len(spec) > 0 {
		patch["spec"] = spec
	}
	if !slices.Contains(object.GetFinalizers(), kamajiFinalizer) {
		patch["metadata"] = map[string]any{"finalizers": append(object.GetFinalizers(), kamajiFinalizer)}
	}
	if len(patch) == 0 {
		return false, nil
	}
	return true, k.patch(ctx, controlPlanes, object.GetNamespace(), object.GetName(), patch)
}

// certificates are kept in a Secret, with the DataStore's authority but not its key.
func (k *kamaji) certificates(ctx context.Context, t *tenant, store pki, service *corev1.Service) (pki, error) {
	secret := sharedSecret{client: k.host, namespace: t.namespace, name: t.name + "-certificates", owner: t.owner, labels: t.labels()}
	return secret.ensure(ctx, func(data pki) (bool, error) {
		data["etcd-ca.crt"], data["etcd-ca.key"] = store["etcd-ca.crt"], store["etcd-ca.key"]
		defer delete(data, "etcd-ca.key")
		return data.complete(t.leaves(t.servingNames(service.Spec.ClusterIP)), time.Now())
	})
}

// prepare gives a tenant cluster what kubeadm's phases would, through its Service.
func (k *kamaji) prepare(ctx context.Context, t *tenant, certificates pki) error {
	folder, err := os.MkdirTemp("", "kamaji")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	text, err := certificates.kubeconfigFor("admin", t.api, "kubernetes")
	if err != nil {
		return err
	}
	t.adminConf = filepath.Join(folder, "admin.conf")
	if err := os.WriteFile(t.adminConf, text, 0o600); err != nil {
		return err
	}
	client, err := tenantClient(certificates, t.api)
	if err != nil {
		return err
	}
	if err := uploadConfiguration(ctx, &t.instance, client); err != nil {
		return err
	}
	return applyManifests(ctx, &t.instance, certificates)
}

// remove stops the control plane, then takes its keys out of the DataStore, then lets the object go.
func (k *kamaji) remove(ctx context.Context, object *unstructured.Unstructured, store pki) error {
	if !slices.Contains(object.GetFinalizers(), kamajiFinalizer) {
		return nil
	}
	namespace, name := object.GetNamespace(), object.GetName()
	err := k.dynamic.Resource(resources["Deployment"]).Namespace(namespace).Delete(ctx, name, metav1.DeleteOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		return err
	}
	pods, err := k.host.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{LabelSelector: nameLabel + "=" + name})
	if err != nil {
		return err
	}
	if len(pods.Items) > 0 {
		return fmt.Errorf("%d pods are still stopping", len(pods.Items))
	}
	if err := dropKeys(ctx, store, prefixOf(object)); err != nil {
		return err
	}
	kept := slices.DeleteFunc(object.GetFinalizers(), func(each string) bool { return each == kamajiFinalizer })
	delete(k.prepared, object.GetUID())
	return k.patch(ctx, controlPlanes, namespace, name, map[string]any{"metadata": map[string]any{"finalizers": kept}})
}

func dropKeys(ctx context.Context, store pki, prefix string) error {
	folder, err := os.MkdirTemp("", "etcd")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	for _, name := range []string{"etcd-ca.crt", "etcd-root.crt", "etcd-root.key"} {
		if err := os.WriteFile(filepath.Join(folder, name), store[name], 0o600); err != nil {
			return err
		}
	}
	command := exec.CommandContext(ctx, "/bin/etcdctl", "--endpoints="+storeAddress, "--cacert="+folder+"/etcd-ca.crt",
		"--cert="+folder+"/etcd-root.crt", "--key="+folder+"/etcd-root.key", "del", "--prefix", prefix+"/")
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("etcdctl: %w: %s", err, output)
	}
	return nil
}

func (k *kamaji) patch(ctx context.Context, kind schema.GroupVersionResource, namespace, name string, patch any, subresource ...string) error {
	text, err := json.Marshal(patch)
	if err != nil {
		return err
	}
	var target dynamic.ResourceInterface = k.dynamic.Resource(kind)
	if namespace != "" {
		target = k.dynamic.Resource(kind).Namespace(namespace)
	}
	_, err = target.Patch(ctx, name, types.MergePatchType, text, metav1.PatchOptions{FieldManager: "kamaji"}, subresource...)
	if apierrors.IsNotFound(err) {
		return nil // gone meanwhile
	}
	return err
}
