package kernels

import (
	"fmt"
	"os"
	"slices"
	"strings"
)

// Impl is a complete set of kernels for one instruction-set level. Entries are
// reached only through the checked functions of this package; they are coarse,
// keep nothing, allocate nothing and check nothing.
type Impl struct {
	Name string // as Implementations lists it: "generic", "avx2", "neondot", …

	// Quantize fills rows [tokens] of a from x [nTokens, nIn]; see [Quantize].
	Quantize [numActivationKinds]func(a Activations, x []float32, tokens Range)

	// MatMul computes one tile of y; see [MatMul].
	MatMul [numFormats]func(y []float32, w Matrix, x Activations, panels, tokens Range, scratch []byte)

	// Element by element; see the functions of the same names.
	Exp, Log      func(out, x []float32)
	Activate      func(out, x []float32, act ActivationFunc)
	GLU           func(out, gate, up []float32, act ActivationFunc)
	SwiGLUClamped func(out, gate, up []float32, alpha, limit float32)
	Softcap       func(out, x []float32, limit float32)
	Add, Mul      func(out, a, b []float32)
	AddScaled     func(out, a, b []float32, s float32)
	Scale         func(out, x []float32, s float32)
	RoPE          func(x []float32, nHeads, stride int, cos, sin []float32, pairing RoPEPairing)

	// Over rows and vectors.
	Sum, SumSquares, Max func(x []float32) float32
	RMSNorm              func(out, x, weight []float32, dim int, eps float32)
	L2Norm               func(out, x []float32, dim int, eps float32)
	LayerNorm            func(out, x, weight, bias []float32, dim int, eps float32)
	Softmax              func(out, x []float32)
	Argmax               func(x []float32) int
	GaussianCutoff       func(out, x []float32, dim int, width float32)
	FirstAbove           func(x []float32, next int, limit float32) int // see [TopK]

	// Attention: AttentionSegment fills part from one segment of positions,
	// AttentionMerge merges part into state; see [AttentionTile].
	StoreKV          func(kv *KVPages, pos int, k, v []float32)
	AttentionSegment func(part attentionPartial, q *Queries, heads Range, segment int, scratch []float32)
	AttentionMerge   func(state, part attentionPartial, headDimV int)

	// What the machine can do; see [ScanMemory], [DotPeak] and [FloatPeak].
	Scan               func(b []byte) uint64
	DotPeak, FloatPeak func(ops float64) int32

	// Recurrent layers, token by token.
	CausalConv func(out []float32, x Rows, state, weight, bias []float32, dim int, channels Range)
	MambaScan  func(m *Mamba, out, state []float32, u, dt, b, c Rows, channels Range)
	Mamba2Scan func(m *Mamba2, out, state []float32, u, dt, b, c Rows, heads Range)
	DeltaScan  func(n *DeltaNet, out, state []float32, q, k, v, g, beta Rows, heads Range)
}

// with returns a copy of i under a new name, changed by override.
func (i Impl) with(name string, override func(*Impl)) Impl {
	i.Name = name
	override(&i)
	return i
}

// generic is the portable level: the reference that every other level equals.
var generic = Impl{
	Name:     "generic",
	Quantize: [numActivationKinds]func(Activations, []float32, Range){ActF32: quantizeF32Generic, ActQ8x32: quantizeQ8x32Generic, ActQ8x256: quantizeQ8x256Generic},
	MatMul:   matMulsGeneric(),

	Exp:              expGeneric,
	Log:              logGeneric,
	Activate:         activateGeneric,
	GLU:              gluGeneric,
	SwiGLUClamped:    swiGLUClampedGeneric,
	Softcap:          softcapGeneric,
	Add:              addGeneric,
	Mul:              mulGeneric,
	AddScaled:        addScaledGeneric,
	Scale:            scaleGeneric,
	RoPE:             ropeGeneric,
	Sum:              sumGeneric,
	SumSquares:       sumSquaresGeneric,
	Max:              maxGeneric,
	RMSNorm:          rmsNormGeneric,
	L2Norm:           l2NormGeneric,
	LayerNorm:        layerNormGeneric,
	Softmax:          softmaxGeneric,
	Argmax:           argmaxGeneric,
	FirstAbove:       firstAboveGeneric,
	StoreKV:          storeKVGeneric,
	AttentionSegment: attentionSegmentGeneric,
	AttentionMerge:   attentionMergeGeneric,
	Scan:             scanGeneric,
	DotPeak:          peakGeneric,
	FloatPeak:        floatPeakGeneric,
	GaussianCutoff:   gaussianCutoffGeneric,
	CausalConv:       causalConvGeneric,
	MambaScan:        mambaScanGeneric,
	Mamba2Scan:       mamba2ScanGeneric,
	DeltaScan:        deltaScanGeneric,
}

// implementations holds the levels this CPU can run, best first; the last is
// generic. active is the one in use. Both are set before main and stay.
var (
	implementations = append(supported(), generic)
	active          = mustChoose(os.Getenv("INFERD_KERNELS"))
)

// Implementations returns the names of the levels this CPU can run, best first.
func Implementations() []string {
	names := make([]string, len(implementations))
	for i := range implementations {
		names[i] = implementations[i].Name
	}
	return names
}

// Active returns the name of the level in use.
func Active() string { return active.Name }

// choose returns the level called name, or the best one if name is empty.
func choose(name string) (*Impl, error) {
	if name == "" {
		return &implementations[0], nil
	}
	i := slices.IndexFunc(implementations, func(i Impl) bool { return i.Name == name })
	if i < 0 {
		return nil, fmt.Errorf("kernels: INFERD_KERNELS=%s: this CPU and build have %s", name, strings.Join(Implementations(), ", "))
	}
	return &implementations[i], nil
}

// mustChoose is choose for start-up. Like Go's own check of GOAMD64 it ends the
// process with one line: going on with other kernels than those asked for
// would be silent, and a stack trace would help nobody.
func mustChoose(name string) *Impl {
	impl, err := choose(name)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	return impl
}
