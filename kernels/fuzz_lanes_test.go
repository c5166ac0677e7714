package kernels

import (
	"encoding/binary"
	"math"
	"testing"
)

// FuzzLanes compares the element-wise operations and the reductions of every
// level with the reference on any bits.
func FuzzLanes(f *testing.F) {
	f.Add([]byte{0, 0, 128, 63, 0, 0, 192, 127, 1, 0, 0, 0, 0, 0, 178, 66})
	f.Add(make([]byte, 4*33))
	f.Fuzz(func(t *testing.T, b []byte) {
		x := make([]float32, len(b)/4)
		for i := range x {
			x[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
		}
		crossRun(t, "reductions", 4, nil, func(i *Impl, out, _ []float32) {
			out[0], out[1], out[2], out[3] = i.Sum(x), i.SumSquares(x), i.Max(x), float32(i.Argmax(x))
		})
		for act := range numActivationFuncs {
			crossRun(t, act.String(), len(x), nil, func(i *Impl, out, _ []float32) { i.GLU(out, x, x, act) })
		}
		crossRun(t, "Exp", len(x), nil, func(i *Impl, out, _ []float32) { i.Exp(out, x) })
		crossRun(t, "Log", len(x), nil, func(i *Impl, out, _ []float32) { i.Log(out, x) })
		crossRun(t, "Softmax", len(x), nil, func(i *Impl, out, _ []float32) { i.Softmax(out, x) })
		if n := len(x) / 3; n > 0 {
			crossRun(t, "RMSNorm", n, nil, func(i *Impl, out, _ []float32) { i.RMSNorm(out, x[:n], x[n:2*n], n, 1e-6) })
			crossRun(t, "LayerNorm", n, nil, func(i *Impl, out, _ []float32) { i.LayerNorm(out, x[:n], x[n:2*n], x[2*n:3*n], n, 1e-6) })
		}
	})
}

// FuzzAttention compares a segment of every level with the reference for any
// shape, mask and position.
func FuzzAttention(f *testing.F) {
	f.Add(uint8(4), uint8(1), uint8(64), uint8(64), uint16(300), uint16(0), uint16(0), uint8(0))
	f.Add(uint8(1), uint8(24), uint8(5), uint8(17), uint16(10), uint16(7), uint16(100), uint8(0xff))
	f.Fuzz(func(t *testing.T, nHeads, nTokens, dimK, dimV uint8, pos, window, chunk uint16, flags uint8) {
		a := Attention{NHeads: 1 + int(nHeads%16), Scale: 0.3, Window: int(window % 700), Chunk: int(chunk % 700)}
		a.Causal = flags&1 == 0
		if flags&2 != 0 {
			a.Softcap = 5
		}
		if flags&4 != 0 {
			a.Slopes = positives(1, a.NHeads)
		}
		if flags&8 != 0 {
			a.Sinks = normals(2, a.NHeads)
		}
		typ := F32
		if flags&16 != 0 {
			typ = F16
		}
		n := 1 + int(nTokens%30)
		at := int(pos % 600)
		tl := newTimeline(typ, 1, 1+int(dimK%96), 1+int(dimV%96), at+n)
		crossSegments(t, tl.queries(&a, at, n), Range{0, a.NHeads}, "fuzz")
	})
}
