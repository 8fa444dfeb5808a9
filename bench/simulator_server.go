package main

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"strconv"
	"time"

	"logto-syncer/bench/host"
	"logto-syncer/internal/logtotest"
	"logto-syncer/internal/report/reporttest"
)

// simulatorSubcommand makes this program a simulator that changes an exact number
// of users on request; syncer simulate changes its tenant at a rate. Its argument
// is simulatorOptions as JSON.
const simulatorSubcommand = "simulator"

type simulatorOptions struct {
	Users, Organizations int
	Members              int           // to add to every organization
	People               bool          // with the people of docs/questions.md
	Orderly              bool          // lists without an order keep the one they have
	Concurrency          int           // requests it works on at once; 0: any number
	ResponseTime         time.Duration // what each of them takes
}

func runSimulator(arg string) error {
	var o simulatorOptions
	if err := json.Unmarshal([]byte(arg), &o); err != nil {
		return err
	}
	tenant := logtotest.Generate(logtotest.Options{Users: o.Users, Organizations: o.Organizations, Seed: 1})
	if err := addMembers(tenant, o.Members); err != nil {
		return err
	}
	if o.People {
		if err := reporttest.SeedFirstDay(tenant); err != nil {
			return err
		}
	}
	var options []logtotest.Option
	if o.Orderly {
		options = append(options, logtotest.Orderly())
	}
	s := logtotest.NewServer(tenant, options...)
	mux := http.NewServeMux()
	mux.Handle("/", limitHandlerConcurrency(s, o.Concurrency, o.ResponseTime))
	mux.HandleFunc("POST /change", func(w http.ResponseWriter, r *http.Request) {
		n, err := strconv.Atoi(r.FormValue("users"))
		if err == nil {
			err = change(tenant, n, r.FormValue("what"))
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	})
	// Answers after 50 to 400 ms, and 429 beyond 200 requests in 10 s.
	mux.HandleFunc("POST /like-cloud", func(http.ResponseWriter, *http.Request) {
		s.Throttle(200, 10*time.Second, true)
		s.Inject(logtotest.Fault{Kind: logtotest.Delay, Delay: 50 * time.Millisecond, DelayMax: 400 * time.Millisecond})
	})
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

// limitHandlerConcurrency lets h work on a number of requests at once, each of which
// takes responseTime at least. Others wait.
func limitHandlerConcurrency(h http.Handler, concurrency int, responseTime time.Duration) http.Handler {
	if concurrency == 0 {
		return h
	}
	free := make(chan struct{}, concurrency)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		free <- struct{}{}
		defer func() { <-free }()
		if host.Sleep(r.Context(), responseTime) == nil {
			h.ServeHTTP(w, r)
		}
	})
}

// addMembers adds members to every organization.
func addMembers(tenant *logtotest.Tenant, members int) error {
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
