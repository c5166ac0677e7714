package runtime

import "inferd/kernels"

// tail turns a pooled vector into a model's output: a projection in two steps,
// or the scores of a classifier, where the file has one.
type tail struct {
	*config
	hasClass bool // a layer before the scores
	act      kernels.ActivationFunc
	classOut norm
	asProbs  bool // scores are made probabilities

	dense2, dense3 linear // w is nil where there is none
	class, scores  linear
}

// newTail returns what follows an encoder.
func newTail(h *hparams, c *config) *tail {
	t := &tail{config: c, hasClass: true, act: kernels.Tanh}
	switch name := h.textOr("classifier.activation", ""); name {
	case "":
	case "gelu":
		t.act = kernels.GELU
	case "silu":
		t.act = kernels.SiLU
	case "tanh":
		t.act = kernels.Tanh
	default:
		h.fault(h.key("classifier.activation"), "is %q, must be gelu, silu or tanh", name)
	}
	return t
}

func (t *tail) bind(b *binder) {
	nIn := t.dim
	if b.has("dense_2.weight") {
		nIn = b.matRows(&t.dense2, "dense_2", nIn)
	}
	if b.has("dense_3.weight") {
		b.matRows(&t.dense3, "dense_3", nIn)
	}
	if t.pooling != PoolingRank {
		b.unused("cls", "cls.norm", "cls.output")
		return
	}
	if t.hasClass && b.has("cls.weight") {
		b.mat(&t.class, "cls", t.dim, t.dim)
		t.classOut = norm{name: "cls.norm", dim: t.dim, nRows: 1, eps: t.normEps, isLayer: true, optional: true}
	}
	t.classOut.bind(b)
	b.matRows(&t.scores, "cls.output", t.dim)
}

// apply returns the output for one vector.
func (t *tail) apply(b Backend, x Tensor) Tensor {
	if t.dense2.w != nil {
		x = b.MatMul(x, &t.dense2)
	}
	if t.dense3.w != nil {
		x = b.MatMul(x, &t.dense3)
	}
	if t.class.w != nil {
		x = b.MatMul(x, &t.class)
		b.Activate(x, t.act)
		x = b.Norm(x, &t.classOut)
	}
	if t.scores.w != nil {
		x = b.MatMul(x, &t.scores)
	}
	return x
}

// finish makes probabilities of scores, where the model has such.
func (t *tail) finish(scores []float32) {
	if t.asProbs {
		kernels.Softmax(scores, scores)
	}
}
