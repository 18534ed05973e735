// Command lab-web answers every HTTP request with who it is and who asked: the lab's smallest useful workload. With
// -get it asks instead, and prints the answer; the image's busybox cannot look up names, since it is linked statically.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

type answer struct {
	Host   string `json:"host"`
	Method string `json:"method"`
	Path   string `json:"path"`
	Client string `json:"client"`
}

// get prints what answers at a URL, which has to be a success.
func get(url string) error {
	client := http.Client{Timeout: 10 * time.Second}
	response, err := client.Get(url)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", url, response.Status)
	}
	_, err = io.Copy(os.Stdout, response.Body)
	return err
}

func main() {
	listen := flag.String("listen", ":8080", "address to listen on")
	asked := flag.String("get", "", "URL to ask instead of listening")
	flag.Parse()
	if *asked != "" {
		if err := get(*asked); err != nil {
			log.Fatal(err)
		}
		return
	}
	host, err := os.Hostname()
	if err != nil {
		log.Fatal(err)
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGINT, syscall.SIGTERM)
	server := &http.Server{Addr: *listen, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if err := json.NewEncoder(w).Encode(answer{host, r.Method, r.URL.Path, r.RemoteAddr}); err != nil {
			log.Print(err)
		}
	})}
	go func() {
		<-stop
		_ = server.Close()
	}()
	log.Printf("listening on %s", *listen)
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		log.Fatal(err)
	}
}
