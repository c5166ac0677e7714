package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"inferd/testdata"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"inferctl": main})
}

// inferctl runs the program with input from a pipe.
func inferctl(input string, args ...string) (stdout, stderr string, code int) {
	cmd := exec.Command("inferctl", args...)
	var out, errOut bytes.Buffer
	// Not a file: a command that reads it gets a pipe.
	cmd.Stdin = struct{ io.Reader }{strings.NewReader(input)}
	cmd.Stdout, cmd.Stderr = &out, &errOut
	_ = cmd.Run()
	return out.String(), errOut.String(), cmd.ProcessState.ExitCode()
}

// TestScripts runs the command lines in testdata/*.txtar. They see two
// random-weight models as $SPM and $BPE, after their kinds of vocabulary.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("SPM", testdata.Path("models", "llama-yarn.gguf"))
			e.Setenv("BPE", testdata.Path("models", "llama-tied.gguf"))
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits,
			"size":  size,
		},
	})
}

// exits runs a command and checks its exit code: exits CODE command args…
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE command [args...]")
	}
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		exit, ok := errors.AsType[*exec.ExitError](err)
		if !ok {
			ts.Fatalf("%s: %v", args[1], err)
		}
		got = exit.ExitCode()
	}
	if want, err := strconv.Atoi(args[0]); err != nil || got != want {
		ts.Fatalf("%s exits with %d, want %s", args[1], got, args[0])
	}
}

// size checks a file's size: size BYTES file
func size(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: size BYTES file")
	}
	info, err := os.Stat(ts.MkAbs(args[1]))
	ts.Check(err)
	if got := strconv.FormatInt(info.Size(), 10); got != args[0] {
		ts.Fatalf("%s has %s bytes, want %s", args[1], got, args[0])
	}
}
