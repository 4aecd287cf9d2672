# The Go side of the make targets. The rest of the template calls these names and knows no Go.

GO ?= go
ifeq ($(shell command -v $(GO) 2>/dev/null),)
GO = sh -c 'echo "go is not installed; this service needs Go 1.26 or later (https://go.dev/doc/install)" >&2; exit 1' go
endif
GO_TOOL := $(GO) tool -modfile=tools/go.mod
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
REVISION ?= $(shell git rev-parse HEAD 2>/dev/null || echo unknown)
GO_LDFLAGS := -s -w -X main.version=$(VERSION) -X main.revision=$(REVISION)
COVERAGE_MINIMUM ?= 80
FUZZ_TIME ?= 10s
BENCH_TIME ?= 1s
CI ?=
REPORTS ?= $(if $(filter true,$(CI)),build/reports)
COVERED := ./internal/domain/...,./internal/app/...,./internal/pipeline/...

# With REPORTS, which is set where CI is true, what runs here is also written there for the pipeline to show.
reports = $(if $(REPORTS),@mkdir -p $(REPORTS))
go_test = $(if $(REPORTS),$(GO_TOOL) gotestsum --format pkgname --junitfile $(REPORTS)/junit-$1.xml --raw-command -- $(GO) test -json,$(GO) test)

.PHONY: deps format lint-code test-unit test-integration test-e2e coverage build run run-worker run-migrate run-seed run-pipeline scan-code scan-dependencies fuzz bench

deps: ## bring go.mod in line with the sources and the template, and download the modules, verified by go.sum
	@bin/raise-modules
	$(GO) mod tidy
	$(GO) mod download
	$(GO) mod verify
	$(GO) mod download -modfile=tools/go.mod

format: ## format the sources
	$(GO_TOOL) golangci-lint fmt

lint-code: ## lint the sources and their layers, and check that go.mod is tidy
	$(reports)
	$(GO_TOOL) golangci-lint run $(if $(REPORTS),--output.text.path=stdout --output.code-climate.path=$(REPORTS)/code-quality.json)
	$(GO) mod tidy -diff

test-unit: ## run the unit tests in random order with the race detector
	$(reports)
	$(call go_test,unit) -race -shuffle=on -skip '^TestIntegration' ./cmd/... ./internal/...

test-integration: ## run the tests against real stores (TEST_DATABASE_URL names the server)
	$(reports)
	$(call go_test,integration) -race -count=1 -v -run '^TestIntegration' ./internal/...

test-e2e: ## build the binaries, start them and use them from outside
	$(reports)
	$(call go_test,e2e) -race -count=1 ./test/e2e/...

coverage: ## measure test coverage; fails below COVERAGE_MINIMUM percent
	@mkdir -p build $(REPORTS)
	$(GO) test -skip '^TestIntegration' -coverpkg=$(COVERED) -coverprofile=build/coverage.out ./internal/...
	$(if $(REPORTS),$(GO_TOOL) gocover-cobertura <build/coverage.out >$(REPORTS)/coverage.xml)
	@$(GO) tool cover -func=build/coverage.out | awk -v least=$(COVERAGE_MINIMUM) \
	  '/^total:/ { sub("%", "", $$3); printf "coverage: %s%% of domain, app and pipeline, want %s%%\n", $$3, least; found = 1; low = $$3 + 0 < least + 0 } \
	   END { exit !found || low }'

fuzz: ## fuzz every parser for FUZZ_TIME each, from the seeds in testdata/fuzz
	@grep -rl '^func Fuzz' --include='*_test.go' internal | sed 's|/[^/]*$$||' | sort -u | while read -r package; do \
	  for name in $$(sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\).*/\1/p' "$$package"/*_test.go); do \
	    $(GO) test -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZ_TIME) -fuzzminimizetime 1s "./$$package" </dev/null || exit 1; \
	  done; \
	done

bench: ## time the hot path for BENCH_TIME each, and count its allocations
	$(GO) test -run '^$$' -bench . -benchmem -benchtime $(BENCH_TIME) ./internal/...

build: ## build api, worker, migrate and pipeline into build/
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(GO_LDFLAGS)' -o build/ ./cmd/...

run: ## run the api in the foreground (public port 8080, admin port 9090)
	$(GO) run -ldflags '$(GO_LDFLAGS)' ./cmd/api

run-worker: ## run the worker in the foreground
	$(GO) run -ldflags '$(GO_LDFLAGS)' ./cmd/worker

run-migrate: ## migrate the database to the newest version
	$(GO) run -ldflags '$(GO_LDFLAGS)' ./cmd/migrate up

run-seed: ## place the seed orders in the local database, once
	$(GO) run -ldflags '$(GO_LDFLAGS)' ./cmd/migrate seed

run-pipeline: ## run the batch pipeline once over PIPELINE_INPUT
	$(GO) run -ldflags '$(GO_LDFLAGS)' ./cmd/pipeline

scan-code: ## look for weaknesses in the sources
	$(reports)
	$(GO_TOOL) golangci-lint run --enable-only gosec $(if $(REPORTS),--output.text.path=stdout --output.sarif.path=$(REPORTS)/code.sarif)

scan-dependencies: ## look for known vulnerabilities that the sources reach
	$(GO_TOOL) govulncheck ./...

clean:: ## remove what was built
	rm -rf build tmp/pipeline
