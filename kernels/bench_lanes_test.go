package kernels

import (
	"fmt"
	"testing"
)

// forEachLevelBench runs f for every level.
func forEachLevelBench(b *testing.B, f func(b *testing.B, impl *Impl)) {
	for i := range implementations {
		impl := &implementations[i]
		b.Run(impl.Name, func(b *testing.B) { f(b, impl) })
	}
}

// BenchmarkAttention reports multiply-adds per nanosecond of one KV head with
// four query heads: a tile of a prompt, and one token at a depth.
func BenchmarkAttention(b *testing.B) {
	for _, c := range []struct {
		name            string
		typ             Format
		nTokens, depth  int
		nHeads, headDim int
	}{
		{"prefill", F16, 24, 512, 4, 64}, {"prefill", F32, 24, 512, 4, 64}, {"prefill", F16, 24, 4096, 4, 128},
		{"decode", F16, 1, 4096, 4, 64}, {"decode", F16, 1, 4096, 7, 64}, {"decode", F16, 1, 4096, 2, 128}, {"decode", F16, 1, 4096, 1, 64},
	} {
		b.Run(fmt.Sprintf("%s/%v/depth%d/heads%d/dim%d", c.name, c.typ, c.depth, c.nHeads, c.headDim), func(b *testing.B) {
			tl := newTimeline(c.typ, 1, c.headDim, c.headDim, c.depth)
			a := Attention{NHeads: c.nHeads, Scale: 0.1, Causal: true}
			q := tl.queries(&a, 0, c.nTokens)
			q.Pos = c.depth - c.nTokens
			nRows := c.nTokens * c.nHeads
			state := make([]float32, AttentionPartialLen(nRows, c.headDim))
			part := splitPartial(make([]float32, len(state)), nRows, c.headDim)
			scratch := make([]float32, AttentionScratchLen(nRows, c.headDim))
			forEachLevelBench(b, func(b *testing.B, impl *Impl) {
				for b.Loop() {
					lo, hi := q.Segments()
					for s := lo; s < hi; s++ {
						impl.AttentionSegment(part, q, Range{0, c.nHeads}, s, scratch)
						impl.AttentionMerge(splitPartial(state, nRows, c.headDim), part, c.headDim)
					}
				}
				ops := float64(2 * nRows * c.headDim * (c.depth - c.nTokens/2))
				b.ReportMetric(ops*float64(b.N)/float64(b.Elapsed().Nanoseconds()), "fma/ns")
			})
		})
	}
}

// BenchmarkVector reports elements per nanosecond.
func BenchmarkVector(b *testing.B) {
	const n = 8192
	x, y, out := normals(1, n), normals(2, n), make([]float32, n)
	half := normals(3, 64)
	for _, c := range []struct {
		name string
		run  func(i *Impl)
	}{
		{"Exp", func(i *Impl) { i.Exp(out, x) }},
		{"SwiGLU", func(i *Impl) { i.GLU(out, x, y, SiLU) }},
		{"GEGLU", func(i *Impl) { i.GLU(out, x, y, GELU) }},
		{"GELUErf", func(i *Impl) { i.Activate(out, x, GELUErf) }},
		{"RMSNorm", func(i *Impl) { i.RMSNorm(out, x, y[:2048], 2048, 1e-5) }},
		{"LayerNorm", func(i *Impl) { i.LayerNorm(out, x, y[:2048], nil, 2048, 1e-5) }},
		{"RoPE", func(i *Impl) { i.RoPE(out, n/128, 128, half, half, RoPEInterleaved) }},
		{"RoPENeoX", func(i *Impl) { i.RoPE(out, n/128, 128, half, half, RoPENeoX) }},
		{"Softmax", func(i *Impl) { i.Softmax(out, x) }},
		{"Argmax", func(i *Impl) { i.Argmax(x) }},
		{"Add", func(i *Impl) { i.Add(out, x, y) }},
	} {
		b.Run(c.name, func(b *testing.B) {
			forEachLevelBench(b, func(b *testing.B, impl *Impl) {
				clear(out)
				for b.Loop() {
					c.run(impl)
				}
				b.ReportMetric(n*float64(b.N)/float64(b.Elapsed().Nanoseconds()), "elem/ns")
			})
		})
	}
}

// BenchmarkTopK picks 40 of a large vocabulary.
func BenchmarkTopK(b *testing.B) {
	x, idx := normals(1, 151936), make([]int32, 40)
	for b.Loop() {
		TopK(idx, x)
	}
}

// BenchmarkStoreKV stores 64 tokens of 8 KV heads.
func BenchmarkStoreKV(b *testing.B) {
	kv := newTimeline(F16, 8, 64, 64, 128).kv
	k, v := normals(1, 64*8*64), normals(2, 64*8*64)
	forEachLevelBench(b, func(b *testing.B, impl *Impl) {
		for b.Loop() {
			impl.StoreKV(&kv, 10, k, v)
		}
		b.ReportMetric(float64(len(k)*2)*float64(b.N)/float64(b.Elapsed().Nanoseconds()), "elem/ns")
	})
}

// BenchmarkRoPERow computes one position's table row.
func BenchmarkRoPERow(b *testing.B) {
	t, err := NewRoPETable(RoPEParams{NRot: 128, Base: 10000})
	if err != nil {
		b.Fatal(err)
	}
	cos, sin := make([]float32, 64), make([]float32, 64)
	for b.Loop() {
		t.Row(cos, sin, 12345)
	}
}
