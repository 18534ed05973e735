package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"path/filepath"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// Snapshots are asked for as of the real server: a ConfigMap with this label tells how far a request is, a Secret of the
// same name where to write. Here that can only be a file in a volume of the pod.
const (
	requestLabel  = "vcluster.loft.sh/snapshot-request"
	tenantLabel   = "vcluster.loft.sh/vcluster-name"
	requestKey    = "snapshotRequest"
	optionsKey    = "snapshotOptions"
	requestsEvery = 2 * time.Second
)

type snapshotOptions struct {
	Type      string `json:"type"`
	Container struct {
		Path string `json:"path"`
	} `json:"container"`
}

// path is the file that the options name.
func (o snapshotOptions) path() (string, error) {
	if o.Type != "container" {
		return "", fmt.Errorf("the stand-in writes container:///PATH only, not to %q", o.Type)
	}
	path := filepath.Clean(o.Container.Path)
	if !strings.HasPrefix(path, "/data/") || strings.HasPrefix(path, dataFolder) {
		return "", fmt.Errorf("%s: only the volume /data outlives the pod, and %s is etcd's", path, dataFolder)
	}
	return path, nil
}

// answerSnapshots does what requests ask for, one after the other, until the context ends.
func answerSnapshots(ctx context.Context, i *instance, host kubernetes.Interface, save func(context.Context, string) error) error {
	if !i.first() {
		return nil
	}
	return repeat(ctx, "snapshots", requestsEvery, func(ctx context.Context) error { return answerOnce(ctx, i, host, save) })
}

func answerOnce(ctx context.Context, i *instance, host kubernetes.Interface, save func(context.Context, string) error) error {
	selector := metav1.ListOptions{LabelSelector: requestLabel + "," + tenantLabel + "=" + i.name}
	found, err := host.CoreV1().ConfigMaps(i.namespace).List(ctx, selector)
	if err != nil {
		return err
	}
	var problems []error
	for n := range found.Items {
		if finished(&found.Items[n]) {
			continue
		}
		problems = append(problems, answer(ctx, host, &found.Items[n], save))
	}
	return errors.Join(problems...)
}

func finished(request *corev1.ConfigMap) bool {
	var text struct {
		Status struct {
			Phase string `json:"phase"`
		} `json:"status"`
	}
	// what cannot be read is answered with the reason
	return json.Unmarshal([]byte(request.Data[requestKey]), &text) == nil && text.Status.Phase != ""
}

// answer writes one snapshot and says in its request what became of it.
func answer(ctx context.Context, host kubernetes.Interface, request *corev1.ConfigMap, save func(context.Context, string) error) error {
	err := write(ctx, host, request, save)
	status := map[string]any{"phase": "Completed"}
	if err != nil {
		status = map[string]any{"phase": "Failed", "error": map[string]any{"message": err.Error()}}
	}
	text := map[string]any{}
	if unreadable := json.Unmarshal([]byte(request.Data[requestKey]), &text); unreadable != nil {
		text = map[string]any{}
	}
	text["status"] = status
	encoded, err := json.Marshal(text)
	if err != nil {
		return err
	}
	answered := request.DeepCopy()
	if answered.Data == nil {
		answered.Data = map[string]string{}
	}
	answered.Data[requestKey] = string(encoded)
	_, err = host.CoreV1().ConfigMaps(request.Namespace).Update(ctx, answered, metav1.UpdateOptions{})
	log.Printf("snapshot %s: %v", request.Name, status["phase"])
	return err
}

func write(ctx context.Context, host kubernetes.Interface, request *corev1.ConfigMap, save func(context.Context, string) error) error {
	secret, err := host.CoreV1().Secrets(request.Namespace).Get(ctx, request.Name, metav1.GetOptions{})
	if err != nil {
		return err
	}
	var options snapshotOptions
	if err := json.Unmarshal(secret.Data[optionsKey], &options); err != nil {
		return fmt.Errorf("Secret %s, %s: %w", request.Name, optionsKey, err)
	}
	path, err := options.path()
	if err != nil {
		return err
	}
	return save(ctx, path)
}
