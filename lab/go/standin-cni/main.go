// Command standin-cni is the lab's primary pod network: the bridge and host-local plugins on every node, and plain
// routes between the nodes. It stands in for a network such as Flannel in host-gw mode.
//
// It watches the cluster's nodes. For its own node it writes the CNI configuration as soon as the node has a pod
// range; for every other node it keeps a route to that node's pod range through the node's address.
package main

import (
	"context"
	"flag"
	"log"
	"os/signal"
	"syscall"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
)

func main() {
	kubeconfig := flag.String("kubeconfig", "", "kubeconfig that may list and watch nodes")
	node := flag.String("node", "", "name of this node; empty: only keep the routes (for a machine that is no node)")
	conf := flag.String("conf", "/etc/cni/net.d/10-lab.conflist", "CNI configuration to write")
	mtu := flag.Int("mtu", 0, "MTU of the pods' interfaces; 0: that of the interface with the node's address")
	clusterCIDR := flag.String("cluster-cidr", "", "the pods' range; given: pods that leave it get their node's address")
	remove := flag.Bool("cleanup", false, "take back what earlier runs made, and end")
	flag.Parse()
	if *remove {
		if err := cleanup(*clusterCIDR); err != nil {
			log.Fatal(err)
		}
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, settings{*kubeconfig, *node, *conf, *clusterCIDR, *mtu}); err != nil {
		log.Fatal(err)
	}
}

type settings struct {
	kubeconfig, node, conf, clusterCIDR string
	mtu                                 int
}

func run(ctx context.Context, s settings) error {
	config, err := clientcmd.BuildConfigFromFlags("", s.kubeconfig)
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	factory := informers.NewSharedInformerFactory(client, 0)
	lister := factory.Core().V1().Nodes().Lister()
	changed := make(chan struct{}, 1)
	poke := func(any) {
		select {
		case changed <- struct{}{}:
		default:
		}
	}
	if _, err := factory.Core().V1().Nodes().Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc: poke, UpdateFunc: func(_, after any) { poke(after) }, DeleteFunc: poke,
	}); err != nil {
		return err
	}
	factory.Start(ctx.Done())
	factory.WaitForCacheSync(ctx.Done())
	// routes can also vanish from below (an interface that goes down takes its routes along)
	tick := time.NewTicker(20 * time.Second)
	defer tick.Stop()
	for {
		nodes, err := lister.List(labels.Everything())
		if err == nil {
			err = reconcile(nodes, s)
		}
		if err != nil {
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

func reconcile(nodes []*corev1.Node, s settings) error {
	if err := ensureMasquerade(s.clusterCIDR); err != nil {
		return err
	}
	if s.node != "" {
		for _, node := range nodes {
			if node.Name != s.node || node.Spec.PodCIDR == "" {
				continue
			}
			mtu := s.mtu
			if mtu == 0 {
				var err error
				if mtu, err = mtuOf(internalAddress(node)); err != nil {
					return err
				}
			}
			if err := writeConf(s.conf, node.Spec.PodCIDR, mtu); err != nil {
				return err
			}
		}
	}
	return syncRoutes(wantedRoutes(nodes, s.node))
}
