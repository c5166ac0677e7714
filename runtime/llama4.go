package runtime

import "inferd/kernels"

// What Llama 4's metadata does not tell.
const (
	llama4Chunk           = 8192
	llama4TemperatureStep = 0.1
	llama4NoRoPEPeriod    = 4
	llama4NoNormExperts   = 128 // the size whose queries and keys have no norm
)

// newLlama4 has three layers of four that know positions and look no further
// back than the beginning of their chunk of the context; the fourth sees all of
// it, and its queries grow longer with the position. Every so many layers there
// is a mixture of experts, each reading its input times its weight.
func newLlama4(h *hparams, nVocab int) (model, config) {
	c := newConfig(h, nVocab, rmsNormEps)
	c.needExperts(h)
	m := newDecoder(&c, newWholeRoPE(h, &c, kernels.RoPEInterleaved))
	period := h.count("interleave_moe_layer_step", maxLayers)
	chunked := h.pattern("attention.sliding_window_pattern", c.nLayers, 4)
	// The window's length has no effect, but 0 would mean a model of another form.
	h.countOr("attention.sliding_window", llama4Chunk, maxNCtx)
	far := &temperature{scale: llama4TemperatureStep, length: llama4Chunk, offset: 1}
	for i := range c.nLayers {
		attn := c.attention(i)
		if chunked[i] {
			attn.Chunk = llama4Chunk
		}
		if (i+1)%llama4NoRoPEPeriod == 0 {
			attn.rope, attn.temperature = noRope, far
		} else if c.nExperts != llama4NoNormExperts {
			attn.lastNorm = c.plainNorm(c.headDim)
		}
		l := c.llamaLayer(i)
		l.mixer, l.ffn = attn, c.glu(i, kernels.SiLU)
		if (i+1)%period == 0 {
			ffn := c.mixture(routeRule{score: sigmoidEach}).share(c.expertFFNDim)
			ffn.experts.weighInput = true
			l.ffn = ffn
		}
		m.layers = append(m.layers, l)
	}
	return m, c
}
