package runtime

import (
	"math"

	"inferd/kernels"
)

// perLayerEmbedding gives each layer an input of its own for each token: a row
// of a table, and a part of a projection of the embedding, added up.
type perLayerEmbedding struct {
	dim, nLayers int
	width        int // of a layer's input
	norm         norm
	tokens       linear // [nVocab, nLayers·width]
	proj         linear // [nLayers·width, dim]
}

// perLayerEmbedding returns inputs of a width, or none where it is 0.
func (c *config) perLayerEmbedding(width int) perLayerEmbedding {
	return perLayerEmbedding{dim: c.dim, nLayers: c.nLayers, width: width, norm: c.norm("per_layer_proj_norm", width)}
}

func (p *perLayerEmbedding) bind(b *binder, nVocab int) {
	b.table(&p.tokens, "per_layer_token_embd", nVocab, p.nLayers*p.width)
	b.mat(&p.proj, "per_layer_model_proj", p.nLayers*p.width, p.dim)
	p.norm.bind(b)
}

// apply returns all layers' inputs, [nTokens, nLayers, width]. x is what the
// tokens' embeddings are.
func (p *perLayerEmbedding) apply(b Backend, x Tensor, s *step) Tensor {
	table := b.Embed(p.tokens.w, s.tokens)
	b.Scale(table, float32(math.Sqrt(float64(p.width))))
	y := b.MatMul(x, &p.proj)
	b.Scale(y, inverseSqrt(p.dim))
	y = b.Norm(y, &p.norm)
	b.Add(y, table)
	b.Scale(y, inverseSqrt(2))
	return y
}

// perLayerInput is where a layer takes its input in.
type perLayerInput struct {
	layer, dim, width int
	gate, proj        linear
	norm              norm
}

func (c *config) perLayerInput(layer, width int) perLayerInput {
	return perLayerInput{layer: layer, dim: c.dim, width: width, norm: c.norm("post_norm", c.dim)}
}

func (p *perLayerInput) bind(b *binder) {
	b.mat(&p.gate, "inp_gate", p.width, p.dim)
	b.mat(&p.proj, "proj", p.dim, p.width)
	p.norm.bind(b)
}

// apply returns what is added to the stream, whose state is h. inputs are those
// of all layers.
func (p *perLayerInput) apply(b Backend, h, inputs Tensor) Tensor {
	own := b.Part(inputs, inputs.cols, p.layer*p.width, p.width)
	y := b.GLU(b.MatMul(h, &p.gate), own, gating{act: kernels.GELU})
	return b.Norm(b.MatMul(y, &p.proj), &p.norm)
}

// sharedKV says whose keys and values layer i reads where only the first nOwn
// layers keep any: the last of those that is of i's kind. -1 if there is none.
func (w *windows) sharedKV(i, nOwn int) int {
	if i < nOwn {
		return i
	}
	for j := nOwn - 1; j >= 0; j-- {
		if w.sliding[j] == w.sliding[i] {
			return j
		}
	}
	return -1
}
