package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func node(name, cidr, address string) *corev1.Node {
	return &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec:       corev1.NodeSpec{PodCIDR: cidr},
		Status: corev1.NodeStatus{Addresses: []corev1.NodeAddress{
			{Type: corev1.NodeHostName, Address: name}, {Type: corev1.NodeInternalIP, Address: address},
		}},
	}
}

func TestWantedRoutesLeaveOutOwnAndUnfinishedNodes(t *testing.T) {
	routes := wantedRoutes([]*corev1.Node{
		node("a", "10.244.0.0/24", "192.168.48.1"), node("b", "10.244.1.0/24", "192.168.48.2"), node("c", "", "192.168.48.3"),
	}, "a")
	if len(routes) != 1 || routes["10.244.1.0/24"] != "192.168.48.2" {
		t.Fatalf("unexpected routes %v", routes)
	}
}

func TestConfIsWrittenOnceAndCarriesTheNodesRange(t *testing.T) {
	path := filepath.Join(t.TempDir(), "net.d", "10-lab.conflist")
	if err := writeConf(path, "10.244.1.0/24", 1500); err != nil {
		t.Fatal(err)
	}
	before, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := writeConf(path, "10.244.1.0/24", 1500); err != nil {
		t.Fatal(err)
	}
	after, _ := os.Stat(path)
	if !before.ModTime().Equal(after.ModTime()) {
		t.Fatal("an unchanged configuration was written again")
	}
	text, _ := os.ReadFile(path)
	var list struct {
		Plugins []struct {
			Type string
			MTU  int
			IPAM struct{ Ranges [][]struct{ Subnet string } }
		}
	}
	if err := json.Unmarshal(text, &list); err != nil {
		t.Fatal(err)
	}
	if list.Plugins[0].Type != "bridge" || list.Plugins[0].MTU != 1500 || list.Plugins[0].IPAM.Ranges[0][0].Subnet != "10.244.1.0/24" {
		t.Fatalf("unexpected configuration %s", text)
	}
}
