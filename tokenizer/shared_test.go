package tokenizer_test

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"os"
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
