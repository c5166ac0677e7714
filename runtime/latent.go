package runtime

import (
	"cmp"

	"inferd/kernels"
)

// latentAttention is a mixer whose keys and values are made of a vector of low
// rank for each position (arXiv:2405.04434), and of a rotary part of the key
// that all heads share. Files come in two forms. In the newer one the matrices
// that make keys and values are applied to queries and results instead, so that
// only the latent vector is kept, as the one key and value of all heads; in the
// older one each head's keys and values are kept.
type latentAttention struct {
	kernels.Attention
	config      *config
	layerIndex  int
	absorbed    bool // the newer form
	temperature *temperature

	qRank, kvRank int // qRank 0: queries are not made of a latent vector
	nope, nRot    int // elements of a head's query and key without and with positions
	headDimV      int

	qNorm, kvNorm  norm
	wqA, wqB       linear   // wqB alone where qRank is 0
	wLatent, wKRot linear   // [kvRank, dim], [nRot, dim]
	wKB, wVB       []linear // absorbed, by head: [kvRank, nope], [headDimV, kvRank]
	wKVB           linear   // else: [nHeads·(nope+headDimV), kvRank]
	wo             linear
}

// readLatentAttention reads the sizes and the encoding of positions.
func readLatentAttention(h *hparams, c *config) (latentAttention, rope) {
	a := latentAttention{
		config:   c,
		absorbed: h.hasTensor("blk.0.attn_k_b.weight"),
		kvRank:   h.count("attention.kv_lora_rank", maxDim),
		headDimV: h.countOr("attention.value_length_mla", c.headDimV, maxDim),
	}
	if h.hasTensor("blk.0.attn_q_a.weight") {
		a.qRank = h.count("attention.q_lora_rank", maxDim)
	}
	headDim := h.countOr("attention.key_length_mla", c.headDim, maxDim)
	r := newRoPE(h, c, kernels.RoPEInterleaved)
	a.nRot = r.params.NRot
	a.nope = headDim - a.nRot
	if a.nope < 1 {
		h.fault(h.key("rope.dimension_count"), "is %d, must be less than the head's width %d", a.nRot, headDim)
		a.nope = 1
	}
	// The file's multiplier of YaRN's magnitude is a tenth of the paper's. It
	// makes scores larger, not what is turned: those magnitudes cancel. Where the
	// file has none, both grow.
	r.readYaRN(h, 0.1)
	r.params.MScale = r.params.MScaleAll
	m := float32(cmp.Or(r.params.MScaleAll, 1))
	m = float32(r.params.AttnFactor) * (1 + float32(0.1*m*log32(float32(max(1, r.params.Factor)))))
	a.Attention = kernels.Attention{NHeads: c.nHeads, Scale: m * m * inverseSqrt(headDim), Causal: true}
	a.temperature = readTemperature(h, r.params.NCtxOrig)
	return a, r
}

// layer returns layer i's attention.
func (a latentAttention) layer(i int) *latentAttention {
	a.layerIndex = i
	a.kvNorm = a.config.norm("attn_kv_a_norm", a.kvRank)
	if a.qRank > 0 {
		a.qNorm = a.config.norm("attn_q_a_norm", a.qRank)
	}
	return &a
}

func (a *latentAttention) bind(b *binder) {
	dim, nHeads, headDim := a.config.dim, a.NHeads, a.nope+a.nRot
	if a.qRank > 0 {
		b.mat(&a.wqA, "attn_q_a", a.qRank, dim)
		b.mat(&a.wqB, "attn_q_b", nHeads*headDim, a.qRank)
	} else {
		b.mat(&a.wqB, "attn_q", nHeads*headDim, dim)
	}
	a.qNorm.bind(b)
	b.parts("attn_kv_a_mqa", dim, part{&a.wLatent, a.kvRank}, part{&a.wKRot, a.nRot})
	a.kvNorm.bind(b)
	if a.absorbed {
		b.experts("attn_k_b", nHeads, a.nope, expertPart{&a.wKB, a.kvRank})
		b.experts("attn_v_b", nHeads, a.kvRank, expertPart{&a.wVB, a.headDimV})
	} else {
		b.mat(&a.wKVB, "attn_kv_b", nHeads*(a.nope+a.headDimV), a.kvRank)
	}
	b.mat(&a.wo, "attn_output", dim, nHeads*a.headDimV)
}

func (a *latentAttention) kvSpec() kvSpec {
	if a.absorbed {
		return kvSpec{nKVHeads: 1, kDim: a.kvRank + a.nRot, vDim: a.kvRank}
	}
	return kvSpec{nKVHeads: a.NHeads, kDim: a.nope + a.nRot, vDim: a.headDimV}
}

func (a *latentAttention) apply(b Backend, h Tensor, s *step) Tensor {
	latent, kRot := b.MatMul2(h, &a.wLatent, &a.wKRot) // [nTokens, kvRank], [nTokens, nRot]
	latent = b.Norm(latent, &a.kvNorm)
	if a.qRank > 0 {
		h = b.Norm(b.MatMul(h, &a.wqA), &a.qNorm)
	}
	q := b.MatMul(h, &a.wqB) // [nTokens, nHeads, nope+nRot]
	if a.temperature != nil {
		b.ScaleRows(q, b.Temperature(s, a.temperature), 0)
	}
	qNope, qRot := b.Part(q, a.nope+a.nRot, 0, a.nope), b.Part(q, a.nope+a.nRot, a.nope, a.nRot)
	b.RoPE(qRot, a.nRot, s.rotations[0])
	b.RoPE(kRot, a.nRot, s.rotations[0])
	if a.absorbed {
		b.StoreKV(s, a.layerIndex, b.Join(latent, kRot, a.kvRank, a.nRot), latent)
		q = b.Join(b.HeadMatMul(qNope, a.wKB), qRot, a.kvRank, a.nRot)
		o := b.Attention(q, s, a.layerIndex, &a.Attention) // [nTokens, nHeads, kvRank]
		return b.MatMul(b.HeadMatMul(o, a.wVB), &a.wo)
	}
	kv := b.MatMul(latent, &a.wKVB) // [nTokens, nHeads, nope+headDimV]
	kNope, v := b.Part(kv, a.nope+a.headDimV, 0, a.nope), b.Part(kv, a.nope+a.headDimV, a.nope, a.headDimV)
	b.StoreKV(s, a.layerIndex, b.Join(kNope, kRot, a.nope, a.nRot), v)
	q = b.Join(qNope, qRot, a.nope, a.nRot)
	return b.MatMul(b.Attention(q, s, a.layerIndex, &a.Attention), &a.wo)
}
