package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"strconv"
	"time"

	"logto-syncer/internal/logtotest"
	"logto-syncer/internal/report/reporttest"
)

// simulatorSubcommand makes this program a simulator that changes an exact number
// of users on request; syncer simulate changes its tenant at a rate.
const simulatorSubcommand = "simulator"

func runSimulator(args []string) error {
	flags := flag.NewFlagSet(simulatorSubcommand, flag.ExitOnError)
	users := flags.Int("users", 0, "")
	organizations := flags.Int("organizations", 0, "")
	members := flags.Int("members", 0, "members to add to every organization")
	people := flags.Bool("people", false, "with the people of docs/questions.md")
	orderly := flags.Bool("orderly", false, "lists without an order keep the one they have")
	concurrency := flags.Int("concurrency", 0, "requests it works on at once; 0: any number")
	responseTime := flags.Duration("response-time", 0, "what each of them takes")
	if err := flags.Parse(args); err != nil {
		return err
	}
	tenant := logtotest.Generate(logtotest.Options{Users: *users, Organizations: *organizations, Seed: 1})
	if err := addMembers(tenant, *members); err != nil {
		return err
	}
	if *people {
		if err := reporttest.SeedFirstDay(tenant); err != nil {
			return err
		}
	}
	var options []logtotest.Option
	if *orderly {
		options = append(options, logtotest.Orderly())
	}
	s := logtotest.NewServer(tenant, options...)
	mux := http.NewServeMux()
	mux.Handle("/", limitConcurrency(s, *concurrency, *responseTime))
	mux.HandleFunc("POST /change", func(w http.ResponseWriter, r *http.Request) {
		n, err := strconv.Atoi(r.FormValue("users"))
		if err == nil {
			err = change(tenant, n, r.FormValue("what"))
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	})
	mux.HandleFunc("POST /like-cloud", func(http.ResponseWriter, *http.Request) { likeCloud(s) })
	listener, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	info := simulator{"http://" + listener.Addr().String(), s.Resource, s.AppID, s.AppSecret, len(tenant.IDs("users"))}
	if err := json.NewEncoder(os.Stdout).Encode(info); err != nil {
		return err
	}
	server := &http.Server{Handler: mux, IdleTimeout: 5 * time.Second, ReadHeaderTimeout: 10 * time.Second}
	return server.Serve(listener)
}

// limitConcurrency lets h work on a number of requests at once, each of which
// takes responseTime at least. Others wait.
func limitConcurrency(h http.Handler, concurrency int, responseTime time.Duration) http.Handler {
	if concurrency == 0 {
		return h
	}
	free := make(chan struct{}, concurrency)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		free <- struct{}{}
		defer func() { <-free }()
		if sleep(r.Context(), responseTime) == nil {
			h.ServeHTTP(w, r)
		}
	})
}

// addMembers adds members to every organization.
func addMembers(tenant *logtotest.Tenant, members int) error {
	if members == 0 {
		return nil
	}
	users := tenant.IDs("users")
	for _, organization := range tenant.IDs("organizations") {
		from := rand.IntN(len(users))
		for i := range members {
			err := tenant.AddMember(organization, users[(from+i*len(users)/members)%len(users)])
			if err != nil && !errors.Is(err, logtotest.ErrExists) {
				return err
			}
		}
	}
	return nil
}

// Changes that a simulator makes on request.
const (
	rename = "rename"
	signIn = "sign in"
	// secondDay is rename, and what the people of the questions do on their second
	// day.
	secondDay = "second day"
)

// change changes n random users. Those that are renamed or sign in are changed by
// SQL: a million deliveries of the webhook would take the simulator gigabytes, and
// no run that proves reads them.
func change(tenant *logtotest.Tenant, n int, what string) error {
	switch what {
	case mixed:
		return changeMixed(tenant, n)
	case stamped:
		return changeStamped(tenant, n)
	}
	users := tenant.IDs("users")
	for _, at := range rand.Perm(len(users))[:min(n, len(users))] {
		row := logtotest.Row{"name": fmt.Sprintf("Renamed %08x", rand.Uint32())} // another name than the one of a change before
		if what == signIn {
			row = logtotest.Row{"last_sign_in_at": tenant.Now()}
		}
		if err := tenant.DirectSQL().Update("users", users[at], row); err != nil {
			return err
		}
	}
	if what == secondDay {
		return reporttest.ApplySecondDay(tenant)
	}
	return nil
}
