package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"logto-syncer/internal/catalog"
	"logto-syncer/internal/config"
)

// An app is what the commands have in common.
type app struct {
	processEnvironment
	out    *output
	config string // path of the configuration

	stop     chan struct{} // closed at the first signal
	graceful atomic.Bool   // the first signal ends at the next resting place only
	deaf     atomic.Bool   // signals are somebody else's affair
}

// errInterrupted is the cause a context ends with when somebody pressed Ctrl-C.
var errInterrupted = errors.New("interrupted")

// grace is how long a command may take to stop by itself after the first
// signal: what waits for something that may never come is ended then.
const grace = 5 * time.Second

// watchSignals turns signals into ends: the first closes a.stop and, unless the
// command stops by itself then, ends the context; the second ends it in any
// case, and so does grace. done ends the watch and waits for it.
func (a *app) watchSignals(ctx context.Context) (_ context.Context, done func()) {
	a.stop = make(chan struct{})
	ctx, cancel := context.WithCancelCause(ctx)
	var wg sync.WaitGroup
	wg.Go(func() {
		var over <-chan time.Time
		for n := 0; ; n++ {
			select {
			case <-ctx.Done():
				return
			case <-over:
				cancel(errInterrupted)
				return
			case <-a.signals:
			}
			if a.deaf.Load() {
				n--
				continue
			}
			if n == 0 {
				close(a.stop)
			}
			if n > 0 || !a.graceful.Load() {
				cancel(errInterrupted)
				return
			}
			fmt.Fprintf(a.stderr, "\nsyncer: finishing the requests under way, for %v at most; once more stops at once\n", grace)
			over = time.After(grace)
		}
	})
	return ctx, func() {
		cancel(nil)
		wg.Wait()
	}
}

// load reads the configuration and tells of its warnings.
func (a *app) load() (*config.Config, error) {
	cfg, err := config.Load(a.config, a.env, catalog.Names())
	if err != nil {
		return nil, wrapNoConfigError(err)
	}
	if err := checkConfigTableNames(cfg); err != nil {
		return nil, err
	}
	log := a.out.logger(a.stderr)
	for _, w := range cfg.Warnings {
		log.Warn(w.Message, "at", fmt.Sprintf("%s:%d:%d", w.File, w.Line, w.Column), "hint", w.Hint) //nolint:sloglint // the message is the file's
	}
	return cfg, nil
}

// wrapNoConfigError says that there is no configuration if the file cannot be read.
func wrapNoConfigError(err error) error {
	if _, isPath := errors.AsType[*fs.PathError](err); isPath {
		return fmt.Errorf("%w: %w", errNoConfig, err)
	}
	return err
}

// checkConfigTableNames wants the tables history.except and privacy name to be there: a
// name that is mistaken would keep what is not to be kept. The error has all
// mistakes, each with its place in the file.
func checkConfigTableNames(cfg *config.Config) error {
	var known []string
	for _, l := range catalog.All() {
		for _, t := range l.Tables() {
			known = append(known, t.Name)
		}
	}
	slices.Sort(known)
	hint := "the tables are: " + strings.Join(known, ", ")
	var problems []config.Problem
	for i, name := range cfg.History.Except {
		if !slices.Contains(known, name) {
			problems = append(problems, cfg.Problem(fmt.Sprintf("history.except[%d]", i), "there is no table "+name, hint))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(cfg.Privacy.Tables)) {
		if !slices.Contains(known, name) {
			problems = append(problems, cfg.Problem("privacy.tables."+name, "there is no table "+name, hint))
		}
	}
	return config.JoinProblems(problems)
}

// jobsByName returns the jobs of those names, all without names.
func jobsByName(cfg *config.Config, names []string) ([]config.Job, error) {
	if len(names) == 0 {
		return cfg.Jobs, nil
	}
	var jobs []config.Job
	for _, name := range names {
		job, ok := cfg.Job(name)
		if !ok {
			return nil, usageError{"no job " + name + " in the configuration", "it has: " + jobNamesText(cfg)}
		}
		jobs = append(jobs, job)
	}
	return jobs, nil
}

func jobNamesText(cfg *config.Config) string {
	names := make([]string, len(cfg.Jobs))
	for i, j := range cfg.Jobs {
		names[i] = j.Name
	}
	return strings.Join(names, ", ")
}
