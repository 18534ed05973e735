package main

import (
	"cmp"
	"fmt"
	"strings"
	"time"
)

// more addresses of one name than a tenant cluster's Service will ever have
const addressesPerName = 8

// haproxy writes the same proxy as a configuration of HAProxy.
func (c config) haproxy(nameservers []string) string {
	var b strings.Builder
	line := func(format string, values ...any) { fmt.Fprintf(&b, format+"\n", values...) }
	line("global")
	line("  log stdout format raw local0 info")
	line("  maxconn 4000")
	line("defaults")
	line("  log global")
	line("  mode tcp")
	line("  option dontlognull")
	line("  timeout client-fin 30s")
	line("  timeout server-fin 30s")
	line("resolvers cluster")
	for n, server := range nameservers {
		line("  nameserver dns%d %s:53", n, server)
	}
	line("  accepted_payload_size 8192")
	line("  hold valid 5s")
	line("  hold obsolete 5s")
	line("  timeout retry 1s")
	line("  timeout resolve 5s")
	if c.Admin != nil {
		a := c.Admin.Address.SocketAddress
		line("frontend admin")
		line("  mode http")
		line("  bind %s:%d", a.Address, a.PortValue)
		line("  timeout client 10s")
		// what a probe asks of Envoy's admin port
		line("  monitor-uri /ready")
	}
	clusters := map[string]cluster{}
	for _, cluster := range c.StaticResources.Clusters {
		clusters[cluster.Name] = cluster
	}
	for n, listener := range c.StaticResources.Listeners {
		proxy := listener.FilterChains[0].Filters[0].TypedConfig
		a := listener.Address.SocketAddress
		if proxy.Type == httpType {
			line("frontend listener%d", n)
			line("  mode http")
			line("  bind %s:%d", a.Address, a.PortValue)
			line("  timeout client 10s")
			line("  monitor-uri %s", proxy.answered())
			continue
		}
		idle := milliseconds(proxy.IdleTimeout, time.Hour)
		line("frontend listener%d", n)
		line("  bind %s:%d", a.Address, a.PortValue)
		line("  timeout client %s", idle)
		line("  default_backend backend%d", n)
		clusters[proxy.Cluster].backend(line, fmt.Sprintf("backend%d", n), idle, cmp.Or(proxy.MaxConnectAttempts, 1))
	}
	return b.String()
}

func (c cluster) backend(line func(string, ...any), name, idle string, attempts int) {
	line("backend %s", name)
	line("  timeout connect %s", milliseconds(c.ConnectTimeout, 5*time.Second))
	line("  timeout server %s", idle)
	line("  retries %d", attempts-1)
	if c.LBPolicy == "LEAST_REQUEST" {
		line("  balance leastconn")
	} else {
		line("  balance roundrobin")
	}
	if c.UpstreamConnectionOp != nil && c.UpstreamConnectionOp.TCPKeepalive != nil {
		keep := c.UpstreamConnectionOp.TCPKeepalive
		line("  option srvtcpka")
		for _, setting := range []struct {
			name  string
			value int
			unit  string
		}{{"cnt", keep.KeepaliveProbes, ""}, {"idle", keep.KeepaliveTime, "s"}, {"intvl", keep.KeepaliveInterval, "s"}} {
			if setting.value > 0 {
				line("  srvtcpka-%s %d%s", setting.name, setting.value, setting.unit)
			}
		}
	}
	check := ""
	for _, health := range c.HealthChecks {
		line("  timeout check %s", milliseconds(health.Timeout, time.Second))
		check = fmt.Sprintf(" check inter %s fall %d rise %d", milliseconds(health.Interval, 5*time.Second),
			cmp.Or(health.UnhealthyThreshold, 2), cmp.Or(health.HealthyThreshold, 1))
	}
	n := 0
	for _, endpoints := range c.LoadAssignment.Endpoints {
		for _, endpoint := range endpoints.LBEndpoints {
			a := endpoint.Endpoint.Address.SocketAddress
			if c.Type == "STATIC" {
				line("  server endpoint%d %s:%d%s", n, a.Address, a.PortValue, check)
			} else {
				line("  server-template endpoint%d- %d %s:%d resolvers cluster resolve-prefer ipv4 init-addr none%s",
					n, addressesPerName, a.Address, a.PortValue, check)
			}
			n++
		}
	}
}

func milliseconds(text string, fallback time.Duration) string {
	value, err := duration(text, fallback)
	if err != nil {
		value = fallback // validate has refused it before
	}
	return fmt.Sprintf("%dms", value.Milliseconds())
}
