# `make` lists the targets. They work as root and as an ordinary user. What is missing
# on the machine is installed, or one line says how to install it.
#
# -timeout only ends a test that hangs: it is generous, so that a busy machine does
# not fail a test that is merely slow.
.DEFAULT_GOAL := help
.PHONY: help demo build test test-postgres test-browser test-citus test-world soak soak-serve fuzz bench bench-fleet bench-build docs lint fmt

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
FUZZTIME = 20s
GOLANGCI = go tool -modfile=tools/go.mod golangci-lint

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

demo: build ## mirror a simulated tenant into a temporary Postgres, with reports (ARGS="--users 1000")
	@scripts/need postgres
	bin/syncer demo $(ARGS)

build: ## build bin/syncer
	@scripts/need go
	CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags "-X main.version=$(VERSION)" -o bin/syncer ./cmd/syncer

test: ## run all tests, with the race detector and a real Postgres
	@scripts/need go cc postgres
	go test -race -timeout 60m $$(go list ./... | grep -v /internal/world$$)
	go test -timeout 60m -parallel 4 -run ThePromiseHolds ./internal/mirror -schedules 500 -rapid.seed 1

test-world: ## run the program behind the real nginx, HAProxy and PgBouncer
	@scripts/need go postgres nginx haproxy pgbouncer
	go test -timeout 60m ./internal/world

test-browser: ## test the status page in Chromium (ARGS=-update writes the screenshots in docs)
	@scripts/need go postgres chromium axe
	go test -tags browser -timeout 60m -run TestTheStatusPageInABrowser ./internal/serve $(ARGS)

test-citus: ## test on a Citus cluster: CITUS=postgres://user@coordinator:5432/postgres
	@scripts/test-citus "$(CITUS)"

soak: ## test 20,000 random schedules of changes and faults (ARGS="-schedules 1000")
	@scripts/need go postgres
	go test -timeout 6h -v -parallel 4 -run ThePromiseHolds ./internal/mirror -schedules 20000 $(ARGS)

soak-serve: ## simulate a day of syncer serve with a run a minute (ARGS="-soak-runs 500")
	@scripts/need go postgres
	go test -tags soak -timeout 2h -v -run TestNoResourceGrows ./internal/serve -soak-runs 1440 $(ARGS)

fuzz: ## run every fuzz target for FUZZTIME (20s)
	@scripts/need go
	scripts/fuzz $(FUZZTIME)

test-postgres: ## what depends on PostgreSQL, with each major version from 14 to 18 (ARGS=14)
	scripts/test-postgres $(ARGS)

bench: bench-build ## run the benchmarks and write docs/benchmarks.md (ARGS="-scale 0.1")
	@scripts/need postgres
	bin/bench $(ARGS)

bench-fleet: build ## measure 1,000 tenants on 1, 4 and 20 workers for docs/scale.md (ARGS="-tenants 100")
	@scripts/need postgres
	CGO_ENABLED=0 go build -trimpath -buildvcs=false -o bin/bench-fleet ./bench/fleet
	bin/bench-fleet $(ARGS)

bench-build: build
	CGO_ENABLED=0 go build -trimpath -buildvcs=false -o bin/bench ./bench

docs: ## write docs/data-dictionary.md and docs/data-model.md from the database's comments
	@scripts/need go postgres
	go test -timeout 60m -run TestTheDocumentsAreUpToDate ./internal/docs -update

lint: ## run the linters, and check scripts and wording
	@scripts/need go
	$(GOLANGCI) run
	for script in scripts/* findings/*.sh .ci/run; do bash -n "$$script" || exit; done
	scripts/wording

fmt: ## format the code
	$(GOLANGCI) fmt
