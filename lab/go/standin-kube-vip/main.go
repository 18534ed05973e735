// Command standin-kube-vip holds a virtual address on an interface while it holds a Lease: the lab's stand-in for
// kube-vip in control-plane ARP mode. It takes kube-vip's environment variables and its only argument, "manager".
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"os/signal"
	"syscall"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
)

func main() {
	if len(os.Args) < 2 || os.Args[1] != "manager" {
		log.Fatal("usage: kube-vip manager")
	}
	s, err := readSettings(os.LookupEnv)
	if err != nil {
		log.Fatal(err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, s); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, s settings) error {
	holder, err := newHolder(s)
	if err != nil {
		return err
	}
	// a predecessor in this pod may have been killed with the address in its hands
	if err := holder.give(); err != nil {
		return err
	}
	config, err := rest.InClusterConfig()
	if err != nil {
		return err
	}
	// an answer that comes after the deadline is of no use
	config.Timeout = s.renew
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	lost := errors.New("the lease was lost")
	var outcome error
	elector, err := leaderelection.NewLeaderElector(leaderelection.LeaderElectionConfig{
		Lock: &resourcelock.LeaseLock{
			LeaseMeta:  metav1.ObjectMeta{Name: s.lease, Namespace: s.namespace},
			Client:     client.CoordinationV1(),
			LockConfig: resourcelock.ResourceLockConfig{Identity: s.identity},
		},
		LeaseDuration:   s.duration,
		RenewDeadline:   s.renew,
		RetryPeriod:     s.retry,
		ReleaseOnCancel: true,
		Name:            s.lease,
		Callbacks: leaderelection.LeaderCallbacks{
			OnStartedLeading: func(ctx context.Context) { hold(ctx, holder, s) },
			OnStoppedLeading: func() {
				outcome = errors.Join(holder.give(), lost)
				log.Printf("%s is given up", s.address)
			},
			OnNewLeader: func(identity string) { log.Printf("%s holds %s", identity, s.address.Addr()) },
		},
	})
	if err != nil {
		return err
	}
	elector.Run(ctx)
	if ctx.Err() != nil {
		return holder.give()
	}
	// as the real one: whoever loses the lease ends and is started again by the kubelet
	return outcome
}

// hold keeps the address on the interface and announces it until the lease is gone.
func hold(ctx context.Context, holder *holder, s settings) {
	log.Printf("taking %s on %s", s.address, s.iface)
	tick := time.NewTicker(s.arpInterval)
	defer tick.Stop()
	for {
		if ctx.Err() != nil {
			return
		}
		if err := errors.Join(holder.take(), holder.announce()); err != nil {
			log.Print(fmt.Errorf("%s: %w", s.address, err))
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
