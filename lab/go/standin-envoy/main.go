// Command standin-envoy runs HAProxy as an Envoy configuration says: the lab's stand-in for Envoy, which cannot run in
// the lab's virtual machines. It takes Envoy's configuration file and those of its options that manifests use; what it
// does not understand it refuses.
package main

import (
	"flag"
	"log"
	"os"
	"os/exec"
	"regexp"
	"syscall"
)

const (
	program   = "/usr/sbin/haproxy"
	generated = "/tmp/haproxy.cfg"
)

func main() {
	log.SetFlags(0)
	var path, mode string
	flag.StringVar(&path, "c", "/etc/envoy/envoy.yaml", "configuration of Envoy")
	flag.StringVar(&path, "config-path", "/etc/envoy/envoy.yaml", "configuration of Envoy")
	flag.StringVar(&mode, "mode", "serve", "serve, or validate the configuration only")
	flag.String("log-level", "info", "accepted, without effect")
	flag.String("l", "info", "accepted, without effect")
	flag.Parse()
	if err := run(path, mode); err != nil {
		log.Fatalf("%s: %v", path, err)
	}
}

func run(path, mode string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	c, err := parse(text)
	if err != nil {
		return err
	}
	resolv, err := os.ReadFile("/etc/resolv.conf")
	if err != nil {
		return err
	}
	if err := os.WriteFile(generated, []byte(c.haproxy(nameservers(string(resolv)))), 0o600); err != nil {
		return err
	}
	if mode == "validate" {
		check := exec.Command(program, "-c", "-f", generated)
		check.Stdout, check.Stderr = os.Stdout, os.Stderr
		return check.Run()
	}
	// it becomes HAProxy, so that signals and the exit are HAProxy's; -db: in the foreground, one process
	return syscall.Exec(program, []string{program, "-db", "-f", generated}, os.Environ())
}

var nameserver = regexp.MustCompile(`(?m)^\s*nameserver\s+([0-9.]+)\s*$`)

func nameservers(resolv string) []string {
	var found []string
	for _, match := range nameserver.FindAllStringSubmatch(resolv, -1) {
		found = append(found, match[1])
	}
	return found
}
