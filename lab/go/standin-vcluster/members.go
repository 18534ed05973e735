package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"strconv"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"sigs.k8s.io/yaml"
)

// founders is the entry of the shared Secret that says how many members etcd began with. Whoever comes later has to be
// let in.
const (
	founders     = "etcd-founders"
	membersEvery = 5 * time.Second
)

// founded notes the founders; a cluster that shrinks below their number begins anew with those that stay.
func (p pki) founded(replicas int) bool {
	if known, err := strconv.Atoi(string(p[founders])); err == nil && known <= replicas {
		return false
	}
	p[founders] = []byte(strconv.Itoa(replicas))
	return true
}

func readFounders() (int, error) {
	text, err := os.ReadFile(pkiFolder + "/" + founders)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(string(text))
}

func (i *instance) ordinal() (int, error) {
	return strconv.Atoi(i.pod[strings.LastIndex(i.pod, "-")+1:])
}

func (i *instance) peer(n int) string {
	return fmt.Sprintf("https://%s-%d.%s.%s.svc:2380", i.name, n, i.headless(), i.namespace)
}

// membership is what etcd is told of its cluster when it starts without data.
func (i *instance) membership(ordinal, founders int) []string {
	state, size := "new", founders
	if ordinal >= founders {
		// as it is when this one is let in, which happens one by one
		state, size = "existing", ordinal+1
	}
	members := make([]string, size)
	for n := range members {
		members[n] = fmt.Sprintf("%s-%d=%s", i.name, n, i.peer(n))
	}
	return []string{"--initial-cluster=" + strings.Join(members, ","), "--initial-cluster-state=" + state}
}

type member struct {
	ID      string `json:"ID"`
	Learner bool   `json:"isLearner"`
}

// letIn makes members of replicas that are added, from the first pod, until the context ends.
func letIn(ctx context.Context, i *instance, host kubernetes.Interface, etcd keys) error {
	if !i.first() {
		return nil
	}
	return repeat(ctx, "members of etcd", membersEvery, func(ctx context.Context) error { return letInOnce(ctx, i, host, etcd) })
}

// letInOnce takes one step: a member that has caught up gets its vote, or else the next one is let in to catch up.
func letInOnce(ctx context.Context, i *instance, host kubernetes.Interface, etcd keys) error {
	wanted, err := i.wantedReplicas(ctx, host)
	if err != nil {
		return err
	}
	var found struct {
		Members []member `json:"members"`
	}
	if err := etcd.post(ctx, "/v3/cluster/member/list", map[string]any{}, &found); err != nil {
		return err
	}
	for _, each := range found.Members {
		if each.Learner {
			return etcd.post(ctx, "/v3/cluster/member/promote", map[string]any{"ID": each.ID}, nil)
		}
	}
	next := len(found.Members)
	if next >= wanted {
		return nil
	}
	log.Printf("members of etcd: %s-%d is let in", i.name, next)
	question := map[string]any{"peerURLs": []string{i.peer(next)}, "isLearner": true}
	return etcd.post(ctx, "/v3/cluster/member/add", question, nil)
}

// wantedReplicas asks the host cluster: this pod is not replaced before those are ready that it is to let in.
func (i *instance) wantedReplicas(ctx context.Context, host kubernetes.Interface) (int, error) {
	secret, err := host.CoreV1().Secrets(i.namespace).Get(ctx, "vc-config-"+i.name, metav1.GetOptions{})
	if err != nil {
		return 0, err
	}
	var wanted values
	if err := yaml.Unmarshal(secret.Data["config.yaml"], &wanted); err != nil {
		return 0, fmt.Errorf("values: %w", err)
	}
	return wanted.ControlPlane.StatefulSet.HighAvailability.Replicas, nil
}
