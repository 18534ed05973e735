package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"slices"
	"time"
)

// pki is a control plane's certificates and keys by file name, as they lie in the Secret and in the containers.
type pki map[string][]byte

const (
	authorityYears = 10
	leafYears      = 1
	renewBefore    = 90 * 24 * time.Hour
)

type leaf struct {
	name      string // file name without ending
	authority string
	subject   pkix.Name
	usages    []x509.ExtKeyUsage
	names     []string
}

var clientUse, serverUse = x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth

func (i *instance) leaves(serving []string) []leaf {
	client := []x509.ExtKeyUsage{clientUse}
	peers := []string{
		"*." + i.headless() + "." + i.namespace + ".svc", "*." + i.headless() + "." + i.namespace + ".svc.cluster.local",
	}
	return []leaf{
		{"apiserver", "ca", pkix.Name{CommonName: "kube-apiserver"}, []x509.ExtKeyUsage{serverUse}, serving},
		{"apiserver-kubelet-client", "ca", admin("kube-apiserver-kubelet-client"), client, nil},
		{"admin", "ca", admin("kubernetes-admin"), client, nil},
		{"controller-manager", "ca", pkix.Name{CommonName: "system:kube-controller-manager"}, client, nil},
		{"scheduler", "ca", pkix.Name{CommonName: "system:kube-scheduler"}, client, nil},
		{"front-proxy-client", "front-proxy-ca", pkix.Name{CommonName: "front-proxy-client"}, client, nil},
		{"etcd-peer", "etcd-ca", pkix.Name{CommonName: "etcd-peer"}, []x509.ExtKeyUsage{serverUse, clientUse}, peers},
	}
}

func admin(name string) pkix.Name {
	return pkix.Name{CommonName: name, Organization: []string{"system:masters"}}
}

// complete adds what is missing, about to expire or made for other names; true when anything was added.
func (p pki) complete(leaves []leaf, now time.Time) (bool, error) {
	changed := false
	for _, authority := range []string{"ca", "front-proxy-ca", "etcd-ca"} {
		if p[authority+".key"] == nil {
			if err := p.authority(authority, now); err != nil {
				return false, err
			}
			changed = true
		}
	}
	if p["sa.key"] == nil {
		if err := p.accountKey(); err != nil {
			return false, err
		}
		changed = true
	}
	for _, leaf := range leaves {
		if p.current(leaf, now) {
			continue
		}
		certificate, key, err := p.issue(leaf, now)
		if err != nil {
			return false, err
		}
		p[leaf.name+".crt"], p[leaf.name+".key"] = certificate, key
		changed = true
	}
	return changed, nil
}

func (p pki) authority(name string, now time.Time) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	common := map[string]string{"ca": "kubernetes"}[name]
	if common == "" {
		common = name
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: common}, DNSNames: []string{common},
		NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(authorityYears, 0, 0),
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
		IsCA:     true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return err
	}
	p[name+".crt"] = encode("CERTIFICATE", der)
	p[name+".key"], err = encodeKey(key)
	return err
}

func (p pki) accountKey() error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return err
	}
	p["sa.pub"] = encode("PUBLIC KEY", public)
	p["sa.key"], err = encodeKey(key)
	return err
}

func (p pki) current(leaf leaf, now time.Time) bool {
	certificate, err := parseCertificate(p[leaf.name+".crt"])
	if err != nil || p[leaf.name+".key"] == nil || now.Add(renewBefore).After(certificate.NotAfter) {
		return false
	}
	have := slices.Clone(certificate.DNSNames)
	for _, address := range certificate.IPAddresses {
		have = append(have, address.String())
	}
	return !slices.ContainsFunc(leaf.names, func(name string) bool { return !slices.Contains(have, name) })
}

// issue signs a new key for a leaf.
func (p pki) issue(leaf leaf, now time.Time) (certificate, private []byte, err error) {
	authority, err := parseCertificate(p[leaf.authority+".crt"])
	if err != nil {
		return nil, nil, err
	}
	signer, err := parseKey(p[leaf.authority+".key"])
	if err != nil {
		return nil, nil, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, nil, err
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: leaf.subject, ExtKeyUsage: leaf.usages, BasicConstraintsValid: true,
		NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(leafYears, 0, 0),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
	}
	for _, name := range leaf.names {
		if address := net.ParseIP(name); address != nil {
			template.IPAddresses = append(template.IPAddresses, address)
		} else {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, authority, key.Public(), signer)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", leaf.name, err)
	}
	private, err = encodeKey(key)
	return encode("CERTIFICATE", der), private, err
}

// authorityHash is the value that joining nodes pin: the SHA-256 of the CA's public key.
func (p pki) authorityHash() (string, error) {
	certificate, err := parseCertificate(p["ca.crt"])
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(certificate.RawSubjectPublicKeyInfo)
	return "sha256:" + hex.EncodeToString(sum[:]), nil
}

func encode(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

func encodeKey(key *ecdsa.PrivateKey) ([]byte, error) {
	der, err := x509.MarshalECPrivateKey(key)
	return encode("EC PRIVATE KEY", der), err
}

func parseCertificate(text []byte) (*x509.Certificate, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("no certificate")
	}
	return x509.ParseCertificate(block.Bytes)
}

func parseKey(text []byte) (*ecdsa.PrivateKey, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("no private key")
	}
	return x509.ParseECPrivateKey(block.Bytes)
}
