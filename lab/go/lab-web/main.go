// Command lab-web answers every HTTP request with who it is and who asked: the lab's smallest useful workload.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"log"
	"net/http"
	"os"
	"os/signal"
	"syscall"
)

type answer struct {
	Host   string `json:"host"`
	Method string `json:"method"`
	Path   string `json:"path"`
	Client string `json:"client"`
}

func main() {
	listen := flag.String("listen", ":8080", "address to listen on")
	flag.Parse()
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
