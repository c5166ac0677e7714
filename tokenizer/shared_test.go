package tokenizer_test

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"inferd/testdata"
	"inferd/tokenizer"
)

var goldenVocabs = []string{"llama-spm", "phi-3", "baichuan", "gpt-2", "falcon", "deepseek-coder", "bert-bge"}

func TestGoldenVocabularies(t *testing.T) {
	for _, name := range goldenVocabs {
		t.Run(name, func(t *testing.T) {
			tok, err := tokenizer.New(loadVocab(t, testdata.Shared(t, "golden", "tokenizer", "vocab", name+".gguf.gz")))
			require.NoError(t, err)
			cases := readLines[goldenCase](t, testdata.Shared(t, "golden", "tokenizer", "cases", name+".jsonl.gz"))
			require.NotEmpty(t, cases)
			for _, c := range cases {
				c.check(t, tok)
			}
			checkInfo(t, tok, testdata.Shared(t, "golden", "tokenizer", "cases", name+".info.json"))
		})
	}
}

// checkInfo compares what is known of a vocabulary as a whole.
func checkInfo(t *testing.T, tok *tokenizer.Tokenizer, path string) {
	var want struct {
		NTokens int               `json:"n_tokens"`
		BOS     tokenizer.Token   `json:"bos"`
		EOS     tokenizer.Token   `json:"eos"`
		EOT     tokenizer.Token   `json:"eot"`
		SEP     tokenizer.Token   `json:"sep"`
		PAD     tokenizer.Token   `json:"pad"`
		MASK    tokenizer.Token   `json:"mask"`
		AddBOS  bool              `json:"add_bos"`
		AddEOS  bool              `json:"add_eos"`
		AddSEP  bool              `json:"add_sep"`
		EOG     []tokenizer.Token `json:"eog"`
		Control []tokenizer.Token `json:"control"`
		Pieces  string            `json:"pieces_sha256"`
	}
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(b, &want))
	require.Equal(t, want.NTokens, tok.NVocab())
	require.Equal(t, []tokenizer.Token{want.BOS, want.EOS, want.EOT, want.SEP, want.PAD, want.MASK},
		[]tokenizer.Token{tok.BOS(), tok.EOS(), tok.EOT(), tok.SEP(), tok.PAD(), tok.MASK()})
	require.Equal(t, []bool{want.AddBOS, want.AddEOS, want.AddSEP}, []bool{tok.AddsBOS(), tok.AddsEOS(), tok.AddsSEP()})
	require.Equal(t, want.EOG, tok.EOG())
	control := []tokenizer.Token{}
	h := sha256.New()
	for id := range tokenizer.Token(tok.NVocab()) {
		if tok.IsControl(id) {
			control = append(control, id)
		}
		piece := tok.Piece(id, true)
		h.Write(binary.LittleEndian.AppendUint32(nil, uint32(len(piece))))
		h.Write(piece)
	}
	require.Equal(t, want.Control, control[:min(len(control), 400)])
	require.Equal(t, want.Pieces, hex.EncodeToString(h.Sum(nil)))
}

// TestPreTokenizerMatrix runs two vocabularies under every pre-tokeniser name.
func TestPreTokenizerMatrix(t *testing.T) {
	for _, name := range []string{"gpt-2", "dense-bpe"} {
		v := loadVocab(t, testdata.Shared(t, "golden", "tokenizer", "vocab", name+".gguf.gz"))
		type group struct {
			IDs []tokenizer.Token `json:"ids"`
			Pre []string          `json:"pre"`
		}
		lines := readLines[struct {
			text
			Accepted   []string `json:"accepted"`
			AddSpecial bool     `json:"add_special"`
			Groups     []group  `json:"groups"`
		}](t, testdata.Shared(t, "golden", "tokenizer", "pre_matrix."+name+".jsonl.gz"))
		names := lines[0].Accepted
		require.Len(t, names, 90)
		for _, pre := range names {
			t.Run(name+"/"+pre, func(t *testing.T) {
				v.Pre = pre
				tok, err := tokenizer.New(v)
				require.NoError(t, err)
				for _, line := range lines[1:] {
					in := string(line.bytes())
					got := tok.Encode(in, tokenizer.EncodeOptions{AddSpecial: line.AddSpecial})
					for _, g := range line.Groups {
						if slices.Contains(g.Pre, pre) && !slices.Equal(g.IDs, got) {
							t.Errorf("%q\n got %v\nwant %v", in, got, g.IDs)
						}
					}
				}
			})
		}
	}
}

// TestTinyModels uses the vocabularies inside the random-weight models.
func TestTinyModels(t *testing.T) {
	toks := make(map[string]*tokenizer.Tokenizer)
	for _, c := range readLines[goldenCase](t, testdata.Shared(t, "golden", "tokenizer", "tiny.jsonl.gz")) {
		if toks[c.Model] == nil {
			path := []string{"golden", "arch", c.Model, "model.gguf"}
			if c.Model == "tiny-unigram" {
				path = []string{"golden", "tokenizer", "vocab", "tiny-unigram.gguf"}
			}
			tok, err := tokenizer.New(loadVocab(t, testdata.Shared(t, path...)))
			require.NoError(t, err, c.Model)
			toks[c.Model] = tok
		}
		c.check(t, toks[c.Model])
	}
}

// TestUpstreamPairs runs the reference project's own test pairs.
func TestUpstreamPairs(t *testing.T) {
	for _, name := range []string{"llama-spm", "phi-3", "bert-bge", "gpt-2", "falcon", "deepseek-coder"} {
		tok, err := tokenizer.New(loadVocab(t, testdata.Shared(t, "golden", "tokenizer", "vocab", name+".gguf.gz")))
		require.NoError(t, err)
		in, err := os.ReadFile(testdata.Shared(t, "golden", "tokenizer", "upstream", name+".inp"))
		require.NoError(t, err)
		out, err := os.ReadFile(testdata.Shared(t, "golden", "tokenizer", "upstream", name+".out"))
		require.NoError(t, err)
		lines := strings.Split(string(out), "\n")
		texts := strings.Split(string(in), "\n__ggml_vocab_test__\n")
		require.Len(t, texts, 47)
		for i, s := range texts {
			want := strings.Fields(lines[i])
			got := tok.Encode(s, tokenizer.EncodeOptions{})
			require.Equal(t, strings.Join(want, " "), strings.Trim(fmt.Sprint(got), "[]"), "%s: %q", name, s)
		}
	}
}

// TestTrainedPrompts compares with the ids of the program that the trained
// models come with.
func TestTrainedPrompts(t *testing.T) {
	b, err := os.ReadFile(testdata.Shared(t, "models", "golden.json"))
	require.NoError(t, err)
	var cases []struct {
		Model  string            `json:"model"`
		Prompt string            `json:"prompt"`
		Tokens []tokenizer.Token `json:"prompt_tokens"`
	}
	require.NoError(t, json.Unmarshal(b, &cases))
	toks := make(map[string]*tokenizer.Tokenizer)
	n := 0
	for _, c := range cases {
		if !strings.Contains(c.Model, "stories") && !strings.Contains(c.Model, "babyllama") {
			continue
		}
		if toks[c.Model] == nil {
			toks[c.Model] = newTokenizer(t, loadVocab(t, testdata.Shared(t, "models", c.Model)))
		}
		require.Equal(t, c.Tokens, toks[c.Model].Encode(c.Prompt, tokenizer.EncodeOptions{AddSpecial: true}), "%s: %q", c.Model, c.Prompt)
		n++
	}
	require.NotZero(t, n)
	unk := toks["babyllama-tok105-f32.gguf"].Encode("a漢b", tokenizer.EncodeOptions{})
	require.Contains(t, unk, toks["babyllama-tok105-f32.gguf"].UNK())
}
