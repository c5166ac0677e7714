package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"inferd/testdata"
)

// pullHub serves a model and a text of the same kind of name as a hub does.
func pullHub(t *testing.T) string {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("/me/repo/resolve/main/model.gguf", func(w http.ResponseWriter, r *http.Request) {
		http.ServeFile(w, r, testdata.Path("models", "llama-tied.gguf"))
	})
	mux.HandleFunc("/me/repo/resolve/main/text.gguf", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("version https://git-lfs.github.com/spec/v1"))
	})
	hub := httptest.NewServer(mux)
	t.Cleanup(hub.Close)
	t.Setenv("HF_ENDPOINT", hub.URL)
	return t.TempDir()
}

func TestPull(t *testing.T) {
	dir := pullHub(t)
	out, stderr, code := inferctl("", "pull", "hf:me/repo/model.gguf", "--dir", dir)
	require.Zero(t, code, stderr)
	path := filepath.Join(dir, "model.gguf")
	require.Contains(t, out, path+"\n  sha256 ")
	got, err := os.ReadFile(path)
	require.NoError(t, err)
	want, err := os.ReadFile(testdata.Path("models", "llama-tied.gguf"))
	require.NoError(t, err)
	require.Equal(t, want, got)
}

func TestPullFaults(t *testing.T) {
	dir := pullHub(t)
	for _, test := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"hf:me/repo/text.gguf"}, exitFailure, `a GGUF file begins with "GGUF"`},
		{[]string{"hf:me/repo/missing.gguf"}, exitFailure, "answers 404 Not Found\ninferctl: hint: check the owner"},
		{[]string{"hf:me/model.gguf"}, exitUsage, "want hf:OWNER/REPO/FILE"},
		{[]string{"hf:me/repo/model.gguf", "--sha256", "12"}, exitUsage, "want 64 hexadecimal digits"},
		{[]string{"hf:me/repo/model.gguf", "--sha256", "00000000000000000000000000000000000000000000000000000000000000ff"}, exitFailure, "wrong SHA-256"},
		{[]string{"hf:me/repo/model.gguf", "--token-file", "/nonexistent"}, exitFailure, "/nonexistent"},
		{[]string{"hf:me/repo/model.gguf", "--dir", "/nonexistent"}, exitFailure, "/nonexistent"},
	} {
		_, stderr, code := inferctl("", append([]string{"pull", "--dir", dir}, test.args...)...)
		require.Equal(t, test.code, code, "%v: %s", test.args, stderr)
		require.Contains(t, stderr, test.want)
	}
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, entries)
}
