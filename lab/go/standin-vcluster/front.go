package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	userHeader        = "X-Remote-User"
	groupHeader       = "X-Remote-Group"
	extraHeaderPrefix = "X-Remote-Extra-"
)

// front is what listens on the API port: it ends TLS, knows who asks by the client certificate and passes the request
// on to the API server in the same pod, naming the user in headers that only its own certificate makes trustworthy.
type front struct {
	clients  *x509.CertPool
	plain    http.Handler // without a name: tokens and anonymous requests
	named    http.Handler // with the user in headers
	prepared atomic.Bool  // the tenant cluster has all that joining nodes need
	join     http.Handler
	download http.Handler
}

func runFront(ctx context.Context, i *instance) error {
	certificates, err := readPKI(pkiFolder)
	if err != nil {
		return err
	}
	tenant, err := tenantClient(certificates, i.api)
	if err != nil {
		return err
	}
	f, err := newFront(certificates)
	if err != nil {
		return err
	}
	f.join = &joinHandler{instance: i, certificates: certificates, client: tenant}
	f.download = http.StripPrefix("/node/download/", bundle("/bundle"))
	certificate, err := tls.X509KeyPair(certificates["apiserver.crt"], certificates["apiserver.key"])
	if err != nil {
		return err
	}
	server := &http.Server{
		Addr: ":8443", Handler: f, ReadHeaderTimeout: 30 * time.Second,
		TLSConfig: &tls.Config{
			Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12,
			// asked for here, judged in identify: a wrong certificate is answered, not cut off
			ClientAuth: tls.RequestClientCert, ClientCAs: f.clients,
		},
	}
	host, err := hostClient()
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		if err := server.ListenAndServeTLS("", ""); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	group.Go(func() error { return prepare(ctx, i, certificates, tenant, func() { f.prepared.Store(true) }) })
	group.Go(func() error { return answerSnapshots(ctx, i, host, localKeys().save) })
	group.Go(func() error { return letIn(ctx, i, host, localKeys()) })
	group.Go(func() error {
		<-ctx.Done()
		return server.Close()
	})
	return group.Wait()
}

func newFront(certificates pki) (*front, error) {
	clients := x509.NewCertPool()
	if !clients.AppendCertsFromPEM(certificates["ca.crt"]) {
		return nil, errors.New("no CA certificate")
	}
	proxy, err := tls.X509KeyPair(certificates["front-proxy-client.crt"], certificates["front-proxy-client.key"])
	if err != nil {
		return nil, err
	}
	anonymous := &tls.Config{RootCAs: clients, MinVersion: tls.VersionTLS12}
	trusted := anonymous.Clone()
	trusted.Certificates = []tls.Certificate{proxy}
	target, err := url.Parse(defaultLocal)
	if err != nil {
		return nil, err
	}
	return &front{clients: clients, plain: forward(target, anonymous), named: forward(target, trusted)}, nil
}

// forward is a proxy to the API server that can also stream and upgrade connections.
func forward(target *url.URL, config *tls.Config) http.Handler {
	shared := &http.Transport{TLSClientConfig: config, ForceAttemptHTTP2: true, MaxIdleConnsPerHost: 32}
	// an upgraded connection (exec, port-forward) belongs to one client and exists in HTTP/1.1 only
	single := &http.Transport{TLSClientConfig: config.Clone(), TLSNextProto: map[string]func(string, *tls.Conn) http.RoundTripper{}}
	return &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Host = r.In.Host
		},
		Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
			if r.Header.Get("Upgrade") != "" {
				return single.RoundTrip(r)
			}
			return shared.RoundTrip(r)
		}),
		FlushInterval: -1,
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			if r.Context().Err() == nil {
				log.Printf("%s %s: %v", r.Method, r.URL.Path, err)
			}
			http.Error(w, "the API server does not answer", http.StatusBadGateway)
		},
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	// nobody but this front may say who the user is
	for name := range r.Header {
		if name == userHeader || name == groupHeader || strings.HasPrefix(name, extraHeaderPrefix) || name == "X-Remote-Uid" {
			delete(r.Header, name)
		}
	}
	switch {
	case r.URL.Path == "/node/join":
		f.join.ServeHTTP(w, r)
	case strings.HasPrefix(r.URL.Path, "/node/download/"):
		f.download.ServeHTTP(w, r)
	case r.URL.Path == "/readyz" && !f.prepared.Load():
		http.Error(w, "the tenant cluster is being prepared", http.StatusServiceUnavailable)
	default:
		f.pass(w, r)
	}
}

func (f *front) pass(w http.ResponseWriter, r *http.Request) {
	if len(r.TLS.PeerCertificates) == 0 {
		f.plain.ServeHTTP(w, r)
		return
	}
	certificate, err := f.identify(r.TLS.PeerCertificates)
	if err != nil {
		log.Printf("client certificate of %s: %v", r.RemoteAddr, err)
		http.Error(w, "Unauthorized", http.StatusUnauthorized)
		return
	}
	r.Header.Set(userHeader, certificate.Subject.CommonName)
	for _, group := range certificate.Subject.Organization {
		r.Header.Add(groupHeader, group)
	}
	f.named.ServeHTTP(w, r)
}

func (f *front) identify(chain []*x509.Certificate) (*x509.Certificate, error) {
	intermediates := x509.NewCertPool()
	for _, certificate := range chain[1:] {
		intermediates.AddCert(certificate)
	}
	_, err := chain[0].Verify(x509.VerifyOptions{
		Roots: f.clients, Intermediates: intermediates, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	if err == nil && chain[0].Subject.CommonName == "" {
		err = errors.New("it names nobody")
	}
	return chain[0], err
}
