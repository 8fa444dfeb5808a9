package logtotest

import (
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"sync"
)

// An answer is a response before faults and the network get at it.
type answer struct {
	status int
	header http.Header // nil is none
	body   []byte
	text   bool    // plain text instead of JSON
	room   *[]byte // what the body is in, of bodies; nil: its own
}

// bodies is room for the items of answers, to be used again: beside a million
// users, whom every collection of garbage has to look at, a page of it is dear.
var bodies = sync.Pool{New: func() any { return new([]byte) }}

// releaseBody gives the room of the body back; nobody may look at that any more.
func (a *answer) releaseBody() {
	if a.room != nil {
		bodies.Put(a.room)
	}
	*a = answer{}
}

// failure is Logto's error body.
func failure(status int, code, message string) answer {
	return failureWithData(status, code, message, "")
}

// failureWithData adds data, which is raw JSON.
func failureWithData(status int, code, message, data string) answer {
	body := `{"code":` + quote(code)
	if data != "" {
		body += `,"data":` + data
	}
	return answer{status: status, body: []byte(body + `,"message":` + quote(message) + `}`)}
}

func internalError() answer {
	return answer{status: http.StatusInternalServerError, body: []byte(`{"message":"Internal server error."}`)}
}

func plainText(status int) answer {
	return answer{status: status, body: []byte(http.StatusText(status)), text: true}
}

func notFound() answer {
	return failure(http.StatusNotFound, "entity.not_found", "The resource does not exist.")
}

// noSuch is what most routes say about a row that does not exist.
func noSuch(table, id string) answer {
	if table == "organization_roles" {
		return notFound()
	}
	return failure(http.StatusNotFound, "entity.not_exists_with_id", fmt.Sprintf("The %s with ID `%s` does not exist.", table, id))
}

// badSearch is a mistake in the search family.
func badSearch(details string) answer {
	return failureWithData(http.StatusBadRequest, "request.invalid_input", "Input is invalid. "+details, "{}")
}

// badEnum is a query parameter outside of its set of values.
func badEnum(key, got, options string) answer {
	return failureWithData(http.StatusBadRequest, "guard.invalid_input", "The request query is invalid.", fmt.Sprintf(
		`{"issues":[{"received":%s,"code":"invalid_enum_value","options":%s,"path":[%s]}],"name":"ZodError"}`, quote(got), options, quote(key)))
}

func (a *answer) addHeader(key, value string) {
	if a.header == nil {
		a.header = http.Header{}
	}
	a.header.Add(key, value)
}

// write sends the answer whole.
func (a *answer) write(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	maps.Copy(h, a.header)
	switch {
	case a.status == http.StatusNoContent:
		w.WriteHeader(a.status)
		return
	case h.Get("Content-Type") != "":
	case a.text:
		h.Set("Content-Type", "text/plain; charset=utf-8")
	default:
		h.Set("Content-Type", "application/json; charset=utf-8")
	}
	if a.status == http.StatusOK && r.Method == http.MethodGet && !a.text {
		sum := sha1.Sum(a.body)
		tag := fmt.Sprintf(`"%x-%s"`, len(a.body), base64.RawStdEncoding.EncodeToString(sum[:]))
		h.Set("ETag", tag)
		if r.Header.Get("If-None-Match") == tag {
			h.Del("Content-Type")
			w.WriteHeader(http.StatusNotModified)
			return
		}
	}
	h.Set("Content-Length", strconv.Itoa(len(a.body)))
	w.WriteHeader(a.status)
	// A client that went away is no concern of the server's.
	_, _ = w.Write(a.body)
}
