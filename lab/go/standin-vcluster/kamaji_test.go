package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

const tenantText = `
apiVersion: kamaji.clastix.io/v1alpha1
kind: TenantControlPlane
metadata: {name: green, namespace: vcluster-green, uid: "1-2", generation: 3}
spec:
  dataStore: default
  controlPlane:
    deployment:
      replicas: 1
      strategy: {type: RollingUpdate, rollingUpdate: {maxSurge: 1, maxUnavailable: 0}}
      nodeSelector: {tenant.baremetal.fabric/green: bridge}
      podAdditionalMetadata:
        annotations: {k8s.v1.cni.cncf.io/networks: vcluster-green-networks/control-plane}
        labels: {baremetal.fabric/control-plane: kamaji}
    service: {serviceType: ClusterIP}
  kubernetes: {version: v1.36.3}
  networkProfile:
    advertiseAddress: 192.168.71.253
    port: 6443
    podCidr: 10.244.0.0/16
    podCidrs: [10.100.0.0/16]
    serviceCidr: 10.96.0.0/16
    clusterDomain: cluster.local
    certSANs: [green.example.com]
  addons: {coreDNS: {}}
`

func testTenant(t *testing.T) *tenant {
	t.Helper()
	object := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(tenantText), &object.Object); err != nil {
		t.Fatal(err)
	}
	result, err := newTenant(object, "coredns:1")
	if err != nil {
		t.Fatal(err)
	}
	return result
}

func tenantPKI(t *testing.T, of *tenant) pki {
	t.Helper()
	certificates := pki{}
	if _, err := certificates.complete(of.leaves(of.servingNames("10.96.7.7")), time.Now()); err != nil {
		t.Fatal(err)
	}
	return certificates
}

func TestAnAPIServerOfKamajisListensForItselfAndKeepsItsDataElsewhere(t *testing.T) {
	of := testTenant(t)
	arguments := of.apiServerArguments()
	for _, wanted := range []string{
		"--advertise-address=192.168.71.253", "--secure-port=6443", "--bind-address=0.0.0.0",
		"--etcd-servers=" + storeAddress, "--etcd-prefix=/vcluster_green_green", "--service-cluster-ip-range=10.96.0.0/16",
	} {
		if !slices.Contains(arguments, wanted) {
			t.Errorf("no %s in %v", wanted, arguments)
		}
	}
	if !slices.Contains(of.controllerManagerArguments(), "--cluster-cidr=10.100.0.0/16") {
		t.Error("the plural field does not win")
	}
}

func TestItsSecretHasBothWaysToTheAPI(t *testing.T) {
	of := testTenant(t)
	objects, err := of.objects(tenantPKI(t, of), "image:1")
	if err != nil {
		t.Fatal(err)
	}
	if name := objects[0].GetName(); name != "green-admin-kubeconfig" {
		t.Fatal(name)
	}
	data := objects[0].Object["data"].(map[string]any)
	if data["admin.conf"] == nil || data["admin.svc"] == nil || data["admin.conf"] == data["admin.svc"] {
		t.Error(data)
	}
	if of.endpoint() != "https://192.168.71.253:6443" || of.api != "https://green.vcluster-green.svc:6443" {
		t.Error(of.endpoint(), of.api)
	}
}

func TestNoTenantGetsTheStoresKey(t *testing.T) {
	of := testTenant(t)
	certificates := tenantPKI(t, of)
	delete(certificates, "etcd-ca.key")
	objects, err := of.objects(certificates, "image:1")
	if err != nil {
		t.Fatal(err)
	}
	for _, object := range objects {
		if data, ok := object.Object["data"].(map[string]any); ok && data["etcd-ca.key"] != nil {
			t.Error(object.GetName())
		}
	}
}

func TestPodsAreWhereAndHowTheyAreAskedFor(t *testing.T) {
	of := testTenant(t)
	deployment := of.deployment("image:1", "sum")
	template, _, _ := unstructured.NestedMap(deployment.Object, "spec", "template")
	annotations, _, _ := unstructured.NestedStringMap(template, "metadata", "annotations")
	labels, _, _ := unstructured.NestedStringMap(template, "metadata", "labels")
	if annotations["k8s.v1.cni.cncf.io/networks"] == "" || labels[nameLabel] != "green" || labels["baremetal.fabric/control-plane"] != "kamaji" {
		t.Error(annotations, labels)
	}
	surge, _, _ := unstructured.NestedFieldNoCopy(deployment.Object, "spec", "strategy", "rollingUpdate", "maxSurge")
	if surge == nil {
		t.Error("the strategy is not taken over")
	}
}

func TestItIsReadyWhenItsPodsAre(t *testing.T) {
	of := testTenant(t)
	deployment := &unstructured.Unstructured{Object: map[string]any{
		"metadata": map[string]any{"generation": int64(2)},
		"status": map[string]any{
			"observedGeneration": int64(2), "replicas": int64(1), "updatedReplicas": int64(1), "availableReplicas": int64(1), "readyReplicas": int64(1),
		},
	}}
	if !of.rolledOut(deployment) {
		t.Error("not rolled out")
	}
	deployment.SetGeneration(3)
	if of.rolledOut(deployment) {
		t.Error("an old status is taken for a new one")
	}
	word, _, _ := unstructured.NestedString(of.status(deployment, true, "10.96.7.7"), "kubernetesResources", "version", "status")
	if word != "Ready" {
		t.Error(word)
	}
}

func TestTheAuthorityOfTheStoreSignsItsClients(t *testing.T) {
	of := testTenant(t)
	names := make([]string, 0)
	for _, each := range of.leaves(nil) {
		names = append(names, each.name+"<"+each.authority)
	}
	text := strings.Join(names, " ")
	if !strings.Contains(text, "etcd-client<etcd-ca") || strings.Contains(text, "etcd-peer") {
		t.Error(text)
	}
}
