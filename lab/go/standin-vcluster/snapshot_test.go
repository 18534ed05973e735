package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sort"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"
)

// gateway is as much of etcd's as snapshots use, with pages of two keys.
type gateway map[string]entry

func (g gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var question struct {
		Key     []byte `json:"key"`
		Success []struct {
			Put entry `json:"request_put"`
		} `json:"success"`
	}
	if err := json.NewDecoder(r.Body).Decode(&question); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if strings.HasSuffix(r.URL.Path, "/txn") {
		for _, each := range question.Success {
			g[string(each.Put.Key)] = each.Put
		}
		_, _ = w.Write([]byte(`{}`))
		return
	}
	names := []string{}
	for name := range g {
		if name >= string(question.Key) {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	page := []entry{}
	for _, name := range names[:min(2, len(names))] {
		page = append(page, g[name])
	}
	_ = json.NewEncoder(w).Encode(map[string]any{
		"header": map[string]any{"revision": "7"}, "kvs": page, "more": len(names) > 2,
	})
}

func TestKeysSurviveASnapshotAndLeasesDoNot(t *testing.T) {
	before := gateway{}
	for name, value := range map[string]string{"/a": "1", "/b": "", "/c/d": "\x00\xff", "/e": "5"} {
		before[name] = entry{Key: []byte(name), Value: []byte(value)}
	}
	before["/event"] = entry{Key: []byte("/event"), Value: []byte("x"), Lease: "12"}
	from, to := httptest.NewServer(before), httptest.NewServer(gateway{})
	defer from.Close()
	defer to.Close()
	path := filepath.Join(t.TempDir(), "blue.gz")
	if err := (keys{from.URL, from.Client()}).save(context.Background(), path); err != nil {
		t.Fatal(err)
	}
	count, err := keys{to.URL, to.Client()}.load(context.Background(), path)
	if err != nil || count != 4 {
		t.Fatalf("%d keys, %v", count, err)
	}
	after := to.Config.Handler.(gateway)
	delete(before, "/event")
	for name, each := range before {
		if !bytes.Equal(after[name].Value, each.Value) {
			t.Errorf("%s is %q", name, after[name].Value)
		}
	}
	if len(after) != len(before) {
		t.Errorf("%d keys of %d", len(after), len(before))
	}
}

func request(name, url, phase string) *corev1.ConfigMap {
	status := map[string]any{}
	if phase != "" {
		status["phase"] = phase
	}
	text, _ := json.Marshal(map[string]any{"metadata": map[string]any{"name": name}, "spec": map[string]any{"url": url}, "status": status})
	return &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{
			Name: name, Namespace: "vcluster-blue", Labels: map[string]string{requestLabel: "", tenantLabel: "blue"},
		},
		Data: map[string]string{requestKey: string(text)},
	}
}

func place(name, text string) *corev1.Secret {
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "vcluster-blue"}, Data: map[string][]byte{optionsKey: []byte(text)},
	}
}

func TestEveryOpenRequestIsAnsweredOnce(t *testing.T) {
	host := fake.NewClientset(
		request("fine", "container:///data/a", ""), place("fine", `{"type":"container","container":{"path":"/data/a"}}`),
		request("full", "container:///data/full", ""), place("full", `{"type":"container","container":{"path":"/data/full"}}`),
		request("away", "s3://b/k", ""), place("away", `{"type":"s3"}`),
		request("etcds", "container:///data/etcd/x", ""), place("etcds", `{"type":"container","container":{"path":"/data/etcd/x"}}`),
		request("lost", "container:///data/b", ""),
		request("over", "container:///data/c", "Completed"), place("over", `{"type":"container","container":{"path":"/data/c"}}`),
	)
	written := []string{}
	save := func(_ context.Context, path string) error {
		if path == "/data/full" {
			return errors.New("no space left")
		}
		written = append(written, path)
		return nil
	}
	i := testInstance(t)
	for range 2 {
		if err := answerOnce(context.Background(), i, host, save); err != nil {
			t.Fatal(err)
		}
	}
	if strings.Join(written, " ") != "/data/a" {
		t.Errorf("written: %v", written)
	}
	said := map[string]string{
		"fine": "Completed", "over": "Completed", "full": "no space left", "away": "not to", "etcds": "is etcd's", "lost": "not found",
	}
	for name, part := range said {
		found, err := host.CoreV1().ConfigMaps("vcluster-blue").Get(context.Background(), name, metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		text := found.Data[requestKey]
		if !strings.Contains(text, part) || strings.Contains(text, `"Failed"`) == (part == "Completed") {
			t.Errorf("%s: %s", name, text)
		}
	}
}
