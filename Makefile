# Needs Go and make; `make race` also a C compiler.

# No cgo anywhere: the binaries are static.
export CGO_ENABLED := 0
export MODEL

GO       ?= go
BIN      := bin
PREFIX   ?= /usr/local
FUZZTIME ?= 30s

# The same source gives the same bytes wherever it is built.
BUILD := $(GO) build -trimpath -buildvcs=false
# Tests always run with the costly checks that the tag "invariants" compiles in.
TEST  := $(GO) test -timeout 15m -tags invariants

STATICCHECK := $(GO) run honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOVULNCHECK := $(GO) run golang.org/x/vuln/cmd/govulncheck@v1.9.0
GOLANGCI    := $(GO) run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0

.DEFAULT_GOAL := help
.PHONY: help run build install clean test noasm race fuzz bench bench-kernels check fmt vet staticcheck lint vuln

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' Makefile

run: build ## chat with MODEL=file.gguf; without a terminal, answer standard input and exit
	@$(chat_with_own_daemon)

build: ## build bin/inferd and bin/inferctl, static binaries
	@$(BUILD) -o $(BIN)/ ./cmd/inferd ./cmd/inferctl

install: build ## copy the binaries to $(DESTDIR)$(PREFIX)/bin
	install -d $(DESTDIR)$(PREFIX)/bin
	install -m 0755 $(BIN)/inferd $(BIN)/inferctl $(DESTDIR)$(PREFIX)/bin

clean: ## remove what the other targets built
	rm -rf $(BIN)

test: build ## build, then run all tests; INFERD_SHARED=dir adds the golden data
	@$(golden_data_notice)
	@$(TEST) ./... ; status=$$? ; $(golden_data_notice) ; exit $$status

noasm: ## test the kernels and the runtime without assembly
	$(TEST),noasm ./kernels/... ./runtime/...

race: ## test under the race detector
	CGO_ENABLED=1 $(TEST) -race -short ./...

fuzz: ## run every fuzz target for FUZZTIME (30s) each
	@for p in $$($(GO) list ./...) ; do \
		for f in $$($(TEST) -list '^Fuzz' $$p | grep '^Fuzz') ; do \
			echo "$$p $$f" ; $(TEST) -run '^$$' -fuzz "^$$f\$$" -fuzztime $(FUZZTIME) $$p || exit 1 ; \
		done ; \
	done

bench: build ## tokens per second of MODEL=file.gguf in prefill and decode, at three depths
	@test -n "$$MODEL" || { $(no_model) ; }
	@for depth in 0 256 1024 ; do $(BIN)/inferctl bench --model "$$MODEL" --depth $$depth || exit 1 ; done

bench-kernels: ## benchmark the kernels
	$(GO) test -run '^$$' -bench . -benchmem ./kernels/...

check: fmt vet staticcheck race noasm ## everything that must be clean before a commit

fmt: ## fail if gofmt would change a file
	@test -z "$$(gofmt -l . | tee /dev/stderr)"

vet: ## go vet for amd64 and arm64, with and without assembly
	@for arch in amd64 arm64 ; do for tags in invariants invariants,noasm ; do \
		echo "vet $$arch $$tags" ; GOARCH=$$arch $(GO) vet -tags $$tags ./... || exit 1 ; \
	done ; done

staticcheck: ## staticcheck, package comments required
	$(STATICCHECK) -tags invariants -checks inherit,ST1000 ./...

lint: ## golangci-lint with .golangci.yml
	$(GOLANGCI) run ./...

vuln: ## known vulnerabilities in what the binaries call; needs vuln.go.dev
	$(GOVULNCHECK) ./cmd/...

define no_model
echo 'make: which model? Say MODEL=path/to/model.gguf' >&2 ; exit 2
endef

# Before and after the tests, so that it is seen whichever end of the output is read.
define golden_data_notice
test -n "$$INFERD_SHARED" || printf '%s\n' \
	'**********************************************************************' \
	'* INFERD_SHARED is not set: tests against golden data are SKIPPED.   *' \
	'**********************************************************************' >&2
endef

# The daemon lives in a private directory, which goes away with it however the
# chat ends. Its log is shown only if it has died.
define chat_with_own_daemon
test -n "$$MODEL" || { $(no_model) ; } ; \
parent=$${XDG_RUNTIME_DIR:-} ; test -w "$$parent" || parent=$${TMPDIR:-/tmp} ; \
dir=$$(mktemp -d "$$parent/inferd-run.XXXXXX") || exit 1 ; \
$(BIN)/inferd --model "$$MODEL" --socket "$$dir/inferd.sock" 2>"$$dir/log" & \
daemon=$$! ; \
trap 'status=$$? ; kill $$daemon 2>/dev/null || test $$status -gt 128 || cat "$$dir/log" >&2 ; wait $$daemon ; rm -rf "$$dir" ; exit $$status' EXIT ; \
trap 'exit 130' INT ; trap 'exit 143' TERM HUP ; \
until test -S "$$dir/inferd.sock" ; do kill -0 $$daemon 2>/dev/null || exit 1 ; sleep 0.1 ; done ; \
$(BIN)/inferctl chat --socket "$$dir/inferd.sock"
endef
