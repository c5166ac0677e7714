package store

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"inferd/daemon/serve"
)

func TestParseSettings(t *testing.T) {
	s, err := ParseSettings(`
alias = ["small", "text-embedding-ada-002@embeddings"]
n-ctx = 2048
heads = ["mood.gguf"]
template = "m.jinja"
preload = true
pin = true
keep-alive = "10m"

[adapters]
polite = "polite.gguf"
terse = { file = "terse.gguf", scale = 0.5, default = true }

[sampling]
temperature = 0.7
top-k = 40
`)
	require.NoError(t, err)
	keep := 10 * time.Minute
	require.Equal(t, Settings{
		Aliases:   []string{"small", "text-embedding-ada-002@embeddings"},
		NCtx:      2048,
		Heads:     []string{"mood.gguf"},
		Template:  "m.jinja",
		Preload:   true,
		Pin:       true,
		KeepAlive: &keep,
		Adapters:  []Adapter{{"polite", "polite.gguf", 1, false}, {"terse", "terse.gguf", 0.5, true}},
		Sampling:  serve.Sampling{"temperature": 0.7, "top_k": 40},
	}, s)
	require.Equal(t, []string{"mood.gguf", "polite.gguf", "terse.gguf", "m.jinja"}, s.files())
}

func TestParseSettingsRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"pin = 1":                        "line 1: pin: want true or false",
		"\nn-ctx = -1":                   "line 2: n-ctx: want an integer from 0",
		"colour = 1":                     "line 1: colour: unknown key",
		"pin =":                          "line 1",
		`template = "../x"`:              "want the name of a file in the model's folder",
		`heads = [".x"]`:                 "want the name of a file in the model's folder",
		`adapters = {a = "/etc/passwd"}`: "a: file: want the name",
		`adapters = {a = {scale = 1.0}}`: "a: has no file",
		`sampling = {temperature = 11}`:  "temperature: want a number from 0 to 10",
		`sampling = {temperature = nan}`: "temperature: want a number",
		`sampling = {mood = 1}`:          "mood: unknown key",
		`keep-alive = "soon"`:            "keep-alive: must be a number of seconds",
	} {
		_, err := ParseSettings(text)
		require.ErrorContains(t, err, want, text)
	}
}

func FuzzParseSettings(f *testing.F) {
	f.Add("pin = true\n[adapters]\na = {file = \"x\", scale = 2}\n[sampling]\ntop-p = 0.5")
	f.Fuzz(func(_ *testing.T, text string) { _, _ = ParseSettings(text) })
}

func FuzzParseSignature(f *testing.F) {
	f.Add([]byte("untrusted comment: x\nRUQ=\ntrusted comment: y\nAAAA\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := parseSignature(text)
		if err == nil && s.verify([]PublicKey{{id: s.keyID, key: make([]byte, 32)}}, text) == nil {
			t.Error("an invented signature holds")
		}
	})
}

func FuzzParseSums(f *testing.F) {
	f.Add([]byte("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  empty\n"))
	f.Fuzz(func(_ *testing.T, text []byte) { _, _ = parseSums(text) })
}
