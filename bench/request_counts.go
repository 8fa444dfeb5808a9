package main

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"logto-syncer/bench/host"
)

// measureSpeedUnderLimit reads a tenant of Logto Cloud. The simulator answers 429 to the
// 201st request of any 10 s.
func measureSpeedUnderLimit(ctx context.Context, h *harness) ([]result, error) {
	users := h.scaled(20_000)
	command := h.simulateCommand("--users", strconv.Itoa(users), "--throttle", "--latency", "50-400ms")
	return withSimulatorAndDatabase(ctx, h, command, func(s simulator, d *database) ([]result, error) {
		// A new database does not know how long the tenant has been idle.
		if err := host.Sleep(ctx, 11*time.Second); err != nil {
			return nil, err
		}
		d.limit = cloudLimit
		r, err := d.run(ctx, s, "limited", "all")
		if err != nil {
			return nil, err
		}
		minSeconds := float64(r.summary.Requests) / 200 * 10
		return []result{
			atLeast("speed under the limit", "200 in 10 s, responses after 50-400 ms, "+thousands(users)+" users and all other listings: requests at the limit ÷ seconds to published",
				minSeconds/r.summary.Seconds, 0.97, "", fmt.Sprintf("%d requests, %.1f s of %.1f s", r.summary.Requests, minSeconds, r.summary.Seconds)),
			atMost("throttled responses", "429 in the same run; the simulator counts any 10 s", float64(r.summary.Throttled), 0, "", ""),
		}, nil
	})
}

// measureRequestsPerPage counts the requests of the first run and of the next one.
func measureRequestsPerPage(ctx context.Context, h *harness) ([]result, error) {
	return withDatabase(ctx, h, func(d *database) ([]result, error) {
		without, err := measureFirstAndRefreshRequests(ctx, d, "without")
		if err != nil {
			return nil, err
		}
		with, err := measureFirstAndRefreshRequests(ctx, d, "with", "--ties")
		return append(without, with...), err
	})
}

// countedTenants are read to count requests: how many ranges of ids have more
// rows than a page depends on chance.
const countedTenants = 4

func measureFirstAndRefreshRequests(ctx context.Context, d *database, ties string, flags ...string) ([]result, error) {
	users := d.harness.scaled(20_000)
	var requests [2]int64 // of the first run and of the next one
	for seed := range countedTenants {
		command := d.harness.simulateCommand(append(flags, "--users", strconv.Itoa(users), "--seed", strconv.Itoa(seed+1))...)
		_, err := withSimulator(ctx, command, func(s simulator) (r *processResult, err error) {
			for i := range requests {
				if r, err = d.run(ctx, s, fmt.Sprintf("%s-%d", ties, seed), "users"); err != nil {
					return nil, err
				}
				requests[i] += r.summary.Requests
			}
			return r, nil
		})
		if err != nil {
			return nil, err
		}
	}
	pages := float64(countedTenants*users) / 100
	firstRead := 1.12
	if ties == "with" {
		firstRead = 1.28
	}
	method := fmt.Sprintf("requests ÷ (rows/100), %d tenants of %s users, %s shared timestamps", countedTenants, thousands(users), ties)
	return []result{
		atMost("requests, first read", method, float64(requests[0])/pages, firstRead, "", fmt.Sprintf("%d requests, those for a token included", requests[0])),
		atMost("requests, refresh", method, float64(requests[1])/pages, 1.02+40*countedTenants/pages, "", fmt.Sprintf("%d requests", requests[1])),
	}, nil
}

// measureParents reads many organizations with few members each.
func measureParents(ctx context.Context, h *harness) ([]result, error) {
	n := h.scaled(100_000)
	options := simulatorOptions{Users: 3000, Organizations: n, Members: 3, Orderly: true}
	return withSimulatorAndDatabase(ctx, h, options.command(), func(s simulator, d *database) ([]result, error) {
		r, err := d.run(ctx, s, "many", "members")
		if err != nil {
			return nil, err
		}
		method := thousands(n) + " organizations of 3 members, 3,000 users; the list of organizations keeps its order, without which it cannot be proved"
		return []result{
			atMost("many small parents", method+": requests ÷ organizations", float64(r.summary.Requests)/float64(n), 1.03, "",
				fmt.Sprintf("%d requests in %.1f s", r.summary.Requests, r.seconds)),
			atMost("memory, many small parents", method, r.memory, 128, " MB", ""),
		}, nil
	})
}
