package kernels

// RoPEPairing says which two elements of a head turn together.
type RoPEPairing uint8

const (
	RoPEInterleaved RoPEPairing = iota // 2i and 2i+1
	RoPENeoX                           // i and i + nRot/2
)

// RoPE turns the first nRot elements of each head, in place, by the angles of
// one position (arXiv:2104.09864):
//
//	x'[a] = fma(x[a], cos[i], -(x[b]·sin[i]))
//	x'[b] = fma(x[b], cos[i],   x[a]·sin[i])
//
//	x        nHeads heads, head h at x[h·stride:]; the elements from nRot on
//	         stay. A slice that starts inside the first head turns an inner
//	         part of every head
//	cos, sin [nRot/2], from RoPETable.Row
//
// It panics if the heads do not fit x or len(cos) differs from len(sin).
func RoPE(x []float32, nHeads, stride int, cos, sin []float32, pairing RoPEPairing) {
	checkLen("RoPE", "sin", len(sin), len(cos))
	checkHeads("RoPE", len(x), nHeads, stride, 2*len(cos))
	active.RoPE(x, nHeads, stride, cos, sin, pairing)
}

func ropeGeneric(x []float32, nHeads, stride int, cos, sin []float32, pairing RoPEPairing) {
	half := len(cos)
	for h := range nHeads {
		head := x[h*stride:]
		for i := range half {
			a, b := 2*i, 2*i+1
			if pairing == RoPENeoX {
				a, b = i, i+half
			}
			u, v := head[a], head[b]
			head[a] = fma32(u, cos[i], -float32(v*sin[i]))
			head[b] = fma32(v, cos[i], float32(u*sin[i]))
		}
	}
}
