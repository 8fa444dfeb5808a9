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

// desks and perAnswer are a small server of somebody's own: it works on so many
// answers at once, each takes so long, and what comes meanwhile waits in line.
// The real one of the README gave a page in 24 ms.
const (
	serverConcurrency = 4
	responseTime      = 25 * time.Millisecond
)

// measureSharedHost reads a server of somebody's own that has no limit, while
// people sign in to it.
func measureSharedHost(ctx context.Context, l *harness) (rows []result, err error) {
	users := l.scaled(50_000)
	s, stop, err := l.startBuiltinSimulator(ctx, "-users", strconv.Itoa(users), "-organizations", "10",
		"-desks", strconv.Itoa(serverConcurrency), "-per-answer", responseTime.String())
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, stop()) }()
	d, err := l.database(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, d.drop(ctx)) }()
	atRest, err := s.signIns(ctx, 3*time.Second)
	if err != nil {
		return nil, err
	}
	signing, cancel := context.WithCancel(ctx)
	var took []time.Duration
	ended := make(chan error, 1)
	go func() {
		var err error
		took, err = s.signIns(signing, time.Hour)
		ended <- err
	}()
	e, err := d.syncer(ctx, s, "neighbour", "none", "run", "users")
	cancel()
	if err := errors.Join(err, <-ended); err != nil {
		return nil, err
	}
	// What is asked after the run has published is at rest again.
	took = took[:min(len(took), int(float64(len(took))*e.summary.Seconds/e.seconds))]
	how := fmt.Sprintf("%s users of a server without limit that works on %d answers at once, %v each", thousands(users), serverConcurrency, responseTime)
	meanwhile, alone := host.Median(took), host.Median(atRest)
	least := float64(e.summary.Requests) * responseTime.Seconds() / serverConcurrency
	return []result{
		atLeast("finds its own level: speed", how+": seconds the requests need there ÷ seconds the run took", least/e.summary.Seconds, 0.6, "",
			fmt.Sprintf("%d requests, %.1f s of %.1f s", e.summary.Requests, least, e.summary.Seconds)),
		atMost("finds its own level: sign-ins", how+": median of a sign-in meanwhile ÷ at rest",
			float64(meanwhile)/float64(alone), 2, "",
			fmt.Sprintf("%s, %s; %d sign-ins", meanwhile.Round(10*time.Microsecond), alone.Round(10*time.Microsecond), len(took))),
	}, nil
}

// signIns asks for what somebody who signs in asks for, one after another with
// a pause, until ctx ends or so long, and returns how long each took.
func (s simulatorInfo) signIns(ctx context.Context, so time.Duration) (took []time.Duration, err error) {
	for began := time.Now(); time.Since(began) < so && pause(ctx, 10*time.Millisecond) == nil; {
		req, err := http.NewRequestWithContext(context.WithoutCancel(ctx), http.MethodGet, s.url("/api/status", nil), nil)
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
		took = append(took, time.Since(sent))
	}
	if len(took) == 0 {
		err = errors.New("nobody signed in")
	}
	return took, err
}
