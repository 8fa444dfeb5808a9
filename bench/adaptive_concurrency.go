package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"logto-syncer/bench/host"
)

// A small self-hosted server works on serverConcurrency requests at once, each
// of which takes responseTime; others wait. A real one took 24 ms for a page.
const (
	serverConcurrency = 4
	responseTime      = 25 * time.Millisecond
)

// measureAdaptiveConcurrency reads from a self-hosted server without a limit, to which
// users sign in meanwhile.
func measureAdaptiveConcurrency(ctx context.Context, h *harness) (results []result, err error) {
	users := h.scaled(50_000)
	command := benchSimulatorCommand("-users", strconv.Itoa(users), "-organizations", "10",
		"-concurrency", strconv.Itoa(serverConcurrency), "-response-time", responseTime.String())
	err = h.withTenant(ctx, command, func(s simulator, d *database) error {
		atRest, err := s.signInLatencies(ctx, 3*time.Second)
		if err != nil {
			return err
		}
		signInCtx, cancel := context.WithCancel(ctx)
		var latencies []time.Duration
		ended := make(chan error, 1)
		go func() {
			var err error
			latencies, err = s.signInLatencies(signInCtx, time.Hour)
			ended <- err
		}()
		r, err := d.syncer(ctx, s, "shared-host", "none", "run", "users")
		cancel()
		if err := errors.Join(err, <-ended); err != nil {
			return err
		}
		// Sign-ins after the last request of the run are at rest again.
		latencies = latencies[:min(len(latencies), int(float64(len(latencies))*r.summary.Seconds/r.seconds))]
		method := fmt.Sprintf("%s users of a server without limit that works on %d requests at once, %v each", thousands(users), serverConcurrency, responseTime)
		during, before := host.Median(latencies), host.Median(atRest)
		minSeconds := float64(r.summary.Requests) * responseTime.Seconds() / serverConcurrency
		results = []result{
			atLeast("adaptive concurrency: speed", method+": seconds the requests need there ÷ seconds the run took", minSeconds/r.summary.Seconds, 0.6, "",
				fmt.Sprintf("%d requests, %.1f s of %.1f s", r.summary.Requests, minSeconds, r.summary.Seconds)),
			atMost("adaptive concurrency: sign-ins", method+": median of a sign-in during the run ÷ at rest", float64(during)/float64(before), 2, "",
				fmt.Sprintf("%s, %s; %d sign-ins", during.Round(10*time.Microsecond), before.Round(10*time.Microsecond), len(latencies))),
		}
		return nil
	})
	return results, err
}

// signInLatencies requests what a user who signs in requests, one after another with a
// pause, until ctx ends or for a duration, and returns the latencies.
func (s simulator) signInLatencies(ctx context.Context, duration time.Duration) (latencies []time.Duration, err error) {
	for began := time.Now(); time.Since(began) < duration && sleep(ctx, 10*time.Millisecond) == nil; {
		req, err := http.NewRequestWithContext(context.WithoutCancel(ctx), http.MethodGet, s.requestURL("/api/status", nil), nil)
		if err != nil {
			return nil, err
		}
		sent := time.Now()
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return nil, err
		}
		_, err = io.Copy(io.Discard, resp.Body)
		if err := errors.Join(err, resp.Body.Close()); err != nil {
			return nil, err
		}
		latencies = append(latencies, time.Since(sent))
	}
	if len(latencies) == 0 {
		err = errors.New("no user signed in")
	}
	return latencies, err
}

// sleep waits, unless ctx ends first.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
