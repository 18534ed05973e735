package main

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"
)

func TestWhoBeginsAndWhoIsLetIn(t *testing.T) {
	i := &instance{name: "blue", namespace: "vcluster-blue"}
	for _, test := range []struct {
		ordinal, founders int
		state             string
		last              string
	}{
		{0, 1, "new", "blue-0="}, {2, 3, "new", "blue-2="}, {1, 1, "existing", "blue-1="}, {2, 1, "existing", "blue-2="},
	} {
		told := i.membership(test.ordinal, test.founders)
		members := strings.Split(strings.TrimPrefix(told[0], "--initial-cluster="), ",")
		if told[1] != "--initial-cluster-state="+test.state || !strings.HasPrefix(members[len(members)-1], test.last) {
			t.Errorf("%d of %d: %v", test.ordinal, test.founders, told)
		}
	}
}

func TestFoundersStayUntilFewerAreLeft(t *testing.T) {
	data := pki{}
	for _, step := range []struct {
		replicas int
		noted    bool
		founders string
	}{{1, true, "1"}, {3, false, "1"}, {1, false, "1"}} {
		if noted := data.founded(step.replicas); noted != step.noted || string(data[founders]) != step.founders {
			t.Errorf("%d replicas: %t, %s", step.replicas, noted, data[founders])
		}
	}
	began := pki{}
	began.founded(3)
	if !began.founded(1) || string(began[founders]) != "1" {
		t.Errorf("shrunk: %s", began[founders])
	}
}

// council is as much of etcd's gateway as its members need.
type council struct {
	members []member
	asked   []string
}

func (c *council) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.asked = append(c.asked, r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:])
	switch c.asked[len(c.asked)-1] {
	case "add":
		c.members = append(c.members, member{ID: "new", Learner: true})
	case "promote":
		c.members[len(c.members)-1].Learner = false
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"members": c.members})
}

func TestReplicasAreLetInOneByOne(t *testing.T) {
	etcd := &council{members: []member{{ID: "1"}}}
	server := httptest.NewServer(etcd)
	defer server.Close()
	host := fake.NewClientset(&corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: "vc-config-blue", Namespace: "vcluster-blue"},
		Data: map[string][]byte{
			"config.yaml": []byte("controlPlane: {statefulSet: {highAvailability: {replicas: 3}}}"),
		},
	})
	i := &instance{name: "blue", namespace: "vcluster-blue", pod: "blue-0"}
	for range 5 {
		if err := letInOnce(context.Background(), i, host, keys{server.URL, server.Client()}); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{"list", "add", "list", "promote", "list", "add", "list", "promote", "list"}
	if !slices.Equal(etcd.asked, want) {
		t.Errorf("asked %v", etcd.asked)
	}
}

func TestARestoredMemberIsWhereTheNextOnesLook(t *testing.T) {
	i := &instance{name: "blue", namespace: "vcluster-blue", pod: "blue-0"}
	told := i.fillArguments("/data/etcd.restored")
	for _, want := range []string{i.membership(0, 1)[0], "--initial-advertise-peer-urls=" + i.peer(0)} {
		if !slices.Contains(told, want) {
			t.Errorf("%s is not in %v", want, told)
		}
	}
}
