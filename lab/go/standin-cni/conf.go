package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"log"
	"os"
	"path/filepath"
)

type object map[string]any

// confList is the primary network's CNI configuration: a bridge per node, addresses from the node's pod range. The
// plugin masquerades nothing: nodes route between the pod ranges, so pods see each other with their own addresses.
func confList(podCIDR string, mtu int) ([]byte, error) {
	pods := object{
		"type": "bridge", "bridge": bridge, "isGateway": true, "ipMasq": false, "hairpinMode": true,
		"ipam": object{
			"type":   "host-local",
			"ranges": [][]object{{{"subnet": podCIDR}}},
			"routes": []object{{"dst": "0.0.0.0/0"}},
		},
	}
	if mtu > 0 {
		pods["mtu"] = mtu
	}
	portmap := object{"type": "portmap", "capabilities": object{"portMappings": true}}
	text, err := json.MarshalIndent(object{"cniVersion": "1.0.0", "name": "lab", "plugins": []object{pods, portmap}}, "", "  ")
	return append(text, '\n'), err
}

// writeConf replaces the file in one step and only when it differs: the runtime watches the directory.
func writeConf(path, podCIDR string, mtu int) error {
	wanted, err := confList(podCIDR, mtu)
	if err != nil {
		return err
	}
	present, err := os.ReadFile(path)
	if err == nil && bytes.Equal(present, wanted) {
		return nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	// not *.conf or *.conflist: the runtime must not pick up the half-written file
	temporary := path + ".new"
	if err := os.WriteFile(temporary, wanted, 0o644); err != nil {
		return err
	}
	log.Printf("%s: pods get addresses of %s", path, podCIDR)
	return os.Rename(temporary, path)
}
