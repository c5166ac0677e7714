package runtime

import "inferd/kernels"

// gemma4 is Gemma 3 with inputs of each layer's own, layers at the end that read
// the keys and values of earlier ones, heads of two sizes, and, in some models,
// experts beside the feed-forward network.
type gemma4 struct {
	decoder
	perLayer perLayerEmbedding
	extras   []gemma4Extra // by layer
}

// gemma4Extra is what a layer does after attention and feed-forward network.
type gemma4Extra struct {
	input    perLayerInput
	outScale []float32 // one factor of the whole stream, or nil
}

func newGemma4(h *hparams, nVocab int) (model, config) {
	c := newConfig(h, nVocab, rmsNormEps)
	win := readWindows(h, &c, 0, 0)
	near := c // the sizes of layers with a window
	near.headDim = h.countOr("attention.key_length_swa", c.headDim, maxDim)
	near.headDimV = h.countOr("attention.value_length_swa", c.headDimV, maxDim)
	far := newRoPE(h, &c, kernels.RoPENeoX)
	nearRoPE := far
	nearRoPE.params.NRot = near.headDim
	nearRoPE = nearRoPE.sliding(h, &near, 10000)

	m := &gemma4{decoder: *newDecoder(&c, far, nearRoPE)}
	m.embed.scale = c.timesSqrtDim()
	m.head.softcap = float32(h.nonNegativeOr("final_logit_softcapping", 30))
	m.perLayer = c.perLayerEmbedding(h.countOrNone("embedding_length_per_layer_input", maxDim))
	nOwn := c.nLayers - h.countOrNone("attention.shared_kv_layers", c.nLayers-1)
	for i := range c.nLayers {
		sizes := &c
		if win.sliding[i] {
			sizes = &near
		}
		attn := sizes.gemmaSharingAttention(h, i, &win, nOwn)
		attn.valuesAreKeys = attn.ownKV && !h.hasTensor(layerTensor(i, "attn_v.weight")) && !h.hasTensor(layerTensor(i, "attn_qkv.weight"))
		l := c.gemmaLayer(i, attn)
		if c.nExperts > 0 {
			l.ffnNorm, l.ffn = norm{}, c.gemma4FFN(i)
		}
		m.layers = append(m.layers, l)
		m.extras = append(m.extras, gemma4Extra{input: c.perLayerInput(i, m.perLayer.width)})
	}
	return m, c
}

// gemmaSharingAttention is attention as in Gemma 3n and 4: values have a norm,
// scores no scale, and the layers from nOwn on keep no keys and values.
func (c *config) gemmaSharingAttention(h *hparams, i int, win *windows, nOwn int) *attention {
	a := c.attention(i).normHeads(c)
	a.vNorm = c.plainNorm(c.headDimV)
	a.Scale = 1
	a.rope = win.ropeOf(i)
	a.Window = win.of(i)
	a.ownKV = i < nOwn
	if a.layer = win.sharedKV(i, nOwn); a.layer < 0 {
		h.fault(h.key("attention.shared_kv_layers"), "leaves layer %d none to share keys and values with", i)
	}
	return a
}

func (m *gemma4) bind(b *binder) {
	m.decoder.bind(b)
	if m.perLayer.width > 0 {
		m.perLayer.bind(b, m.nVocab)
	}
	for i := range m.extras {
		e, lb := &m.extras[i], b.layer(i)
		if m.perLayer.width > 0 {
			e.input.bind(lb)
		}
		lb.optVec(&e.outScale, "layer_output_scale", 1)
	}
}

func (m *gemma4) forward(b Backend, s *step) Tensor {
	x := m.embed.apply(b, s) // [nTokens, dim]
	var inputs Tensor
	if m.perLayer.width > 0 {
		inputs = m.perLayer.apply(b, x, s)
	}
	s.rotate(b, m.ropes)
	for i := range m.layers {
		mark := b.Mark()
		s.isLast = i == len(m.layers)-1
		x = m.layers[i].apply(b, x, s)
		if m.perLayer.width > 0 {
			inputs = s.pick(b, inputs)
			b.Add(x, m.extras[i].input.apply(b, x, inputs))
		}
		if scale := m.extras[i].outScale; scale != nil {
			b.Scale(x, scale[0])
		}
		if !s.isLast {
			b.Release(mark)
		}
	}
	return m.head.apply(b, x, s)
}

// gemma4FFN is a feed-forward network with experts beside it, which has all its
// norms inside, because the router and both parts read the stream through norms
// of their own.
type gemma4FFN struct {
	dim           int
	denseNorm     norm
	dense         *glu
	denseOutNorm  norm
	routerNorm    norm
	router        linear
	route         routeRule
	expertNorm    norm
	experts       experts
	expertOutNorm norm
}

func (c *config) gemma4FFN(i int) *gemma4FFN {
	f := &gemma4FFN{
		dim:           c.dim,
		denseNorm:     c.norm("ffn_norm", c.dim),
		dense:         c.glu(i, kernels.GELU),
		denseOutNorm:  c.norm("post_ffw_norm_1", c.dim),
		routerNorm:    c.plainNorm(c.dim),
		route:         routeRule{nUsed: c.nExpertsUsed, norm: true},
		expertNorm:    c.norm("pre_ffw_norm_2", c.dim),
		experts:       c.mixture(routeRule{}).experts,
		expertOutNorm: c.norm("post_ffw_norm_2", c.dim),
	}
	f.experts.gating.act = kernels.GELU
	return f
}

func (f *gemma4FFN) bind(b *binder) {
	f.denseNorm.bind(b)
	f.dense.bind(b)
	f.denseOutNorm.bind(b)
	b.values(&f.routerNorm.weight, router+".scale", f.dim)
	b.mat(&f.router, router, f.experts.n, f.dim)
	f.expertNorm.bind(b)
	f.experts.bind(b)
	f.expertOutNorm.bind(b)
}

func (f *gemma4FFN) apply(b Backend, x Tensor) Tensor {
	dense := b.Norm(f.dense.apply(b, b.Norm(x, &f.denseNorm)), &f.denseOutNorm)

	h := b.Norm(x, &f.routerNorm)
	b.Scale(h, inverseSqrt(f.dim))
	r := b.Route(b.MatMul(h, &f.router), &f.route)
	y := b.Experts(b.Norm(x, &f.expertNorm), r, &f.experts)

	b.Add(dense, b.Norm(y, &f.expertOutNorm))
	return dense
}
