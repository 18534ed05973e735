package main

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// tenant is a TenantControlPlane in the words of the rest of this program.
type tenant struct {
	instance
	version    string
	generation int64
	owner      metav1.OwnerReference
	spec       controlPlaneSpec
}

// controlPlaneSpec are the fields that the stand-in acts on.
type controlPlaneSpec struct {
	ControlPlane struct {
		Deployment struct {
			Replicas              int              `json:"replicas"`
			Strategy              map[string]any   `json:"strategy"`
			NodeSelector          map[string]any   `json:"nodeSelector"`
			Affinity              map[string]any   `json:"affinity"`
			Tolerations           []map[string]any `json:"tolerations"`
			PodAdditionalMetadata struct {
				Annotations map[string]string `json:"annotations"`
				Labels      map[string]string `json:"labels"`
			} `json:"podAdditionalMetadata"`
		} `json:"deployment"`
		Service struct {
			ServiceType string `json:"serviceType"`
		} `json:"service"`
	} `json:"controlPlane"`
	Kubernetes struct {
		Version string `json:"version"`
	} `json:"kubernetes"`
	NetworkProfile struct {
		AdvertiseAddress string   `json:"advertiseAddress"`
		Port             int      `json:"port"`
		CertSANs         []string `json:"certSANs"`
		PodCIDR          string   `json:"podCidr"`
		PodCIDRs         []string `json:"podCidrs"`
		ServiceCIDR      string   `json:"serviceCidr"`
		ServiceCIDRs     []string `json:"serviceCidrs"`
		ClusterDomain    string   `json:"clusterDomain"`
	} `json:"networkProfile"`
	Addons    map[string]any `json:"addons"`
	DataStore string         `json:"dataStore"`
}

func newTenant(object *unstructured.Unstructured, coredns string) (*tenant, error) {
	t := &tenant{generation: object.GetGeneration()}
	text, err := json.Marshal(object.Object["spec"])
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(text, &t.spec); err != nil {
		return nil, err
	}
	network := t.spec.NetworkProfile
	t.version, t.name, t.namespace = t.spec.Kubernetes.Version, object.GetName(), object.GetNamespace()
	t.pod = t.name
	t.owner = metav1.OwnerReference{APIVersion: object.GetAPIVersion(), Kind: object.GetKind(), Name: t.name, UID: object.GetUID()}
	t.store, t.prefix = storeAddress, prefixOf(object)
	t.values.ControlPlane.Endpoint = network.AdvertiseAddress + ":" + strconv.Itoa(network.Port)
	t.values.Networking.PodCIDR = slices.Concat(network.PodCIDRs, []string{network.PodCIDR})[0]
	t.values.Networking.ServiceCIDR = slices.Concat(network.ServiceCIDRs, []string{network.ServiceCIDR})[0]
	t.values.Networking.Advanced.ClusterDomain = network.ClusterDomain
	t.values.ControlPlane.Proxy.ExtraSANs = network.CertSANs
	availability := &t.values.ControlPlane.StatefulSet.HighAvailability
	availability.Replicas, availability.LeaseDuration, availability.RenewDeadline, availability.RetryPeriod = t.spec.ControlPlane.Deployment.Replicas, 60, 40, 15
	if t.spec.ControlPlane.Deployment.Replicas == 1 {
		availability.Replicas = 2 // a rollout has two for a moment, which must not both lead
	}
	_, t.values.ControlPlane.CoreDNS.Enabled = t.spec.Addons["coreDNS"]
	t.values.ControlPlane.CoreDNS.Deployment.Image, t.values.ControlPlane.CoreDNS.Deployment.Replicas = coredns, 1
	if err := t.address(); err != nil {
		return nil, err
	}
	t.local = fmt.Sprintf("https://127.0.0.1:%d", t.port)
	t.api = fmt.Sprintf("https://%s.%s.svc:%d", t.name, t.namespace, t.port)
	return t, nil
}

// schemaName is how Kamaji calls a tenant cluster in its DataStore when it is not told.
func schemaName(object *unstructured.Unstructured) string {
	return strings.ReplaceAll(object.GetNamespace()+"_"+object.GetName(), "-", "_")
}

func prefixOf(object *unstructured.Unstructured) string {
	name, _, _ := unstructured.NestedString(object.Object, "spec", "dataStoreSchema")
	if name == "" {
		name = schemaName(object)
	}
	return "/" + name
}

func (t *tenant) labels() map[string]string {
	return map[string]string{nameLabel: t.name, "kamaji.clastix.io/project": "kamaji"}
}

func (t *tenant) leaves(serving []string) []leaf {
	leaves := slices.DeleteFunc(t.instance.leaves(serving), func(each leaf) bool { return each.name == "etcd-peer" })
	subject := pkix.Name{CommonName: strings.TrimPrefix(t.prefix, "/")}
	return append(leaves, leaf{"etcd-client", "etcd-ca", subject, []x509.ExtKeyUsage{clientUse}, nil})
}

func (t *tenant) object(apiVersion, kind, name string, content map[string]any) *unstructured.Unstructured {
	owner := map[string]any{"apiVersion": t.owner.APIVersion, "kind": t.owner.Kind, "name": t.owner.Name, "uid": string(t.owner.UID)}
	object := map[string]any{
		"apiVersion": apiVersion, "kind": kind,
		"metadata": map[string]any{
			"name": name, "namespace": t.namespace, "labels": asAny(t.labels()), "ownerReferences": []any{owner},
		},
	}
	maps.Copy(object, content)
	return &unstructured.Unstructured{Object: object}
}

func (t *tenant) service() *unstructured.Unstructured {
	port := map[string]any{"name": "kube-apiserver", "port": int64(t.port), "targetPort": int64(t.port), "protocol": "TCP"}
	return t.object("v1", "Service", t.name, map[string]any{"spec": map[string]any{
		"type": t.spec.ControlPlane.Service.ServiceType, "selector": map[string]any{nameLabel: t.name}, "ports": []any{port},
	}})
}

// objects are what a control plane consists of, besides its Service and certificates.
func (t *tenant) objects(certificates pki, image string) ([]*unstructured.Unstructured, error) {
	public, err := certificates.kubeconfigFor("admin", t.endpoint(), t.name)
	if err != nil {
		return nil, err
	}
	inside, err := certificates.kubeconfigFor("admin", t.api, t.name)
	if err != nil {
		return nil, err
	}
	files, err := withKubeconfigs(certificates, t.local)
	if err != nil {
		return nil, err
	}
	settings, err := yaml.Marshal(t.values)
	if err != nil {
		return nil, err
	}
	files["config.yaml"] = settings
	return []*unstructured.Unstructured{
		t.object("v1", "Secret", t.name+"-admin-kubeconfig", secretData(pki{"admin.conf": public, "admin.svc": inside})),
		t.object("v1", "Secret", t.name+"-control-plane", secretData(files)),
		t.deployment(image, checksum(files)),
	}, nil
}

func secretData(files pki) map[string]any {
	data := map[string]any{}
	for name, content := range files {
		data[name] = base64.StdEncoding.EncodeToString(content)
	}
	return map[string]any{"type": "Opaque", "data": data}
}

// checksum changes when pods have to be replaced.
func checksum(files pki) string {
	sum := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		fmt.Fprintf(sum, "%s\x00%s\x00", name, files[name])
	}
	return hex.EncodeToString(sum.Sum(nil))
}

func (t *tenant) deployment(image, sum string) *unstructured.Unstructured {
	wanted := t.spec.ControlPlane.Deployment
	labels := asAny(t.labels())
	maps.Copy(labels, asAny(wanted.PodAdditionalMetadata.Labels))
	annotations := asAny(wanted.PodAdditionalMetadata.Annotations)
	annotations["lab.local/files"] = sum
	pod := map[string]any{
		"automountServiceAccountToken": false, "enableServiceLinks": false, "terminationGracePeriodSeconds": int64(10),
		"containers": []any{
			t.container(image, "kube-apiserver", map[string]any{"readinessProbe": map[string]any{
				"httpGet":       map[string]any{"path": "/readyz", "port": int64(t.port), "scheme": "HTTPS"},
				"periodSeconds": int64(3), "timeoutSeconds": int64(5), "failureThreshold": int64(3),
			}}),
			t.container(image, "kube-controller-manager", nil),
			t.container(image, "kube-scheduler", nil),
		},
		"volumes": []any{map[string]any{"name": "files", "secret": map[string]any{"secretName": t.name + "-control-plane"}}},
	}
	if len(wanted.NodeSelector) > 0 {
		pod["nodeSelector"] = wanted.NodeSelector
	}
	if len(wanted.Affinity) > 0 {
		pod["affinity"] = wanted.Affinity
	}
	if len(wanted.Tolerations) > 0 {
		tolerations := make([]any, len(wanted.Tolerations))
		for n, each := range wanted.Tolerations {
			tolerations[n] = each
		}
		pod["tolerations"] = tolerations
	}
	return t.object("apps/v1", "Deployment", t.name, map[string]any{"spec": map[string]any{
		"replicas": int64(wanted.Replicas), "strategy": wanted.Strategy,
		"selector": map[string]any{"matchLabels": map[string]any{nameLabel: t.name}},
		"template": map[string]any{"metadata": map[string]any{"labels": labels, "annotations": annotations}, "spec": pod},
	}})
}

func (t *tenant) container(image, command string, more map[string]any) map[string]any {
	field := func(name, path string) any {
		return map[string]any{"name": name, "valueFrom": map[string]any{"fieldRef": map[string]any{"fieldPath": path}}}
	}
	value := func(name, value string) any { return map[string]any{"name": name, "value": value} }
	container := map[string]any{
		"name": command, "image": image, "imagePullPolicy": "IfNotPresent", "args": []any{command},
		"terminationMessagePolicy": "FallbackToLogsOnError",
		"env": []any{
			value("RELEASE", t.name), value("STORE", t.store), value("STORE_PREFIX", t.prefix),
			field("NAMESPACE", "metadata.namespace"), field("POD_NAME", "metadata.name"), field("POD_IP", "status.podIP"),
		},
		"securityContext": map[string]any{
			"allowPrivilegeEscalation": false, "runAsUser": int64(0),
			"capabilities": map[string]any{"drop": []any{"ALL"}, "add": []any{"NET_BIND_SERVICE"}},
		},
		"volumeMounts": []any{
			map[string]any{"name": "files", "mountPath": pkiFolder, "readOnly": true},
			map[string]any{"name": "files", "mountPath": "/config", "readOnly": true},
		},
	}
	maps.Copy(container, more)
	return container
}

func (t *tenant) rolledOut(deployment *unstructured.Unstructured) bool {
	wanted := int64(t.spec.ControlPlane.Deployment.Replicas)
	count := func(name string) int64 {
		value, _, _ := unstructured.NestedInt64(deployment.Object, "status", name)
		return value
	}
	return wanted > 0 && count("observedGeneration") >= deployment.GetGeneration() && count("updatedReplicas") == wanted &&
		count("availableReplicas") >= wanted && count("replicas") == wanted
}

// status is what Kamaji reports; all that is waited for, or shown, in the words that it uses.
func (t *tenant) status(deployment *unstructured.Unstructured, running bool, address string) map[string]any {
	word := "Provisioning"
	switch {
	case t.spec.ControlPlane.Deployment.Replicas == 0:
		word = "Sleeping"
	case running:
		word = "Ready"
	}
	reported := map[string]any{"name": t.name, "namespace": t.namespace, "selector": nameLabel + "=" + t.name}
	for _, name := range []string{"replicas", "readyReplicas", "updatedReplicas", "availableReplicas", "unavailableReplicas"} {
		value, _, _ := unstructured.NestedInt64(deployment.Object, "status", name)
		reported[name] = value
	}
	_, coredns := t.spec.Addons["coreDNS"]
	return map[string]any{
		"observedGeneration":   t.generation,
		"controlPlaneEndpoint": address + ":" + strconv.Itoa(t.port),
		"kubernetesResources": map[string]any{
			"version":    map[string]any{"status": word, "version": t.version},
			"deployment": reported,
			"service":    map[string]any{"name": t.name, "namespace": t.namespace, "port": int64(t.port)},
		},
		"kubeconfig": map[string]any{"admin": map[string]any{"secretName": t.name + "-admin-kubeconfig"}},
		"addons":     map[string]any{"coreDNS": map[string]any{"enabled": coredns}, "kubeProxy": map[string]any{"enabled": false}},
		"storage":    map[string]any{"driver": "etcd", "dataStoreName": t.spec.DataStore},
	}
}

func same(one, other any) bool {
	left, errLeft := json.Marshal(one)
	right, errRight := json.Marshal(other)
	return errLeft == nil && errRight == nil && bytes.Equal(left, right)
}

func asAny(texts map[string]string) map[string]any {
	result := map[string]any{}
	for name, text := range texts {
		result[name] = text
	}
	return result
}
