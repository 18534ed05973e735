package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"sigs.k8s.io/yaml"
)

// The part of Envoy's static configuration that the stand-in understands. Decoding is strict: a key that is not here is
// refused, so that nothing of a configuration is silently not done.
type config struct {
	Admin           *admin          `json:"admin"`
	StaticResources staticResources `json:"static_resources"`
}

type admin struct {
	Address address `json:"address"`
}

type staticResources struct {
	Listeners []listener `json:"listeners"`
	Clusters  []cluster  `json:"clusters"`
}

type address struct {
	SocketAddress struct {
		Protocol  string `json:"protocol"`
		Address   string `json:"address"`
		PortValue int    `json:"port_value"`
	} `json:"socket_address"`
}

type listener struct {
	Name         string        `json:"name"`
	Address      address       `json:"address"`
	FilterChains []filterChain `json:"filter_chains"`
}

type filterChain struct {
	Filters []struct {
		Name        string   `json:"name"`
		TypedConfig tcpProxy `json:"typed_config"`
	} `json:"filters"`
}

type tcpProxy struct {
	Type               string `json:"@type"`
	StatPrefix         string `json:"stat_prefix"`
	Cluster            string `json:"cluster"`
	IdleTimeout        string `json:"idle_timeout"`
	MaxConnectAttempts int    `json:"max_connect_attempts"`
	// of an HTTP connection manager, which has the same place in a listener
	HTTPFilters []struct {
		Name        string `json:"name"`
		TypedConfig struct {
			Type string `json:"@type"`
		} `json:"typed_config"`
	} `json:"http_filters"`
	RouteConfig *struct {
		Name         string `json:"name"`
		VirtualHosts []struct {
			Name    string   `json:"name"`
			Domains []string `json:"domains"`
			Routes  []route  `json:"routes"`
		} `json:"virtual_hosts"`
	} `json:"route_config"`
}

type route struct {
	Match struct {
		Path string `json:"path"`
	} `json:"match"`
	DirectResponse *struct {
		Status int `json:"status"`
	} `json:"direct_response"`
}

// answered is the one path to which an HTTP connection manager of the understood kind says yes; empty for all others.
func (p tcpProxy) answered() string {
	if p.RouteConfig == nil || len(p.RouteConfig.VirtualHosts) != 1 || len(p.RouteConfig.VirtualHosts[0].Routes) != 1 {
		return ""
	}
	only := p.RouteConfig.VirtualHosts[0].Routes[0]
	if only.DirectResponse == nil || only.DirectResponse.Status != 200 || strings.ContainsAny(only.Match.Path, " \t\n#\"'") {
		return ""
	}
	return only.Match.Path
}

type cluster struct {
	Name                 string        `json:"name"`
	Type                 string        `json:"type"`
	ConnectTimeout       string        `json:"connect_timeout"`
	LBPolicy             string        `json:"lb_policy"`
	DNSLookupFamily      string        `json:"dns_lookup_family"`
	DNSRefreshRate       string        `json:"dns_refresh_rate"`
	RespectDNSTTL        bool          `json:"respect_dns_ttl"`
	HealthChecks         []healthCheck `json:"health_checks"`
	UpstreamConnectionOp *struct {
		TCPKeepalive *struct {
			KeepaliveProbes   int `json:"keepalive_probes"`
			KeepaliveTime     int `json:"keepalive_time"`
			KeepaliveInterval int `json:"keepalive_interval"`
		} `json:"tcp_keepalive"`
	} `json:"upstream_connection_options"`
	LoadAssignment struct {
		ClusterName string `json:"cluster_name"`
		Endpoints   []struct {
			LBEndpoints []struct {
				Endpoint struct {
					Address address `json:"address"`
				} `json:"endpoint"`
			} `json:"lb_endpoints"`
		} `json:"endpoints"`
	} `json:"load_assignment"`
}

type healthCheck struct {
	Timeout            string    `json:"timeout"`
	Interval           string    `json:"interval"`
	UnhealthyThreshold int       `json:"unhealthy_threshold"`
	HealthyThreshold   int       `json:"healthy_threshold"`
	TCPHealthCheck     *struct{} `json:"tcp_health_check"`
}

const (
	tcpProxyType = "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy"
	httpType     = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
)

func parse(text []byte) (config, error) {
	var c config
	if err := yaml.UnmarshalStrict(text, &c); err != nil {
		return c, fmt.Errorf("not understood: %w", err)
	}
	return c, c.validate()
}

func (c config) validate() error {
	var failures []error
	fail := func(format string, values ...any) { failures = append(failures, fmt.Errorf(format, values...)) }
	if len(c.StaticResources.Listeners) == 0 {
		fail("there is no listener")
	}
	clusters := map[string]bool{}
	for _, cluster := range c.StaticResources.Clusters {
		clusters[cluster.Name] = true
		failures = append(failures, cluster.validate())
	}
	for _, listener := range c.StaticResources.Listeners {
		if len(listener.FilterChains) != 1 || len(listener.FilterChains[0].Filters) != 1 {
			fail("listener %s: exactly one filter chain with one filter is understood", listener.Name)
			continue
		}
		proxy := listener.FilterChains[0].Filters[0].TypedConfig
		switch {
		case proxy.Type == httpType:
			if proxy.answered() == "" {
				fail("listener %s: of %s only one path with a direct response of 200 is understood", listener.Name, httpType)
			}
		case proxy.Type != tcpProxyType:
			fail("listener %s: only %s is understood, not %q", listener.Name, tcpProxyType, proxy.Type)
		case !clusters[proxy.Cluster]:
			fail("listener %s: there is no cluster %q", listener.Name, proxy.Cluster)
		}
		if _, err := duration(proxy.IdleTimeout, time.Hour); err != nil {
			fail("listener %s: idle_timeout: %w", listener.Name, err)
		}
		if protocol := listener.Address.SocketAddress.Protocol; protocol != "" && protocol != "TCP" {
			fail("listener %s: protocol %s is not understood", listener.Name, protocol)
		}
	}
	return errors.Join(failures...)
}

func (c cluster) validate() error {
	var failures []error
	fail := func(format string, values ...any) {
		failures = append(failures, fmt.Errorf("cluster "+c.Name+": "+format, values...))
	}
	if c.Type != "STRICT_DNS" && c.Type != "STATIC" {
		fail("type %q is not understood", c.Type)
	}
	if c.LBPolicy != "" && c.LBPolicy != "ROUND_ROBIN" && c.LBPolicy != "LEAST_REQUEST" {
		fail("lb_policy %q is not understood", c.LBPolicy)
	}
	if family := c.DNSLookupFamily; family != "" && family != "V4_ONLY" && family != "V4_PREFERRED" && family != "AUTO" {
		fail("dns_lookup_family %q is not understood", family)
	}
	if len(c.HealthChecks) > 1 {
		fail("more than one health check is not understood")
	}
	for _, text := range []string{c.ConnectTimeout, c.DNSRefreshRate} {
		if _, err := duration(text, 0); err != nil {
			fail("%w", err)
		}
	}
	for _, check := range c.HealthChecks {
		if check.TCPHealthCheck == nil {
			fail("only tcp_health_check is understood")
		}
		for _, text := range []string{check.Timeout, check.Interval} {
			if _, err := duration(text, 0); err != nil {
				fail("health check: %w", err)
			}
		}
	}
	count := 0
	for _, endpoints := range c.LoadAssignment.Endpoints {
		for _, endpoint := range endpoints.LBEndpoints {
			count++
			if a := endpoint.Endpoint.Address.SocketAddress; a.Address == "" || a.PortValue == 0 || strings.ContainsAny(a.Address, " \t\n#") {
				fail("endpoint %q:%d is not understood", a.Address, a.PortValue)
			}
		}
	}
	if count == 0 {
		fail("it has no endpoint")
	}
	return errors.Join(failures...)
}

func duration(text string, fallback time.Duration) (time.Duration, error) {
	if text == "" {
		return fallback, nil
	}
	return time.ParseDuration(text)
}
