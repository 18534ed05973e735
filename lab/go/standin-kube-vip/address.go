package main

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"syscall"

	"github.com/vishvananda/netlink"
)

// holder puts the virtual address on an interface and takes it away.
type holder struct {
	link    netlink.Link
	address *netlink.Addr
	ip      netip.Addr
}

func newHolder(s settings) (*holder, error) {
	link, err := netlink.LinkByName(s.iface)
	if err != nil {
		return nil, fmt.Errorf("vip_interface %s: %w", s.iface, err)
	}
	state := link.Attrs().OperState
	if state != netlink.OperUp && state != netlink.OperUnknown {
		return nil, fmt.Errorf("vip_interface %s is %s", s.iface, state)
	}
	address, err := netlink.ParseAddr(s.address.String())
	if err != nil {
		return nil, err
	}
	// a preferred lifetime of zero: never chosen as the source of a connection, which would move away with the lease
	address.PreferedLft = 0
	address.ValidLft = int(^uint32(0) >> 1)
	return &holder{link: link, address: address, ip: s.address.Addr()}, nil
}

func (h *holder) take() error { return netlink.AddrReplace(h.link, h.address) }

// give removes the address; that it is not there is what is wanted.
func (h *holder) give() error {
	present, err := netlink.AddrList(h.link, netlink.FAMILY_V4)
	if err != nil {
		return err
	}
	for _, address := range present {
		if address.IP.Equal(h.address.IP) {
			return netlink.AddrDel(h.link, &address)
		}
	}
	return nil
}

// announce tells everybody on the link where the address lives now.
func (h *holder) announce() error {
	descriptor, err := syscall.Socket(syscall.AF_PACKET, syscall.SOCK_RAW, 0)
	if err != nil {
		return fmt.Errorf("raw socket: %w", err)
	}
	defer syscall.Close(descriptor)
	frame := gratuitousARP(h.link.Attrs().HardwareAddr, h.ip)
	return syscall.Sendto(descriptor, frame, 0, &syscall.SockaddrLinklayer{Ifindex: h.link.Attrs().Index})
}

// gratuitousARP is an ARP request for the sender's own address, sent to everybody.
func gratuitousARP(mac net.HardwareAddr, ip netip.Addr) []byte {
	address := ip.As4()
	frame := make([]byte, 0, 42)
	frame = append(frame, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff)
	frame = append(frame, mac...)
	frame = binary.BigEndian.AppendUint16(frame, syscall.ETH_P_ARP)
	frame = binary.BigEndian.AppendUint16(frame, 1) // Ethernet
	frame = binary.BigEndian.AppendUint16(frame, syscall.ETH_P_IP)
	frame = append(frame, 6, 4)
	frame = binary.BigEndian.AppendUint16(frame, 1) // request
	frame = append(frame, mac...)
	frame = append(frame, address[:]...)
	frame = append(frame, 0, 0, 0, 0, 0, 0)
	return append(frame, address[:]...)
}
