package runtime

import "inferd/kernels"

// recurrence is an operation that goes through a timeline token by token and
// carries a state along. It consists of units, channels or heads, that do not
// depend on one another.
type recurrence interface {
	shape() *recurrentShape
	// scan computes units of consecutive tokens. out is [nTokens, width].
	scan(out, state []float32, in *recurrentRows, units kernels.Range)
}

// recurrentShape says how an operation is divided and where its state is: at
// from in that of its layer, [rows, units, unitLen].
type recurrentShape struct {
	width               int // of the output
	units, grain        int // units, and how many at least are worth a thread
	from, rows, unitLen int
}

func (s *recurrentShape) stateLen() int { return s.rows * s.units * s.unitLen }

func (s *recurrentShape) shape() *recurrentShape { return s }

// columns names the elements of each row of a tensor from some column on.
type columns struct {
	t    Tensor
	from int
}

// maxRecurrentInputs is how many inputs an operation has at most.
const maxRecurrentInputs = 5

type (
	recurrentInput [maxRecurrentInputs]columns
	recurrentRows  [maxRecurrentInputs]kernels.Rows
)

// channelGrain is a cache line of channels.
const channelGrain = 16

// conv is a convolution of every channel with the inputs that end at its token.
type conv struct {
	recurrentShape
	name   string
	nTaps  int
	weight []float32 // [nTaps, dim]; in the file the other way round
	bias   []float32 // [dim] or nil
}

// newConv returns a convolution whose state comes first in its layer's.
func newConv(name string, dim, nTaps int) conv {
	return conv{
		recurrentShape: recurrentShape{width: dim, units: dim, grain: channelGrain, rows: nTaps - 1, unitLen: 1},
		name:           name,
		nTaps:          nTaps,
	}
}

func (c *conv) bind(b *binder) {
	b.rows(&c.weight, c.name+".weight", c.width, c.nTaps)
	b.bias(&c.bias, c.name, c.width)
}

func (c *conv) ready() { transpose(c.weight, c.width, c.nTaps) }

func (c *conv) scan(out, state []float32, in *recurrentRows, channels kernels.Range) {
	kernels.CausalConv(out, in[0], state, c.weight, c.bias, c.width, channels)
}

// transpose turns x [rows, cols] into [cols, rows].
func transpose(x []float32, rows, cols int) {
	y := append([]float32(nil), x...)
	for r := range rows {
		for c := range cols {
			x[c*rows+r] = y[r*cols+c]
		}
	}
}

// ssmSizes are the sizes of a state space, or of what its keys name so.
type ssmSizes struct {
	nTaps   int // of the convolution before it
	inner   int // width of its input and output
	state   int // values for each of these, or width of a key
	nHeads  int // which the metadata calls the rank of time steps
	nGroups int // of heads that share what they read
}

// readSSM reads the sizes of a state space with heads.
func readSSM(h *hparams) ssmSizes {
	s := ssmSizes{
		nTaps:   h.count("ssm.conv_kernel", maxTaps),
		inner:   h.count("ssm.inner_size", maxDim),
		state:   h.count("ssm.state_size", maxDim),
		nHeads:  h.count("ssm.time_step_rank", maxHeads),
		nGroups: h.count("ssm.group_count", maxHeads),
	}
	if s.inner%s.nHeads != 0 {
		h.fault(h.key("ssm.time_step_rank"), "is %d, must divide the width %d", s.nHeads, s.inner)
		s.nHeads = 1
	}
	if s.nHeads%s.nGroups != 0 {
		h.fault(h.key("ssm.group_count"), "is %d, must divide the %d heads", s.nGroups, s.nHeads)
		s.nGroups = 1
	}
	return s
}

// maxTaps bounds a convolution's length: known ones are 3 or 4.
const maxTaps = 1 << 8
