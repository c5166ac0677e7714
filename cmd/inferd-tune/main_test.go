package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"inferd/cmd/inferd-tune/corpus"
	servedhead "inferd/runtime/head"
)

// tune runs a command line and returns its exit code and output.
func tune(ctx context.Context, args ...string) (code int, out, errOut string) {
	var o, e bytes.Buffer
	code = run(ctx, args, &o, &e)
	return code, o.String(), e.String()
}

func TestUsage(t *testing.T) {
	tests := []struct {
		args []string
		code int
		want string // in what is printed
	}{
		{[]string{"--help"}, exitOK, "Commands:"},
		{[]string{"help"}, exitOK, "Commands:"},
		{nil, exitUsage, "no command given"},
		{[]string{"cook"}, exitUsage, `unknown command "cook"`},
		{[]string{"train", "--help"}, exitOK, "-learning-rate"},
		{[]string{"train", "--speed", "1"}, exitUsage, "flag provided but not defined"},
		{[]string{"train", "--steps", "many"}, exitUsage, "invalid value"},
		{[]string{"train"}, exitUsage, "--dir is required"},
		{[]string{"corpus", "--out", "x", "more"}, exitUsage, `unexpected argument "more"`},
		{[]string{"export", "--dir", "x"}, exitUsage, "--out is required"},
		{[]string{"eval", "--dir", "x"}, exitUsage, "--model is required"},
		{[]string{"head", "--model", "x", "--data", "x"}, exitUsage, "--out is required"},
		{[]string{"head", "--model", "x", "--data", "x", "--out", "x", "--threshold", "2"}, exitUsage, "--threshold 2 is not"},
		{[]string{"head", "--model", "x", "--data", "x", "--out", "x", "--held-out", "1"}, exitUsage, "--held-out 1 is not"},
		{[]string{"vocab", "--dir", "/nonexistent"}, exitFailure, "no such file"},
		{[]string{"export", "--dir", "/nonexistent", "--out", "x"}, exitFailure, "no such file"},
	}
	for _, test := range tests {
		code, out, errOut := tune(t.Context(), test.args...)
		require.Equal(t, test.code, code, "%q: %s%s", test.args, out, errOut)
		require.Contains(t, out+errOut, test.want, "%q", test.args)
		if code != exitOK {
			require.Regexp(t, "^inferd-tune: error: ", errOut, "%q", test.args)
		}
	}
	for _, c := range commands() {
		code, out, _ := tune(t.Context(), c.name, "-h")
		require.Equal(t, exitOK, code)
		require.Contains(t, out, c.summary)
	}
}

func TestIntents(t *testing.T) {
	path := filepath.Join(t.TempDir(), "intents.jsonl")
	code, out, errOut := tune(t.Context(), "intents", "--out", path)
	require.Equal(t, exitOK, code, errOut)
	require.Contains(t, out, "300 lines")
	set, _, err := readLines[corpus.Labelled](path)
	require.NoError(t, err)
	require.Len(t, set, 300)
	require.Equal(t, "opening_hours", set[0].Label)

	require.NoError(t, os.WriteFile(path, []byte("{}\n{\n"), 0o600))
	_, _, err = readLines[corpus.Labelled](path)
	require.ErrorContains(t, err, "intents.jsonl:2: ")
}

// TestPipeline makes a model from nothing to its examination, with a kill on
// the way; the model learns nothing in three steps.
func TestPipeline(t *testing.T) {
	dir := t.TempDir()
	model := filepath.Join(dir, "m.gguf")
	must := func(args ...string) string {
		code, out, errOut := tune(t.Context(), args...)
		require.Equal(t, exitOK, code, "%q: %s", args, errOut)
		return out
	}
	require.Contains(t, must("corpus", "--out", dir, "--train", "400", "--held-out", "20"), "train.jsonl: 400 lines, sha256 ")
	require.Contains(t, must("vocab", "--dir", dir, "--size", "600"), "600 pieces")

	train := []string{"train", "--dir", dir, "--steps", "3", "--rows", "2", "--row-tokens", "256",
		"--dim", "32", "--layers", "1", "--heads", "2", "--kv-heads", "1", "--ffn-dim", "32"}
	killed, kill := context.WithCancel(t.Context())
	kill()
	code, _, errOut := tune(killed, train...)
	require.Equal(t, exitFailure, code)
	require.Contains(t, errOut, "goes on from the checkpoint")
	code, _, errOut = tune(t.Context(), "export", "--dir", dir, "--out", model)
	require.Equal(t, exitFailure, code)
	require.Contains(t, errOut, "has done 0 of 3 steps")

	require.Contains(t, must(train...), "resuming")
	require.Contains(t, must("export", "--dir", dir, "--out", model), "m.gguf: ")
	st, err := os.Stat(model)
	require.NoError(t, err)
	require.Less(t, st.Size(), int64(100_000))

	report := must("eval", "--model", model, "--dir", dir, "--limit", "5", "--misses", "1",
		"--answers", filepath.Join(dir, "answers"))
	require.Contains(t, report, "  answered ")
	answers, err := os.ReadFile(filepath.Join(dir, "answers"))
	require.NoError(t, err)
	require.Equal(t, 5, bytes.Count(answers, []byte("\"answer\":")))
	require.Regexp(t, `all +\d asked +0 exact +0\.0 %\nheld-out loss \d`, report)

	intents, classifier := filepath.Join(dir, "intents.jsonl"), filepath.Join(dir, "head.gguf")
	must("intents", "--out", intents, "--per-label", "8")
	table := must("head", "--model", model, "--data", intents, "--out", classifier, "--held-out", "0.25")
	require.Contains(t, table, "trained on 60 examples, held out 20, accuracy ")
	h, err := servedhead.Open(classifier)
	require.NoError(t, err)
	file, err := os.ReadFile(model)
	require.NoError(t, err)
	require.NoError(t, h.Fits(fmt.Sprintf("%x", sha256.Sum256(file)), 32))

	code, _, errOut = tune(t.Context(), append(train, "--learning-rate", "1")...)
	require.Equal(t, exitFailure, code)
	require.Contains(t, errOut, "another run")
}
