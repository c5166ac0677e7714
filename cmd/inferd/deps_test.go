package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// prohibitions is the import graph, as what it must never contain:
//
//	A B … -> X Y … : reason	none of A, B depends on X or Y, however indirectly
//	A B … => X Y … : reason	none of A, B itself imports X or Y
//
// These are import paths; ./ stands for this module, and a trailing /... takes in
// the packages below. Tests may import what they like.
const prohibitions = `
	# The three leaves know nothing of each other or of anything above: each can
	# be read, fuzzed and reused alone.
	./gguf/...      -> ./tokenizer/... ./kernels/... : a file format knows no vocabulary and no arithmetic
	./tokenizer/... -> ./gguf/... ./kernels/... : a vocabulary is plain values, whatever file they came from
	./kernels/...   -> ./gguf/... ./tokenizer/... : arithmetic on slices knows no file and no text

	# Arrows point down only: cmd -> daemon -> runtime -> leaves.
	./gguf/... ./tokenizer/... ./kernels/... -> ./runtime/... ./daemon/... : a leaf imports nothing above it
	./runtime/...                            -> ./daemon/... : the engine serves tools without a daemon

	# A request passes transport, auth, the wire format, sched and runtime; only
	# package daemon wires them together.
	./daemon/auth      -> ./daemon/transport ./daemon/openai ./daemon/sched ./runtime/... : who may do what is a pure function of the peer
	./daemon/transport -> ./daemon/openai ./daemon/sched ./runtime/... : connections know no model
	./daemon/openai ./daemon/ollama ./daemon/anthropic -> ./daemon/sched ./daemon/transport : a wire format hands over tokens, it does not schedule
	./daemon/wire      -> ./daemon/openai ./daemon/ask ./daemon/sched ./daemon/transport : what all formats have in common knows none of them
	./daemon/ask       -> ./daemon/openai ./daemon/wire ./daemon/sched ./daemon/transport : an answer has the same parts in every format
	./daemon/store ./daemon/memory -> ./daemon/openai ./daemon/sched ./daemon/transport : files and limits know no request
	./daemon/private ./daemon/audit -> ./daemon/openai ./daemon/wire ./daemon/sched ./daemon/transport : forgetting and proving know no request
	./daemon/sched     -> ./daemon/openai ./daemon/transport net/http : the scheduler sees tokens, never HTTP

	# What parsers and arithmetic are made of.
	./gguf/... ./tokenizer/... ./kernels/... -> net os/exec : a leaf reaches for nothing outside its process
	./runtime/...                            -> net os/exec : what is said to a model stays in this process
	./kernels                                -> log/slog : kernels are pure functions
	./kernels ./runtime/... ./daemon/...     => math/rand math/rand/v2 : randomness is counter-based, seeded and ours, so that answers repeat

	# What ships.
	./cmd/inferd ./cmd/inferctl -> gorgonia.org/... gonum.org/... : oracles and training live in tools of their own
	./cmd/inferd                -> github.com/ebitengine/purego/... : a GPU driver's crash must not be the daemon's
	./cmd/inferd                -> net/rpc net/smtp expvar net/http/pprof net/http/httptest : nothing is served by the mere import of a package
	./cmd/inferd ./cmd/inferctl -> testing ./testdata ./daemon/serve/servetest github.com/stretchr/... go.uber.org/... github.com/rogpeppe/... github.com/openai/... : what only tests use stays in tests
`

// module is the prefix of our own import paths.
const module = "inferd"

// goPackage is what go list tells about a package.
type goPackage struct {
	ImportPath string
	Dir        string
	Name       string
	Doc        string
	GoFiles    []string
	CgoFiles   []string
	Imports    []string
	Deps       []string // what it imports, directly and indirectly
}

// listPackages returns every package of the module as built for linux on
// goarch. Cgo counts as switched on, so that a file in need of it is seen.
func listPackages(t *testing.T, goarch string) []goPackage {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Dir,Name,Doc,GoFiles,CgoFiles,Imports,Deps", module+"/...")
	cmd.Env = append(os.Environ(), "GOOS=linux", "GOARCH="+goarch, "CGO_ENABLED=1")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err, stderr.String())
	var packages []goPackage
	for dec := json.NewDecoder(bytes.NewReader(out)); dec.More(); {
		var p goPackage
		require.NoError(t, dec.Decode(&p))
		packages = append(packages, p)
	}
	return packages
}

// rule is one line of prohibitions.
type rule struct {
	from, to []string
	direct   bool // only the imports of the packages themselves count
	reason   string
}

// parseRules reads the text form.
func parseRules(t *testing.T, text string) []rule {
	t.Helper()
	var rules []rule
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		arrow, reason, ok := strings.Cut(line, " : ")
		from, to, indirect := strings.Cut(arrow, " -> ")
		if !indirect {
			from, to, _ = strings.Cut(arrow, " => ")
		}
		r := rule{strings.Fields(from), strings.Fields(to), !indirect, strings.TrimSpace(reason)}
		require.True(t, ok && len(r.from) > 0 && len(r.to) > 0 && r.reason != "", "no rule: %s", line)
		rules = append(rules, r)
	}
	return rules
}

// matches reports whether an import path is meant by one of patterns.
func matches(path string, patterns []string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		if ours, ok := strings.CutPrefix(pattern, "./"); ok {
			pattern = module + "/" + ours
		}
		tree, isTree := strings.CutSuffix(pattern, "/...")
		return path == tree || isTree && strings.HasPrefix(path, tree+"/")
	})
}

// violations returns what breaks a rule, as lines.
func violations(packages []goPackage, rules []rule) []string {
	var out []string
	for _, p := range packages {
		for _, r := range rules {
			if !matches(p.ImportPath, r.from) {
				continue
			}
			deps := p.Deps
			if r.direct {
				deps = p.Imports
			}
			for _, dep := range deps {
				if matches(dep, r.to) {
					out = append(out, fmt.Sprintf("%s depends on %s, but %s", p.ImportPath, dep, r.reason))
				}
			}
		}
	}
	return out
}

func TestImportGraph(t *testing.T) {
	rules := parseRules(t, prohibitions)
	for _, goarch := range []string{"amd64", "arm64"} {
		t.Run(goarch, func(t *testing.T) {
			packages := listPackages(t, goarch)
			for _, v := range violations(packages, rules) {
				t.Error(v)
			}
			for _, p := range packages {
				if len(p.CgoFiles) > 0 {
					t.Errorf("%s uses cgo in %v, but the binaries are static and all crashes are Go's", p.ImportPath, p.CgoFiles)
				}
			}
		})
	}
}

// A rule that matches nothing forbids nothing: the checker must see both kinds
// of dependency, trees and single packages.
func TestViolationsAreFound(t *testing.T) {
	packages := []goPackage{{
		ImportPath: "inferd/gguf/ggufwrite",
		Imports:    []string{"inferd/gguf", "fmt"},
		Deps:       []string{"inferd/gguf", "fmt", "os", "inferd/tokenizer/chat"},
	}}
	for text, want := range map[string]int{
		"./gguf/... -> ./tokenizer/... : why":  1,
		"./gguf -> ./tokenizer/... : why":      0,
		"./gguf/... -> ./tokenizer : why":      0,
		"./gguf/... => ./tokenizer/... : why":  0,
		"./gguf/... -> os fmt : why":           2,
		"./gguf/... => os fmt : why":           1,
		"./tokenizer/... -> fmt : why":         0,
		"./gguf/ggufwrite -> ./gguf/... : why": 1,
		"gguf/... -> os : why":                 0,
	} {
		require.Len(t, violations(packages, parseRules(t, text)), want, text)
	}
}
