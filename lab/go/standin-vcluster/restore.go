package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"os"
	"os/exec"
	"syscall"
)

const storageOptions = "VCLUSTER_STORAGE_OPTIONS"

// runRestore runs in a pod of its own while the control plane is stopped: it begins etcd's data anew and puts the keys
// of a snapshot there.
func runRestore(ctx context.Context, i *instance) error {
	if i.replicas() > 1 {
		return fmt.Errorf("the stand-in restores one member of etcd, not %d", i.replicas())
	}
	var options snapshotOptions
	text, err := base64.StdEncoding.DecodeString(os.Getenv(storageOptions))
	if err == nil {
		err = json.Unmarshal(text, &options)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", storageOptions, err)
	}
	path, err := options.path()
	if err != nil {
		return err
	}
	// a snapshot that is not there must not cost what is there
	if _, err := os.Stat(path); err != nil {
		return err
	}
	fresh := dataFolder + ".restored"
	if err := os.RemoveAll(fresh); err != nil {
		return err
	}
	if err := fill(ctx, i, fresh, path); err != nil {
		return err
	}
	if err := os.RemoveAll(dataFolder); err != nil {
		return err
	}
	return os.Rename(fresh, dataFolder)
}

// fill makes etcd's data in a folder.
func fill(ctx context.Context, i *instance, folder, path string) error {
	etcd := exec.CommandContext(ctx, "/bin/etcd", i.fillArguments(folder)...)
	etcd.Stdout, etcd.Stderr = os.Stdout, os.Stderr
	if err := etcd.Start(); err != nil {
		return err
	}
	err := await(ctx, "etcd", etcdHealthy)
	if err == nil {
		var count int
		count, err = localKeys().load(ctx, path)
		log.Printf("%d keys of %s", count, path)
	}
	stopped := etcd.Process.Signal(syscall.SIGTERM)
	// etcd says that it was told to end
	ended := etcd.Wait()
	var exit *exec.ExitError
	if errors.As(ended, &exit) {
		ended = nil
	}
	return errors.Join(err, stopped, ended)
}

// fillArguments: nobody else is a member yet, so it need not be reached. Where it says it lives is kept, though, and is
// where replicas that come later look for it.
func (i *instance) fillArguments(folder string) []string {
	return []string{
		"--name=" + i.pod, "--data-dir=" + folder, "--initial-cluster-token=" + i.name,
		"--listen-client-urls=" + etcdClients, "--advertise-client-urls=" + etcdClients,
		"--listen-peer-urls=http://127.0.0.1:2380",
		"--initial-advertise-peer-urls=" + i.peer(0), "--initial-cluster=" + i.pod + "=" + i.peer(0),
	}
}
