package runtime

// windows says which layers see only the positions near by.
type windows struct {
	length  int // positions seen, the query's own included
	sliding []bool
}

// readWindows reads the window's length, defLength where the metadata does not
// say (0: it must), and which layers have it: a list, or a period of which the
// last layer has none.
func readWindows(h *hparams, c *config, defLength, defPeriod int) windows {
	w := windows{sliding: h.pattern("attention.sliding_window_pattern", c.nLayers, defPeriod)}
	if defLength == 0 {
		w.length = h.count("attention.sliding_window", maxNCtx)
	} else {
		w.length = h.countOr("attention.sliding_window", defLength, maxNCtx)
	}
	return w
}

// readOptionalWindows is readWindows for architectures that have windows where
// the metadata gives their length, which 0 does not.
func readOptionalWindows(h *hparams, c *config, defPeriod int) windows {
	if h.countOrNone("attention.sliding_window", maxNCtx) == 0 {
		return noWindows(c)
	}
	return readWindows(h, c, 0, defPeriod)
}

// noWindows is for layers that all see everything.
func noWindows(c *config) windows { return windows{sliding: make([]bool, c.nLayers)} }

// ropeOf returns which encoding of positions layer i has where layers with a
// window have the model's second one.
func (w *windows) ropeOf(i int) int {
	if w.sliding[i] {
		return 1
	}
	return 0
}

// of returns the window of layer i, 0 where it has none.
func (w *windows) of(i int) int {
	if w.sliding[i] {
		return w.length
	}
	return 0
}
