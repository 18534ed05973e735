package main

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes/fake"
)

func claim(node string) *corev1.PersistentVolumeClaim {
	class := "local-path"
	return &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Name: "data-blue-0", Namespace: "x", UID: "u1", Annotations: map[string]string{selectedNode: node}},
		Spec:       corev1.PersistentVolumeClaimSpec{StorageClassName: &class},
		Status:     corev1.PersistentVolumeClaimStatus{Phase: corev1.ClaimPending},
	}
}

func start(t *testing.T, path string, client *fake.Clientset) *provisioner {
	t.Helper()
	factory := informers.NewSharedInformerFactory(client, 0)
	p := &provisioner{
		client: client, node: "shared1", name: "lab.local/local-path", path: path,
		claims:  factory.Core().V1().PersistentVolumeClaims().Lister(),
		volumes: factory.Core().V1().PersistentVolumes().Lister(),
		classes: factory.Storage().V1().StorageClasses().Lister(),
	}
	stop := make(chan struct{})
	t.Cleanup(func() { close(stop) })
	factory.Start(stop)
	factory.WaitForCacheSync(stop)
	return p
}

func TestOnlyTheSelectedNodeServesAClaim(t *testing.T) {
	class := &storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: "local-path"}, Provisioner: "lab.local/local-path"}
	for node, count := range map[string]int{"shared1": 1, "shared2": 0, "": 0} {
		client := fake.NewClientset(class, claim(node))
		if err := start(t, t.TempDir(), client).sync(context.Background()); err != nil {
			t.Fatal(err)
		}
		volumes, _ := client.CoreV1().PersistentVolumes().List(context.Background(), metav1.ListOptions{})
		if len(volumes.Items) != count {
			t.Fatalf("selected node %q: %d volumes, expected %d", node, len(volumes.Items), count)
		}
		if count == 1 {
			if _, err := os.Stat(volumes.Items[0].Spec.HostPath.Path); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestReleasedVolumeIsClearedButNothingOutsideTheFolder(t *testing.T) {
	path := t.TempDir()
	p := &provisioner{node: "shared1", name: "lab.local/local-path", path: path}
	class := &storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: "local-path"}, Provisioner: p.name}
	inside := p.volumeFor(claim("shared1"), class)
	inside.Status.Phase = corev1.VolumeReleased
	outside := inside.DeepCopy()
	outside.Name = "elsewhere"
	outside.Spec.HostPath.Path = filepath.Join(t.TempDir(), "precious")
	for _, volume := range []*corev1.PersistentVolume{inside, outside} {
		if err := os.MkdirAll(volume.Spec.HostPath.Path, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	client := fake.NewClientset(inside, outside)
	if err := start(t, path, client).sync(context.Background()); err == nil {
		t.Fatal("a volume outside of the folder was accepted")
	}
	if _, err := os.Stat(inside.Spec.HostPath.Path); !os.IsNotExist(err) {
		t.Fatal("the released volume is still there")
	}
	if _, err := os.Stat(outside.Spec.HostPath.Path); err != nil {
		t.Fatal("a folder outside of the provisioner's was removed")
	}
}
