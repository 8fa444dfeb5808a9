package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"logto-syncer/bench/host"
)

// A small self-hosted server works on serverConcurrency requests at once, each
// of which takes responseTime; others wait. A real one took 24 ms for a page.
const (
	serverConcurrency = 4
	responseTime      = 25 * time.Millisecond
)

// measureReadDuringSignIns reads from a self-hosted server without a limit, to which
// users sign in meanwhile.
func measureReadDuringSignIns(ctx context.Context, h *harness) ([]result, error) {
	users := h.scaled(50_000)
	options := simulatorOptions{Users: users, Organizations: 10, Concurrency: serverConcurrency, ResponseTime: responseTime}
	return withSimulatorAndDatabase(ctx, h, options.command(), func(s simulator, d *database) ([]result, error) {
		atRest, err := s.signInLatencies(ctx, 3*time.Second)
		if err != nil {
			return nil, err
		}
		var r *processResult
		var latencies []time.Duration
		err = host.RunWithBackground(ctx, func() error {
			r, err = d.run(ctx, s, "shared-host", "users")
			return err
		}, func(ctx context.Context) (err error) {
			latencies, err = s.signInLatencies(ctx, time.Hour)
			return err
		})
		if err != nil {
			return nil, err
		}
		// Sign-ins after the last request of the run are at rest again.
		latencies = latencies[:min(len(latencies), int(float64(len(latencies))*r.summary.Seconds/r.seconds))]
		method := fmt.Sprintf("%s users of a server without limit that works on %d requests at once, %v each", thousands(users), serverConcurrency, responseTime)
		during, before := host.Median(latencies), host.Median(atRest)
		minSeconds := float64(r.summary.Requests) * responseTime.Seconds() / serverConcurrency
		return []result{
			atLeast("adaptive concurrency: speed", method+": seconds the requests need there ÷ seconds the run took", minSeconds/r.summary.Seconds, 0.6, "",
				fmt.Sprintf("%d requests, %.1f s of %.1f s", r.summary.Requests, minSeconds, r.summary.Seconds)),
			atMost("adaptive concurrency: sign-ins", method+": median of a sign-in during the run ÷ at rest", float64(during)/float64(before), 2, "",
				fmt.Sprintf("%s, %s; %d sign-ins", during.Round(10*time.Microsecond), before.Round(10*time.Microsecond), len(latencies))),
		}, nil
	})
}

// signInLatencies requests what a user who signs in requests, one after another with a
// pause, until ctx ends or for a duration, and returns the latencies.
func (s simulator) signInLatencies(ctx context.Context, duration time.Duration) (latencies []time.Duration, err error) {
	for began := time.Now(); time.Since(began) < duration && host.Sleep(ctx, 10*time.Millisecond) == nil; {
		sent := time.Now()
		if err := s.request(context.WithoutCancel(ctx), http.MethodGet, "/api/status"); err != nil {
			return nil, err
		}
		latencies = append(latencies, time.Since(sent))
	}
	if len(latencies) == 0 {
		err = errors.New("no user signed in")
	}
	return latencies, err
}
