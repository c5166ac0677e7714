package main

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"inferd/testdata"
)

func TestParseLoRA(t *testing.T) {
	for value, want := range map[string]loraFile{
		"a.gguf":        {"a.gguf", 1},
		"a.gguf=0.5":    {"a.gguf", 0.5},
		"a.gguf=-2":     {"a.gguf", -2},
		"a=b.gguf":      {"a=b.gguf", 1},
		"a=b.gguf=1e-1": {"a=b.gguf", 0.1},
		"a.gguf=":       {"a.gguf=", 1},
	} {
		require.Equal(t, want, parseLoRA(value), value)
	}
}

// llama-perplexity gives 15.5411 with the adapter and 31.2697 at half strength.
func TestLoRAMatchesReference(t *testing.T) {
	models := testdata.Shared(t, "models")
	if testing.Short() {
		t.Skip("scores 51,200 tokens")
	}
	adapter := models + "/stories260K-shakespeare-lora-r8-f32.gguf"
	for lora, want := range map[string]float64{adapter: 15.5411, adapter + "=0.5": 31.2697} {
		stdout, stderr, code := inferctl("", "perplexity", "--model", models+"/stories260K-f32.gguf",
			"--file", testdata.Shared(t, "text", "tinyshakespeare_last10pct.txt"), "--ctx", "128", "--chunks", "200", "--json", "--lora", lora)
		require.Equal(t, exitOK, code, stderr)
		var got struct{ PPL float64 }
		require.NoError(t, json.Unmarshal([]byte(stdout), &got))
		require.InEpsilon(t, want, got.PPL, 1e-3)
	}
}

// A model is no adapter, and an adapter of another model does not fit.
func TestLoRARefuses(t *testing.T) {
	model := testdata.Path("models", "llama-yarn.gguf")
	_, stderr, code := inferctl("", "generate", "--model", model, "--prompt", "a", "--lora", model)
	require.Equal(t, exitFailure, code)
	require.Contains(t, stderr, `key "general.type": is "", needs "adapter"`)
	_, stderr, code = inferctl("", "generate", "--model", model, "--prompt", "a", "--lora", "nothing=2")
	require.Equal(t, exitFailure, code)
	require.Contains(t, stderr, "nothing: no such file or directory")
}
