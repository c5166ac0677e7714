package runtime

import "slices"

// config holds the hyper-parameters that transformers share. An architecture
// reads the ones of its own beside them.
type config struct {
	arch      string
	nCtxTrain int // context length the model was made for
	nVocab    int
	dim       int
	nLayers   int
	nHeads    int
	nKVHeads  int // the most of any layer
	kvHeads   []int
	headDim   int // of queries and keys
	headDimV  int // of values
	ffnDim    int // the most of any layer
	ffnDims   []int
	normEps   float32

	pooling     Pooling
	isLayerNorm bool // norms are by mean and variance

	nExperts     int // 0: no mixture of experts
	nExpertsUsed int
	expertFFNDim int
}

// newConfig reads what every decoder with attention has. epsKey names the
// epsilon of the architecture's norms.
func newConfig(h *hparams, nVocab int, epsKey string) config {
	return readConfig(h, nVocab, epsKey, 1)
}

// newHybridConfig is newConfig for decoders some of whose layers have another
// mixer than attention, which is where they have no heads of keys and values.
func newHybridConfig(h *hparams, nVocab int, epsKey string) config {
	return readConfig(h, nVocab, epsKey, 0)
}

func readConfig(h *hparams, nVocab int, epsKey string, leastKVHeads int) config {
	c := config{
		arch:      h.arch,
		nVocab:    nVocab,
		nCtxTrain: h.count("context_length", maxNCtx),
		dim:       h.count("embedding_length", maxDim),
		nLayers:   h.count("block_count", maxLayers),
		nHeads:    h.count("attention.head_count", maxHeads),
		normEps:   float32(h.positive(epsKey)),

		isLayerNorm: epsKey == layerNormEps,
	}
	if !h.has("feed_forward_length") && !h.has("expert_feed_forward_length") {
		h.fault(h.key("feed_forward_length"), "is missing")
	}
	c.ffnDims = h.counts("feed_forward_length", c.nLayers, 1, 1, maxFFNDim)
	c.ffnDim = slices.Max(c.ffnDims)
	c.kvHeads = h.counts("attention.head_count_kv", c.nLayers, c.nHeads, leastKVHeads, maxHeads)
	c.nKVHeads = slices.Max(c.kvHeads)
	for _, n := range c.kvHeads {
		if n > 0 && c.nHeads%n != 0 {
			h.fault(h.key("attention.head_count_kv"), "is %d, must divide the %d query heads", n, c.nHeads)
			break
		}
	}
	if !h.has("attention.key_length") && c.dim%c.nHeads != 0 {
		h.fault(h.key("attention.head_count"), "is %d, must divide the width %d where attention.key_length is absent", c.nHeads, c.dim)
	}
	c.headDim = h.countOr("attention.key_length", max(1, c.dim/c.nHeads), maxDim)
	c.headDimV = h.countOr("attention.value_length", c.headDim, maxDim)
	h.countOr("vocab_size", nVocab, maxVocab)
	c.pooling = readPooling(h)
	c.readExperts(h)
	return c
}

// readExperts reads the sizes of a mixture of experts.
func (c *config) readExperts(h *hparams) {
	c.nExperts = h.countOrNone("expert_count", maxExperts)
	used := h.countOrNone("expert_used_count", maxExperts)
	if c.nExperts == 0 {
		return
	}
	c.nExpertsUsed = used
	if used < 1 || used > c.nExperts {
		h.fault(h.key("expert_used_count"), "is %d, must be 1 to the %d experts there are", used, c.nExperts)
		c.nExpertsUsed = 1
	}
	c.expertFFNDim = h.countOr("expert_feed_forward_length", c.ffnDim, maxFFNDim)
}

// needExperts notes a fault if the model has no mixture of experts.
func (c *config) needExperts(h *hparams) {
	if c.nExperts == 0 {
		h.fault(h.key("expert_count"), "is missing or 0, must be 1 to %d", maxExperts)
	}
}
