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

// simulatorCommand makes this program a simulator that can be told to change
// its tenant by an exact amount between two runs; syncer simulate only changes
// it at a rate.
const simulatorCommand = "simulator"

func simulator(args []string) error {
	flags := flag.NewFlagSet(simulatorCommand, flag.ExitOnError)
	users := flags.Int("users", 0, "")
	organizations := flags.Int("organizations", 0, "")
	members := flags.Int("members", 0, "members to add to every organization")
	people := flags.Bool("people", false, "with the people of docs/questions.md")
	orderly := flags.Bool("orderly", false, "lists without an order keep the one they have")
	desks := flags.Int("desks", 0, "answers it works on at once; 0: any number")
	perAnswer := flags.Duration("per-answer", 0, "what each of them takes")
	if err := flags.Parse(args); err != nil {
		return err
	}
	tenant := logtotest.Generate(logtotest.Options{Users: *users, Organizations: *organizations, Seed: 1})
	if err := populate(tenant, *members); err != nil {
		return err
	}
	if *people {
		if err := reporttest.FirstDay(tenant); err != nil {
			return err
		}
	}
	var options []logtotest.Option
	if *orderly {
		options = append(options, logtotest.Orderly())
	}
	s := logtotest.New(tenant, options...)
	mux := http.NewServeMux()
	mux.Handle("/", limitConcurrency(s, *desks, *perAnswer))
	mux.HandleFunc("POST /change", func(w http.ResponseWriter, r *http.Request) {
		n, err := strconv.Atoi(r.FormValue("users"))
		if err == nil {
			err = change(tenant, n, r.FormValue("what"))
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	})
	listener, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	said := map[string]any{
		"endpoint": "http://" + listener.Addr().String(), "resource": s.Resource, "app_id": s.AppID, "app_secret": s.AppSecret,
		"rows": len(tenant.IDs("users")),
	}
	if err := json.NewEncoder(os.Stdout).Encode(said); err != nil {
		return err
	}
	server := &http.Server{Handler: mux, IdleTimeout: 5 * time.Second, ReadHeaderTimeout: 10 * time.Second}
	return server.Serve(listener)
}

// limitConcurrency lets h work on so many answers at once, each of which takes so long at
// least; what comes meanwhile waits.
func limitConcurrency(h http.Handler, desks int, perAnswer time.Duration) http.Handler {
	if desks == 0 {
		return h
	}
	free := make(chan struct{}, desks)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		free <- struct{}{}
		defer func() { <-free }()
		if pause(r.Context(), perAnswer) == nil {
			h.ServeHTTP(w, r)
		}
	})
}

// populate adds so many members to every organization.
func populate(tenant *logtotest.Tenant, members int) error {
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

// The changes a simulator can be told to make.
const (
	rename = "rename"
	signIn = "sign in"
	// secondDay is a new name, and what the people of the questions do.
	secondDay = "second day"
)

// change changes n users chosen by chance.
func change(tenant *logtotest.Tenant, n int, what string) error {
	users := tenant.IDs("users")
	for _, at := range rand.Perm(len(users))[:min(n, len(users))] {
		row := logtotest.Row{"name": fmt.Sprintf("Renamed %08x", rand.Uint32())} // who was renamed before gets another name
		if what == signIn {
			row = logtotest.Row{"last_sign_in_at": tenant.Now()}
		}
		if err := tenant.UpdateUser(users[at], row); err != nil {
			return err
		}
	}
	if what == secondDay {
		return reporttest.SecondDay(tenant)
	}
	return nil
}
