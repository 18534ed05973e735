package main

import (
	"bytes"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"
)

func environment(changes map[string]string) func(string) (string, bool) {
	values := map[string]string{
		"vip_arp": "true", "port": "443", "vip_nodename": "Apiserver-LB-1", "vip_interface": "net1", "vip_subnet": "22",
		"cp_enable": "true", "cp_namespace": "vcluster-blue", "vip_leaderelection": "true", "vip_leasename": "apiserver-lb",
		"vip_leaseduration": "5", "vip_renewdeadline": "3", "vip_retryperiod": "1", "address": "192.168.67.253",
	}
	for name, value := range changes {
		values[name] = value
	}
	return func(name string) (string, bool) { value, found := values[name]; return value, found }
}

func TestGuidesEnvironment(t *testing.T) {
	s, err := readSettings(environment(nil))
	if err != nil {
		t.Fatal(err)
	}
	if s.address != netip.MustParsePrefix("192.168.67.253/22") || s.identity != "apiserver-lb-1" || s.duration != 5*time.Second {
		t.Fatalf("unexpected settings %+v", s)
	}
}

func TestEveryMistakeIsNamed(t *testing.T) {
	_, err := readSettings(environment(map[string]string{
		"vip_subnet": "/22", "vip_interface": "", "vip_arp": "false", "vip_retryperiod": "9", "vip_leaseduration": "soon",
	}))
	if err == nil {
		t.Fatal("a broken environment was accepted")
	}
	for _, part := range []string{"vip_subnet", "vip_interface", "vip_arp", "vip_retryperiod", "vip_leaseduration"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%s is not mentioned in: %v", part, err)
		}
	}
}

func TestGratuitousARPAsksForItsOwnAddress(t *testing.T) {
	mac := net.HardwareAddr{2, 0, 0, 0, 0, 1}
	frame := gratuitousARP(mac, netip.MustParseAddr("192.168.67.253"))
	if len(frame) != 42 || !bytes.Equal(frame[28:32], frame[38:42]) || !bytes.Equal(frame[22:28], mac) {
		t.Fatalf("unexpected frame %x", frame)
	}
}
