package main

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"io"
	"text/template"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/dynamic"
)

//go:embed assets
var assets embed.FS

// resources are the kinds that the manifests use, so that no discovery is needed.
var resources = map[string]schema.GroupVersionResource{
	"ConfigMap":          {Version: "v1", Resource: "configmaps"},
	"ServiceAccount":     {Version: "v1", Resource: "serviceaccounts"},
	"Service":            {Version: "v1", Resource: "services"},
	"Secret":             {Version: "v1", Resource: "secrets"},
	"Deployment":         {Group: "apps", Version: "v1", Resource: "deployments"},
	"Role":               {Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "roles"},
	"RoleBinding":        {Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "rolebindings"},
	"ClusterRole":        {Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "clusterroles"},
	"ClusterRoleBinding": {Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "clusterrolebindings"},
}

type manifestData struct {
	ClusterInfo string // a kubeconfig without credentials
	DNS         string
	Domain      string
	Image       string
	Replicas    int
}

// manifests are the objects that a fresh tenant cluster gets.
func (i *instance) manifests(certificates pki) ([]*unstructured.Unstructured, error) {
	info, err := clusterInfo(i.endpoint(), certificates["ca.crt"])
	if err != nil {
		return nil, err
	}
	dns := i.values.ControlPlane.CoreDNS
	data := manifestData{ClusterInfo: string(info), DNS: i.dnsIP, Domain: i.domain(), Image: dns.Deployment.Image, Replicas: dns.Deployment.Replicas}
	files := []string{"assets/join.yaml"}
	if dns.Enabled {
		files = append(files, "assets/coredns.yaml")
	}
	var objects []*unstructured.Unstructured
	for _, file := range files {
		text, err := render(file, data)
		if err != nil {
			return nil, err
		}
		found, err := decode(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		objects = append(objects, found...)
	}
	return objects, nil
}

func render(file string, data any) ([]byte, error) {
	text, err := assets.ReadFile(file)
	if err != nil {
		return nil, err
	}
	parsed, err := template.New(file).Funcs(template.FuncMap{"shell": shellQuote, "indent": indent}).Option("missingkey=error").Parse(string(text))
	if err != nil {
		return nil, err
	}
	var buffer bytes.Buffer
	err = parsed.Execute(&buffer, data)
	return buffer.Bytes(), err
}

func decode(text []byte) ([]*unstructured.Unstructured, error) {
	decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(text), 4096)
	var objects []*unstructured.Unstructured
	for {
		object := &unstructured.Unstructured{}
		err := decoder.Decode(object)
		if errors.Is(err, io.EOF) {
			return objects, nil
		}
		if err != nil {
			return nil, err
		}
		if len(object.Object) > 0 {
			objects = append(objects, object)
		}
	}
}

func applyManifests(ctx context.Context, i *instance, certificates pki) error {
	config, err := tenantConfig(certificates, i.api)
	if err != nil {
		return err
	}
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return err
	}
	objects, err := i.manifests(certificates)
	if err != nil {
		return err
	}
	return applyObjects(ctx, client, "vcluster", objects)
}

// applyObjects makes objects what they should be, in this order.
func applyObjects(ctx context.Context, client dynamic.Interface, manager string, objects []*unstructured.Unstructured) error {
	for _, object := range objects {
		resource, known := resources[object.GetKind()]
		if !known {
			return fmt.Errorf("unknown kind %s", object.GetKind())
		}
		var target dynamic.ResourceInterface = client.Resource(resource)
		if namespace := object.GetNamespace(); namespace != "" {
			target = client.Resource(resource).Namespace(namespace)
		}
		_, err := target.Apply(ctx, object.GetName(), object, metav1.ApplyOptions{FieldManager: manager, Force: true})
		if err != nil {
			return fmt.Errorf("%s %s: %w", object.GetKind(), object.GetName(), err)
		}
	}
	return nil
}
