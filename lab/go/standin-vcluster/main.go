// Command standin-vcluster stands in for the closed control plane of vCluster with private nodes. One image, one
// program per container of the control plane's pod: real etcd, kube-apiserver, kube-controller-manager and
// kube-scheduler are started by it; the front on the API port and the join script are its own.
//
// The same program stands in for Kamaji, as its command `kamaji`: what a tenant cluster needs to be one is no different,
// only who asks for it and where the data lies.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

var commands = map[string]func(context.Context, *instance) error{
	"init":                    initialise,
	"etcd":                    runEtcd,
	"kube-apiserver":          runAPIServer,
	"kube-controller-manager": runControllerManager,
	"kube-scheduler":          runScheduler,
	"front":                   runFront,
	"restore":                 runRestore,
}

func main() {
	log.SetFlags(log.Ltime)
	if len(os.Args) != 2 || commands[os.Args[1]] == nil && os.Args[1] != "kamaji" {
		log.Fatalf("usage: standin-vcluster %s", strings.Join(names(), "|"))
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if os.Args[1] == "kamaji" {
		if err := runKamaji(ctx); err != nil {
			log.Fatal(fmt.Errorf("kamaji: %w", err))
		}
		return
	}
	instance, err := loadInstance(os.Getenv, os.ReadFile)
	if err == nil {
		err = commands[os.Args[1]](ctx, instance)
	}
	if err != nil {
		log.Fatal(fmt.Errorf("%s: %w", os.Args[1], err))
	}
}

func names() []string {
	list := []string{"kamaji"}
	for name := range commands {
		list = append(list, name)
	}
	return list
}
