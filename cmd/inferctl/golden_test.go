package main

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"inferd/testdata"
)

// goldenLogits is a golden.json beside a model's reference logits.
type goldenLogits struct {
	Cases []struct {
		Name          string
		Tokens        []int32
		Greedy        []int32
		FirstPosition int `json:"first_position"`
	}
}

// The whole way from the command line to the file: logits and greedy ids are
// those of llama.cpp.
func TestLogitsMatchReference(t *testing.T) {
	for _, model := range []string{"llama-yarn", "llama-tied"} {
		var g goldenLogits
		readJSON(t, testdata.Path("logits", model, "golden.json"), &g)
		for _, c := range g.Cases {
			t.Run(model+"/"+c.Name, func(t *testing.T) {
				out := filepath.Join(t.TempDir(), "logits.f32")
				stdout, stderr, code := inferctl("", "logits", "--model", testdata.Path("models", model+".gguf"),
					"--tokens", strings.Trim(strings.ReplaceAll(fmt.Sprint(c.Tokens), " ", ","), "[]"),
					"--greedy", fmt.Sprint(len(c.Greedy)), "--out", out)
				require.Equal(t, exitOK, code, stderr)
				var shape logitsShape
				require.NoError(t, json.Unmarshal([]byte(stdout), &shape))
				require.Equal(t, len(c.Tokens), shape.Rows)
				require.Equal(t, c.Greedy, shape.Greedy)
				got := readFloats(t, out)
				require.Len(t, got, shape.Rows*shape.Cols)
				want := readFloats(t, testdata.Path("logits", model, c.Name+".f32"))
				got = got[c.FirstPosition*shape.Cols:][:len(want)]
				for i := range want {
					require.InDelta(t, want[i], got[i], 1e-3, "logit %d", i)
				}
			})
		}
	}
}

// Greedy texts of trained models, letter by letter those of the llama2.c
// reference program.
func TestGenerateMatchesReference(t *testing.T) {
	var texts []struct {
		Model, Prompt  string
		PromptTokens   []int32 `json:"prompt_tokens"`
		TotalPositions int     `json:"total_positions"`
		FullText       string  `json:"full_text"`
	}
	readJSON(t, testdata.Shared(t, "models", "golden.json"), &texts)
	compared := 0
	for _, want := range texts {
		model := testdata.Shared(t, "models") + "/" + want.Model
		if _, err := os.Stat(model); err != nil || want.FullText == "" {
			continue // made by another program, or the model is not among the golden data
		}
		compared++
		// The reference counts positions, of which the prompt after BOS takes its share.
		nTokens := want.TotalPositions - (len(want.PromptTokens) - 1)
		stdout, stderr, code := inferctl("", "generate", "--model", model, "--prompt", want.Prompt,
			"--max-tokens", fmt.Sprint(nTokens), "--temperature", "0")
		require.Equal(t, exitOK, code, stderr)
		require.Equal(t, want.FullText, want.Prompt+stdout, "%s, prompt %q", want.Model, want.Prompt)
	}
	require.NotZero(t, compared)
}

// llama-perplexity gives 3.8885 for these 20 chunks.
func TestPerplexityMatchesReference(t *testing.T) {
	if testing.Short() {
		t.Skip("scores 10,240 tokens")
	}
	stdout, stderr, code := inferctl("", "perplexity", "--model", testdata.Shared(t, "models", "stories260K-f32.gguf"),
		"--file", testdata.Shared(t, "text", "tinystories_1000.txt"), "--chunks", "20", "--json")
	require.Equal(t, exitOK, code, stderr)
	var got struct {
		PPL    float64
		Tokens int
	}
	require.NoError(t, json.Unmarshal([]byte(stdout), &got))
	require.InDelta(t, 3.8885, got.PPL, 0.001)
	require.Equal(t, 20*255, got.Tokens)
}

func readJSON(t *testing.T, path string, v any) {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, v), path)
}

func readFloats(t *testing.T, path string) []float32 {
	t.Helper()
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	out := make([]float32, len(raw)/4)
	for i := range out {
		out[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
	}
	return out
}

// A model made for embeddings gives one row, as the reference does.
func TestLogitsOfEmbeddingModel(t *testing.T) {
	for _, model := range []string{"bert-rerank", "modern-bert"} {
		dir := testdata.Shared(t, "golden", "arch", model)
		var g goldenLogits
		readJSON(t, filepath.Join(dir, "golden.json"), &g)
		out := filepath.Join(t.TempDir(), "vector.f32")
		stdout, stderr, code := inferctl("", "logits", "--model", filepath.Join(dir, "model.gguf"),
			"--tokens", strings.Trim(strings.ReplaceAll(fmt.Sprint(g.Cases[0].Tokens), " ", ","), "[]"), "--out", out)
		require.Equal(t, exitOK, code, stderr)
		got, want := readFloats(t, out), readFloats(t, filepath.Join(dir, "short.f32"))
		require.JSONEq(t, fmt.Sprintf(`{"rows":1,"cols":%d}`, len(want)), stdout)
		require.InDeltaSlice(t, want, got, 1e-2)
	}
}
