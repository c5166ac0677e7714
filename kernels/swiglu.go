package kernels

// SwiGLUClamped sets out[i] = g·sigmoid(alpha·g)·(u+1) with g = min(gate[i],
// limit) and u = up[i] clamped to [-limit, limit]: the activation of gpt-oss
// (alpha 1.702, limit 7). out may alias gate or up. NaN gives NaN. It panics
// if the lengths differ.
func SwiGLUClamped(out, gate, up []float32, alpha, limit float32) {
	checkLen("SwiGLUClamped", "out", len(out), len(gate))
	checkLen("SwiGLUClamped", "up", len(up), len(gate))
	active.SwiGLUClamped(out, gate, up, alpha, limit)
}

func swiGLUClampedGeneric(out, gate, up []float32, alpha, limit float32) {
	for i, g := range gate {
		g = min(g, limit)
		u := min(max(up[i], -limit), limit)
		out[i] = float32(g*sigmoid32(alpha*g)) * (u + 1)
	}
}
