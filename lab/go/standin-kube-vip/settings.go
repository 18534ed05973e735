package main

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// settings are the variables of kube-vip's environment that the stand-in understands, under kube-vip's names.
type settings struct {
	address     netip.Prefix
	iface       string
	port        int
	namespace   string
	lease       string
	identity    string
	duration    time.Duration
	renew       time.Duration
	retry       time.Duration
	arpInterval time.Duration
}

// reader collects what is wrong with the environment, so that everything is said at once.
type reader struct {
	lookup   func(string) (string, bool)
	failures []error
}

func (r *reader) text(name, fallback string) string {
	value, found := r.lookup(name)
	if !found || value == "" {
		if fallback == "" {
			r.failures = append(r.failures, fmt.Errorf("%s is not set", name))
		}
		return fallback
	}
	return value
}

func (r *reader) number(name string, fallback int) int {
	value, found := r.lookup(name)
	if !found || value == "" {
		return fallback
	}
	number, err := strconv.Atoi(value)
	if err != nil || number < 0 {
		r.failures = append(r.failures, fmt.Errorf("%s is not a number: %q", name, value))
		return fallback
	}
	return number
}

func (r *reader) required(name, value string) {
	if actual, _ := r.lookup(name); !strings.EqualFold(actual, value) {
		r.failures = append(r.failures, fmt.Errorf("%s must be %q here, it is %q", name, value, actual))
	}
}

func readSettings(lookup func(string) (string, bool)) (settings, error) {
	r := &reader{lookup: lookup}
	r.required("vip_arp", "true")
	r.required("cp_enable", "true")
	r.required("vip_leaderelection", "true")
	s := settings{
		iface:       r.text("vip_interface", ""),
		port:        r.number("port", 6443),
		namespace:   r.text("cp_namespace", "kube-system"),
		lease:       r.text("vip_leasename", "plndr-cp-lock"),
		identity:    strings.ToLower(r.text("vip_nodename", "")),
		duration:    time.Duration(r.number("vip_leaseduration", 15)) * time.Second,
		renew:       time.Duration(r.number("vip_renewdeadline", 10)) * time.Second,
		retry:       time.Duration(r.number("vip_retryperiod", 2)) * time.Second,
		arpInterval: time.Duration(r.number("vip_arpRate", 3000)) * time.Millisecond,
	}
	if s.arpInterval < 500*time.Millisecond {
		s.arpInterval = 3 * time.Second
	}
	address := r.text("address", "")
	// a prefix length without its slash; with one the result is no CIDR, as with the real program
	subnet := r.text("vip_subnet", "32")
	if prefix, err := netip.ParsePrefix(address + "/" + subnet); err != nil {
		r.failures = append(r.failures, fmt.Errorf("address %q with vip_subnet %q: %w", address, subnet, err))
	} else {
		s.address = prefix
	}
	if !(s.duration > s.renew && s.renew > s.retry) {
		r.failures = append(r.failures, errors.New("vip_leaseduration must exceed vip_renewdeadline, and that vip_retryperiod"))
	}
	return s, errors.Join(r.failures...)
}
