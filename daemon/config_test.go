package daemon

import (
	"bytes"
	"flag"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func configFile(t *testing.T, text string) string {
	path := filepath.Join(t.TempDir(), "inferd.toml")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

func TestFlagsWinOverFileOverDefaults(t *testing.T) {
	path := configFile(t, `
socket = "/run/x/s"
model = ["a.gguf", "b.gguf"]
n-ctx = 4096
kv-budget = "512MiB"
kv-type = "f16"
keep-prompts = "10m"
queue-size = 7
write-timeout = "3s"
log-level = "debug"
`)
	c, err := ParseArgs([]string{"--n-ctx", "100", "--config", path, "--threads=2"}, io.Discard)
	require.NoError(t, err)
	want := DefaultConfig()
	want.Socket = "/run/x/s"
	want.Models = []string{"a.gguf", "b.gguf"}
	want.NCtx = 100
	want.KVBudget = 512 << 20
	want.KVType = "f16"
	want.KeepPrompts = 10 * time.Minute
	want.Threads = 2
	want.QueueSize = 7
	want.WriteTimeout = 3 * time.Second
	want.LogLevel = slog.LevelDebug
	require.Equal(t, want, c)

	c, err = ParseArgs([]string{"--model", "c.gguf", "--model", "d.gguf", "--config", path}, io.Discard)
	require.NoError(t, err)
	require.Equal(t, []string{"c.gguf", "d.gguf"}, c.Models, "a list from flags replaces the file's")

	c, err = ParseArgs(nil, io.Discard)
	require.NoError(t, err)
	require.Equal(t, DefaultConfig(), c)

	c, err = ParseArgs([]string{"--config", configFile(t, `model = "one.gguf"`)}, io.Discard)
	require.NoError(t, err)
	require.Equal(t, []string{"one.gguf"}, c.Models)
}

func TestFileMistakesNameLineAndKey(t *testing.T) {
	for text, want := range map[string]string{
		"# c\n\nsokcet = \"x\"":                  "line 3: sokcet: unknown key",
		"threads = 1\nn_ctx = 1":                 "line 2: n_ctx: unknown key",
		"[server]\nsocket = \"x\"":               "line 1: server: unknown key",
		"\nn-ctx = \"many\"":                     "line 2: n-ctx: want an integer from 0 to 16777216, found \"many\"",
		"n-ctx = -1":                             "line 1: n-ctx: want an integer",
		"n-ctx = 1.5":                            "line 1: n-ctx: want a string or an integer, found a float64",
		"max-running = 0":                        "line 1: max-running: want an integer from 1",
		"n-ctx = [1]":                            "line 1: n-ctx: want one value",
		"model = [1]":                            "line 1: model: want an array of strings",
		"kv-budget = 0":                          "line 1: kv-budget: want at least 1B",
		"max-body = \"2\"":                       "line 1: max-body: want at least 1KiB",
		"kv-budget = \"1GB\"":                    "line 1: kv-budget: want an amount of memory",
		"kv-budget = \"-1MiB\"":                  "line 1: kv-budget: want an amount of memory",
		"kv-budget = \"99999999TiB\"":            "line 1: kv-budget: want an amount of memory",
		"drain-timeout = 5":                      "line 1: drain-timeout: want a time",
		"drain-timeout = \"-5s\"":                "line 1: drain-timeout: want a time",
		"kv-type = \"q8\"":                       "line 1: kv-type: want auto",
		"log-level = \"loud\"":                   "line 1: log-level:",
		"threads = 1\nthreads = 2":               "line 2: threads:",
		"threads = ":                             "line 1",
		"a = 1\nb = 2\n":                         "line 1: a: unknown key\nline 2: b: unknown key",
		"threads = 1\n\nsocket = \"unfinished\n": "line 3",
	} {
		path := configFile(t, text)
		_, err := ParseArgs([]string{"--config", path}, io.Discard)
		require.ErrorContains(t, err, "configuration "+path+": "+want, "%q", text)
	}
	_, err := ParseArgs([]string{"--config", "/nowhere.toml"}, io.Discard)
	require.ErrorIs(t, err, fs.ErrNotExist)
}

func TestFlagMistakes(t *testing.T) {
	for _, args := range []string{"--n-ctx=many", "--nowhere", "stray", "--max-body 1", "--kv-type q4"} {
		_, err := ParseArgs(strings.Fields(args), io.Discard)
		require.Error(t, err, args)
	}
	var help bytes.Buffer
	_, err := ParseArgs([]string{"--help"}, &help)
	require.ErrorIs(t, err, flag.ErrHelp)
	for _, s := range settings {
		require.Contains(t, help.String(), "-"+s.name+" ")
	}
}

func TestBytesReadWhatTheyWrite(t *testing.T) {
	for _, b := range []Bytes{0, 1, 1023, 1 << 10, 1536, 3 << 20, 5 << 30, 1 << 40} {
		got, err := parseBytes(b.String())
		require.NoError(t, err)
		require.Equal(t, b, got)
	}
	require.Equal(t, "8MiB", Bytes(8<<20).String())
}

func FuzzConfigTOML(f *testing.F) {
	f.Add("model = [\"a\"]\nn-ctx = 3")
	f.Add("[[x]]\ny = 1979-05-27")
	f.Add("kv-budget = \"9223372036854775807B\"")
	f.Fuzz(func(t *testing.T, text string) {
		c := DefaultConfig()
		if c.readTOML(text) == nil {
			require.GreaterOrEqual(t, c.MaxRunning, 1)
			require.Positive(t, c.KVBudget)
			require.Positive(t, c.WriteTimeout)
		}
	})
}
