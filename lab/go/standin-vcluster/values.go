package main

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"sigs.k8s.io/yaml"
)

// values are the keys of the real chart's values that the stand-in acts on. The chart puts all of them in a Secret.
type values struct {
	ControlPlane struct {
		Endpoint    string `json:"endpoint"`
		StatefulSet struct {
			HighAvailability struct {
				Replicas      int `json:"replicas"`
				LeaseDuration int `json:"leaseDuration"`
				RenewDeadline int `json:"renewDeadline"`
				RetryPeriod   int `json:"retryPeriod"`
			} `json:"highAvailability"`
		} `json:"statefulSet"`
		Distro struct {
			K8s struct {
				APIServer         extraArgs `json:"apiServer"`
				ControllerManager extraArgs `json:"controllerManager"`
				Scheduler         extraArgs `json:"scheduler"`
			} `json:"k8s"`
		} `json:"distro"`
		BackingStore struct {
			Etcd struct {
				Embedded extraArgs `json:"embedded"`
			} `json:"etcd"`
		} `json:"backingStore"`
		CoreDNS struct {
			Enabled    bool `json:"enabled"`
			Deployment struct {
				Image    string `json:"image"`
				Replicas int    `json:"replicas"`
			} `json:"deployment"`
		} `json:"coredns"`
		Proxy struct {
			ExtraSANs []string `json:"extraSANs"`
		} `json:"proxy"`
	} `json:"controlPlane"`
	PrivateNodes struct {
		Kubelet struct {
			Config map[string]any `json:"config"`
		} `json:"kubelet"`
		JoinNode joinNode `json:"joinNode"`
	} `json:"privateNodes"`
	Networking struct {
		PodCIDR     string `json:"podCIDR"`
		ServiceCIDR string `json:"serviceCIDR"`
		Advanced    struct {
			ClusterDomain string `json:"clusterDomain"`
		} `json:"advanced"`
	} `json:"networking"`
	ExportKubeConfig struct {
		Context string `json:"context"`
		Server  string `json:"server"`
	} `json:"exportKubeConfig"`
	Deploy struct {
		KubeProxy struct {
			Enabled   bool     `json:"enabled"`
			ExtraArgs []string `json:"extraArgs"`
		} `json:"kubeProxy"`
		CNI struct {
			Flannel struct {
				Enabled bool `json:"enabled"`
			} `json:"flannel"`
		} `json:"cni"`
	} `json:"deploy"`
}

type extraArgs struct {
	ExtraArgs []string `json:"extraArgs"`
}

type joinNode struct {
	PreInstallCommands []string         `json:"preInstallCommands"`
	PreJoinCommands    []string         `json:"preJoinCommands"`
	PostJoinCommands   []string         `json:"postJoinCommands"`
	NodeRegistration   nodeRegistration `json:"nodeRegistration"`
}

type nodeRegistration struct {
	KubeletExtraArgs      []argument       `json:"kubeletExtraArgs,omitempty"`
	Taints                []map[string]any `json:"taints,omitempty"`
	IgnorePreflightErrors []string         `json:"ignorePreflightErrors,omitempty"`
}

type argument struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// instance is one pod of one tenant cluster's control plane.
type instance struct {
	name      string // the release
	namespace string
	pod       string
	podIP     string
	serviceIP string // of the tenant cluster's "kubernetes" Service
	dnsIP     string
	host      string // of the endpoint
	port      int
	values    values

	local     string // where the control plane's own programs find their API server
	api       string // where this program finds it
	adminConf string // a kubeconfig for that
	store     string // etcd's clients' address, where it is not in the same pod
	prefix    string // of this tenant cluster's keys there
}

func loadInstance(env func(string) string, read func(string) ([]byte, error)) (*instance, error) {
	i := &instance{
		name: env("RELEASE"), namespace: env("NAMESPACE"), pod: env("POD_NAME"), podIP: env("POD_IP"),
		local: defaultLocal, adminConf: pkiFolder + "/admin.conf", store: env("STORE"), prefix: env("STORE_PREFIX"),
	}
	if i.name == "" || i.namespace == "" || i.pod == "" || i.podIP == "" {
		return nil, errors.New("RELEASE, NAMESPACE, POD_NAME and POD_IP must be set")
	}
	text, err := read("/config/config.yaml")
	if err != nil {
		return nil, err
	}
	if err := yaml.Unmarshal(text, &i.values); err != nil {
		return nil, fmt.Errorf("values: %w", err)
	}
	if err := i.address(); err != nil {
		return nil, err
	}
	if i.store != "" {
		i.local = fmt.Sprintf("https://127.0.0.1:%d", i.port)
	}
	i.api = i.local
	return i, nil
}

// address works out what follows from the endpoint and from the services' range.
func (i *instance) address() error {
	host, port, err := net.SplitHostPort(i.values.ControlPlane.Endpoint)
	if err != nil {
		return fmt.Errorf("controlPlane.endpoint: %w", err)
	}
	if i.port, err = strconv.Atoi(port); err != nil {
		return fmt.Errorf("controlPlane.endpoint: %w", err)
	}
	i.host = host
	services, err := netip.ParsePrefix(i.values.Networking.ServiceCIDR)
	if err != nil {
		return fmt.Errorf("networking.serviceCIDR: %w", err)
	}
	// the first address is the API server's, the tenth is by convention the name server's
	address := services.Masked().Addr()
	for n := 1; n <= 10; n++ {
		address = address.Next()
		if n == 1 {
			i.serviceIP = address.String()
		}
	}
	i.dnsIP = address.String()
	return nil
}

func (i *instance) domain() string   { return i.values.Networking.Advanced.ClusterDomain }
func (i *instance) replicas() int    { return i.values.ControlPlane.StatefulSet.HighAvailability.Replicas }
func (i *instance) headless() string { return i.name + "-headless" }
func (i *instance) endpoint() string { return "https://" + i.values.ControlPlane.Endpoint }
func (i *instance) first() bool      { return strings.HasSuffix(i.pod, "-0") }

// advertise is the address at which the API server says it lives: the endpoint's when that is one.
func (i *instance) advertise() string {
	if _, err := netip.ParseAddr(i.host); err == nil {
		return i.host
	}
	return i.podIP
}

// servingNames are all names and addresses under which this API is reached.
func (i *instance) servingNames(clusterIP string) []string {
	names := []string{
		"localhost", "127.0.0.1", i.host, i.name, i.name + "." + i.namespace, i.name + "." + i.namespace + ".svc",
		i.name + "." + i.namespace + ".svc.cluster.local", "*." + i.headless() + "." + i.namespace + ".svc",
		"*." + i.headless() + "." + i.namespace + ".svc.cluster.local",
		"kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc." + i.domain(), i.serviceIP,
	}
	if clusterIP != "" && clusterIP != "None" {
		names = append(names, clusterIP)
	}
	return append(names, i.values.ControlPlane.Proxy.ExtraSANs...)
}
