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
	nHeads    int // the most of any layer
	heads     []int
	nKVHeads  int // the most of any layer
	kvHeads   []int
	headDim   int // of queries and keys
	headDimV  int // of values
	ffnDim    int // the most of any layer
	ffnDims   []int
	normEps   float32

	isLayerNorm bool // norms are by mean and variance
	isCausal    bool // positions see only those before them; else all of a text is read at once

	pooling     Pooling
	rankPooling Pooling // how one vector is made that a classifier reads, where pooling is PoolingRank

	nExperts     int // 0: no mixture of experts
	nExpertsUsed int
	expertFFNDim int
	nGroups      int // of experts, of which the best nGroupsUsed are looked at; 0 or 1: all
	nGroupsUsed  int
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
		isCausal:  h.boolOr("attention.causal", true),
		normEps:   float32(h.positive(epsKey)),

		isLayerNorm: epsKey == layerNormEps,
	}
	if !h.has("feed_forward_length") && !h.has("expert_feed_forward_length") {
		h.fault(h.key("feed_forward_length"), "is missing")
	}
	c.ffnDims = h.counts("feed_forward_length", c.nLayers, 1, 1, maxFFNDim)
	c.ffnDim = slices.Max(c.ffnDims)
	c.readHeads(h, leastKVHeads)
	h.countOr("vocab_size", nVocab, maxVocab)
	c.readPooling(h)
	c.readExperts(h)
	return c
}

// readHeads reads the numbers of heads, which may be other in each layer, and
// their width.
func (c *config) readHeads(h *hparams, leastKVHeads int) {
	if !h.has("attention.head_count") {
		h.fault(h.key("attention.head_count"), "is missing")
	}
	c.heads = h.counts("attention.head_count", c.nLayers, 1, 1, maxHeads)
	c.nHeads = slices.Max(c.heads)
	c.kvHeads = c.heads
	if h.has("attention.head_count_kv") {
		c.kvHeads = h.counts("attention.head_count_kv", c.nLayers, 1, leastKVHeads, maxHeads)
	}
	c.nKVHeads = slices.Max(c.kvHeads)
	for i, n := range c.kvHeads {
		if n > 0 && c.heads[i]%n != 0 {
			h.fault(h.key("attention.head_count_kv"), "is %d, must divide the %d query heads", n, c.heads[i])
			break
		}
	}
	if !h.has("attention.key_length") && c.dim%c.heads[0] != 0 {
		h.fault(h.key("attention.head_count"), "is %d, must divide the width %d where attention.key_length is absent", c.heads[0], c.dim)
	}
	c.headDim = h.countOr("attention.key_length", max(1, c.dim/c.heads[0]), maxDim)
	c.headDimV = h.countOr("attention.value_length", max(1, c.dim/c.heads[0]), maxDim)
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
	c.readExpertGroups(h)
}

// readExpertGroups reads in which groups experts are chosen, and notes a fault
// if these cannot hold them.
func (c *config) readExpertGroups(h *hparams) {
	n, used := h.countOrNone("expert_group_count", maxExperts), h.countOrNone("expert_group_used_count", maxExperts)
	if n <= 1 {
		return
	}
	if c.nExperts%n != 0 {
		h.fault(h.key("expert_group_count"), "is %d, must divide the %d experts", n, c.nExperts)
		return
	}
	if used < 1 || used > n || used*(c.nExperts/n) < c.nExpertsUsed {
		h.fault(h.key("expert_group_used_count"), "is %d, must be 1 to %d groups that hold the %d experts used", used, n, c.nExpertsUsed)
		return
	}
	c.nGroups, c.nGroupsUsed = n, used
}

// readsWhole reports whether a model reads all of a text at once, so that there
// is nothing to continue.
func (c *config) readsWhole() bool { return !c.isCausal }

// dropPredictors leaves out the layers at the end that predict further tokens,
// and returns what the names of their tensors begin with.
func (c *config) dropPredictors(h *hparams) (prefixes []string) {
	n := h.countOrNone("nextn_predict_layers", c.nLayers-1)
	c.nLayers -= n
	for i := range n {
		prefixes = append(prefixes, layerTensor(c.nLayers+i, ""))
	}
	return prefixes
}

// needExperts notes a fault if the model has no mixture of experts.
func (c *config) needExperts(h *hparams) {
	if c.nExperts == 0 {
		h.fault(h.key("expert_count"), "is missing or 0, must be 1 to %d", maxExperts)
	}
}
