package main

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"logto-syncer/internal/logtotest"
	"logto-syncer/internal/postgres"
	"logto-syncer/internal/postgres/pgtest"
)

// A server of somebody else's is named, an embedded one is restarted.
func TestCheckNoticesThatAnUpgradeBrokeThePostgresServer(t *testing.T) {
	t.Parallel()
	installed := pgtest.CopyInstallation(t)
	dir := t.TempDir()
	options := postgres.Options{Dir: installed.ServerDir(), BinDir: installed.BinDir()}
	server := must[*postgres.Server](t, "start a server")(postgres.Start(t.Context(), options))
	t.Cleanup(func() {
		if err := server.Stop(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	installed.SimulateUpgrade()
	tenant := logtotest.Start(logtotest.Generate(logtotest.Options{Users: 10, Seed: 1}))
	t.Cleanup(tenant.Close)
	if err := ownJobs(dir); err != nil {
		t.Fatal(err)
	}
	check := []string{"check", "--config", filepath.Join(dir, "jobs.yaml")}
	code, stdout, _ := inProcess(t, environment(tenant, server.URL("postgres")), check...)
	if code == 0 || !strings.Contains(stdout, "58P01") || !strings.Contains(stdout, "restart the server") {
		t.Errorf("exit code %d:\n%s", code, stdout)
	}
	joined := must[*postgres.Server](t, "join the server")(postgres.Start(t.Context(), options))
	if !joined.RestartedByStart() {
		t.Error("the embedded server was not restarted")
	}
	if err := joined.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	code, stdout, _ = inProcess(t, environment(tenant, server.URL("postgres")), check...)
	if code != 0 || strings.Contains(stdout, "58P01") {
		t.Errorf("after the restart: exit code %d:\n%s", code, stdout)
	}
}
