# Needs Go and make; `make race` also a C compiler, `make bench-compare` git.

# No cgo anywhere: the binaries are static.
export CGO_ENABLED := 0
export MODEL

GO       ?= go
BIN      := bin
PREFIX   ?= /usr/local
VERSION  ?= 0.2.0
ARCH     ?= $(shell $(GO) env GOARCH)
FUZZTIME ?= 30s
HOURS    ?= 1
FAULTS   ?= 200
BENCH    ?= .
REF      ?= main

# The same source gives the same bytes wherever it is built.
BUILD := $(GO) build -trimpath -buildvcs=false
# Tests always run with the costly checks that the tag "invariants" compiles in.
TEST  := $(GO) test -timeout 15m -tags invariants

STATICCHECK := $(GO) run honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOVULNCHECK := $(GO) run golang.org/x/vuln/cmd/govulncheck@v1.9.0
GOLANGCI    := $(GO) run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
BENCHSTAT   := $(GO) run golang.org/x/perf/cmd/benchstat@v0.0.0-20260908200009-22c9c6c9d4da

.DEFAULT_GOAL := help
.PHONY: help run build demo-model install install-tree release deb rpm systemd-test canary clean test clients noasm isa isa-arm64 race soak memory faults fuzz generate generate-check
.PHONY: bench bench-kernels bench-masks bench-compare check fmt vet staticcheck lint vuln

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' Makefile

run: build ## chat with MODEL=file.gguf or the demo model; without a terminal, answer standard input and exit
	@$(chat_with_own_daemon)

build: ## build bin/inferd and bin/inferctl, static binaries
	@$(BUILD) -o $(BIN)/ ./cmd/inferd ./cmd/inferctl

# Deterministic: the same corpus, vocabulary and order of examples each time. An
# interrupted run goes on where it stopped, in dist/demo.
demo-model: ## train the bundled model anew, about half an hour on two cores
	@$(GO) build -trimpath -buildvcs=false -o $(BIN)/ ./cmd/inferd-tune
	mkdir -p dist/demo
	$(BIN)/inferd-tune corpus --out dist/demo
	test -f dist/demo/vocab.json || $(BIN)/inferd-tune vocab --dir dist/demo
	$(BIN)/inferd-tune train --dir dist/demo
	$(BIN)/inferd-tune export --dir dist/demo --out dist/demo/demo.gguf
	$(BIN)/inferd-tune eval --dir dist/demo --model dist/demo/demo.gguf

install: build ## copy the programs, units, manuals and completions to $(DESTDIR)$(PREFIX)
	$(call install_tree,$(BIN),$(DESTDIR),$(PREFIX))

# What packages are made of.
install-tree:
	$(call install_tree,$(FROM),$(DESTDIR),$(PREFIX))

release: ## static binaries for linux/amd64 and linux/arm64 in dist, the same bytes each time
	@for arch in amd64 arm64 ; do \
		mkdir -p dist/linux-$$arch && \
		GOOS=linux GOARCH=$$arch $(BUILD) -o dist/linux-$$arch/ ./cmd/inferd ./cmd/inferctl || exit 1 ; \
	done
	@cd dist && sha256sum linux-*/inferd linux-*/inferctl | tee SHA256SUMS

deb: ## a Debian package for ARCH (this machine's) in dist
	@$(package_tree) && daemon/systemd/deb.sh "$$tree" $(ARCH) $(VERSION) dist/inferd_$(VERSION)_$(ARCH).deb

rpm: ## an RPM package for ARCH (this machine's) in dist; needs rpmbuild
	@$(package_tree) && SOURCE_DATE_EPOCH=$${SOURCE_DATE_EPOCH:-0} rpmbuild -bb --quiet --target $(if $(filter arm64,$(ARCH)),aarch64,x86_64) \
		--define "pkg_version $(VERSION)" --define "pkg_tree $$tree" --define "pkg_licence $(CURDIR)/LICENSE" \
		--define "_rpmdir $(CURDIR)/dist" --define "_rpmfilename %%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm" \
		--define "_topdir $$tree/../rpm" daemon/systemd/inferd.spec

systemd-test: deb ## install the package under a systemd of its own and try the service; needs root
	INFERD_SYSTEMD_TEST=1 INFERD_DEB=$(CURDIR)/dist/inferd_$(VERSION)_$(ARCH).deb $(TEST) -count 1 -v ./daemon/systemd

canary: ## ask 20 times along each way out, then look for what was said in the daemon's memory; needs root
	$(TEST) -count 1 -v ./daemon/canary -requests 20

clean: ## remove what the other targets built
	rm -rf $(BIN) dist/linux-* dist/*.deb dist/*.rpm

test: build ## build, then run all tests; INFERD_SHARED=dir adds the golden data
	@$(golden_data_notice)
	@$(TEST) ./... ; status=$$? ; $(golden_data_notice) ; exit $$status

# -mod=mod: what the clients share with the daemon follows the daemon's versions.
clients: ## test with client libraries of Go and Node, which are fetched; INFERD_CLIENTS=require makes missing npm an error
	cd daemon/clients && $(GO) vet -mod=mod ./... && $(GO) test -mod=mod -count 1 -timeout 15m ./...

noasm: ## test the kernels and the runtime without assembly
	$(TEST),noasm ./kernels/... ./runtime/...

isa: build ## test the kernels, the runtime and all golden models at every level that this CPU has
	@$(golden_data_notice)
	@for level in amx avx512 avxvnni avx2 neondot neon generic ; do \
		echo "== $$level" ; INFERD_KERNELS=$$level $(BIN)/inferctl --help >/dev/null || continue ; \
		INFERD_KERNELS=$$level INFERD_KERNELS_REQUIRE=$$level $(TEST) -count 1 ./kernels ./runtime/... || exit 1 ; \
	done
	@$(golden_data_notice)

isa-arm64: ## test the kernels and the small models for arm64 in qemu-user, with and without the dot product
	@dir=$$(mktemp -d) && trap 'rm -rf "$$dir"' EXIT && \
	for p in kernels runtime ; do GOARCH=arm64 $(TEST) -c -o "$$dir/$$p" ./$$p || exit 1 ; done ; \
	for cpu in cortex-a53:neon max:neondot,neon ; do echo "== $$cpu" ; \
		(cd kernels && INFERD_KERNELS_REQUIRE=$${cpu#*:} qemu-aarch64-static -cpu $${cpu%:*} "$$dir/kernels" -test.short) && \
		(cd runtime && qemu-aarch64-static -cpu $${cpu%:*} "$$dir/runtime" -test.run 'TestGolden$$') || exit 1 ; \
	done

race: ## test under the race detector
	CGO_ENABLED=1 $(TEST) -race -short ./...

soak: ## try a daemon with mixed traffic for HOURS (1): memory, descriptors and goroutines must not grow
	INFERD_SOAK=$(HOURS)h $(TEST) -timeout 0 -count 1 -v -run TestServiceSoak ./daemon/trials

memory: ## load and unload MODEL=file.gguf of 500 to 900 MB 100 times in a control group of 1 GiB; needs root
	@test -n "$$MODEL" || { $(no_model) ; }
	INFERD_TRIAL_MODEL=$(abspath $(MODEL)) $(TEST) -timeout 0 -count 1 -v -run TestMemoryLimit ./daemon/trials

faults: ## break system calls of FAULTS (200) runs of each program by strace, and disturb the folder of models 1,000 times
	INFERD_FAULTS=$(FAULTS) $(TEST) -timeout 0 -count 1 -v -run TestFaults ./daemon/trials
	INFERD_TORTURE=1000 $(TEST) -timeout 0 -count 1 -v -run TestModelFolderTorture ./daemon

fuzz: ## run every fuzz target for FUZZTIME (30s) each
	@for p in $$($(GO) list ./...) ; do \
		for f in $$($(TEST) -list '^Fuzz' $$p | grep '^Fuzz') ; do \
			echo "$$p $$f" ; $(TEST) -run '^$$' -fuzz "^$$f\$$" -fuzztime $(FUZZTIME) $$p || exit 1 ; \
		done ; \
	done

generate: ## write the generated assembly again
	cd kernels/_gen && $(GO) run .

generate-check: ## fail if generating would change a file
	@dir=$$(mktemp -d) && trap 'rm -rf "$$dir"' EXIT && cp -r kernels "$$dir" && \
		(cd "$$dir/kernels/_gen" && $(GO) run .) && diff -r kernels "$$dir/kernels"

bench: build ## tokens per second of MODEL=file.gguf in prefill and decode, at three depths
	@test -n "$$MODEL" || { $(no_model) ; }
	@for depth in 0 256 1024 ; do $(BIN)/inferctl bench --model "$$MODEL" --depth $$depth || exit 1 ; done

bench-kernels: ## benchmark the kernels; BENCH=regexp picks some
	$(GO) test -run '^$$' -bench '$(BENCH)' -benchmem ./kernels/...

bench-masks: ## time the token masks of grammars over 128k tokens; needs INFERD_SHARED
	$(GO) test -run '^$$' -bench Masks -benchtime 3x ./runtime/grammar

bench-compare: ## compare the kernels' benchmarks with those of the commit REF (main)
	@dir=$$(mktemp -d) && trap 'git worktree remove --force "$$dir/ref" ; rm -rf "$$dir"' EXIT && \
	git worktree add --quiet --detach "$$dir/ref" $(REF) && \
	for i in 1 2 3 4 5 6 ; do \
		(cd "$$dir/ref" && $(GO) test -run '^$$' -bench '$(BENCH)' ./kernels/...) >>"$$dir/old" && \
		$(GO) test -run '^$$' -bench '$(BENCH)' ./kernels/... >>"$$dir/new" || exit 1 ; \
	done && $(BENCHSTAT) "$$dir/old" "$$dir/new"

check: fmt vet staticcheck generate-check race noasm ## everything that must be clean before a commit

fmt: ## fail if gofmt would change a file
	@test -z "$$(gofmt -l . | tee /dev/stderr)"

vet: ## go vet for amd64 and arm64, with and without assembly
	@for arch in amd64 arm64 ; do \
		echo "vet $$arch" ; GOARCH=$$arch $(GO) vet -tags invariants ./... && \
		GOARCH=$$arch $(GO) vet -tags invariants,noasm ./kernels/... ./runtime/... || exit 1 ; \
	done

staticcheck: ## staticcheck, package comments required
	$(STATICCHECK) -tags invariants -checks inherit,ST1000 ./...

lint: ## golangci-lint with .golangci.yml
	$(GOLANGCI) run ./...

vuln: ## known vulnerabilities in what the binaries call; needs vuln.go.dev
	$(GOVULNCHECK) ./cmd/...

# install_tree copies programs from $1 into the tree $2, under the prefix $3.
# Units and other parts of the system that name programs get the prefix's paths.
define install_tree
	install -d $2$3/bin $2/usr/lib/systemd/system $2/usr/lib/sysusers.d $2/usr/lib/tmpfiles.d
	install -m 0755 $1/inferd $1/inferctl $2$3/bin
	for unit in inferd.service inferd.socket inferd-admin.socket ; do \
		sed 's,/usr/bin/,$3/bin/,g' daemon/systemd/$$unit >$2/usr/lib/systemd/system/$$unit || exit 1 ; done
	install -m 0644 daemon/systemd/sysusers.conf $2/usr/lib/sysusers.d/inferd.conf
	install -m 0644 daemon/systemd/tmpfiles.conf $2/usr/lib/tmpfiles.d/inferd.conf
	install -d $2/etc/inferd
	for f in inferd.toml policy.toml ; do test -e $2/etc/inferd/$$f || \
		install -m 0644 daemon/systemd/$$f $2/etc/inferd/$$f || exit 1 ; done
	install -d $2$3/share/man/man1 $2$3/share/man/man5 $2$3/share/man/man8 $2$3/share/doc/inferd
	for page in daemon/systemd/man/*.[158] ; do \
		gzip -9n <$$page >$2$3/share/man/man$${page##*.}/$${page##*/}.gz || exit 1 ; done
	cp -r daemon/systemd/examples daemon/systemd/docs/*.md $2$3/share/doc/inferd/
	install -d $2$3/share/bash-completion/completions $2$3/share/fish/vendor_completions.d $2$3/share/zsh/vendor-completions
	$(GO) run ./cmd/inferctl completion bash >$2$3/share/bash-completion/completions/inferctl
	$(GO) run ./cmd/inferctl completion fish >$2$3/share/fish/vendor_completions.d/inferctl.fish
	$(GO) run ./cmd/inferctl completion zsh >$2$3/share/zsh/vendor-completions/_inferctl
endef

# package_tree installs programs for ARCH into an empty tree and sets $$tree.
define package_tree
umask 022 && dir=$$(mktemp -d) && trap 'rm -rf "$$dir"' EXIT && tree=$$dir/tree && mkdir -p dist $$tree && \
GOOS=linux GOARCH=$(ARCH) $(BUILD) -o $$dir/bin/ ./cmd/inferd ./cmd/inferctl && \
$(MAKE) --no-print-directory -s install-tree FROM=$$dir/bin DESTDIR=$$tree PREFIX=/usr
endef

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
if test -n "$$MODEL" ; then set -- --model "$$MODEL" ; temperature=1 ; else set -- --demo ; temperature=0 ; fi ; \
parent=$${XDG_RUNTIME_DIR:-} ; test -w "$$parent" || parent=$${TMPDIR:-/tmp} ; \
dir=$$(mktemp -d "$$parent/inferd-run.XXXXXX") || exit 1 ; \
$(BIN)/inferd "$$@" --socket "$$dir/inferd.sock" 2>"$$dir/log" & \
daemon=$$! ; \
trap 'status=$$? ; kill $$daemon 2>/dev/null || test $$status -gt 128 || cat "$$dir/log" >&2 ; wait $$daemon ; rm -rf "$$dir" ; exit $$status' EXIT ; \
trap 'exit 130' INT ; trap 'exit 143' TERM HUP ; \
until test -S "$$dir/inferd.sock" ; do kill -0 $$daemon 2>/dev/null || exit 1 ; sleep 0.1 ; done ; \
$(BIN)/inferctl chat --socket "$$dir/inferd.sock" --temperature $$temperature
endef
