package main

import (
	"strings"
	"testing"
)

const guide = `
static_resources:
  listeners:
  - name: listener_https_443
    address: {socket_address: {address: 0.0.0.0, port_value: 443}}
    filter_chains:
    - filters:
      - name: envoy.filters.network.tcp_proxy
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy
          stat_prefix: tcp_proxy
          cluster: target_cluster
  clusters:
  - name: target_cluster
    type: STRICT_DNS
    connect_timeout: 5s
    load_assignment:
      cluster_name: target_cluster
      endpoints:
      - lb_endpoints:
        - endpoint:
            address: {socket_address: {address: blue.vcluster-blue.svc.cluster.local, port_value: 443}}
`

func TestGuidesConfiguration(t *testing.T) {
	c, err := parse([]byte(guide))
	if err != nil {
		t.Fatal(err)
	}
	text := c.haproxy(nameservers("search x\nnameserver 10.96.0.10\noptions ndots:5\n"))
	for _, part := range []string{
		"  nameserver dns0 10.96.0.10:53\n", "  bind 0.0.0.0:443\n", "  timeout client 3600000ms\n", "  timeout connect 5000ms\n",
		"  server-template endpoint0- 8 blue.vcluster-blue.svc.cluster.local:443 resolvers cluster ",
	} {
		if !strings.Contains(text, part) {
			t.Errorf("%q is not in\n%s", part, text)
		}
	}
}

const health = `
  - name: health
    address: {socket_address: {address: 0.0.0.0, port_value: 9443}}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: health
          http_filters:
          - name: envoy.filters.http.router
            typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}
          route_config:
            name: health
            virtual_hosts:
            - name: health
              domains: ["*"]
              routes:
              - {match: {path: /ready}, direct_response: {status: 200}}
`

func TestAListenerForProbes(t *testing.T) {
	text := strings.Replace(guide, "  clusters:\n", strings.TrimPrefix(health, "\n")+"  clusters:\n", 1)
	c, err := parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if out := c.haproxy(nil); !strings.Contains(out, "  bind 0.0.0.0:9443\n  timeout client 10s\n  monitor-uri /ready\n") {
		t.Fatal(out)
	}
	for _, other := range []string{"status: 500", "status: 200, body: {inline_string: x}"} {
		if _, err := parse([]byte(strings.Replace(text, "status: 200", other, 1))); err == nil {
			t.Errorf("%s is not done and was not refused", other)
		}
	}
}

func TestHealthChecksBecomeChecks(t *testing.T) {
	text := strings.Replace(guide, "    connect_timeout: 5s\n", `    connect_timeout: 5s
    health_checks:
    - {timeout: 2s, interval: 3s, unhealthy_threshold: 4, healthy_threshold: 2, tcp_health_check: {}}
`, 1)
	c, err := parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if out := c.haproxy(nil); !strings.Contains(out, "check inter 3000ms fall 4 rise 2") || !strings.Contains(out, "timeout check 2000ms") {
		t.Fatal(out)
	}
}

func TestWhatIsNotUnderstoodIsRefused(t *testing.T) {
	for change, mention := range map[[2]string]string{
		{"stat_prefix: tcp_proxy", "stat_prefix: tcp_proxy\n          hash_policy: []"}:          "hash_policy",
		{"type: STRICT_DNS", "type: LOGICAL_DNS"}:                                                "LOGICAL_DNS",
		{"cluster: target_cluster", "cluster: other"}:                                            "other",
		{"tcp_proxy.v3.TcpProxy", "http_connection_manager.v3.HttpConnectionManager"}:            "HttpConnectionManager",
		{"connect_timeout: 5s", "connect_timeout: soon"}:                                         "soon",
		{"address: blue.vcluster-blue.svc.cluster.local", `address: "x\n  server evil 1.2.3.4"`}: "evil",
		{"static_resources:", "dynamic_resources: {}\nstatic_resources:"}:                        "dynamic_resources",
	} {
		text := strings.Replace(guide, change[0], change[1], 1)
		if text == guide {
			t.Fatalf("%q is not in the configuration", change[0])
		}
		if _, err := parse([]byte(text)); err == nil || !strings.Contains(err.Error(), mention) {
			t.Errorf("with %q: %v", change[1], err)
		}
	}
}
