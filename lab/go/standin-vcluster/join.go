package main

import (
	"context"
	"crypto/subtle"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"log"
	"net/http"
	"regexp"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"sigs.k8s.io/yaml"
)

const containerSocket = "unix:///run/containerd/containerd.sock"

var (
	tokenForm    = regexp.MustCompile(`^([a-z0-9]{6})\.([a-z0-9]{16})$`)
	errRefused   = errors.New("the token is not valid")
	proxySubject = pkix.Name{CommonName: "system:kube-proxy"}
	clientUsages = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
)

// joinHandler serves the script that turns a server into a node. Who asks must bring a valid bootstrap token.
type joinHandler struct {
	instance     *instance
	certificates pki
	client       kubernetes.Interface
}

func (h *joinHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet {
		http.Error(w, "only GET", http.StatusMethodNotAllowed)
		return
	}
	token := r.URL.Query().Get("token")
	if !tokenForm.MatchString(token) {
		http.Error(w, "a bootstrap token is needed: /node/join?token=ID.SECRET", http.StatusUnauthorized)
		return
	}
	if kind := r.URL.Query().Get("type"); kind != "" && kind != "worker" {
		http.Error(w, "only workers can join", http.StatusBadRequest)
		return
	}
	switch err := checkToken(r.Context(), h.client, token, time.Now()); {
	case errors.Is(err, errRefused):
		http.Error(w, err.Error(), http.StatusForbidden)
		return
	case err != nil:
		log.Printf("checking a bootstrap token: %v", err)
		http.Error(w, "the token cannot be checked", http.StatusServiceUnavailable)
		return
	}
	script, err := h.script(token)
	if err != nil {
		log.Printf("join script: %v", err)
		http.Error(w, "no join script", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/x-shellscript")
	w.Header().Set("Cache-Control", "no-store")
	if _, err := w.Write(script); err != nil {
		log.Print(err)
	}
}

// checkToken looks the token up in the tenant cluster, as the API server's bootstrap authenticator does.
func checkToken(ctx context.Context, client kubernetes.Interface, token string, now time.Time) error {
	parts := tokenForm.FindStringSubmatch(token)
	if parts == nil {
		return errRefused
	}
	secret, err := client.CoreV1().Secrets(metav1.NamespaceSystem).Get(ctx, "bootstrap-token-"+parts[1], metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return errRefused
	}
	if err != nil {
		return err
	}
	same := subtle.ConstantTimeCompare(secret.Data["token-secret"], []byte(parts[2])) == 1
	usable := string(secret.Data["usage-bootstrap-authentication"]) == "true" && string(secret.Data["token-id"]) == parts[1]
	if !same || !usable || secret.Type != corev1.SecretTypeBootstrapToken || secret.DeletionTimestamp != nil {
		return errRefused
	}
	if text := string(secret.Data["expiration"]); text != "" {
		expiration, err := time.Parse(time.RFC3339, text)
		if err != nil || !now.Before(expiration) {
			return errRefused
		}
	}
	return nil
}

type scriptData struct {
	Name, Endpoint, Host, Authority, Version string
	JoinConfiguration, ProxyKubeconfig       string
	PodCIDR, PauseImage, ContainerSocket     string
	ProxyArguments                           []string
	PreInstall, PreJoin, PostJoin            []string
	KubeProxy, Network                       bool
}

func (h *joinHandler) script(token string) ([]byte, error) {
	version, err := kubernetesVersion(h.client)
	if err != nil {
		return nil, err
	}
	i := h.instance
	join, err := i.joinConfiguration(h.certificates, token)
	if err != nil {
		return nil, err
	}
	proxy, err := i.proxyKubeconfig(h.certificates, time.Now())
	if err != nil {
		return nil, err
	}
	node, deploy := i.values.PrivateNodes.JoinNode, i.values.Deploy
	return render("assets/join.sh", scriptData{
		Name: i.name, Endpoint: i.values.ControlPlane.Endpoint, Host: i.host, Authority: string(h.certificates["ca.crt"]), Version: version,
		JoinConfiguration: string(join), ProxyKubeconfig: string(proxy),
		PodCIDR: i.values.Networking.PodCIDR, PauseImage: "lab.local/pause:1", ContainerSocket: containerSocket,
		ProxyArguments: deploy.KubeProxy.ExtraArgs,
		PreInstall:     node.PreInstallCommands, PreJoin: node.PreJoinCommands, PostJoin: node.PostJoinCommands,
		KubeProxy: deploy.KubeProxy.Enabled, Network: deploy.CNI.Flannel.Enabled,
	})
}

// joinConfiguration is kubeadm's. The node's name and address are only known on the server: the script fills them in.
func (i *instance) joinConfiguration(certificates pki, token string) ([]byte, error) {
	hash, err := certificates.authorityHash()
	if err != nil {
		return nil, err
	}
	registration := i.values.PrivateNodes.JoinNode.NodeRegistration
	arguments := []argument{{Name: "node-ip", Value: "@NODE_IP@"}}
	return yaml.Marshal(map[string]any{
		"apiVersion": "kubeadm.k8s.io/v1beta4", "kind": "JoinConfiguration",
		"discovery": map[string]any{"bootstrapToken": map[string]any{
			"token": token, "apiServerEndpoint": i.values.ControlPlane.Endpoint, "caCertHashes": []string{hash},
		}},
		"nodeRegistration": map[string]any{
			"name": "@NODE_NAME@", "criSocket": containerSocket,
			"kubeletExtraArgs": append(arguments, registration.KubeletExtraArgs...),
			"taints":           append([]map[string]any{}, registration.Taints...),
			// the lab's kernel has no configuration to look at
			"ignorePreflightErrors": append([]string{"SystemVerification"}, registration.IgnorePreflightErrors...),
		},
	})
}

// shellQuote makes one word of a shell command of any text.
func shellQuote(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

func indent(spaces int, text string) string {
	return strings.ReplaceAll(strings.TrimRight(text, "\n"), "\n", "\n"+strings.Repeat(" ", spaces))
}
