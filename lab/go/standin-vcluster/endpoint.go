package main

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	coreapply "k8s.io/client-go/applyconfigurations/core/v1"
	discoveryapply "k8s.io/client-go/applyconfigurations/discovery/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// publishEndpoint says behind which address and port pods of the tenant cluster find its API: the endpoint that its
// nodes use too. (The API server would publish its own port, which nobody outside of its pod can reach.)
func publishEndpoint(ctx context.Context, i *instance, tenant kubernetes.Interface) error {
	options := metav1.ApplyOptions{FieldManager: "vcluster", Force: true}
	port := int32(i.port)
	endpoints := coreapply.Endpoints("kubernetes", "default").
		// the slice below is ours; nobody is to derive another one from this object
		WithLabels(map[string]string{discoveryv1.LabelSkipMirror: "true"}).
		WithSubsets(coreapply.EndpointSubset().
			WithAddresses(coreapply.EndpointAddress().WithIP(i.advertise())).
			WithPorts(coreapply.EndpointPort().WithName("https").WithPort(port).WithProtocol(corev1.ProtocolTCP)))
	if _, err := tenant.CoreV1().Endpoints("default").Apply(ctx, endpoints, options); err != nil {
		return fmt.Errorf("Endpoints kubernetes: %w", err)
	}
	slice := discoveryapply.EndpointSlice("kubernetes", "default").
		WithLabels(map[string]string{discoveryv1.LabelServiceName: "kubernetes"}).
		WithAddressType(discoveryv1.AddressTypeIPv4).
		WithEndpoints(discoveryapply.Endpoint().WithAddresses(i.advertise()).
			WithConditions(discoveryapply.EndpointConditions().WithReady(true))).
		WithPorts(discoveryapply.EndpointPort().WithName("https").WithPort(port).WithProtocol(corev1.ProtocolTCP))
	if _, err := tenant.DiscoveryV1().EndpointSlices("default").Apply(ctx, slice, options); err != nil {
		return fmt.Errorf("EndpointSlice kubernetes: %w", err)
	}
	return nil
}

// clusterInfo is what an unknown node may read: where the API is and whom to trust.
func clusterInfo(server string, authority []byte) ([]byte, error) {
	config := clientcmdapi.NewConfig()
	config.Clusters[""] = &clientcmdapi.Cluster{Server: server, CertificateAuthorityData: authority}
	return clientcmd.Write(*config)
}
