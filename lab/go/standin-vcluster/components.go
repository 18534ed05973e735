package main

import (
	"context"
	"fmt"
	"log"
	"syscall"
	"time"
)

const dataFolder = "/data/etcd"

// etcdArguments starts one member. Clients are in the same pod; members talk over the host cluster's network and know
// each other by certificate.
func (i *instance) etcdArguments(ordinal, founders int) []string {
	arguments := []string{
		"--name=" + i.pod, "--data-dir=" + dataFolder,
		"--listen-client-urls=http://127.0.0.1:2379", "--advertise-client-urls=http://127.0.0.1:2379",
		"--listen-peer-urls=https://0.0.0.0:2380", "--initial-advertise-peer-urls=" + i.peer(ordinal),
		"--initial-cluster-token=" + i.name,
		"--peer-client-cert-auth", "--peer-trusted-ca-file=" + pkiFolder + "/etcd-ca.crt",
		"--peer-cert-file=" + pkiFolder + "/etcd-peer.crt", "--peer-key-file=" + pkiFolder + "/etcd-peer.key",
		// a pod's address says nothing about who it is; the certificate does
		"--peer-skip-client-san-verification",
		// the machines below are slow at times; three replicas must not elect all day long
		"--heartbeat-interval=300", "--election-timeout=3000", "--auto-compaction-retention=5m", "--snapshot-count=10000",
	}
	arguments = append(arguments, i.membership(ordinal, founders)...)
	if i.replicas() == 1 {
		// those that are gone for good have no vote in what becomes of the last one's data
		arguments = append(arguments, "--force-new-cluster")
	}
	return append(arguments, i.values.ControlPlane.BackingStore.Etcd.Embedded.ExtraArgs...)
}

func (i *instance) apiServerArguments() []string {
	file := func(name string) string { return pkiFolder + "/" + name }
	arguments := []string{
		"--advertise-address=" + i.advertise(), "--allow-privileged=true",
		"--authorization-mode=Node,RBAC", "--enable-admission-plugins=NodeRestriction", "--enable-bootstrap-token-auth=true",
		"--service-cluster-ip-range=" + i.values.Networking.ServiceCIDR,
		"--client-ca-file=" + file("ca.crt"),
		"--tls-cert-file=" + file("apiserver.crt"), "--tls-private-key-file=" + file("apiserver.key"),
		"--kubelet-client-certificate=" + file("apiserver-kubelet-client.crt"),
		"--kubelet-client-key=" + file("apiserver-kubelet-client.key"), "--kubelet-preferred-address-types=InternalIP",
		"--proxy-client-cert-file=" + file("front-proxy-client.crt"), "--proxy-client-key-file=" + file("front-proxy-client.key"),
		"--requestheader-client-ca-file=" + file("front-proxy-ca.crt"), "--requestheader-allowed-names=front-proxy-client",
		"--requestheader-username-headers=" + userHeader, "--requestheader-group-headers=" + groupHeader,
		"--requestheader-extra-headers-prefix=" + extraHeaderPrefix,
		"--service-account-issuer=https://kubernetes.default.svc." + i.domain(),
		"--service-account-key-file=" + file("sa.pub"), "--service-account-signing-key-file=" + file("sa.key"),
	}
	arguments = append(arguments, i.places()...)
	return append(arguments, i.values.ControlPlane.Distro.K8s.APIServer.ExtraArgs...)
}

// places are where the API server listens and keeps its data.
func (i *instance) places() []string {
	if i.store == "" {
		return []string{
			"--bind-address=127.0.0.1", "--secure-port=6443", "--etcd-servers=http://127.0.0.1:2379",
			// it would publish its own port; nodes come to the endpoint's
			"--endpoint-reconciler-type=none",
		}
	}
	// Kamaji has nothing in front of its API servers, and one etcd for several of them
	return []string{
		"--bind-address=0.0.0.0", fmt.Sprintf("--secure-port=%d", i.port),
		"--etcd-servers=" + i.store, "--etcd-prefix=" + i.prefix, "--etcd-cafile=" + pkiFolder + "/etcd-ca.crt",
		"--etcd-certfile=" + pkiFolder + "/etcd-client.crt", "--etcd-keyfile=" + pkiFolder + "/etcd-client.key",
	}
}

// leaderElection is only needed where there is somebody to lose against.
func (i *instance) leaderElection() []string {
	if i.replicas() == 1 {
		return []string{"--leader-elect=false"}
	}
	ha := i.values.ControlPlane.StatefulSet.HighAvailability
	return []string{
		"--leader-elect=true", fmt.Sprintf("--leader-elect-lease-duration=%ds", ha.LeaseDuration),
		fmt.Sprintf("--leader-elect-renew-deadline=%ds", ha.RenewDeadline),
		fmt.Sprintf("--leader-elect-retry-period=%ds", ha.RetryPeriod),
	}
}

func kubeconfigArguments(name string) []string {
	path := pkiFolder + "/" + name + ".conf"
	return []string{"--kubeconfig=" + path, "--authentication-kubeconfig=" + path, "--authorization-kubeconfig=" + path, "--bind-address=127.0.0.1"}
}

func (i *instance) controllerManagerArguments() []string {
	file := func(name string) string { return pkiFolder + "/" + name }
	arguments := append(kubeconfigArguments("controller-manager"), i.leaderElection()...)
	arguments = append(arguments,
		"--allocate-node-cidrs=true", "--cluster-cidr="+i.values.Networking.PodCIDR,
		"--service-cluster-ip-range="+i.values.Networking.ServiceCIDR, "--cluster-name="+i.name,
		"--client-ca-file="+file("ca.crt"), "--requestheader-client-ca-file="+file("front-proxy-ca.crt"),
		"--root-ca-file="+file("ca.crt"), "--cluster-signing-cert-file="+file("ca.crt"), "--cluster-signing-key-file="+file("ca.key"),
		"--service-account-private-key-file="+file("sa.key"),
		// joining needs the signed cluster-info, and tokens that go when their time is up
		"--controllers=*,bootstrapsigner,tokencleaner", "--use-service-account-credentials=true",
	)
	return append(arguments, i.values.ControlPlane.Distro.K8s.ControllerManager.ExtraArgs...)
}

func (i *instance) schedulerArguments() []string {
	arguments := append(kubeconfigArguments("scheduler"), i.leaderElection()...)
	return append(arguments, i.values.ControlPlane.Distro.K8s.Scheduler.ExtraArgs...)
}

func runEtcd(_ context.Context, i *instance) error {
	ordinal, err := i.ordinal()
	if err != nil {
		return err
	}
	founders, err := readFounders()
	if err != nil {
		return err
	}
	return become("/bin/etcd", i.etcdArguments(ordinal, founders))
}

func runAPIServer(ctx context.Context, i *instance) error {
	if i.store == "" {
		if err := await(ctx, "etcd", etcdHealthy); err != nil {
			return err
		}
	}
	return become("/bin/kube-apiserver", i.apiServerArguments())
}

func runControllerManager(ctx context.Context, i *instance) error {
	if err := await(ctx, "kube-apiserver", i.ready); err != nil {
		return err
	}
	return become("/bin/kube-controller-manager", i.controllerManagerArguments())
}

func runScheduler(ctx context.Context, i *instance) error {
	if err := await(ctx, "kube-apiserver", i.ready); err != nil {
		return err
	}
	return become("/bin/kube-scheduler", i.schedulerArguments())
}

// await asks until the answer is yes. There is no limit of its own: the pod's start-up probe has one.
func await(ctx context.Context, what string, ready func(context.Context) error) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		err := ready(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s: %w", what, err)
		case <-tick.C:
		}
	}
}

// repeat does something again and again until the context ends; what goes wrong is told once, until it is something else.
func repeat(ctx context.Context, name string, every time.Duration, run func(context.Context) error) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	var said string
	for {
		if err := run(ctx); err != nil && ctx.Err() == nil && err.Error() != said {
			said = err.Error()
			log.Printf("%s: %s", name, said)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// become replaces this process, so that the real program gets the container's signals and its exit is the container's.
func become(program string, arguments []string) error {
	return syscall.Exec(program, append([]string{program}, arguments...), syscall.Environ())
}
