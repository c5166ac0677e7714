package kernels

import "math"

const signBit = 1 << 31

// ActivationFunc names a pointwise function.
type ActivationFunc uint8

// The activations. Their accuracy is stated in ulp of the float32 result,
// against exact arithmetic on the same float32 input, where it is above 2^-120.
const (
	SiLU        ActivationFunc = iota // x·sigmoid(x); 4 ulp
	GELU                              // x·½(1+tanh(sqrt(2/π)(x+0.044715x³))); 8 ulp or 2e-8
	GELUErf                           // x·Φ(x), the exact GELU; 6 ulp
	ReLU                              // max(x, 0)
	ReLUSquared                       // max(x, 0)²
	Sigmoid                           // 1/(1+e^-x); 3 ulp
	Tanh                              // 3 ulp
	Softplus                          // ln(1+e^x); 4 ulp
	numActivationFuncs
)

var activationFuncNames = [numActivationFuncs]string{"SiLU", "GELU", "GELUErf", "ReLU", "ReLUSquared", "Sigmoid", "Tanh", "Softplus"}

// String returns the name of the constant.
func (a ActivationFunc) String() string {
	if a < numActivationFuncs {
		return activationFuncNames[a]
	}
	return "ActivationFunc(?)"
}

// Activate sets out[i] = act(x[i]). out may alias x. NaN gives NaN; SiLU and
// both GELUs give NaN for -Inf, where their product is 0·Inf. It panics if
// the lengths differ or act is unknown.
func Activate(out, x []float32, act ActivationFunc) {
	checkLen("Activate", "out", len(out), len(x))
	checkActivation("Activate", act)
	active.Activate(out, x, act)
}

// GLU sets out[i] = act(gate[i])·up[i], the gated linear unit: SwiGLU with
// act = SiLU, GEGLU with GELU (arXiv:2002.05202). out may alias gate or up.
// It panics if the lengths differ or act is unknown.
func GLU(out, gate, up []float32, act ActivationFunc) {
	checkLen("GLU", "out", len(out), len(gate))
	checkLen("GLU", "up", len(up), len(gate))
	checkActivation("GLU", act)
	active.GLU(out, gate, up, act)
}

func checkActivation(op string, act ActivationFunc) {
	if act >= numActivationFuncs {
		panic("kernels: " + op + ": unknown activation")
	}
}

func activateGeneric(out, x []float32, act ActivationFunc) {
	f := activation32(act)
	for i, v := range x {
		out[i] = f(v)
	}
}

func gluGeneric(out, gate, up []float32, act ActivationFunc) {
	f := activation32(act)
	for i, v := range gate {
		out[i] = f(v) * up[i]
	}
}

func activation32(act ActivationFunc) func(float32) float32 {
	switch act {
	case SiLU:
		return silu32
	case GELU:
		return gelu32
	case GELUErf:
		return geluErf32
	case ReLU:
		return relu32
	case ReLUSquared:
		return reluSquared32
	case Sigmoid:
		return sigmoid32
	case Tanh:
		return tanh32
	default:
		return softplus32
	}
}

// sigmoid32 is 1/(1+e^-x). With e = e^-|x| it is 1/(1+e) for x >= 0 and
// e/(1+e) below, so nothing overflows and small values keep their accuracy.
func sigmoid32(x float32) float32 {
	num, den := sigmoidParts32(x)
	return num / den
}

// silu32 is x·sigmoid(x) with a single division.
func silu32(x float32) float32 {
	num, den := sigmoidParts32(x)
	return float32(x*num) / den
}

func sigmoidParts32(x float32) (num, den float32) {
	e := exp32(math.Float32frombits(math.Float32bits(x) | signBit))
	if x < 0 {
		return e, 1 + e
	}
	return 1, 1 + e
}

// softplus32 is ln(1+e^x) = max(x, 0) + ln(1+e^-|x|).
func softplus32(x float32) float32 {
	return relu32(x) + log1pExp32(math.Float32frombits(math.Float32bits(x)&^signBit))
}

// relu32 is +0 where x < 0, else x, which may be NaN or -0.
func relu32(x float32) float32 {
	if x < 0 {
		return 0
	}
	return x
}

func reluSquared32(x float32) float32 {
	x = relu32(x)
	return float32(x * x)
}
