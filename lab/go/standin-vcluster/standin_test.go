package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"
	"sigs.k8s.io/yaml"
)

const valuesText = `
controlPlane:
  endpoint: 192.168.67.253:443
  statefulSet: {highAvailability: {replicas: 3, leaseDuration: 60, renewDeadline: 40, retryPeriod: 15}}
  coredns: {enabled: true, deployment: {image: "registry.k8s.io/coredns/coredns:v1.14.0", replicas: 1}}
privateNodes: {joinNode: {preJoinCommands: ["echo fine"]}}
networking: {podCIDR: 10.244.0.0/16, serviceCIDR: 10.96.0.0/16, advanced: {clusterDomain: cluster.local}}
exportKubeConfig: {server: "https://192.168.67.253:443"}
deploy: {kubeProxy: {enabled: true}, cni: {flannel: {enabled: true}}}
`

func testInstance(t *testing.T) *instance {
	t.Helper()
	env := map[string]string{"RELEASE": "blue", "NAMESPACE": "vcluster-blue", "POD_NAME": "blue-1", "POD_IP": "10.244.1.7"}
	i, err := loadInstance(func(name string) string { return env[name] }, func(string) ([]byte, error) { return []byte(valuesText), nil })
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func testPKI(t *testing.T, i *instance) pki {
	t.Helper()
	certificates := pki{}
	if _, err := certificates.complete(i.leaves(i.servingNames("10.96.7.7")), time.Now()); err != nil {
		t.Fatal(err)
	}
	return certificates
}

func TestServingCertificateHoldsForEveryWayToTheAPI(t *testing.T) {
	i := testInstance(t)
	certificates := testPKI(t, i)
	certificate, err := parseCertificate(certificates["apiserver.crt"])
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(certificates["ca.crt"])
	for _, name := range []string{"192.168.67.253", "blue.vcluster-blue", "blue.vcluster-blue.svc", "localhost", "10.96.0.1", "10.96.7.7", "kubernetes.default.svc"} {
		if _, err := certificate.Verify(x509.VerifyOptions{DNSName: name, Roots: roots}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := certificate.Verify(x509.VerifyOptions{DNSName: "192.168.71.253", Roots: roots}); err == nil {
		t.Error("it also holds for another tenant's endpoint")
	}
}

func TestCertificatesStayUntilSomethingChanges(t *testing.T) {
	i := testInstance(t)
	certificates := testPKI(t, i)
	authority, serving := string(certificates["ca.crt"]), string(certificates["apiserver.crt"])
	if changed, err := certificates.complete(i.leaves(i.servingNames("10.96.7.7")), time.Now()); err != nil || changed {
		t.Fatalf("changed %v, %v", changed, err)
	}
	i.host = "192.168.67.200"
	changed, err := certificates.complete(i.leaves(i.servingNames("10.96.7.7")), time.Now())
	if err != nil || !changed || string(certificates["apiserver.crt"]) == serving {
		t.Fatalf("a new endpoint gave no new certificate (%v)", err)
	}
	if string(certificates["ca.crt"]) != authority {
		t.Fatal("a new endpoint gave a new CA")
	}
	if changed, err := certificates.complete(i.leaves(i.servingNames("10.96.7.7")), time.Now().AddDate(0, 11, 0)); err != nil || !changed {
		t.Fatal("certificates about to expire were kept")
	}
}

func TestReplicasAgreeOnOneSetOfCertificates(t *testing.T) {
	i, client := testInstance(t), fake.NewClientset()
	results := make(chan pki, 3)
	for range 3 {
		go func() {
			secret := sharedSecret{client: client, namespace: i.namespace, name: "blue-certs"}
			certificates, err := secret.ensure(context.Background(), func(data pki) (bool, error) {
				return data.complete(i.leaves(i.servingNames("")), time.Now())
			})
			if err != nil {
				t.Error(err)
			}
			results <- certificates
		}()
	}
	first := <-results
	for range 2 {
		if other := <-results; string(other["ca.key"]) != string(first["ca.key"]) {
			t.Fatal("two replicas have different CAs")
		}
	}
}

func token(change func(*corev1.Secret)) *corev1.Secret {
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: "bootstrap-token-abcdef", Namespace: "kube-system"},
		Type:       corev1.SecretTypeBootstrapToken,
		Data: map[string][]byte{
			"token-id": []byte("abcdef"), "token-secret": []byte("0123456789abcdef"), "usage-bootstrap-authentication": []byte("true"),
			"expiration": []byte(time.Now().Add(time.Minute).UTC().Format(time.RFC3339)),
		},
	}
	change(secret)
	return secret
}

func TestTokens(t *testing.T) {
	good := func(*corev1.Secret) {}
	for name, test := range map[string]struct {
		token  string
		change func(*corev1.Secret)
		status int
	}{
		"none":          {"", good, http.StatusUnauthorized},
		"malformed":     {"abc", good, http.StatusUnauthorized},
		"unknown":       {"ffffff.0123456789abcdef", good, http.StatusForbidden},
		"wrong secret":  {"abcdef.0000000000000000", good, http.StatusForbidden},
		"expired":       {"abcdef.0123456789abcdef", func(s *corev1.Secret) { s.Data["expiration"] = []byte("2020-01-01T00:00:00Z") }, http.StatusForbidden},
		"other usage":   {"abcdef.0123456789abcdef", func(s *corev1.Secret) { delete(s.Data, "usage-bootstrap-authentication") }, http.StatusForbidden},
		"no token type": {"abcdef.0123456789abcdef", func(s *corev1.Secret) { s.Type = corev1.SecretTypeOpaque }, http.StatusForbidden},
	} {
		i := testInstance(t)
		handler := &joinHandler{instance: i, certificates: testPKI(t, i), client: fake.NewClientset(token(test.change))}
		recorder := httptest.NewRecorder()
		handler.ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "/node/join?token="+test.token, nil))
		if recorder.Code != test.status {
			t.Errorf("%s: %d, expected %d", name, recorder.Code, test.status)
		}
	}
	if err := checkToken(context.Background(), fake.NewClientset(token(good)), "abcdef.0123456789abcdef", time.Now()); err != nil {
		t.Errorf("a good token: %v", err)
	}
}

// backend is a front whose API server only tells whom it was told about.
func backend(t *testing.T) (*front, pki, *http.Header) {
	t.Helper()
	i := testInstance(t)
	certificates := testPKI(t, i)
	f, err := newFront(certificates)
	if err != nil {
		t.Fatal(err)
	}
	seen := &http.Header{}
	record := func(kind string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			*seen = r.Header.Clone()
			w.Header().Set("Kind", kind)
		})
	}
	f.plain, f.named = record("plain"), record("named")
	return f, certificates, seen
}

func ask(t *testing.T, f *front, certificate *tls.Certificate, header http.Header) *http.Response {
	t.Helper()
	server := httptest.NewUnstartedServer(f)
	server.TLS = &tls.Config{ClientAuth: tls.RequestClientCert}
	server.StartTLS()
	t.Cleanup(server.Close)
	client := server.Client()
	if certificate != nil {
		client.Transport.(*http.Transport).TLSClientConfig.Certificates = []tls.Certificate{*certificate}
	}
	request, _ := http.NewRequest(http.MethodGet, server.URL+"/api", nil)
	request.Header = header
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	return response
}

func issued(t *testing.T, certificates pki) *tls.Certificate {
	t.Helper()
	certificate, key, err := certificates.issue(leaf{
		authority: "ca", usages: clientUsages, subject: pkix.Name{CommonName: "system:node:metal1", Organization: []string{"system:nodes"}},
	}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	pair, err := tls.X509KeyPair(certificate, key)
	if err != nil {
		t.Fatal(err)
	}
	return &pair
}

func TestClientCertificateNamesTheUser(t *testing.T) {
	f, certificates, seen := backend(t)
	response := ask(t, f, issued(t, certificates), http.Header{"X-Remote-User": {"system:admin"}, "X-Remote-Group": {"system:masters"}})
	if response.Header.Get("Kind") != "named" || seen.Get(userHeader) != "system:node:metal1" {
		t.Fatalf("%s %v", response.Status, *seen)
	}
	if groups := (*seen)[groupHeader]; len(groups) != 1 || groups[0] != "system:nodes" {
		t.Fatalf("groups %v", groups)
	}
}

func TestNobodyNamesHimself(t *testing.T) {
	f, _, seen := backend(t)
	response := ask(t, f, nil, http.Header{
		"X-Remote-User": {"system:admin"}, "X-Remote-Group": {"system:masters"}, "X-Remote-Extra-Scopes": {"all"}, "Authorization": {"Bearer x"},
	})
	if response.Header.Get("Kind") != "plain" || seen.Get("Authorization") != "Bearer x" {
		t.Fatalf("%s %v", response.Status, *seen)
	}
	for name := range *seen {
		if strings.HasPrefix(name, "X-Remote-") {
			t.Errorf("%s came through", name)
		}
	}
}

func TestStrangersCertificateIsRefused(t *testing.T) {
	f, _, _ := backend(t)
	stranger := issued(t, testPKI(t, testInstance(t)))
	if response := ask(t, f, stranger, http.Header{}); response.StatusCode != http.StatusUnauthorized {
		t.Fatal(response.Status)
	}
}

func TestReadyOnlyWhenPrepared(t *testing.T) {
	f, _, _ := backend(t)
	for _, prepared := range []bool{false, true} {
		f.prepared.Store(prepared)
		request := httptest.NewRequest(http.MethodGet, "/readyz", nil)
		request.TLS = &tls.ConnectionState{}
		recorder := httptest.NewRecorder()
		f.ServeHTTP(recorder, request)
		if ready := recorder.Code == http.StatusOK; ready != prepared {
			t.Errorf("prepared %v, answer %d", prepared, recorder.Code)
		}
	}
}

func TestEveryMemberKnowsAllMembers(t *testing.T) {
	arguments := strings.Join(testInstance(t).etcdArguments(0, 3), " ")
	for n := range 3 {
		member := strings.ReplaceAll("blue-N=https://blue-N.blue-headless.vcluster-blue.svc:2380", "N", string(rune('0'+n)))
		if !strings.Contains(arguments, member) {
			t.Errorf("%s is not in %s", member, arguments)
		}
	}
}

func TestManifestsAreObjectsOfKnownKinds(t *testing.T) {
	i := testInstance(t)
	objects, err := i.manifests(testPKI(t, i))
	if err != nil {
		t.Fatal(err)
	}
	for _, object := range objects {
		if _, known := resources[object.GetKind()]; !known || object.GetName() == "" {
			t.Errorf("%s %q", object.GetKind(), object.GetName())
		}
	}
	info := objects[0].Object["data"].(map[string]any)["kubeconfig"].(string)
	var kubeconfig struct {
		Clusters []struct{ Cluster struct{ Server string } }
	}
	if err := yaml.Unmarshal([]byte(info), &kubeconfig); err != nil || kubeconfig.Clusters[0].Cluster.Server != "https://192.168.67.253:443" {
		t.Fatalf("%v in %s", err, info)
	}
}

func TestBundleServesItsFilesOnly(t *testing.T) {
	folder := t.TempDir()
	for name, text := range map[string]string{"b/bin/kubelet": "program", "secret": "x"} {
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for path, status := range map[string]int{"bin/kubelet": 200, "bin": 404, "bin/../../secret": 404, "../secret": 404} {
		recorder := httptest.NewRecorder()
		request := httptest.NewRequest(http.MethodGet, "/", nil)
		request.URL.Path = path
		bundle(filepath.Join(folder, "b")).ServeHTTP(recorder, request)
		if recorder.Code != status {
			t.Errorf("%s: %d, expected %d", path, recorder.Code, status)
		}
	}
}

// testNodeFiles are the two files that a join script carries for its node.
func testNodeFiles(t *testing.T, i *instance, certificates pki) (join, proxy string) {
	t.Helper()
	joining, err := i.joinConfiguration(certificates, "abcdef.0123456789abcdef")
	if err != nil {
		t.Fatal(err)
	}
	kubeconfig, err := i.proxyKubeconfig(certificates, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return string(joining), string(kubeconfig)
}

func TestJoinScript(t *testing.T) {
	i := testInstance(t)
	certificates := testPKI(t, i)
	join, proxy := testNodeFiles(t, i, certificates)
	script, err := render("assets/join.sh", scriptData{
		Name: "blue", Endpoint: i.values.ControlPlane.Endpoint, Host: i.host, Authority: string(certificates["ca.crt"]), Version: "v1.36.3",
		JoinConfiguration: join, ProxyKubeconfig: proxy, PodCIDR: "10.244.0.0/16", PauseImage: "lab.local/pause:1",
		ContainerSocket: containerSocket, PreJoin: i.values.PrivateNodes.JoinNode.PreJoinCommands, KubeProxy: true, Network: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "join.sh")
	if err := os.WriteFile(path, script, 0o600); err != nil {
		t.Fatal(err)
	}
	if output, err := exec.Command("sh", "-n", path).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	for arguments, mention := range map[string]string{
		"--no-such-option": "unknown option", "--node-name": "needs a value", "--kubernetes-version=1.30.0": "only v1.36.3",
	} {
		output, err := exec.Command("sh", path, arguments).CombinedOutput()
		if err == nil || !strings.Contains(string(output), mention) {
			t.Errorf("%s: %v: %s", arguments, err, output)
		}
	}
}
