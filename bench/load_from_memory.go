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
	"logto-syncer/internal/logto"
	"logto-syncer/internal/mirror"
)

// A replayTransport answers requests with recorded responses, and records those of
// upstream.
type replayTransport struct {
	mu        sync.Mutex
	upstream  http.RoundTripper // nil: only recorded responses
	responses map[string]response
}

type response struct {
	status int
	header http.Header
	body   []byte
}

// RoundTrip implements http.RoundTripper.
func (t *replayTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	key := req.Method + " " + req.URL.String()
	t.mu.Lock()
	r, ok := t.responses[key]
	t.mu.Unlock()
	if !ok {
		if t.upstream == nil {
			return nil, fmt.Errorf("%s is not recorded", key)
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
		r = response{resp.StatusCode, resp.Header, body}
		t.mu.Lock()
		t.responses[key] = r
		t.mu.Unlock()
	}
	return &http.Response{
		StatusCode: r.status, Status: http.StatusText(r.status), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: r.header, Body: io.NopCloser(bytes.NewReader(r.body)), ContentLength: int64(len(r.body)), Request: req,
	}, nil
}

// loadRepeats is how often loading and COPY are measured, in turn. Their means
// are compared.
const loadRepeats = 2

// measureLoading publishes a tenant from responses in memory, by all that a run
// does but the network.
func measureLoading(ctx context.Context, h *harness) ([]result, error) {
	large, err := h.largeTenant(ctx)
	if err != nil {
		return nil, err
	}
	t := &replayTransport{upstream: &http.Transport{MaxIdleConnsPerHost: 12}, responses: map[string]response{}}
	client, err := logto.New(logto.Config{
		Endpoint: large.Endpoint, Resource: large.Resource, AppID: large.AppID, AppSecret: large.AppSecret, Transport: t,
	})
	if err != nil {
		return nil, err
	}
	defer client.Close()
	err = h.withDatabase(ctx, func(d *database) error { _, err := d.load(ctx, client, large.simulator); return err })
	if err != nil {
		return nil, fmt.Errorf("record the responses: %w", err)
	}
	t.upstream = nil
	var cost loadCost
	for range loadRepeats {
		err := h.withDatabase(ctx, func(d *database) error {
			loaded, err := d.profiledLoad(ctx, client, large.simulator)
			if err != nil {
				return err
			}
			copied, err := d.measureCopy(ctx)
			cost, large.copyCost = cost.addToMean(loaded), large.copyCost.addToMean(copied)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	users := thousands(large.users) + " users"
	return []result{
		informational("COPY, the baseline", users+" and their identities from files into equal tables with their keys", large.copyCost.seconds, " s",
			fmt.Sprintf("%.2f processor seconds of Postgres", large.copyCost.cpu)),
		atLeast("loading, first", "from page bodies in memory to published rows ÷ COPY of them, rows a second, "+users, large.copyCost.seconds/cost.seconds, 0.5, "",
			fmt.Sprintf("%.1f s, %.1f s, the means of two each, in turn; %.2f processor seconds of Postgres", cost.seconds, large.copyCost.seconds, cost.cpu)),
	}, nil
}

// addToMean adds one of loadRepeats costs to their mean.
func (c loadCost) addToMean(one loadCost) loadCost {
	return loadCost{c.seconds + one.seconds/loadRepeats, c.cpu + one.cpu/loadRepeats}
}

// load runs the mirror within this process.
func (d *database) load(ctx context.Context, client *logto.Client, s simulator) (cost loadCost, err error) {
	if _, err := d.Exec(ctx, "checkpoint"); err != nil {
		return cost, err
	}
	cost.cpu, err = host.MeasureCPUTime(d.harness.Server, func() error {
		began := time.Now()
		summary, err := (&mirror.Runner{Pool: d.Pool, Client: client, Log: slog.New(slog.DiscardHandler)}).Run(ctx, mirror.Job{
			Tenant: acme, Name: "users", Endpoint: s.Endpoint, Listings: []*catalog.Listing{catalog.Find("users")},
		})
		cost.seconds = time.Since(began).Seconds()
		if err == nil && (!summary.Proved() || summary.Listings[0].Inserted != int64(s.Rows)) {
			err = fmt.Errorf("loading from memory published %d rows of %d, status %s", summary.Listings[0].Inserted, s.Rows, summary.Status)
		}
		return err
	})
	return cost, err
}

// profiledLoad is load with a CPU profile, if the options ask for one.
func (d *database) profiledLoad(ctx context.Context, client *logto.Client, s simulator) (cost loadCost, err error) {
	if d.harness.profile == "" {
		return d.load(ctx, client, s)
	}
	f, err := os.Create(d.harness.profile)
	if err != nil {
		return cost, err
	}
	if err = pprof.StartCPUProfile(f); err == nil {
		cost, err = d.load(ctx, client, s)
		pprof.StopCPUProfile()
	}
	return cost, errors.Join(err, f.Close())
}
