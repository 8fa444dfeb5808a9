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

	"logto-syncer/bench/host"
	"logto-syncer/internal/catalog"
	"logto-syncer/internal/extract"
	"logto-syncer/internal/logto"
	"logto-syncer/internal/mirror"
)

// A recording answers requests from memory, once it has recorded the answers.
type recording struct {
	mu       sync.Mutex
	upstream http.RoundTripper // records what it answers; nil: only what is there
	answers  map[string]response
}

type response struct {
	status int
	header http.Header
	body   []byte
}

// RoundTrip answers from the tape, or asks and records.
func (t *recording) RoundTrip(req *http.Request) (*http.Response, error) {
	key := req.Method + " " + req.URL.String()
	t.mu.Lock()
	a, ok := t.answers[key]
	t.mu.Unlock()
	if !ok {
		if t.upstream == nil {
			return nil, fmt.Errorf("%s is not on the tape", key)
		}
		resp, err := t.upstream.RoundTrip(req)
		if err != nil {
			return nil, err
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			return nil, err
		}
		a = response{resp.StatusCode, resp.Header, body}
		t.mu.Lock()
		t.answers[key] = a
		t.mu.Unlock()
	}
	return &http.Response{
		StatusCode: a.status, Status: http.StatusText(a.status), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: a.header, Body: io.NopCloser(bytes.NewReader(a.body)), ContentLength: int64(len(a.body)), Request: req,
	}, nil
}

// emptyMirror is a mirror that has nothing and a store that keeps nothing.
type emptyMirror struct{}

func (emptyMirror) Known(context.Context, *catalog.Listing, string, string, string, int) ([]extract.Known, error) {
	return nil, nil
}
func (emptyMirror) Count(context.Context, *catalog.Listing, string) (int, error) { return 0, nil }
func (emptyMirror) ProvedUntil(context.Context, *catalog.Listing) (time.Time, error) {
	return time.Time{}, nil
}

func (emptyMirror) Lookup(context.Context, *catalog.Listing, string, []string) ([]extract.Known, error) {
	return nil, nil
}
func (emptyMirror) Put(context.Context, extract.Chunk) error { return nil }
func (emptyMirror) Checkpoints(context.Context, *catalog.Listing) ([]extract.Checkpoint, error) {
	return nil, nil
}

func (emptyMirror) Parents(context.Context, *catalog.Listing, string, string, int) ([]string, error) {
	return nil, nil
}

// measureLoading publishes a tenant from page bodies in memory, by all that a
// run does but the network.
func measureLoading(ctx context.Context, l *harness) (rows []result, err error) {
	big, err := l.largeTenant(ctx)
	if err != nil {
		return nil, err
	}
	t := &recording{upstream: &http.Transport{MaxIdleConnsPerHost: 12}, answers: map[string]response{}}
	client, err := logto.New(logto.Config{
		Endpoint: big.endpoint, Resource: big.resource, AppID: big.id, AppSecret: big.secret, Transport: t,
	})
	if err != nil {
		return nil, err
	}
	defer client.Close()
	_, err = (&extract.Walker{API: client, Mirror: emptyMirror{}, Store: emptyMirror{}, Log: discardLog()}).Walk(ctx, catalog.Find("users"))
	if err != nil {
		return nil, fmt.Errorf("record: %w", err)
	}
	t.upstream = nil
	var took loadCost
	for range loadRepeats {
		now, beside, err := l.loadAndCopy(ctx, client, big.simulatorInfo)
		if err != nil {
			return nil, err
		}
		took, big.copyBaseline = took.plus(now), big.copyBaseline.plus(beside)
	}
	users := thousands(big.users) + " users"
	return []result{
		{
			name: "COPY, the yardstick", method: users + " and their identities from files into equal tables with their keys",
			value: big.copyBaseline.seconds, unit: " s", informational: true, detail: fmt.Sprintf("%.2f processor seconds of Postgres", big.copyBaseline.cpu),
		},
		atLeast("loading, first", "from page bodies in memory to published rows ÷ COPY of them, rows a second, "+users,
			big.copyBaseline.seconds/took.seconds, 0.5, "", fmt.Sprintf("%.1f s, %.1f s, the means of two each, in turn; %.2f processor seconds of Postgres", took.seconds, big.copyBaseline.seconds, took.cpu)),
	}, nil
}

// loadRepeats is how often loading and COPY are measured, in turn. Their means are
// compared, as for growth.
const loadRepeats = 2

// plus adds one of the times it is measured to the mean.
func (c loadCost) plus(one loadCost) loadCost {
	return loadCost{c.seconds + one.seconds/loadRepeats, c.cpu + one.cpu/loadRepeats}
}

// loadAndCopy loads from memory into a new database, and copies the same rows.
func (l *harness) loadAndCopy(ctx context.Context, client *logto.Client, big simulatorInfo) (took, base loadCost, err error) {
	d, err := l.database(ctx)
	if err != nil {
		return took, base, err
	}
	defer func() { err = errors.Join(err, d.drop(ctx)) }()
	before, err := host.CPU(l.server)
	if err != nil {
		return took, base, err
	}
	if took.seconds, err = d.load(ctx, client, big); err != nil {
		return took, base, err
	}
	after, err := host.CPU(l.server)
	if err != nil {
		return took, base, err
	}
	took.cpu = after - before
	base, err = d.measureCopy(ctx)
	return took, base, err
}

func discardLog() *slog.Logger { return slog.New(slog.DiscardHandler) }

// load runs the mirror on answers from memory and returns the seconds it took.
func (d *database) load(ctx context.Context, client *logto.Client, big simulatorInfo) (float64, error) {
	if _, err := d.Exec(ctx, "checkpoint"); err != nil {
		return 0, err
	}
	stop, err := d.lab.startProfile()
	if err != nil {
		return 0, err
	}
	began := time.Now()
	s, err := (&mirror.Runner{Pool: d.Pool, Client: client, Log: discardLog()}).Run(ctx, mirror.Job{
		Tenant: acme, Name: "users", Endpoint: big.endpoint, Listings: []*catalog.Listing{catalog.Find("users")},
	})
	took := time.Since(began).Seconds()
	if err := errors.Join(err, stop()); err != nil {
		return 0, err
	}
	if !s.Proved() || s.Listings[0].Inserted != int64(big.rows) {
		return 0, fmt.Errorf("loading from memory published %d rows of %d, status %s", s.Listings[0].Inserted, big.rows, s.Status)
	}
	return took, nil
}

// startProfile begins a CPU profile if one was asked for.
func (l *harness) startProfile() (stop func() error, err error) {
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
