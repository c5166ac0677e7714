package kernels

import (
	"fmt"
	"math"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// timeline is a cache with known keys and values.
type timeline struct {
	kv   KVPages
	k, v []float32 // [n, NKVHeads, HeadDim], as stored: rounded where the type is F16
	n    int
}

// newTimeline stores n positions. What is not stored is NaN, so that reading
// an unseen position shows.
func newTimeline(typ Format, nKVHeads, dimK, dimV, n int) *timeline {
	tl := &timeline{kv: KVPages{Type: typ, NKVHeads: nKVHeads, HeadDimK: dimK, HeadDimV: dimV, KOffset: 64}, n: n}
	tl.kv.VOffset = tl.kv.KOffset + tl.kv.KBytes() + 128
	for range (n + PageTokens - 1) / PageTokens {
		page := alignedBytes(tl.kv.VOffset + tl.kv.VBytes() + 64)
		for i := range page {
			page[i] = 0xff
		}
		tl.kv.Pages = append(tl.kv.Pages, page)
	}
	tl.k, tl.v = normals(11, n*nKVHeads*dimK), normals(12, n*nKVHeads*dimV)
	StoreKV(&tl.kv, 0, tl.k, tl.v)
	if typ == F16 {
		for _, x := range [][]float32{tl.k, tl.v} {
			for i, f := range x {
				x[i] = float16To32(float32To16(f))
			}
		}
	}
	return tl
}

func (tl *timeline) queries(a *Attention, pos, nTokens int) *Queries {
	width := a.NHeads * tl.kv.HeadDimK
	q := manyNormals()[pos*width : (pos+nTokens)*width]
	return &Queries{Attention: a, KV: &tl.kv, Q: q, NTokens: nTokens, Pos: pos, NStored: tl.n}
}

var manyNormals = sync.OnceValue(func() []float32 { return normals(13, 1<<20) })

// exact is the attention of token t, head h in float64, over the positions
// that sees allows.
func (tl *timeline) exact(q *Queries, t, h int, sees func(i, j int) bool) []float64 {
	a, kv := q.Attention, &tl.kv
	hk := h / q.groupSize()
	scores, m := make([]float64, tl.n), math.Inf(-1)
	for j := range scores {
		scores[j] = math.Inf(-1)
		if !sees(q.Pos+t, j) {
			continue
		}
		s := 0.0
		for d := range kv.HeadDimK {
			s += float64(q.Q[(t*a.NHeads+h)*kv.HeadDimK+d]) * float64(tl.k[(j*kv.NKVHeads+hk)*kv.HeadDimK+d])
		}
		s *= float64(a.Scale)
		if a.Softcap != 0 {
			s = float64(a.Softcap) * math.Tanh(s/float64(a.Softcap))
		}
		if a.Slopes != nil {
			s -= float64(a.Slopes[h]) * math.Abs(float64(q.Pos+t-j))
		}
		scores[j] = s
		m = math.Max(m, s)
	}
	sum, out := 0.0, make([]float64, kv.HeadDimV)
	if a.Sinks != nil {
		sum = math.Exp(float64(a.Sinks[h]) - m)
	}
	for j, s := range scores {
		p := math.Exp(s - m)
		sum += p
		for d := range out {
			out[d] += p * float64(tl.v[(j*kv.NKVHeads+hk)*kv.HeadDimV+d])
		}
	}
	for d := range out {
		out[d] /= sum
	}
	return out
}

// attend runs AttentionTile over all heads, group by group.
func attend(q *Queries) []float32 {
	a := q.Attention
	out := make([]float32, q.NTokens*a.NHeads*q.KV.HeadDimV)
	g := q.groupSize()
	scratch := make([]float32, AttentionScratchLen(q.NTokens*g, q.KV.HeadDimV))
	for h := 0; h < a.NHeads; h += g {
		AttentionTile(out, q, Range{h, h + g}, scratch)
	}
	return out
}

// attentionCases are the masks and score functions of the architectures, each
// with its rule of what a query sees.
var attentionCases = []struct {
	name string
	a    Attention
	sees func(i, j int) bool
}{
	{"causal", Attention{Causal: true}, func(i, j int) bool { return j <= i }},
	{"window", Attention{Causal: true, Window: 37}, func(i, j int) bool { return j <= i && i-j < 37 }},
	{"window 1", Attention{Causal: true, Window: 1}, func(i, j int) bool { return i == j }},
	{"long window", Attention{Causal: true, Window: 300}, func(i, j int) bool { return j <= i && i-j < 300 }},
	{"chunk", Attention{Causal: true, Chunk: 100}, func(i, j int) bool { return j <= i && j/100 == i/100 }},
	{"encoder", Attention{}, func(i, j int) bool { return true }},
	{"encoder window", Attention{Window: 64}, func(i, j int) bool { return max(i-j, j-i) <= 32 }},
	{"encoder odd window", Attention{Window: 5}, func(i, j int) bool { return max(i-j, j-i) <= 2 }},
	{"softcap", Attention{Causal: true, Softcap: 2}, func(i, j int) bool { return j <= i }},
	{"alibi", Attention{Causal: true, Slopes: []float32{0.5, 0.25, 0.125, 0.0625}}, func(i, j int) bool { return j <= i }},
	{"symmetric alibi", Attention{Slopes: []float32{0.5, 0.25, 0.125, 0.0625}}, func(i, j int) bool { return true }},
	{"sinks", Attention{Causal: true, Window: 50, Sinks: []float32{-3, 0, 2, 9}}, func(i, j int) bool { return j <= i && i-j < 50 }},
	{"all", Attention{Causal: true, Window: 280, Softcap: 20, Slopes: []float32{0.1, 0.2, 0.3, 0.4}, Sinks: []float32{1, 2, 3, 4}},
		func(i, j int) bool { return j <= i && i-j < 280 }},
}

func TestAttention(t *testing.T) {
	const n = 530
	for _, c := range attentionCases {
		for _, typ := range []Format{F32, F16} {
			t.Run(fmt.Sprintf("%s/%v", c.name, typ), func(t *testing.T) {
				a := c.a
				a.NHeads, a.Scale = 4, 0.25
				tl := newTimeline(typ, 2, 16, 24, n)
				for _, run := range []Range{{0, 3}, {15, 17}, {63, 66}, {254, 258}, {n - 2, n}} {
					q := tl.queries(&a, run.From, run.len())
					out := attend(q)
					for tok := range q.NTokens {
						for h := range a.NHeads {
							want := tl.exact(q, tok, h, c.sees)
							for d, w := range want {
								got := out[(tok*a.NHeads+h)*24+d]
								require.InDelta(t, w, got, 2e-6, "position %d head %d element %d", run.From+tok, h, d)
							}
						}
					}
				}
			})
		}
	}
}

// TestAttentionBits: tiles, head ranges and segments can be cut at will.
func TestAttentionBits(t *testing.T) {
	const n, dimV = 600, 40
	for _, c := range attentionCases {
		for _, typ := range []Format{F32, F16} {
			a := c.a
			a.NHeads, a.Scale = 4, 0.3
			tl := newTimeline(typ, 1, 32, dimV, n)
			q := tl.queries(&a, n-40, 40)
			want := attend(q)
			for _, step := range []int{1, 7, 16, 33} {
				got := make([]float32, 0, len(want))
				for at := 0; at < 40; at += step {
					got = append(got, attend(tl.queries(&a, n-40+at, min(step, 40-at)))...)
				}
				requireBits(t, want, got, "%s: tiles of %d", c.name, step)
			}
			requireBits(t, want, attendSegments(q, Range{0, 4}), "%s: by segments", c.name)
			got := make([]float32, len(want))
			scratch := make([]float32, AttentionScratchLen(40*3, dimV))
			AttentionTile(got, q, Range{3, 4}, scratch)
			AttentionTile(got, q, Range{0, 3}, scratch)
			requireBits(t, want, got, "%s: heads 3 and 0 to 2", c.name)
		}
	}
}

// attendSegments computes the segments in descending order, then merges.
func attendSegments(q *Queries, heads Range) []float32 {
	nRows := q.NTokens * heads.len()
	n := AttentionPartialLen(nRows, q.KV.HeadDimV)
	lo, hi := q.Segments()
	parts := make([]float32, (hi-lo)*n)
	scratch := make([]float32, AttentionScratchLen(nRows, q.KV.HeadDimV))
	for s := hi - 1; s >= lo; s-- {
		AttentionSegment(parts[(s-lo)*n:][:n], q, heads, s, scratch)
	}
	out := make([]float32, q.NTokens*q.Attention.NHeads*q.KV.HeadDimV)
	AttentionMerge(out, q, heads, parts, scratch)
	return out
}

// TestAttentionHeadDims: MLA's wide keys, odd widths.
func TestAttentionHeadDims(t *testing.T) {
	for _, dims := range [][2]int{{1, 1}, {3, 5}, {16, 15}, {17, 33}, {64, 64}, {80, 80}, {576, 512}} {
		tl := newTimeline(F16, 1, dims[0], dims[1], 70)
		a := Attention{NHeads: 2, Scale: float32(1 / math.Sqrt(float64(dims[0]))), Causal: true}
		q := tl.queries(&a, 60, 2)
		out := attend(q)
		for tok := range 2 {
			for h := range 2 {
				for d, w := range tl.exact(q, tok, h, func(i, j int) bool { return j <= i }) {
					require.InDelta(t, w, out[(tok*2+h)*dims[1]+d], 3e-6, "dims %v", dims)
				}
			}
		}
	}
}

// TestAttentionUnseenPages: pages outside all windows may be gone.
func TestAttentionUnseenPages(t *testing.T) {
	a := Attention{NHeads: 2, Scale: 1, Causal: true, Window: 100}
	tl := newTimeline(F32, 1, 8, 8, 700)
	q := tl.queries(&a, 690, 5)
	want := attend(q)
	for p := range tl.kv.Pages {
		if p < (690-99)/PageTokens {
			tl.kv.Pages[p] = nil
		}
	}
	requireBits(t, want, attend(q), "without unseen pages")
	tl.kv.Pages[(690-99)/PageTokens] = nil
	require.Panics(t, func() { attend(q) })
}

func TestAttentionSpecialScores(t *testing.T) {
	a := Attention{NHeads: 1, Scale: 1, Causal: true}
	for _, c := range []struct {
		q, want float32
	}{{nan32, nan32}, {inf32, nan32}, {1e30, 2}, {0, 1.5}} {
		kv := newTimeline(F32, 1, 1, 1, 2).kv
		StoreKV(&kv, 0, []float32{1, 1e4}, []float32{1, 2})
		out := attend(&Queries{Attention: &a, KV: &kv, Q: []float32{c.q}, NTokens: 1, Pos: 1})
		requireBits(t, []float32{c.want}, out, "query %v", c.q)
	}
	// A score of -Inf has weight zero, and a sink alone takes all.
	kv := newTimeline(F32, 1, 1, 1, 2).kv
	StoreKV(&kv, 0, []float32{-inf32, 1}, []float32{1, 2})
	q := &Queries{Attention: &a, KV: &kv, Q: []float32{1}, NTokens: 1, Pos: 1}
	requireBits(t, []float32{2}, attend(q), "score -Inf")
	a.Sinks = []float32{300}
	requireBits(t, []float32{0}, attend(q), "sink")
	// A sum that rounds to -0 is added to +0, in a tile as in merged segments.
	a.Sinks = nil
	StoreKV(&kv, 0, []float32{0, -80}, []float32{0, -1e-30})
	requireBits(t, []float32{0}, attend(q), "sum of -0")
}

func TestStoreKV(t *testing.T) {
	kv := newTimeline(F16, 3, 5, 7, 100).kv
	k, v := normals(1, 10*3*5), normals(2, 10*3*7)
	before := append([]byte(nil), kv.Pages[0]...)
	StoreKV(&kv, 60, k, v)
	got := make([]float32, 1)
	for row := range 10 * 3 {
		pos, h := 60+row/3, row%3
		for d := range 5 {
			kv.read(got, pos/64, kv.KOffset, kv.keyIndex(h, pos, d))
			require.Equal(t, float16To32(float32To16(k[row*5+d])), got[0])
		}
		for d := range 7 {
			kv.read(got, pos/64, kv.VOffset, kv.valueIndex(h, pos, d))
			require.Equal(t, float16To32(float32To16(v[row*7+d])), got[0])
		}
	}
	changed := 0
	for i, b := range kv.Pages[0] {
		if b != before[i] {
			changed++
		}
	}
	require.LessOrEqual(t, changed, 3*4*(5+7)*2, "bytes of page 0 that four tokens may change")
}

func TestAttentionPanics(t *testing.T) {
	tl := newTimeline(F32, 2, 8, 8, 100)
	a := Attention{NHeads: 4, Scale: 1, Causal: true}
	scratch := make([]float32, AttentionScratchLen(4, 8))
	out := make([]float32, 2*4*8)
	try := func(change func(q *Queries, a *Attention, kv *KVPages)) func() {
		return func() {
			a, kv := a, tl.kv
			q := tl.queries(&a, 90, 2)
			q.KV = &kv
			change(q, &a, &kv)
			AttentionTile(out, q, Range{0, 2}, scratch)
		}
	}
	require.NotPanics(t, try(func(*Queries, *Attention, *KVPages) {}))
	for name, change := range map[string]func(q *Queries, a *Attention, kv *KVPages){
		"Q":            func(q *Queries, _ *Attention, _ *KVPages) { q.Q = q.Q[1:] },
		"no tokens":    func(q *Queries, _ *Attention, _ *KVPages) { q.NTokens, q.Q = 0, nil },
		"pages":        func(_ *Queries, _ *Attention, kv *KVPages) { kv.Pages = kv.Pages[:1] },
		"short page":   func(_ *Queries, _ *Attention, kv *KVPages) { kv.VOffset += 128 },
		"offset":       func(_ *Queries, _ *Attention, kv *KVPages) { kv.KOffset = 4 },
		"type":         func(_ *Queries, _ *Attention, kv *KVPages) { kv.Type = BF16 },
		"heads":        func(_ *Queries, _ *Attention, kv *KVPages) { kv.NKVHeads = 3 },
		"slopes":       func(_ *Queries, a *Attention, _ *KVPages) { a.Slopes = make([]float32, 3) },
		"sinks":        func(_ *Queries, a *Attention, _ *KVPages) { a.Sinks = make([]float32, 5) },
		"negative":     func(q *Queries, _ *Attention, _ *KVPages) { q.Pos = -1 },
		"sees nothing": func(q *Queries, a *Attention, _ *KVPages) { a.Causal, q.NStored = false, 0 },
	} {
		require.Panics(t, try(change), name)
	}
	q := tl.queries(&a, 90, 2)
	for name, f := range map[string]func(){
		"two groups": func() { AttentionTile(out, q, Range{1, 3}, make([]float32, 1<<16)) },
		"no heads":   func() { AttentionTile(out, q, Range{1, 1}, scratch) },
		"scratch":    func() { AttentionTile(out, q, Range{0, 2}, scratch[1:]) },
		"out":        func() { AttentionTile(out[1:], q, Range{0, 2}, scratch) },
		"part":       func() { AttentionSegment(out, q, Range{0, 2}, 0, scratch) },
		"segment":    func() { AttentionSegment(make([]float32, AttentionPartialLen(4, 8)), q, Range{0, 2}, 1, scratch) },
		"parts":      func() { AttentionMerge(out, q, Range{0, 2}, nil, scratch) },
		"store k":    func() { StoreKV(&tl.kv, 0, make([]float32, 17), nil) },
		"store v":    func() { StoreKV(&tl.kv, 0, make([]float32, 16), make([]float32, 17)) },
		"store page": func() { StoreKV(&tl.kv, 128, make([]float32, 16), make([]float32, 16)) },
	} {
		require.Panics(t, f, name)
	}
}
