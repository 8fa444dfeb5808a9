package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"

	"logto-syncer/internal/catalog"
	"logto-syncer/internal/logto"
	"logto-syncer/internal/mirror"
)

// A replayTransport answers requests with recorded responses, and records those of
// upstream.
type replayTransport struct {
	upstream  http.RoundTripper // nil: only recorded responses
	responses sync.Map          // of recordedResponse, by method and URL
}

type recordedResponse struct {
	http.Response
	body []byte
}

// RoundTrip implements http.RoundTripper.
func (t *replayTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	key := req.Method + " " + req.URL.String()
	recorded, ok := t.responses.Load(key)
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
		recorded = recordedResponse{*resp, body}
		t.responses.Store(key, recorded)
	}
	r := recorded.(recordedResponse)
	r.Request, r.Body, r.ContentLength = req, io.NopCloser(bytes.NewReader(r.body)), int64(len(r.body))
	return &r.Response, nil
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
	t := &replayTransport{upstream: &http.Transport{MaxIdleConnsPerHost: 12}}
	client, err := logto.New(logto.Config{
		Endpoint: large.Endpoint, Resource: large.Resource, AppID: large.AppID, AppSecret: large.AppSecret, Transport: t,
	})
	if err != nil {
		return nil, err
	}
	defer client.Close()
	load := func(d *database) (postgresCost, error) { return d.runInProcess(ctx, client, large.simulator) }
	if _, err := withDatabase(ctx, h, load); err != nil {
		return nil, fmt.Errorf("record the responses: %w", err)
	}
	t.upstream = nil
	var loading postgresCost
	for range loadRepeats {
		loaded, err := withDatabase(ctx, h, func(d *database) (postgresCost, error) {
			loaded, err := load(d)
			if err != nil {
				return loaded, err
			}
			copied, err := d.measureCopy(ctx)
			large.copyCost = large.copyCost.addToMean(copied)
			return loaded, err
		})
		if err != nil {
			return nil, err
		}
		loading = loading.addToMean(loaded)
	}
	users := thousands(large.users) + " users"
	return []result{
		informational("COPY, the baseline", users+" and their identities from files into equal tables with their keys", large.copyCost.seconds, " s",
			fmt.Sprintf("%.2f processor seconds of Postgres", large.copyCost.cpu)),
		atLeast("loading, first", "from page bodies in memory to published rows ÷ COPY of them, rows a second, "+users, large.copyCost.seconds/loading.seconds, 0.5, "",
			fmt.Sprintf("%.1f s, %.1f s, the means of two each, in turn; %.2f processor seconds of Postgres", loading.seconds, large.copyCost.seconds, loading.cpu)),
	}, nil
}

// addToMean adds one of loadRepeats costs to their mean.
func (c postgresCost) addToMean(one postgresCost) postgresCost {
	return postgresCost{c.seconds + one.seconds/loadRepeats, c.wal + one.wal/loadRepeats, c.cpu + one.cpu/loadRepeats}
}

// runInProcess runs the mirror within this process.
func (d *database) runInProcess(ctx context.Context, client *logto.Client, s simulator) (postgresCost, error) {
	return d.costOf(ctx, func() error {
		summary, err := (&mirror.Runner{Pool: d.Pool, Client: client, Log: slog.New(slog.DiscardHandler)}).Run(ctx, mirror.Job{
			Tenant: acme, Name: "users", Endpoint: s.Endpoint, Listings: []*catalog.Listing{catalog.Find("users")},
		})
		if err == nil && (!summary.Proved() || summary.Listings[0].Inserted != int64(s.Rows)) {
			err = fmt.Errorf("loading from memory published %d rows of %d, status %s", summary.Listings[0].Inserted, s.Rows, summary.Status)
		}
		return err
	})
}
