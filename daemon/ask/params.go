package ask

import (
	"crypto/rand"
	"encoding/binary"

	"inferd/daemon/serve"
	"inferd/runtime"
)

// Params are what all answers of a request have in common.
type Params struct {
	N      int // answers to each prompt, at least 1
	Format Format

	// Generation is for the first answer. Begin sets its grammar, and MaxTokens
	// 0 is for all that the context has room for.
	Generation runtime.GenerationOptions

	// Given are the sampling parameters, as serve.Given has them, that are the
	// request's own. Begin sets the others as the model's settings want them.
	Given map[string]bool

	// Receipt asks Answers to keep what Answers.Receipt tells.
	Receipt bool
}

// DefaultParams asks for one answer from the model's own distribution, with a
// seed of its own.
func DefaultParams() Params {
	p := Params{N: 1}
	p.Generation.Sampling = runtime.DefaultSampling()
	p.Generation.Sampling.Seed = RandomSeed()
	return p
}

// RandomSeed is the seed of a request that names none. It has 53 bits, which
// every program that reads a receipt can hold.
func RandomSeed() uint64 {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return binary.LittleEndian.Uint64(b[:]) >> 11
}

// choice returns the options of one of several answers to a prompt.
func (p *Params) choice(i int, nPrompt int, m serve.Model) runtime.GenerationOptions {
	o := p.Generation
	o.Sampling.Seed += uint64(i)
	room := m.NCtx() - nPrompt
	if o.MaxTokens == 0 || o.MaxTokens > room {
		o.MaxTokens = room
	}
	return o
}

// TooLong is the fault of a prompt that the context does not hold; param is the
// request's member that it comes from.
func TooLong(m serve.Model, param string, nPrompt int) *serve.Fault {
	return serve.Invalid("context_length_exceeded", param,
		"the maximum context length of model %q is %d tokens, but the prompt has %d tokens and the answer needs at least 1",
		m.Name(), m.NCtx(), nPrompt)
}
