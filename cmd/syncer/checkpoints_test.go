package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"logto-syncer/internal/catalog"
)

// A checkpoint is a chunk of a run that is done, as the database has it.
type checkpoint struct {
	run     int64
	listing *catalog.Listing
	Parent  string `json:"p"`
	Name    string `json:"m"`
}

// checkpoints returns what is done of runs that are not published yet.
func (s *fixture) checkpoints(t *testing.T) []checkpoint {
	t.Helper()
	rows := must[pgx.Rows](t, "read the checkpoints")(s.pool.Query(t.Context(), "select run_id, listing, chunks::text from syncer.checkpoints"))
	var all []checkpoint
	var run int64
	var listing, array string
	_, err := pgx.ForEachRow(rows, []any{&run, &listing, &array}, func() error {
		var some []checkpoint
		if err := json.Unmarshal([]byte(array), &some); err != nil {
			return err
		}
		for _, m := range some {
			m.run, m.listing = run, catalog.Find(listing)
			all = append(all, m)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// repeatedRequests returns the requests that ask for something again that a checkpoint says is
// done. ids are of rows that were there all the time.
func repeatedRequests(done []checkpoint, asked []string, ids []string) ([]string, error) {
	requests := make([]request, len(asked))
	for i, uri := range asked {
		var err error
		if requests[i], err = parseRequest(uri); err != nil {
			return nil, err
		}
	}
	var again []string
	for _, m := range done {
		repeats, err := m.repeatedBy(ids)
		if err != nil {
			return nil, err
		}
		for _, r := range requests {
			if r.path == "/api"+m.listing.PathForParent(m.Parent) && repeats(r) {
				again = append(again, fmt.Sprintf("%s %q: %s", m.listing.Name, m.Name, r.uri))
			}
		}
	}
	return again, nil
}

// A request is one for a list.
type request struct {
	uri, path, page string
	exact           []string       // ids asked for
	pattern         *regexp.Regexp // of ids asked for; nil: none
}

func (r request) searches() bool { return r.exact != nil || r.pattern != nil }

func (r request) counts() bool { return r.page == "100000000" }

func parseRequest(uri string) (request, error) {
	u, err := url.Parse(uri)
	if err != nil {
		return request{}, err
	}
	query := u.Query()
	r := request{uri: uri, path: u.Path, page: query.Get("page")}
	switch search := query["search.id"]; query.Get("mode.id") {
	case "exact":
		r.exact = search
	case "posix":
		r.pattern, err = regexp.Compile(search[0])
	}
	return r, err
}

// otherReading is the checkpoint of a page of a reading behind the second.
var otherReading = regexp.MustCompile(`^[0-9]+ [0-9]+[a-z0-9]?/[0-9]+$`)

// repeatedBy returns whether a request for the list asks for the chunk again.
func (m checkpoint) repeatedBy(ids []string) (func(request) bool, error) {
	name, list := strings.CutPrefix(m.Name, "divided ")
	words := strings.Fields(m.Name)
	switch {
	case strings.HasPrefix(name, "ids:"):
		in, err := idsIn(name, ids)
		return func(r request) bool {
			if r.pattern == nil || r.counts() || len(in) == 0 {
				return false
			}
			if list { // its ranges are asked for, itself is not
				return !slices.ContainsFunc(in, func(id string) bool { return !r.pattern.MatchString(id) })
			}
			return slices.ContainsFunc(in, r.pattern.MatchString)
		}, err
	case words[0] == "total":
		in, err := idsIn(words[1], ids)
		return func(r request) bool {
			return r.pattern != nil && r.counts() && slices.ContainsFunc(in, r.pattern.MatchString)
		}, err
	case words[0] == "batch":
		return func(r request) bool { return slices.Contains(r.exact, words[2]) }, nil
	case m.Name == "newest" && m.listing.CountOnly: // read once more behind the last look-up, which shows who came meanwhile
		seen := 0
		return func(r request) bool {
			if r.searches() || r.counts() {
				return false
			}
			seen++
			return seen > 1
		}, nil
	case m.Name == "begin", m.Name == "newest":
		return func(r request) bool { return !r.searches() && !r.counts() }, nil
	case words[0] == "reference":
		return func(r request) bool { return slices.Contains(r.exact, words[1]) }, nil
	case m.Name == "whole", m.Name == "proved":
		return func(r request) bool { return !r.searches() }, nil
	case len(words) == 2 && words[1] == "total":
		return func(r request) bool { return !r.searches() && r.counts() }, nil
	case strings.HasPrefix(m.Name, "1 100/"): // the second reading, and so the last of a list at rest
		return func(r request) bool { return !r.searches() && r.page == m.Name[len("1 100/"):] }, nil
	case strings.HasPrefix(m.Name, "0 100/"): // may be asked for once more, by the second
		seen := 0
		return func(r request) bool {
			if r.searches() || r.page != m.Name[len("0 100/"):] {
				return false
			}
			seen++
			return seen > 1
		}, nil
	}
	if m.Name == "recount" || otherReading.MatchString(m.Name) { // of a list that changes, which is rightly counted and read again
		return func(request) bool { return false }, nil
	}
	return nil, fmt.Errorf("the test does not know what the checkpoint %q of %s says", m.Name, m.listing.Name)
}

// idsIn returns the ids in a range such as ids:2:a0-b0:0: those whose first 2
// characters are from a0 to just before b0, read as numbers. The last number
// is of ranges of ids that no row of the test has.
func idsIn(name string, ids []string) ([]string, error) {
	fields := strings.Split(name, ":")
	if len(fields) != 4 {
		return nil, fmt.Errorf("%q is no range of ids", name)
	}
	depth, err := strconv.Atoi(fields[1])
	if err != nil || fields[3] != "0" {
		return nil, err
	}
	from, to, _ := strings.Cut(fields[2], "-")
	number := func(digits string) int64 {
		n, bad := strconv.ParseInt(cmp.Or(digits, "0"), 36, 64)
		err = cmp.Or(err, bad)
		return n
	}
	lo, hi := number(from), number(to)
	var in []string
	for _, id := range ids {
		if n := number(id[:depth]); n >= lo && n < hi {
			in = append(in, id)
		}
	}
	return in, err
}
