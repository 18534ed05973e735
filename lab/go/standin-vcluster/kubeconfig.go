package main

import (
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// kubeconfig is a kubeconfig with everything in it.
func kubeconfig(server, context, user string, authority, certificate, key []byte) ([]byte, error) {
	config := clientcmdapi.NewConfig()
	config.Clusters[context] = &clientcmdapi.Cluster{Server: server, CertificateAuthorityData: authority}
	config.Contexts[context] = &clientcmdapi.Context{Cluster: context, AuthInfo: user}
	config.CurrentContext = context
	config.AuthInfos[user] = &clientcmdapi.AuthInfo{ClientCertificateData: certificate, ClientKeyData: key}
	return clientcmd.Write(*config)
}

// kubeconfigFor is the kubeconfig of one of the control plane's own certificates.
func (p pki) kubeconfigFor(leaf, server, context string) ([]byte, error) {
	return kubeconfig(server, context, leaf, p["ca.crt"], p[leaf+".crt"], p[leaf+".key"])
}
