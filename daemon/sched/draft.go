package sched

import "inferd/runtime"

const (
	draftGram = 3  // tokens that must agree before those that follow are guessed
	maxDraft  = 15 // tokens guessed at a time
)

// drafter guesses how an answer goes on from what stands in its prompt and
// itself: after the same few tokens, the same may follow (prompt look-up,
// arXiv:2304.04487). A wrong guess costs time, never a bit of the answer.
type drafter struct {
	after    []int32 // by hash of a gram: the place after it, where it stood last; 0 is nowhere
	nIndexed int     // tokens whose grams are in after
	guesses  []runtime.Token

	nTried, nRight float64 // guesses of late, recent ones counting more
}

// propose guesses the tokens that follow, at most n. They are valid until the
// next call.
func (d *drafter) propose(tokens []runtime.Token, n int) []runtime.Token {
	d.guesses = d.guesses[:0]
	d.index(tokens)
	if len(tokens) <= draftGram || n <= 0 {
		return nil
	}
	end := len(tokens)
	at := int(d.after[d.slot(tokens[end-draftGram:])])
	if at < draftGram || [draftGram]runtime.Token(tokens[at-draftGram:]) != [draftGram]runtime.Token(tokens[end-draftGram:]) {
		return nil
	}
	for i := range min(n, maxDraft) {
		if at+i < end {
			d.guesses = append(d.guesses, tokens[at+i])
		} else { // the text repeats itself
			d.guesses = append(d.guesses, d.guesses[at+i-end])
		}
	}
	return d.guesses
}

// index notes the grams of tokens that are new, but for the last one, which is
// what propose looks for.
func (d *drafter) index(tokens []runtime.Token) {
	if 2*len(tokens) > len(d.after) {
		n := 256
		for n < 4*len(tokens) {
			n *= 2
		}
		d.after, d.nIndexed = make([]int32, n), draftGram
	}
	for ; d.nIndexed < len(tokens); d.nIndexed++ {
		d.after[d.slot(tokens[d.nIndexed-draftGram:d.nIndexed])] = int32(d.nIndexed)
	}
}

// slot returns a gram's place in the index.
func (d *drafter) slot(gram []runtime.Token) int {
	h := uint64(0)
	for _, t := range gram[:draftGram] {
		h = (h ^ uint64(uint32(t))) * 0x9e3779b97f4a7c15 // 2^64 by the golden ratio
		h ^= h >> 32
	}
	return int(h & uint64(len(d.after)-1))
}

// rate is how likely a guess is right, if those before it are. Without any
// experience it is 1/2.
func (d *drafter) rate() float64 { return (d.nRight + 0.5) / (d.nTried + 1) }

// learn takes note of how many guesses of a draft were right.
func (d *drafter) learn(nDraft, nRight int) {
	const memory = 0.95 // a draft's weight after each further one
	d.nTried = memory*d.nTried + float64(min(nRight+1, nDraft))
	d.nRight = memory*d.nRight + float64(nRight)
}

// wipe clears what the drafter knows of the text.
func (d *drafter) wipe() {
	clear(d.after)
	clear(d.guesses[:cap(d.guesses)])
}
