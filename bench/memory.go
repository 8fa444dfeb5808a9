package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"runtime/pprof"
	"sync"
	"time"

	"logto-syncer/internal/catalog"
	"logto-syncer/internal/extract"
	"logto-syncer/internal/logto"
	"logto-syncer/internal/mirror"
)

// A tape answers requests from memory, once it has recorded the answers.
type tape struct {
	mu      sync.Mutex
	next    http.RoundTripper // records what it answers; nil: only what is there
	answers map[string]answer
}

type answer struct {
	status int
	header http.Header
	body   []byte
}

// RoundTrip answers from the tape, or asks and records.
func (t *tape) RoundTrip(req *http.Request) (*http.Response, error) {
	key := req.Method + " " + req.URL.String()
	t.mu.Lock()
	a, ok := t.answers[key]
	t.mu.Unlock()
	if !ok {
		if t.next == nil {
			return nil, fmt.Errorf("%s is not on the tape", key)
		}
		resp, err := t.next.RoundTrip(req)
		if err != nil {
			return nil, err
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			return nil, err
		}
		a = answer{resp.StatusCode, resp.Header, body}
		t.mu.Lock()
		t.answers[key] = a
		t.mu.Unlock()
	}
	return &http.Response{
		StatusCode: a.status, Status: http.StatusText(a.status), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: a.header, Body: io.NopCloser(bytes.NewReader(a.body)), ContentLength: int64(len(a.body)), Request: req,
	}, nil
}

// nowhere is a mirror that has nothing and a store that keeps nothing.
type nowhere struct{}

func (nowhere) Known(context.Context, *catalog.Listing, string, string, string, int) ([]extract.Known, error) {
	return nil, nil
}
func (nowhere) Count(context.Context, *catalog.Listing, string) (int, error) { return 0, nil }
func (nowhere) Latest(context.Context, *catalog.Listing) (time.Time, error)  { return time.Time{}, nil }
func (nowhere) Lookup(context.Context, *catalog.Listing, string, []string) ([]extract.Known, error) {
	return nil, nil
}
func (nowhere) Put(context.Context, extract.Part) error                         { return nil }
func (nowhere) Marks(context.Context, *catalog.Listing) ([]extract.Mark, error) { return nil, nil }
func (nowhere) Parents(context.Context, *catalog.Listing, string, string, int) ([]string, error) {
	return nil, nil
}

// load publishes the big tenant from page bodies in memory, by all that a run
// does but the network.
func (m *million) load(ctx context.Context) (rows []row, err error) {
	t := &tape{next: &http.Transport{MaxIdleConnsPerHost: 12}, answers: map[string]answer{}}
	client, err := logto.New(logto.Config{
		Endpoint: m.big.endpoint, Resource: m.big.resource, AppID: m.big.id, AppSecret: m.big.secret, Transport: t,
	})
	if err != nil {
		return nil, err
	}
	defer client.Close()
	users := catalog.Find("users")
	quiet := slog.New(slog.DiscardHandler)
	if _, err := (&extract.Walker{API: client, Mirror: nowhere{}, Store: nowhere{}, Log: quiet}).Walk(ctx, users); err != nil {
		return nil, fmt.Errorf("record: %w", err)
	}
	t.next = nil
	d, err := m.lab.database(ctx)
	if err != nil {
		return nil, err
	}
	defer func() {
		if dropped := d.drop(ctx); err == nil {
			err = dropped
		}
	}()
	if _, err := d.Exec(ctx, "checkpoint"); err != nil {
		return nil, err
	}
	stop, err := m.lab.startProfile()
	if err != nil {
		return nil, err
	}
	began := time.Now()
	s, err := (&mirror.Runner{Pool: d.Pool, Client: client, Log: quiet}).Run(ctx, mirror.Job{
		Tenant: "big", Name: "users", Endpoint: m.big.endpoint, Listings: []*catalog.Listing{users},
	})
	if err != nil {
		return nil, err
	}
	took := time.Since(began).Seconds()
	if err := stop(); err != nil {
		return nil, err
	}
	if !s.Proved() || s.Listings[0].Inserted != int64(m.nBig) {
		return nil, fmt.Errorf("loading from memory published %d rows, status %s", s.Listings[0].Inserted, s.Status)
	}
	return []row{atLeast("loading, first", "from page bodies in memory to published rows ÷ COPY of them, rows a second, "+thousands(m.nBig)+" users",
		m.base.seconds/took, 0.5, "", fmt.Sprintf("%.1f s, %.1f s", took, m.base.seconds))}, nil
}

// startProfile begins a CPU profile if one was asked for.
func (l *lab) startProfile() (stop func() error, err error) {
	if l.profile == "" {
		return func() error { return nil }, nil
	}
	f, err := os.Create(l.profile)
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return func() error {
		pprof.StopCPUProfile()
		return f.Close()
	}, nil
}
