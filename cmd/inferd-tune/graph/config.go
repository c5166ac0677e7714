package graph

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
)

// Config holds the sizes of a llama model and what its arithmetic depends on.
type Config struct {
	NVocab   int  `json:"n_vocab"`
	Dim      int  `json:"dim"`
	NLayers  int  `json:"n_layers"`
	NHeads   int  `json:"n_heads"`
	NKVHeads int  `json:"n_kv_heads"`
	FFNDim   int  `json:"ffn_dim"`
	Tied     bool `json:"tied"` // the output matrix is the embedding

	RopeBase float64 `json:"rope_base"`
	RopeNeoX bool    `json:"rope_neox"` // pairs (i, i+headDim/2) in place of (2i, 2i+1)
	Eps      float32 `json:"eps"`       // of the norms; > 0
}

// Validate reports the first size that makes no model.
func (c Config) Validate() error {
	switch {
	case min(c.NVocab, c.Dim, c.NLayers, c.NHeads, c.NKVHeads, c.FFNDim) <= 0:
		return errors.New("graph: sizes must be positive")
	case c.Dim%c.NHeads != 0 || c.HeadDim()%2 != 0:
		return fmt.Errorf("graph: dim %d does not split into %d heads of even width", c.Dim, c.NHeads)
	case c.NHeads%c.NKVHeads != 0:
		return fmt.Errorf("graph: %d query heads do not share %d KV heads evenly", c.NHeads, c.NKVHeads)
	case !(c.Eps > 0) || !(c.RopeBase > 0):
		return errors.New("graph: eps and RoPE base must be positive")
	}
	return nil
}

// HeadDim is the width of one head.
func (c Config) HeadDim() int { return c.Dim / c.NHeads }

// Param is one trained tensor under its GGUF name. Data is row-major, [in, out]
// for the matrices of a layer and the output, [nVocab, dim] for the embedding,
// [1, dim] for the gain of a norm.
type Param struct {
	Name  string
	Shape [2]int
	Data  []float32
}

// IsGain says whether p is the gain of a norm.
func (p Param) IsGain() bool { return strings.HasSuffix(p.Name, "_norm.weight") }

// Params lists the parameters of a model in file order, all zero.
func (c Config) Params() []Param {
	var ps []Param
	add := func(name string, rows, cols int) {
		ps = append(ps, Param{name + ".weight", [2]int{rows, cols}, make([]float32, rows*cols)})
	}
	kvDim := c.NKVHeads * c.HeadDim()
	add("token_embd", c.NVocab, c.Dim)
	for l := range c.NLayers {
		blk := func(name string) string { return fmt.Sprintf("blk.%d.%s", l, name) }
		add(blk("attn_norm"), 1, c.Dim)
		add(blk("attn_q"), c.Dim, c.Dim)
		add(blk("attn_k"), c.Dim, kvDim)
		add(blk("attn_v"), c.Dim, kvDim)
		add(blk("attn_output"), c.Dim, c.Dim)
		add(blk("ffn_norm"), 1, c.Dim)
		add(blk("ffn_gate"), c.Dim, c.FFNDim)
		add(blk("ffn_up"), c.Dim, c.FFNDim)
		add(blk("ffn_down"), c.FFNDim, c.Dim)
	}
	add("output_norm", 1, c.Dim)
	if !c.Tied {
		add("output", c.Dim, c.NVocab)
	}
	return ps
}

// Init fills ps for training from scratch: gains 1, matrices normal with
// standard deviation 1/√in, and less where a layer adds to the residual stream.
func (c Config) Init(ps []Param, r *rand.Rand) {
	residual := 1 / math.Sqrt(2*float64(c.NLayers))
	for _, p := range ps {
		std := 1 / math.Sqrt(float64(p.Shape[0]))
		switch {
		case strings.Contains(p.Name, "attn_output"), strings.Contains(p.Name, "ffn_down"):
			std *= residual
		case p.Name == "token_embd.weight":
			std = 1 / math.Sqrt(float64(c.Dim)) // logits of a tied model start near 1
		}
		for i := range p.Data {
			if p.IsGain() {
				p.Data[i] = 1
			} else {
				p.Data[i] = float32(std * r.NormFloat64())
			}
		}
	}
}
