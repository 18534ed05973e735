package main

import (
	"net/http"
	"os"
	"path"
	"path/filepath"
)

// bundle serves what a node installs: programs, CNI plugins and images. They are public; who downloads them checks
// the server's certificate and the checksums in the file "manifest".
type bundle string

func (b bundle) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		http.Error(w, "only GET", http.StatusMethodNotAllowed)
		return
	}
	file := filepath.Join(string(b), filepath.FromSlash(path.Clean("/"+r.URL.Path)))
	info, err := os.Stat(file)
	if err != nil || !info.Mode().IsRegular() {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	http.ServeFile(w, r, file)
}
