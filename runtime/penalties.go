package runtime

// history counts the tokens that penalties look at.
type history struct {
	counts []tokenCount // [nVocab]
	seen   []Token      // tokens that ever had a count, each once
	window []Token      // the last tokens, a ring; nil keeps all
	next   int          // place in window of the next token
	full   bool
}

type tokenCount struct {
	recent    int32 // in the window
	generated int32
	listed    bool // in seen
}

// newHistory returns an empty history whose window is lastN tokens; 0 is
// without end.
func newHistory(nVocab, lastN int) *history {
	h := &history{counts: make([]tokenCount, nVocab)}
	if lastN > 0 {
		h.window = make([]Token, lastN)
	}
	return h
}

// add appends a token of the text.
func (h *history) add(t Token, generated bool) {
	c := &h.counts[t]
	if !c.listed {
		c.listed = true
		h.seen = append(h.seen, t)
	}
	c.recent++
	if generated {
		c.generated++
	}
	if h.window == nil {
		return
	}
	if h.full {
		h.counts[h.window[h.next]].recent--
	}
	h.window[h.next] = t
	if h.next++; h.next == len(h.window) {
		h.next, h.full = 0, true
	}
}

// penalise lowers the logits of tokens that occurred.
func (h *history) penalise(logits []float32, p *SamplingParams) {
	for _, t := range h.seen {
		c, l := h.counts[t], logits[t]
		if c.recent > 0 {
			if l > 0 {
				l /= p.RepeatPenalty
			} else {
				l = float32(l * p.RepeatPenalty)
			}
		}
		if c.generated > 0 {
			l -= float32(float32(c.generated) * p.FrequencyPenalty)
			l -= p.PresencePenalty
		}
		logits[t] = l
	}
}

// wipe forgets everything.
func (h *history) wipe() {
	clear(h.counts)
	clear(h.seen[:cap(h.seen)])
	clear(h.window)
	h.seen, h.next, h.full = h.seen[:0], 0, false
}
