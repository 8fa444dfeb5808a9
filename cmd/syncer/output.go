package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"

	"golang.org/x/term"

	"logto-syncer/internal/config"
)

// An output is how the program talks: what was asked for on stdout, logs,
// progress and errors on stderr. Its methods may be called concurrently once
// set has been.
type output struct {
	stdout, stderr io.Writer
	json, quiet    bool
	bars           bool // progress is shown as bars instead of log lines
	level          slog.Level
	mu             *sync.Mutex // keeps lines on stdout whole
}

func newOutput(w processEnvironment, inJSON bool) *output {
	return &output{stdout: w.stdout, stderr: w.stderr, json: inJSON, mu: new(sync.Mutex)}
}

// applyFlags takes over what the flags say.
func (o *output) applyFlags(inJSON, verbose, quiet bool) {
	o.json, o.quiet = inJSON, quiet
	o.bars = isTerminal(o.stderr) && !verbose && !quiet
	switch {
	case quiet:
		o.level = slog.LevelError
	case verbose:
		o.level = slog.LevelDebug
	case o.bars:
		o.level = slog.LevelWarn
	}
}

// logger writes to w: text for a person at a terminal, JSON for whatever
// collects it otherwise.
func (o *output) logger(w io.Writer) *slog.Logger {
	options := &slog.HandlerOptions{Level: o.level}
	if isTerminal(o.stderr) {
		options.ReplaceAttr = replaceTimeAttr
		return slog.New(slog.NewTextHandler(w, options))
	}
	options.ReplaceAttr = replaceDurationAttr
	return slog.New(slog.NewJSONHandler(w, options))
}

func replaceTimeAttr(_ []string, a slog.Attr) slog.Attr {
	if a.Key == slog.TimeKey {
		a.Value = slog.StringValue(a.Value.Time().Format("15:04:05"))
	}
	return a
}

// replaceDurationAttr writes a duration as "1.5s": the JSON handler writes bare nanoseconds.
func replaceDurationAttr(_ []string, a slog.Attr) slog.Attr {
	if a.Value.Kind() == slog.KindDuration {
		a.Value = slog.StringValue(a.Value.Duration().String())
	}
	return a
}

// printf writes text for a person: nothing with --json or -q.
func (o *output) printf(format string, args ...any) {
	if o.json || o.quiet {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	fmt.Fprintf(o.stdout, format, args...)
}

// printJSON writes one JSON line: nothing without --json.
func (o *output) printJSON(v any) {
	if !o.json {
		return
	}
	line, err := json.Marshal(v)
	if err != nil {
		panic(err) // of types of this program, which all have a JSON form
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	fmt.Fprintf(o.stdout, "%s\n", line)
}

// An errorLine is the last JSON line of a run that did not end well.
type errorLine struct {
	Type   string `json:"type"` // "error"
	Tenant string `json:"tenant,omitempty"`
	File   string `json:"file,omitempty"`
	Line   int    `json:"line,omitempty"`
	Column int    `json:"column,omitempty"`
	Error  string `json:"error"`
	Hint   string `json:"hint,omitempty"`
	Exit   int    `json:"exit"`
}

// fail tells of an error and returns the exit code; nil is none.
func (o *output) fail(err error) int {
	code := exitCode(err)
	for _, one := range flattenErrors(err) {
		o.printError(one, code)
	}
	return code
}

// flattenErrors returns the errors that were joined into one.
func flattenErrors(err error) (out []error) {
	several := joinedErrors(err)
	if several == nil && err != nil {
		return []error{err}
	}
	for _, one := range several {
		out = append(out, flattenErrors(one)...)
	}
	return out
}

func (o *output) printError(err error, code int) {
	if problems, ok := errors.AsType[config.Errors](err); ok {
		for _, p := range problems {
			fmt.Fprintln(o.stderr, p.Error())
			o.printJSON(errorLine{"error", "", p.File, p.Line, p.Column, strings.TrimPrefix(p.Field+": "+p.Message, ": "), p.Hint, code})
		}
		return
	}
	if _, ok := errors.AsType[reportedError](err); ok {
		return
	}
	text, hint := errorTextAndHint(err)
	fmt.Fprintf(o.stderr, "syncer: %s\n", text)
	if hint != "" {
		fmt.Fprintf(o.stderr, "  hint: %s\n", hint)
	}
	line := errorLine{Type: "error", Error: text, Hint: hint, Exit: code}
	if of, ok := errors.AsType[tenantError](err); ok {
		line.Tenant = of.tenant
	}
	o.printJSON(line)
}

// A tenantError says on which tenant an error came.
type tenantError struct {
	tenant string
	err    error
}

func (e tenantError) Error() string { return e.tenant + ": " + e.err.Error() }
func (e tenantError) Unwrap() error { return e.err }

// isTerminal reports whether a person looks at what is written to, or types
// what is read from, v.
func isTerminal(v any) bool {
	f, ok := v.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
