package main

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// What the script finds on a server, replaced so that it can run here: everything it writes is in a mount namespace.
var stubs = map[string]string{
	"systemctl": `echo "systemctl $*" >>"$LOG"
case "$*" in *"is-active kubelet"*) exit 3 ;; esac`,
	"ctr": `echo "ctr $*" >>"$LOG"
case "$*" in *"images list"*) printf 'REF TYPE DIGEST\nlab.local/pause:1 type sha256:1\n' ;; esac`,
	"containerd": "", "sysctl": "",
}

var programs = map[string]string{
	"bin/kubeadm": `#!/bin/sh
echo "kubeadm $*" >>"$LOG"
case $1 in
join) mkdir -p /etc/kubernetes /var/lib/kubelet; cp "$3" "$LOG.join"; touch /etc/kubernetes/kubelet.conf ;;
esac
`,
	"bin/kubelet": "#!/bin/sh\n", "cni/bridge": "bridge",
	"bin/kube-proxy":  "#!/bin/sh\necho \"kube-proxy $*\" >>\"$LOG\"\n",
	"bin/standin-cni": "#!/bin/sh\necho \"standin-cni $*\" >>\"$LOG\"\n",
}

const sandbox = `set -eu
mount --make-rprivate /
mkdir "$WORK/etc"
cp -a /etc/hosts /etc/passwd /etc/group /etc/alternatives "$WORK/etc"
mount --bind "$WORK/etc" /etc
for folder in /var/lib /var/tmp /opt /usr/local/bin /run/systemd; do
  mkdir -p "$folder"
  mount -t tmpfs tmpfs "$folder"
done
mkdir -p /run/systemd/system /etc/systemd/system /etc/modules-load.d /etc/sysctl.d
PATH=$WORK/stubs:$PATH
export PATH
sh "$WORK/join.sh" --node-name=new-node.invalid
find /etc /usr/local/bin /opt /var/lib -type f | sort >"$WORK/joined"
cat /etc/hosts >"$WORK/hosts.joined"
sh "$WORK/join.sh" --reset-only
find /etc /usr/local/bin /opt /var/lib /var/tmp -type f ! -name hosts ! -name passwd ! -name group ! -path "/etc/alternatives/*" | sort >"$WORK/reset"
cat /etc/hosts >"$WORK/hosts.reset"
`

func serveBundle(t *testing.T, i *instance, certificates pki, folder string) string {
	t.Helper()
	var manifest bytes.Buffer
	write := func(name string, content []byte) {
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	packed := func(content string) []byte {
		var buffer bytes.Buffer
		writer := gzip.NewWriter(&buffer)
		_, _ = writer.Write([]byte(content))
		_ = writer.Close()
		return buffer.Bytes()
	}
	for name, content := range programs {
		sum := sha256.Sum256([]byte(content))
		fmt.Fprintf(&manifest, "%s %s\n", hex.EncodeToString(sum[:]), name)
		write(name+".gz", packed(content))
	}
	for name, reference := range map[string]string{"pause.tar": "lab.local/pause:1@sha256:1", "web.tar": "lab.local/web:1@sha256:2"} {
		sum := sha256.Sum256([]byte(name))
		fmt.Fprintf(&manifest, "%s images/%s %s\n", hex.EncodeToString(sum[:]), name, reference)
		write("images/"+name+".gz", packed(name))
	}
	write("manifest", manifest.Bytes())
	pair, err := tls.X509KeyPair(certificates["apiserver.crt"], certificates["apiserver.key"])
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(http.StripPrefix("/node/download/", bundle(folder)))
	server.TLS = &tls.Config{Certificates: []tls.Certificate{pair}}
	server.StartTLS()
	t.Cleanup(server.Close)
	_, port, _ := net.SplitHostPort(server.Listener.Addr().String())
	i.values.ControlPlane.Endpoint = "127.0.0.1:" + port
	return port
}

func TestJoinScriptInstallsJoinsAndTakesEverythingBack(t *testing.T) {
	if os.Geteuid() != 0 || exec.Command("unshare", "--mount", "true").Run() != nil {
		t.Skip("needs a mount namespace of its own")
	}
	i, work := testInstance(t), t.TempDir()
	certificates := testPKI(t, i)
	serveBundle(t, i, certificates, filepath.Join(work, "bundle"))
	join, proxy := testNodeFiles(t, i, certificates)
	script, err := render("assets/join.sh", scriptData{
		Name: "blue", Endpoint: i.values.ControlPlane.Endpoint, Host: "127.0.0.1", Authority: string(certificates["ca.crt"]),
		Version: "v1.36.3", JoinConfiguration: join, ProxyKubeconfig: proxy, PodCIDR: "10.244.0.0/16",
		PauseImage: "lab.local/pause:1", ContainerSocket: containerSocket, KubeProxy: true, Network: true,
		PostJoin: []string{`echo "post $node_name" >>"$LOG"`},
	})
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{"join.sh": string(script)}
	for name, text := range stubs {
		files["stubs/"+name] = "#!/bin/sh\n" + text + "\n"
	}
	if err := os.Mkdir(filepath.Join(work, "stubs"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(work, name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	command := exec.Command("unshare", "--mount", "sh", "-c", sandbox)
	command.Env = append(os.Environ(), "WORK="+work, "LOG="+filepath.Join(work, "log"))
	if output, err := command.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	read := func(name string) string {
		text, err := os.ReadFile(filepath.Join(work, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	for _, file := range []string{
		"/usr/local/bin/kubelet", "/opt/cni/bin/bridge", "/etc/systemd/system/kubelet.service", "/etc/kubernetes/kube-proxy.conf",
		"/etc/systemd/system/kube-proxy.service", "/etc/systemd/system/vcluster-node-network.service", "/etc/containerd/config.toml",
	} {
		if !strings.Contains(read("joined"), file+"\n") {
			t.Errorf("%s was not installed", file)
		}
	}
	if joined := read("log.join"); !strings.Contains(joined, "name: 'new-node.invalid'") || !strings.Contains(joined, "value: '127.0.0.1'") {
		t.Errorf("join configuration:\n%s", joined)
	}
	log := read("log")
	for _, part := range []string{"ctr -n k8s.io images import", "web.tar", "post new-node.invalid", "kubeadm reset --force", "standin-cni --cleanup", "kube-proxy --cleanup"} {
		if !strings.Contains(log, part) {
			t.Errorf("%q is not in\n%s", part, log)
		}
	}
	if strings.Contains(log, "pause.tar") {
		t.Errorf("an image that was there was downloaded:\n%s", log)
	}
	if !strings.Contains(read("hosts.joined"), "127.0.0.1 new-node.invalid\n") || strings.Contains(read("hosts.reset"), "new-node") {
		t.Error("the line in /etc/hosts did not come or did not go")
	}
	if left := read("reset"); left != "" {
		t.Errorf("left behind:\n%s", left)
	}
}
