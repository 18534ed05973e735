package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"
)

const (
	etcdClients = "http://127.0.0.1:2379"
	pageSize    = 500
	// a transaction takes 128 operations and a request of a megabyte and a half
	batchKeys  = 100
	batchBytes = 1 << 20
)

// entry is a key of etcd and its value, as etcd's gateway and snapshots have them.
type entry struct {
	Key   []byte `json:"key"`
	Value []byte `json:"value,omitempty"`
	Lease string `json:"lease,omitempty"`
}

// keys talks to one etcd by its HTTP gateway.
type keys struct {
	url    string
	client *http.Client
}

func localKeys() keys { return keys{etcdClients, &http.Client{Timeout: time.Minute}} }

// save writes all keys as they are at one moment. Those with a lease are events and the like, which nobody misses.
func (k keys) save(ctx context.Context, path string) error {
	file, err := os.OpenFile(path+".part", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	packed := gzip.NewWriter(file)
	err = k.each(ctx, json.NewEncoder(packed).Encode)
	if err = errors.Join(err, packed.Close(), file.Sync(), file.Close()); err != nil {
		return errors.Join(err, os.Remove(path+".part"))
	}
	return os.Rename(path+".part", path)
}

func (k keys) each(ctx context.Context, take func(any) error) error {
	var answer struct {
		Header struct {
			Revision string `json:"revision"`
		} `json:"header"`
		Kvs  []entry `json:"kvs"`
		More bool    `json:"more"`
	}
	start, revision := []byte{0}, ""
	for {
		question := map[string]any{"key": start, "range_end": []byte{0}, "limit": pageSize}
		if revision != "" {
			question["revision"] = revision
		}
		answer.Kvs, answer.More = nil, false
		if err := k.post(ctx, "/v3/kv/range", question, &answer); err != nil {
			return err
		}
		for _, each := range answer.Kvs {
			if each.Lease != "" && each.Lease != "0" {
				continue
			}
			if err := take(entry{Key: each.Key, Value: each.Value}); err != nil {
				return err
			}
		}
		if !answer.More || len(answer.Kvs) == 0 {
			return nil
		}
		start, revision = append(answer.Kvs[len(answer.Kvs)-1].Key, 0), answer.Header.Revision
	}
}

// load puts all keys of a snapshot; how many there were.
func (k keys) load(ctx context.Context, path string) (int, error) {
	file, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	unpacked, err := gzip.NewReader(bufio.NewReader(file))
	if err != nil {
		return 0, fmt.Errorf("%s: %w", path, err)
	}
	decoder, batch, size, count := json.NewDecoder(unpacked), []any{}, 0, 0
	for {
		var each entry
		err := decoder.Decode(&each)
		if err != nil && !errors.Is(err, io.EOF) {
			return count, fmt.Errorf("%s: %w", path, err)
		}
		ended := err != nil
		if !ended {
			batch = append(batch, map[string]any{"request_put": each})
			size += len(each.Key) + len(each.Value)
			count++
		}
		if len(batch) > 0 && (ended || len(batch) == batchKeys || size > batchBytes) {
			if err := k.post(ctx, "/v3/kv/txn", map[string]any{"success": batch}, nil); err != nil {
				return count, err
			}
			batch, size = []any{}, 0
		}
		if ended {
			return count, nil
		}
	}
}

func (k keys) post(ctx context.Context, path string, question, answer any) error {
	body, err := json.Marshal(question)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, k.url+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	response, err := k.client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s: %s", path, response.Status, bytes.TrimSpace(text))
	}
	if answer == nil {
		return nil
	}
	return json.Unmarshal(text, answer)
}
