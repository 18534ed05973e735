// Command standin-local-path gives the lab's claims a folder on the node where the claiming pod runs: a small stand-in
// for a local-path provisioner. One runs on every node and serves the claims that the scheduler placed there.
package main

import (
	"context"
	"flag"
	"log"
	"os"
	"os/signal"
	"syscall"
	"time"

	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
)

func main() {
	provisioner := &provisioner{node: os.Getenv("NODE_NAME")}
	flag.StringVar(&provisioner.name, "provisioner", "lab.local/local-path", "provisioner name of the storage classes to serve")
	flag.StringVar(&provisioner.path, "path", "/var/lib/lab/volumes", "folder of the volumes on the node, mounted here at the same path")
	flag.Parse()
	if provisioner.node == "" {
		log.Fatal("NODE_NAME is not set")
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, provisioner); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, provisioner *provisioner) error {
	config, err := rest.InClusterConfig()
	if err != nil {
		return err
	}
	provisioner.client, err = kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	factory := informers.NewSharedInformerFactory(provisioner.client, 0)
	provisioner.claims = factory.Core().V1().PersistentVolumeClaims().Lister()
	provisioner.volumes = factory.Core().V1().PersistentVolumes().Lister()
	provisioner.classes = factory.Storage().V1().StorageClasses().Lister()
	changed := make(chan struct{}, 1)
	poke := func(any) {
		select {
		case changed <- struct{}{}:
		default:
		}
	}
	handler := cache.ResourceEventHandlerFuncs{AddFunc: poke, UpdateFunc: func(_, after any) { poke(after) }, DeleteFunc: poke}
	for _, informer := range []cache.SharedIndexInformer{
		factory.Core().V1().PersistentVolumeClaims().Informer(),
		factory.Core().V1().PersistentVolumes().Informer(),
		factory.Storage().V1().StorageClasses().Informer(),
	} {
		if _, err := informer.AddEventHandler(handler); err != nil {
			return err
		}
	}
	factory.Start(ctx.Done())
	factory.WaitForCacheSync(ctx.Done())
	// what failed is tried again without waiting for the next event
	tick := time.NewTicker(15 * time.Second)
	defer tick.Stop()
	for {
		if err := provisioner.sync(ctx); err != nil {
			log.Print(err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
		case <-tick.C:
		}
	}
}
