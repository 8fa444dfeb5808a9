# `make` lists what there is. Everything works as root and as an ordinary user;
# what is missing on the machine is installed or named.
.DEFAULT_GOAL := help
.PHONY: help demo build test test-browser test-world soak soak-serve fuzz bench bench-fleet bench-build docs lint fmt

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
FUZZTIME = 20s
GOLANGCI = go tool -modfile=tools/go.mod golangci-lint

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

demo: build ## a simulated tenant, mirrored into a Postgres of its own (ARGS="--users 1000")
	@scripts/need postgres
	bin/syncer demo $(ARGS)

build: ## bin/syncer
	@scripts/need go
	CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags "-X main.version=$(VERSION)" -o bin/syncer ./cmd/syncer

test: ## all tests, with the race detector and a real Postgres
	@scripts/need go cc postgres
	go test -race -timeout 20m $$(go list ./... | grep -v /internal/world$$)
	go test -timeout 10m -parallel 4 -run ThePromiseHolds ./internal/mirror -schedules 500 -rapid.seed 1

test-world: ## the program behind the real nginx, HAProxy and PgBouncer
	@scripts/need go postgres nginx haproxy pgbouncer
	go test -timeout 20m ./internal/world

test-browser: ## the status page in Chromium (ARGS=-update writes the screenshots in docs)
	@scripts/need go postgres chromium axe
	go test -tags browser -timeout 5m -run TestTheStatusPageInABrowser ./internal/serve $(ARGS)

soak: ## 20,000 random schedules of changes and faults against the promise (ARGS="-schedules 1000")
	@scripts/need go postgres
	go test -timeout 6h -v -parallel 4 -run ThePromiseHolds ./internal/mirror -schedules 20000 $(ARGS)

soak-serve: ## a day of syncer serve with a run a minute, as fast as it goes (ARGS="-soak-runs 500")
	@scripts/need go postgres
	go test -tags soak -timeout 2h -v -run TestNoResourceGrows ./internal/serve -soak-runs 1440 $(ARGS)

fuzz: ## every fuzz target for FUZZTIME (20s)
	@scripts/need go
	scripts/fuzz $(FUZZTIME)

bench: bench-build ## measure what is promised of speed, and write docs/benchmarks.md (ARGS="-scale 0.1")
	@scripts/need postgres
	bin/bench $(ARGS)

bench-fleet: build ## 1,000 tenants on 1, 4 and 20 workers, some killed, into docs/scale.md (ARGS="-tenants 100")
	@scripts/need postgres
	CGO_ENABLED=0 go build -trimpath -buildvcs=false -o bin/bench-fleet ./bench/fleet
	bin/bench-fleet $(ARGS)

bench-build: build
	CGO_ENABLED=0 go build -trimpath -buildvcs=false -o bin/bench ./bench
	CGO_ENABLED=0 go build -trimpath -buildvcs=false -o bin/bench-upsert ./bench/upsert
	CGO_ENABLED=0 go build -trimpath -buildvcs=false -o bin/bench-copymerge ./bench/copymerge

docs: ## docs/data-dictionary.md and docs/data-model.md, from the database's own comments
	@scripts/need go postgres
	go test -run TestTheDocumentsAreUpToDate ./internal/docs -update

lint: ## what a reviewer should not have to say
	@scripts/need go
	$(GOLANGCI) run
	for script in scripts/*; do sh -n "$$script" || exit; done

fmt: ## lay out the code
	$(GOLANGCI) fmt
