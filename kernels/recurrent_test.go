package kernels

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

// positives returns n values in (0, 1.5), the same for each seed.
func positives(seed uint64, n int) []float32 {
	x := normals(seed, n)
	for i, v := range x {
		x[i] = 0.1 + 0.2*float32(math.Abs(float64(v)))
	}
	return x
}

// runChunks calls run for the rows [at, at+n) of nTokens, chunk by chunk.
func runChunks(nTokens, chunk int, run func(at, n int)) {
	for at := 0; at < nTokens; at += chunk {
		run(at, min(chunk, nTokens-at))
	}
}

func TestCausalConv(t *testing.T) {
	const nTokens, stride = 23, 40
	for _, dim := range []int{1, 7, 16, 33} {
		for _, nTaps := range []int{1, 2, 4} {
			for _, bias := range [][]float32{nil, normals(3, dim)} {
				x, w, start := normals(1, nTokens*stride), normals(2, nTaps*dim), normals(4, (nTaps-1)*dim)
				all := make([]float32, nTokens*dim)
				state := append([]float32(nil), start...)
				CausalConv(all, Rows{x, stride}, state, w, bias, dim, Range{0, dim})
				for tok := range nTokens {
					for c := range dim {
						want := 0.0
						if bias != nil {
							want = float64(bias[c])
						}
						for i := range nTaps {
							at, in := tok-nTaps+1+i, 0.0
							if at < 0 {
								in = float64(start[(at+nTaps-1)*dim+c])
							} else {
								in = float64(x[at*stride+c])
							}
							want += float64(w[i*dim+c]) * in
						}
						require.InDelta(t, want, all[tok*dim+c], 3e-6, "token %d channel %d", tok, c)
					}
				}
				for _, chunk := range []int{1, 2, 5} {
					got, s := make([]float32, len(all)), append([]float32(nil), start...)
					runChunks(nTokens, chunk, func(at, n int) {
						part := got[at*dim : (at+n)*dim]
						CausalConv(part, Rows{x[at*stride:], stride}, s, w, bias, dim, Range{dim / 2, dim})
						CausalConv(part, Rows{x[at*stride:], stride}, s, w, bias, dim, Range{0, dim / 2})
					})
					requireBits(t, all, got, "conv in chunks of %d", chunk)
					requireBits(t, state, s, "conv state in chunks of %d", chunk)
				}
			}
		}
	}
}

func TestMambaScan(t *testing.T) {
	const nTokens, stride = 17, 50
	for _, size := range [][2]int{{1, 1}, {5, 3}, {16, 16}, {37, 16}} {
		m := &Mamba{Dim: size[0], DState: size[1], A: positives(1, size[0]*size[1]), D: normals(2, size[0])}
		for i := range m.A {
			m.A[i] *= -3
		}
		u, dt := normals(3, nTokens*m.Dim), positives(4, nTokens*m.Dim)
		bc := normals(5, nTokens*stride)
		b, c := Rows{bc, stride}, Rows{bc[20:], stride}
		run := func(chunk int) (out, state []float32) {
			out, state = make([]float32, nTokens*m.Dim), make([]float32, m.Dim*m.DState)
			runChunks(nTokens, chunk, func(at, n int) {
				rows := func(x []float32) Rows { return Rows{x[at*m.Dim:], m.Dim} }
				for _, ch := range []Range{{m.Dim / 3, m.Dim}, {0, m.Dim / 3}} {
					MambaScan(m, out[at*m.Dim:(at+n)*m.Dim], state, rows(u), rows(dt), Rows{b.X[at*stride:], stride}, Rows{c.X[at*stride:], stride}, ch)
				}
			})
			return out, state
		}
		out, state := run(nTokens)
		for _, chunk := range []int{1, 6} {
			o, s := run(chunk)
			requireBits(t, out, o, "mamba in chunks of %d", chunk)
			requireBits(t, state, s, "mamba state in chunks of %d", chunk)
		}
		for ch := range m.Dim {
			h := make([]float64, m.DState)
			for tok := range nTokens {
				x, step := float64(u[tok*m.Dim+ch]), float64(dt[tok*m.Dim+ch])
				y := float64(m.D[ch]) * x
				for s := range h {
					h[s] = h[s]*math.Exp(step*float64(m.A[s*m.Dim+ch])) + step*x*float64(b.X[tok*stride+s])
					y += h[s] * float64(c.X[tok*stride+s])
				}
				require.InDelta(t, y, out[tok*m.Dim+ch], 1e-5, "token %d channel %d", tok, ch)
			}
		}
		u2 := append([]float32(nil), u...)
		clear(state)
		MambaScan(m, u2, state, Rows{u2, m.Dim}, Rows{dt, m.Dim}, b, c, Range{0, m.Dim})
		requireBits(t, out, u2, "mamba in place")
	}
}

func TestMamba2Scan(t *testing.T) {
	const nTokens = 15
	for _, size := range []Mamba2{{NHeads: 1, HeadDim: 1, NGroups: 1, DState: 1}, {NHeads: 4, HeadDim: 32, NGroups: 2, DState: 16}, {NHeads: 6, HeadDim: 19, NGroups: 3, DState: 7}} {
		m := &size
		m.A, m.D = positives(1, m.NHeads), normals(2, m.NHeads)
		for i := range m.A {
			m.A[i] *= -4
		}
		dim, bcDim := m.NHeads*m.HeadDim, m.NGroups*m.DState
		stride := dim + 2*bcDim
		x, dt := normals(3, nTokens*stride), positives(4, nTokens*m.NHeads)
		run := func(chunk int) (out, state []float32) {
			out, state = make([]float32, nTokens*dim), make([]float32, dim*m.DState)
			runChunks(nTokens, chunk, func(at, n int) {
				for h := m.NHeads - 1; h >= 0; h-- {
					Mamba2Scan(m, out[at*dim:(at+n)*dim], state, Rows{x[at*stride:], stride}, Rows{dt[at*m.NHeads:], m.NHeads},
						Rows{x[at*stride+dim:], stride}, Rows{x[at*stride+dim+bcDim:], stride}, Range{h, h + 1})
				}
			})
			return out, state
		}
		out, state := run(nTokens)
		for _, chunk := range []int{1, 4} {
			o, s := run(chunk)
			requireBits(t, out, o, "mamba2 in chunks of %d", chunk)
			requireBits(t, state, s, "mamba2 state in chunks of %d", chunk)
		}
		for at := range dim {
			h := at / m.HeadDim
			group := dim + h/(m.NHeads/m.NGroups)*m.DState
			st := make([]float64, m.DState)
			for tok := range nTokens {
				row := x[tok*stride:]
				step := float64(dt[tok*m.NHeads+h])
				y := float64(m.D[h]) * float64(row[at])
				for s := range st {
					st[s] = st[s]*math.Exp(step*float64(m.A[h])) + step*float64(row[at])*float64(row[group+s])
					y += st[s] * float64(row[group+bcDim+s])
				}
				require.InDelta(t, y, out[tok*dim+at], 1e-5, "token %d element %d", tok, at)
			}
		}
	}
}

func TestDeltaScan(t *testing.T) {
	const nTokens = 13
	for _, n := range []*DeltaNet{{1, 1, 1, 1, true}, {2, 4, 16, 16, true}, {2, 4, 16, 16, false}, {2, 6, 9, 21, true}, {3, 3, 8, 40, false}} {
		q, k, v := normals(1, nTokens*n.NKHeads*n.DK), normals(2, nTokens*n.NKHeads*n.DK), normals(3, nTokens*n.NVHeads*n.DV)
		L2Norm(q, q, n.DK, 1e-6)
		L2Norm(k, k, n.DK, 1e-6)
		g, beta := positives(4, nTokens*n.NVHeads), positives(5, nTokens*n.NVHeads)
		for i := range g {
			g[i] = -g[i]
		}
		dim := n.NVHeads * n.DV
		run := func(chunk int) (out, state []float32) {
			out, state = make([]float32, nTokens*dim), make([]float32, n.NVHeads*n.DK*n.DV)
			runChunks(nTokens, chunk, func(at, nt int) {
				rows := func(x []float32, width int) Rows { return Rows{x[at*width:], width} }
				for h := n.NVHeads - 1; h >= 0; h-- {
					DeltaScan(n, out[at*dim:(at+nt)*dim], state, rows(q, n.NKHeads*n.DK), rows(k, n.NKHeads*n.DK),
						rows(v, dim), rows(g, n.NVHeads), rows(beta, n.NVHeads), Range{h, h + 1})
				}
			})
			return out, state
		}
		out, state := run(nTokens)
		for _, chunk := range []int{1, 4} {
			o, s := run(chunk)
			requireBits(t, out, o, "delta net in chunks of %d", chunk)
			requireBits(t, state, s, "delta net state in chunks of %d", chunk)
		}
		for h := range n.NVHeads {
			want := deltaNet64(n, h, nTokens, q, k, v, g, beta)
			for tok := range nTokens {
				for j := range n.DV {
					require.InDelta(t, want[tok*n.DV+j], out[(tok*n.NVHeads+h)*n.DV+j], 1e-5, "token %d head %d", tok, h)
				}
			}
		}
	}
}

// deltaNet64 is the delta rule of one value head in float64.
func deltaNet64(n *DeltaNet, h, nTokens int, q, k, v, g, beta []float32) []float64 {
	hk := h / (n.NVHeads / n.NKHeads)
	if n.Tiled {
		hk = h % n.NKHeads
	}
	s, out := make([]float64, n.DK*n.DV), make([]float64, nTokens*n.DV)
	for t := range nTokens {
		kt, qt := k[(t*n.NKHeads+hk)*n.DK:], q[(t*n.NKHeads+hk)*n.DK:]
		for j := range n.DV {
			r := 0.0
			for i := range n.DK {
				s[i*n.DV+j] *= math.Exp(float64(g[t*n.NVHeads+h]))
				r += float64(kt[i]) * s[i*n.DV+j]
			}
			d := (float64(v[(t*n.NVHeads+h)*n.DV+j]) - r) * float64(beta[t*n.NVHeads+h])
			for i := range n.DK {
				s[i*n.DV+j] += float64(kt[i]) * d
				out[t*n.DV+j] += float64(qt[i]) * s[i*n.DV+j]
			}
		}
	}
	return out
}

func TestGaussianCutoff(t *testing.T) {
	for _, dim := range []int{2, 16, 33, 100} {
		x := normals(1, 3*dim)
		out := make([]float32, len(x))
		GaussianCutoff(out, x, dim, 1.6448536)
		for r := range 3 {
			row, mean, ss := x[r*dim:][:dim], 0.0, 0.0
			for _, v := range row {
				mean += float64(v) / float64(dim)
			}
			for _, v := range row {
				ss += (float64(v) - mean) * (float64(v) - mean)
			}
			cut := mean + float64(float32(1.6448536))*math.Sqrt(ss/float64(dim-1))
			for i, v := range row {
				require.InDelta(t, math.Max(0, float64(v)-cut), out[r*dim+i], 2e-6)
			}
		}
		GaussianCutoff(x, x, dim, 1.6448536)
		requireBits(t, out, x, "in place")
	}
}

func TestRecurrentPanics(t *testing.T) {
	x := make([]float32, 64)
	r := func(stride int) Rows { return Rows{x, stride} }
	m := &Mamba{Dim: 8, DState: 2, A: x[:16], D: x[:8]}
	m2 := &Mamba2{NHeads: 4, HeadDim: 2, NGroups: 2, DState: 2, A: x[:4], D: x[:4]}
	dn := &DeltaNet{NKHeads: 2, NVHeads: 4, DK: 2, DV: 2}
	CausalConv(x[:16], Rows{make([]float32, 16), 8}, make([]float32, 8), x[:16], nil, 8, Range{0, 8})
	for name, f := range map[string]func(){
		"conv weight":   func() { CausalConv(x[:16], r(8), x[:8], x[:15], nil, 8, Range{0, 8}) },
		"conv state":    func() { CausalConv(x[:16], r(8), x[:16], x[:16], nil, 8, Range{0, 8}) },
		"conv bias":     func() { CausalConv(x[:16], r(8), x[:8], x[:16], x[:7], 8, Range{0, 8}) },
		"conv x":        func() { CausalConv(x[:64], Rows{x[:63], 8}, x[:8], x[:16], nil, 8, Range{0, 8}) },
		"conv stride":   func() { CausalConv(x[:16], r(7), x[:8], x[:16], nil, 8, Range{0, 8}) },
		"conv channels": func() { CausalConv(x[:16], r(8), x[:8], x[:16], nil, 8, Range{0, 9}) },
		"mamba state":   func() { MambaScan(m, x[:8], x[:15], r(8), r(8), r(8), r(8), Range{0, 8}) },
		"mamba b":       func() { MambaScan(m, x[:8], x[:16], r(8), r(8), r(1), r(8), Range{0, 8}) },
		"mamba2 groups": func() {
			MambaScan(m, x[:8], x[:16], r(8), r(8), r(8), r(8), Range{0, 8})
			bad := *m2
			bad.NGroups = 3
			Mamba2Scan(&bad, x[:8], x[:16], r(8), r(4), r(4), r(4), Range{0, 4})
		},
		"mamba2 dt":   func() { Mamba2Scan(m2, x[:8], x[:16], r(8), r(3), r(4), r(4), Range{0, 4}) },
		"delta q":     func() { DeltaScan(dn, x[:8], x[:16], r(3), r(4), r(8), r(4), r(4), Range{0, 4}) },
		"delta state": func() { DeltaScan(dn, x[:8], x[:15], r(4), r(4), r(8), r(4), r(4), Range{0, 4}) },
		"delta heads": func() { DeltaScan(dn, x[:8], x[:16], r(4), r(4), r(8), r(4), r(4), Range{0, 5}) },
	} {
		require.Panics(t, f, name)
	}
}
