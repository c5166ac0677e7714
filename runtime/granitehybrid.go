package runtime

// newGraniteHybrid has granite's factors and mixtures, and state spaces in
// place of attention in the layers that have no heads of keys and values.
func newGraniteHybrid(h *hparams, nVocab int) (model, config) {
	c := newHybridConfig(h, nVocab, rmsNormEps)
	m := c.granite(h)
	sizes := readSSM(h)
	for i := range c.nLayers {
		if c.kvHeads[i] == 0 {
			m.layers[i].mixer = c.mamba2(i, sizes)
		}
	}
	return m, c
}
