package main

import (
	"errors"
	"fmt"
	"log"
	"net"

	"github.com/vishvananda/netlink"
	corev1 "k8s.io/api/core/v1"
)

// protocol marks the routes as ours, so that ours, and only ours, are taken back.
const protocol = netlink.RouteProtocol(87)

// wantedRoutes maps the pod range of every other node to that node's address.
func wantedRoutes(nodes []*corev1.Node, self string) map[string]string {
	routes := map[string]string{}
	for _, node := range nodes {
		if node.Name == self || node.Spec.PodCIDR == "" {
			continue
		}
		if address := internalAddress(node); address != "" {
			routes[node.Spec.PodCIDR] = address
		}
	}
	return routes
}

// internalAddress is empty as long as the node has told none.
func internalAddress(node *corev1.Node) string {
	for _, address := range node.Status.Addresses {
		if address.Type == corev1.NodeInternalIP {
			return address.Address
		}
	}
	return ""
}

// mtuOf is the MTU of the interface that has an address. Pods' packets travel between nodes as they are, so they may be
// as big as the nodes' own; 0 (the plugin's default) while the node has told no address.
func mtuOf(address string) (int, error) {
	if address == "" {
		return 0, nil
	}
	links, err := netlink.LinkList()
	if err != nil {
		return 0, fmt.Errorf("listing interfaces: %w", err)
	}
	for _, link := range links {
		addresses, err := netlink.AddrList(link, netlink.FAMILY_V4)
		if err != nil {
			return 0, fmt.Errorf("addresses of %s: %w", link.Attrs().Name, err)
		}
		for _, each := range addresses {
			if each.IP.String() == address {
				return link.Attrs().MTU, nil
			}
		}
	}
	return 0, fmt.Errorf("no interface has the node's address %s", address)
}

func syncRoutes(wanted map[string]string) error {
	present, err := netlink.RouteListFiltered(netlink.FAMILY_V4, &netlink.Route{Protocol: protocol}, netlink.RT_FILTER_PROTOCOL)
	if err != nil {
		return fmt.Errorf("listing routes: %w", err)
	}
	var failures []error
	have := map[string]bool{}
	for _, route := range present {
		if route.Dst != nil && wanted[route.Dst.String()] == route.Gw.String() {
			have[route.Dst.String()] = true
			continue
		}
		if err := netlink.RouteDel(&route); err != nil {
			failures = append(failures, fmt.Errorf("removing route to %s: %w", route.Dst, err))
			continue
		}
		log.Printf("route to %s through %s is gone", route.Dst, route.Gw)
	}
	for destination, gateway := range wanted {
		if have[destination] {
			continue
		}
		_, network, err := net.ParseCIDR(destination)
		if err != nil {
			failures = append(failures, err)
			continue
		}
		route := netlink.Route{Dst: network, Gw: net.ParseIP(gateway), Protocol: protocol}
		if err := netlink.RouteReplace(&route); err != nil {
			failures = append(failures, fmt.Errorf("route to %s through %s: %w", destination, gateway, err))
			continue
		}
		log.Printf("route to %s through %s", destination, gateway)
	}
	return errors.Join(failures...)
}
