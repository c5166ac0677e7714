package kernels

import (
	"fmt"
	"math"
)

// Attention is what a layer's attention does with scores and which positions
// it sees. It is read only and may be shared.
type Attention struct {
	NHeads  int     // query heads; NKVHeads divides it, head h reads KV head h/(NHeads/NKVHeads)
	Scale   float32 // of the scores
	Softcap float32 // limit·tanh(score/limit) after scaling; 0 is off

	// Slopes is ALiBi's slope per query head (arXiv:2108.12409): the score at
	// distance n falls by slope·n. nil is off.
	Slopes []float32
	// Sinks is an extra logit per query head that takes part in the softmax
	// and has no value. nil is off.
	Sinks []float32

	Causal bool // position j is seen from i only if j <= i
	// Window limits the distance, 0 is off: i-j < Window where Causal, else
	// |i-j| <= Window/2.
	Window int
	// Chunk limits position i to j >= i - i mod Chunk, 0 is off.
	Chunk int
}

// Queries is a run of tokens of one timeline and the cache they read. The
// keys and values of all positions they see are stored before any call.
type Queries struct {
	Attention *Attention
	KV        *KVPages
	Q         []float32 // [NTokens, NHeads, HeadDimK]
	NTokens   int
	Pos       int // position of the first token
	// NStored is the number of positions stored. It bounds what the queries
	// see where Causal is off.
	NStored int
}

// Seen returns how many of nStored positions the query at position i sees.
func (a *Attention) Seen(i, nStored int) int {
	lo, hi := a.visible(i, nStored)
	return max(0, hi-lo)
}

// visible is the range of positions that the query at position i sees.
func (q *Queries) visible(i int) (lo, hi int) { return q.Attention.visible(i, q.NStored) }

func (a *Attention) visible(i, nStored int) (lo, hi int) {
	lo, hi = 0, nStored
	if a.Causal {
		hi = i + 1
	}
	switch {
	case a.Window > 0 && a.Causal:
		lo = max(lo, i-a.Window+1)
	case a.Window > 0:
		lo, hi = max(lo, i-a.Window/2), min(hi, i+a.Window/2+1)
	}
	if a.Chunk > 0 {
		lo = max(lo, i-i%a.Chunk)
	}
	return lo, hi
}

// Segments returns the range [lo, hi) of segments that the queries see.
func (q *Queries) Segments() (lo, hi int) {
	first, last := q.seen()
	return first / SegmentTokens, (last-1)/SegmentTokens + 1
}

// seen is the union of what the queries see. Both ends of visible grow with
// the position, so that the first and the last query decide.
func (q *Queries) seen() (lo, hi int) {
	lo, _ = q.visible(q.Pos)
	_, hi = q.visible(q.Pos + q.NTokens - 1)
	return lo, hi
}

// groupSize is the number of query heads that share a KV head.
func (q *Queries) groupSize() int { return q.Attention.NHeads / q.KV.NKVHeads }

// Partial results of nRows = NTokens·heads.len() rows, token by token:
//
//	m   [nRows]           the largest score, -Inf where the segment is not seen
//	l   [nRows]           Σ e^(score-m), 0 where the segment is not seen
//	acc [nRows, HeadDimV] Σ e^(score-m)·v
type attentionPartial struct {
	m, l, acc []float32
}

// AttentionPartialLen is the number of float32 of a partial result of nRows
// rows, nRows = tokens·heads.
func AttentionPartialLen(nRows, headDimV int) int { return nRows * (headDimV + 2) }

// AttentionScratchLen is the number of float32 that AttentionTile and
// AttentionSegment need beside their results, for nRows rows.
func AttentionScratchLen(nRows, headDimV int) int {
	return 2*AttentionPartialLen(nRows, headDimV) + scoreRows*SegmentTokens
}

// TileTokens is the number of tokens for which AttentionTile has its widest
// kernels; tiles of a multiple of it do best.
const TileTokens = 12

// scoreRows is the number of rows whose scores are kept at once.
const scoreRows = 12

func splitPartial(buf []float32, nRows, headDimV int) attentionPartial {
	return attentionPartial{
		m:   buf[:nRows],
		l:   buf[nRows : 2*nRows],
		acc: buf[2*nRows : AttentionPartialLen(nRows, headDimV)],
	}
}

// AttentionTile computes attention for all queries and the query heads in
// heads, which must share a KV head:
//
//	out[t][h] = Σ_j softmax_j(score[j])·v[j]
//
// out is [NTokens, NHeads, HeadDimV]; only the named heads are written.
// scratch has AttentionScratchLen elements. The result of a query depends on
// nothing but itself and the positions it sees: neither on the other queries
// of the tile nor on the way heads and segments are divided.
//
// A query sees the positions of one segment after the other. In a segment,
// with j ascending over the visible positions:
//
//	score[j] = Scale·Σ_d q[d]·k[j][d], one FMA per d from d = 0 and +0
//	           then Softcap, then fma(slope, -|i-j|, score)
//	m   = max score[j]
//	p   = e^(score[j]-m)
//	l   = Σ p in 16 lanes, lane j mod 16, and the fixed tree
//	acc = fma(p, v[j], acc)
//
// and the segments merge into (M, L, O), which start as (-Inf, 0, 0), or
// (sink, 1, 0):
//
//	M' = max(M, m);  a = e^(M-M');  b = e^(m-M')
//	L  = fma(L, a, l·b);  O = fma(O, a, acc·b)
//
// A segment of which a query sees nothing is left out. The result is O·(1/L).
//
// It panics if lengths disagree, a page is missing, or a query sees nothing.
func AttentionTile(out []float32, q *Queries, heads Range, scratch []float32) {
	nRows := q.check("AttentionTile", heads, len(scratch))
	q.checkOut("AttentionTile", out)
	n := AttentionPartialLen(nRows, q.KV.HeadDimV)
	state, part := splitPartial(scratch, nRows, q.KV.HeadDimV), splitPartial(scratch[n:], nRows, q.KV.HeadDimV)
	lo, hi := q.Segments()
	if q.Attention.Sinks != nil {
		q.startState(state, heads)
	} else {
		// (-Inf, 0, 0) merged with a segment is the segment, and +0 for -0.
		active.AttentionSegment(state, q, heads, lo, scratch[2*n:])
		clear(part.acc)
		active.Add(state.acc, state.acc, part.acc)
		lo++
	}
	for s := lo; s < hi; s++ {
		active.AttentionSegment(part, q, heads, s, scratch[2*n:])
		active.AttentionMerge(state, part, q.KV.HeadDimV)
	}
	q.finish(out, state, heads)
}

// AttentionSegment computes the part of AttentionTile that belongs to one
// segment, so that the segments of a long context can be divided among
// threads. part has AttentionPartialLen elements, scratch AttentionScratchLen.
// It panics as AttentionTile does, or if the queries do not see the segment.
func AttentionSegment(part []float32, q *Queries, heads Range, segment int, scratch []float32) {
	nRows := q.check("AttentionSegment", heads, len(scratch))
	checkLen("AttentionSegment", "part", len(part), AttentionPartialLen(nRows, q.KV.HeadDimV))
	if lo, hi := q.Segments(); segment < lo || segment >= hi {
		panic(fmt.Sprintf("kernels: AttentionSegment: segment %d is not of %d to %d", segment, lo, hi-1))
	}
	p := splitPartial(part, nRows, q.KV.HeadDimV)
	active.AttentionSegment(p, q, heads, segment, scratch)
}

// AttentionMerge joins the partial results of all segments that the queries
// see, [nSegments] in ascending order, and writes out as AttentionTile does.
// The bits are the same. scratch has AttentionScratchLen elements. It panics
// if lengths disagree.
func AttentionMerge(out []float32, q *Queries, heads Range, parts, scratch []float32) {
	nRows := q.check("AttentionMerge", heads, len(scratch))
	q.checkOut("AttentionMerge", out)
	n := AttentionPartialLen(nRows, q.KV.HeadDimV)
	lo, hi := q.Segments()
	checkLen("AttentionMerge", "parts", len(parts), (hi-lo)*n)
	state := splitPartial(scratch, nRows, q.KV.HeadDimV)
	q.startState(state, heads)
	for ; len(parts) > 0; parts = parts[n:] {
		active.AttentionMerge(state, splitPartial(parts, nRows, q.KV.HeadDimV), q.KV.HeadDimV)
	}
	q.finish(out, state, heads)
}

// check panics unless the queries, the heads and the pages fit together, and
// returns the number of rows.
func (q *Queries) check(op string, heads Range, nScratch int) int {
	a, kv := q.Attention, q.KV
	if kv.NKVHeads <= 0 || a.NHeads%kv.NKVHeads != 0 {
		panic(fmt.Sprintf("kernels: %s: %d KV heads do not divide %d heads", op, kv.NKVHeads, a.NHeads))
	}
	checkLen(op, "Q", len(q.Q), q.NTokens*a.NHeads*kv.HeadDimK)
	heads.check(op, a.NHeads) // a joined message would be allocated on every call
	if heads.len() == 0 || q.NTokens <= 0 || heads.From/q.groupSize() != (heads.To-1)/q.groupSize() {
		panic(fmt.Sprintf("kernels: %s: %d tokens, heads [%d, %d) of groups of %d: want some of each, and one group",
			op, q.NTokens, heads.From, heads.To, q.groupSize()))
	}
	if a.Slopes != nil {
		checkLen(op, "Slopes", len(a.Slopes), a.NHeads)
	}
	if a.Sinks != nil {
		checkLen(op, "Sinks", len(a.Sinks), a.NHeads)
	}
	for _, i := range [2]int{q.Pos, q.Pos + q.NTokens - 1} {
		if lo, hi := q.visible(i); q.Pos < 0 || lo >= hi {
			panic(fmt.Sprintf("kernels: %s: the query at position %d sees nothing", op, i))
		}
	}
	lo, hi := q.seen()
	kv.check(op, lo/PageTokens, (hi-1)/PageTokens+1)
	nRows := q.NTokens * heads.len()
	if want := AttentionScratchLen(nRows, kv.HeadDimV); nScratch < want {
		panic(fmt.Sprintf("kernels: %s: len(scratch) = %d, want %d", op, nScratch, want))
	}
	return nRows
}

func (q *Queries) checkOut(op string, out []float32) {
	checkLen(op, "out", len(out), q.NTokens*q.Attention.NHeads*q.KV.HeadDimV)
}

// startState sets every row to the state before the first segment.
func (q *Queries) startState(s attentionPartial, heads Range) {
	clear(s.acc)
	for r := range s.m {
		s.m[r], s.l[r] = float32(math.Inf(-1)), 0
		if sinks := q.Attention.Sinks; sinks != nil {
			s.m[r], s.l[r] = sinks[heads.From+r%heads.len()], 1
		}
	}
}

// finish writes O·(1/L) of every row to its place in out.
func (q *Queries) finish(out []float32, s attentionPartial, heads Range) {
	dim, nHeads := q.KV.HeadDimV, heads.len()
	for r, l := range s.l {
		at := (r/nHeads*q.Attention.NHeads + heads.From + r%nHeads) * dim
		active.Scale(out[at:at+dim], s.acc[r*dim:][:dim], 1/l)
	}
}

// attentionMergeGeneric merges the next segment's partial results into state.
func attentionMergeGeneric(state, part attentionPartial, dim int) {
	for r, l := range part.l {
		if l == 0 {
			continue
		}
		m := max(state.m[r], part.m[r])
		a, b := exp32(state.m[r]-m), exp32(part.m[r]-m)
		state.m[r] = m
		state.l[r] = fma32(state.l[r], a, float32(l*b))
		acc := state.acc[r*dim:][:dim]
		for d, v := range part.acc[r*dim:][:dim] {
			acc[d] = fma32(acc[d], a, float32(v*b))
		}
	}
}
