package main

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"logto-syncer/internal/config"
	"logto-syncer/internal/extract"
	"logto-syncer/internal/logto"
	"logto-syncer/internal/mirror"
	"logto-syncer/internal/postgres"
	"logto-syncer/internal/state"
)

// The exit codes are a promise; the README has the table.
const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2 // or a mistake in the configuration
	exitUnproved    = 3 // something could not be proved, or the deletion guard refused the run
	exitRunning     = 4
	exitInterrupted = 130
)

// A usageError is a mistake in how the program was called.
type usageError struct{ text, hint string }

func (e usageError) Error() string { return e.text }

// An unprovedError says that the work was done and what it found is not good.
type unprovedError struct{ text, hint string }

func (e unprovedError) Error() string { return e.text }

// A hintedError is a failure with what to do about it.
type hintedError struct{ text, hint string }

func (e hintedError) Error() string { return e.text }

// A reportedError has been reported to the user in detail: only its code counts.
type reportedError struct{ code int }

func (reportedError) Error() string { return "see above" }

// exitCode returns the code for an error; of several joined, the worst.
func exitCode(err error) int {
	if several := joinedErrors(err); several != nil {
		var codes []int
		for _, one := range several {
			codes = append(codes, exitCode(one))
		}
		return worstExitCode(codes)
	}
	var (
		usage    usageError
		unproved unprovedError
		guard    *mirror.GuardError
		reported reportedError
		problems config.Errors
	)
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &reported):
		return reported.code
	case errors.As(err, &usage), errors.As(err, &problems), errors.Is(err, errNoConfig):
		return exitUsage
	case errors.As(err, &guard), errors.As(err, &unproved):
		return exitUnproved
	case errors.Is(err, state.ErrLocked):
		return exitRunning
	case errors.Is(err, extract.ErrStopped), errors.Is(err, errInterrupted), errors.Is(err, context.Canceled):
		return exitInterrupted
	}
	return exitFailed
}

// joinedErrors returns the errors that err is nothing but a list of; nil if it is
// one of its own.
func joinedErrors(err error) []error {
	several, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return nil
	}
	var texts []string
	for _, one := range several.Unwrap() {
		texts = append(texts, one.Error())
	}
	if strings.Join(texts, "\n") != err.Error() {
		return nil
	}
	return several.Unwrap()
}

// worstExitCode returns the code that tells most of several: an interruption concerns
// all of them, a failure needs somebody more than what could not be proved,
// and that more than a run that is under way already.
func worstExitCode(codes []int) int {
	order := []int{exitDone, exitRunning, exitUnproved, exitFailed, exitUsage, exitInterrupted}
	return slices.MaxFunc(codes, func(a, b int) int { return slices.Index(order, a) - slices.Index(order, b) })
}

// errNoConfig says that the configuration file is not there or not readable.
var errNoConfig = errors.New("no configuration")

// errorTextAndHint splits an error into what happened and what to do about it; the
// hint may be empty.
func errorTextAndHint(err error) (text, hint string) {
	var (
		usage    usageError
		unproved unprovedError
		hinted   hintedError
	)
	text = oneLine(err.Error())
	switch {
	case errors.As(err, &usage):
		return text, usage.hint
	case errors.As(err, &unproved):
		return text, unproved.hint
	case errors.As(err, &hinted):
		return text, hinted.hint
	case errors.Is(err, errNoConfig) && errors.Is(err, fs.ErrNotExist):
		return text, "name it with -c FILE, or begin with the jobs.yaml of the repository"
	case errors.Is(err, state.ErrLocked):
		return text, "it ends by itself; syncer status shows it"
	case errors.Is(err, state.ErrEarlierBuild):
		return text, "name a new, empty database (embedded Postgres: move ./" + embeddedDir + " away); the next run mirrors the tenant into it. " +
			"To reuse this one and lose its history, first drop its schemas logto, logto_history, report, syncer, syncer_stage and syncer_queue"
	case errors.Is(err, state.ErrNoCitus):
		return text, "create extension citus, add the workers to the cluster, and see docs/scale.md"
	case errors.As(err, new(*state.OccupiedSchemasError)):
		return text, "rename these schemas or drop what is in them, or name another database: syncer's schemas have fixed names"
	case errors.Is(err, extract.ErrStopped), errors.Is(err, errInterrupted) && errors.As(err, new(tenantError)):
		return text, "what is read is kept: the next syncer run goes on from there"
	case errors.Is(err, postgres.ErrNotFound):
		return text, "or name a database in the configuration: database: postgres://..."
	}
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok && pg.Code == insufficientPrivilege {
		return text, "the role of the database may not do this: one that syncer grant let in only reads, by report, status, export, psql and privacy; " +
			"other commands need the role that owns the mirror, and syncer check says what that lacks"
	}
	if api, ok := errors.AsType[*logto.Error](err); ok && api.Hint != "" {
		return strings.Replace(text, "; "+api.Hint, "", 1), api.Hint
	}
	if before, after, ok := strings.Cut(text, "; if the tenant really lost them, "); ok {
		return before, "if the tenant really lost them, " + after
	}
	return text, ""
}

// oneLine puts the lines pgx writes, one for each way it tried to connect,
// behind each other, equal ones once.
func oneLine(text string) string {
	lines := strings.Split(text, "\n\t")
	var kept []string
	for _, line := range lines {
		if !slices.Contains(kept, line) {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, " ")
}
