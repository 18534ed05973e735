package main

import (
	"errors"
	"fmt"
	"log"
	"net"
	"os/exec"
	"strings"

	"github.com/vishvananda/netlink"
)

const bridge = "cni0"

// rule gives pods that talk to anybody but pods the address of their node: nobody else knows the way back to a pod.
func rule(clusterCIDR string) []string {
	return []string{
		"POSTROUTING", "-s", clusterCIDR, "!", "-d", clusterCIDR,
		"-m", "comment", "--comment", "pods leave the cluster", "-j", "MASQUERADE",
	}
}

func iptables(operation string, rule []string) error {
	arguments := append([]string{"-w", "10", "-t", "nat", operation}, rule...)
	output, err := exec.Command("iptables", arguments...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("iptables %s %s: %w: %s", operation, rule[0], err, strings.TrimSpace(string(output)))
	}
	return nil
}

func ensureMasquerade(clusterCIDR string) error {
	if clusterCIDR == "" || iptables("-C", rule(clusterCIDR)) == nil {
		return nil
	}
	log.Printf("pods of %s leave the cluster with their node's address", clusterCIDR)
	return iptables("-A", rule(clusterCIDR))
}

// cleanup takes back everything that this program and the plugins under it made on the node.
func cleanup(clusterCIDR string) error {
	failures := []error{syncRoutes(nil)}
	if clusterCIDR != "" && iptables("-C", rule(clusterCIDR)) == nil {
		failures = append(failures, iptables("-D", rule(clusterCIDR)))
	}
	if _, err := net.InterfaceByName(bridge); err == nil {
		link, err := netlink.LinkByName(bridge)
		if err == nil {
			err = netlink.LinkDel(link)
		}
		failures = append(failures, err)
	}
	return errors.Join(failures...)
}
