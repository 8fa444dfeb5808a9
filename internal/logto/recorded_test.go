package logto

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
)

// recorded is what a real Logto 1.42 answered about a synthetic tenant.
type recorded struct {
	Path   string
	Status int
	Header http.Header
	Body   json.RawMessage
}

func (a recorded) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	body := []byte(a.Body)
	maps.Copy(w.Header(), a.Header)
	if strings.HasPrefix(a.Header.Get("Content-Type"), "text/plain") {
		body = bytes.Trim(body, `"`)
	}
	w.WriteHeader(a.Status)
	w.Write(body)
}

func TestAnswersOfARealServerAreUnderstood(t *testing.T) {
	t.Parallel()
	file, err := os.Open("testdata/answers.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	n := 0
	for ; lines.Scan(); n++ {
		var a recorded
		if err := json.Unmarshal(lines.Bytes(), &a); err != nil {
			t.Fatal(err)
		}
		t.Run(a.Path, func(t *testing.T) {
			t.Parallel()
			f := newFake(t, a.ServeHTTP)
			c := f.client(t, f.config(), fastTuning())
			switch {
			case a.Status != 200:
				_, err := c.WithoutUnknownPathRetries().List(t.Context(), "/x", nil)
				checkRefusal(t, a, err)
			case a.Body[0] == '{':
				v, err := c.Object(t.Context(), "/x", nil)
				if err != nil || !bytes.Equal(v, a.Body) {
					t.Errorf("object %s, %v", v, err)
				}
			default:
				page, err := c.List(t.Context(), "/x", nil)
				checkPage(t, a, page, err)
			}
		})
	}
	if err := lines.Err(); err != nil || n < 50 {
		t.Fatalf("%d answers read, %v; want all", n, err)
	}
}

func checkPage(t *testing.T, a recorded, page Page, err error) {
	t.Helper()
	var items []json.RawMessage
	if err := errors.Join(err, json.Unmarshal(a.Body, &items)); err != nil {
		t.Fatal(err)
	}
	total := -1
	if value := a.Header.Get("Total-Number"); value != "" {
		if total, err = strconv.Atoi(value); err != nil {
			t.Fatal(err)
		}
	}
	capped := a.Header.Get("Total-Number-Is-Capped") == "true"
	if page.Total != total || page.Capped != capped || len(page.Items) != len(items) {
		t.Errorf("total %d, capped %v, %d items; want %d, %v, %d", page.Total, page.Capped, len(page.Items), total, capped, len(items))
	}
}

func checkRefusal(t *testing.T, a recorded, err error) {
	t.Helper()
	var want struct{ Code string }
	_ = json.Unmarshal(a.Body, &want) // a word is no object, and has no code
	e, ok := errors.AsType[*Error](err)
	if !ok || e.Status != a.Status || e.Code != want.Code || e.Transient() != (want.Code == "") {
		t.Errorf("error %v, want status %d and code %q", err, a.Status, want.Code)
	}
	if have := IsNotFound(err); have != strings.HasPrefix(want.Code, "entity.not_") {
		t.Errorf("not found: %v", have)
	}
	if have := IsUnknownPath(err); have != (want.Code == "") {
		t.Errorf("unknown path: %v", have)
	}
}
