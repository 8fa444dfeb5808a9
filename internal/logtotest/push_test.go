package logtotest_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"logto-syncer/internal/logtotest"
)

func TestADeliveryIsPostedOnceSignedAndLogged(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status int
		result string
		body   string
	}{
		"taken":   {http.StatusOK, "Success", `{"ok":true}`},
		"refused": {http.StatusServiceUnavailable, "Error", "try later"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var posts atomic.Int32
			receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				posts.Add(1)
				body, err := io.ReadAll(r.Body)
				if err != nil || r.Header.Get("Logto-Signature-Sha-256") != logtotest.Signature("key", body) || r.Header.Get("X-Test") != "1" {
					t.Errorf("a delivery with headers %v (%v)", r.Header, err)
				}
				if !strings.Contains(string(body), `"token":"secret"`) {
					t.Errorf("a delivery is masked: %s", body)
				}
				w.WriteHeader(c.status)
				_, _ = io.WriteString(w, c.body)
			}))
			defer receiver.Close()
			tenant, _, logs := hooked(t, "1.42", "User.Created")
			must(t, tenant.DirectSQL().Update("hooks", dataHook, logtotest.Row{
				"config": logtotest.Row{"url": receiver.URL, "headers": logtotest.Row{"X-Test": "1"}},
			}))
			must(t, tenant.DirectSQL().Update("hooks", "syncerchangefeed00001", logtotest.Row{"enabled": false}))
			stop := tenant.StartPushingDeliveries(t.Context())
			_, err := tenant.CreateUser(logtotest.Row{"custom_data": logtotest.Row{"token": "secret"}})
			must(t, err)
			stop()
			rows := logs()
			if len(rows) != 1 || posts.Load() != 1 {
				t.Fatalf("%d posts, logged %v", posts.Load(), rows)
			}
			payload := rows[0]["payload"].(map[string]any)
			if _, failed := payload["error"]; payload["result"] != c.result || failed != (c.result == "Error") || payload["response"] == nil {
				t.Errorf("logged %v", payload)
			}
			if custom := bodyOf(rows[0])["data"].(map[string]any)["customData"].(map[string]any); custom["token"] != "******" {
				t.Errorf("the log has %v", custom)
			}
		})
	}
}

func TestADeliveryThatNobodyTakesIsLoggedAsFailed(t *testing.T) {
	t.Parallel()
	receiver := httptest.NewServer(http.NotFoundHandler())
	receiver.Close()
	tenant, _, logs := hooked(t, "1.42", "User.Created")
	must(t, tenant.DirectSQL().Update("hooks", dataHook, logtotest.Row{"config": logtotest.Row{"url": receiver.URL}}))
	must(t, tenant.DirectSQL().Update("hooks", "syncerchangefeed00001", logtotest.Row{"enabled": false}))
	stop := tenant.StartPushingDeliveries(t.Context())
	_, err := tenant.CreateUser(logtotest.Row{})
	must(t, err)
	stop()
	rows := logs()
	if len(rows) != 1 {
		t.Fatalf("logged %v", rows)
	}
	if payload := rows[0]["payload"].(map[string]any); payload["result"] != "Error" || payload["error"] == nil || payload["response"] != nil {
		t.Errorf("logged %v", payload)
	}
}
