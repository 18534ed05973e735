package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"k8s.io/client-go/kubernetes"
	"sigs.k8s.io/yaml"
)

const kubeadm = "/bin/kubeadm"

// kubeadmConfiguration is what joining nodes read, in kubeadm's own format.
func (i *instance) kubeadmConfiguration(version string) ([]byte, error) {
	kubelet := map[string]any{
		"apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration",
		"cgroupDriver": "systemd", "failCgroupV1": false,
		"clusterDNS": []string{i.dnsIP}, "clusterDomain": i.domain(),
		// an image that is cleared away could not be fetched again: the lab has no registry
		"imageGCHighThresholdPercent": 100,
		// watching its own resources is most of what an idle kubelet does, and system calls are dear in the lab's machines
		"volumeStatsAggPeriod": "-1s",
		"evictionHard": map[string]string{
			"memory.available": "0%", "nodefs.available": "0%", "nodefs.inodesFree": "0%",
			"imagefs.available": "0%", "imagefs.inodesFree": "0%",
		},
	}
	maps.Copy(kubelet, i.values.PrivateNodes.Kubelet.Config)
	documents := []map[string]any{
		{
			"apiVersion": "kubeadm.k8s.io/v1beta4", "kind": "InitConfiguration",
			"localAPIEndpoint": map[string]any{"advertiseAddress": i.advertise(), "bindPort": i.port},
			// given, so that kubeadm does not go and look for a container runtime in this pod
			"nodeRegistration": map[string]any{"name": i.pod, "criSocket": containerSocket},
		},
		{
			"apiVersion": "kubeadm.k8s.io/v1beta4", "kind": "ClusterConfiguration", "clusterName": i.name,
			"kubernetesVersion": version, "controlPlaneEndpoint": i.values.ControlPlane.Endpoint,
			"networking": map[string]any{
				"podSubnet": i.values.Networking.PodCIDR, "serviceSubnet": i.values.Networking.ServiceCIDR, "dnsDomain": i.domain(),
			},
			"etcd": map[string]any{"external": map[string]any{"endpoints": []string{"http://127.0.0.1:2379"}}},
		},
		kubelet,
	}
	texts := make([]string, len(documents))
	for n, document := range documents {
		text, err := yaml.Marshal(document)
		if err != nil {
			return nil, err
		}
		texts[n] = string(text)
	}
	return []byte(strings.Join(texts, "---\n")), nil
}

func kubernetesVersion(client kubernetes.Interface) (string, error) {
	version, err := client.Discovery().ServerVersion()
	if err != nil {
		return "", err
	}
	return version.GitVersion, nil
}

func uploadConfiguration(ctx context.Context, i *instance, tenant kubernetes.Interface) error {
	version, err := kubernetesVersion(tenant)
	if err != nil {
		return err
	}
	text, err := i.kubeadmConfiguration(version)
	if err != nil {
		return err
	}
	folder, err := os.MkdirTemp("", "kubeadm")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	file := filepath.Join(folder, "kubeadm.yaml")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		return err
	}
	command := exec.CommandContext(ctx, kubeadm, "init", "phase", "upload-config", "all",
		"--config", file, "--kubeconfig", i.adminConf)
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("kubeadm: %w: %s", err, output)
	}
	return nil
}
