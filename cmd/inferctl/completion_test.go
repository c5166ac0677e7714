package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCompletionNamesEverything(t *testing.T) {
	for _, shell := range completionShells {
		out, stderr, code := inferctl("", "completion", shell)
		require.Zero(t, code, stderr)
		for _, c := range commands() {
			require.Contains(t, out, c.name)
			for _, f := range flagsOf(c) {
				require.Contains(t, out, f.name, "%s %s", shell, c.name)
				require.NotContains(t, f.usage, `\`)
			}
		}
	}
	_, stderr, code := inferctl("", "completion", "csh")
	require.Equal(t, exitUsage, code)
	require.Contains(t, stderr, "want bash, fish, zsh")
}

func TestBashCompletes(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("there is no bash")
	}
	script, _, _ := inferctl("", "completion", "bash")
	file := filepath.Join(t.TempDir(), "c")
	require.NoError(t, os.WriteFile(file, []byte(script), 0o600))
	for words, want := range map[string]string{
		"inferctl be":              "bench",
		"inferctl chat --so":       "--socket",
		"inferctl quantize --imat": "--imatrix",
		"inferctl nonsense --h":    "--help",
	} {
		args := append([]string{"-c", `compopt() { :; }; . "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _inferctl; echo "${COMPREPLY[@]}"`, file},
			strings.Fields(words)...)
		out, err := exec.Command(bash, args...).CombinedOutput()
		require.NoError(t, err, string(out))
		require.Equal(t, want, strings.TrimSpace(string(out)), words)
	}
}
