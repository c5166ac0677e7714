package runtime

import (
	"errors"
	"fmt"
	"strings"
)

// Errors of a step and of a session's life.
var (
	// ErrClosed is returned by an engine or a session that has been closed.
	ErrClosed = errors.New("runtime: closed")

	// ErrKVFull is returned when the KV budget has no page left for a step, or no
	// recurrent state for one of its sessions.
	// Nothing has changed then: the step may be tried again after sessions
	// have been closed or rewound.
	ErrKVFull = errors.New("runtime: no free page in the KV cache")

	// ErrLent is returned where a step would overwrite logits that another batch
	// was given and has not given back by a Reset.
	ErrLent = errors.New("the logits of another batch are in use")

	// ErrContextFull is what a *ContextError is.
	ErrContextFull = errors.New("runtime: context full")
)

// ContextError says that tokens do not fit into a session's context.
type ContextError struct {
	NTokens int // tokens the session would hold
	NCtx    int // tokens it may hold
}

func (e *ContextError) Error() string {
	return fmt.Sprintf("runtime: %d tokens do not fit into a context of %d", e.NTokens, e.NCtx)
}

func (e *ContextError) Is(target error) bool { return target == ErrContextFull }

// ParamError says which parameter of a request is out of its range.
type ParamError struct {
	Param string // as in SamplingParams, in the snake case of the wire formats
	Value any
	Range string // what is allowed, such as "0 to 2"
}

func (e *ParamError) Error() string {
	return fmt.Sprintf("runtime: %s is %v, must be %s", e.Param, e.Value, e.Range)
}

// Fault is one thing wrong with a model file: a metadata key or a tensor.
type Fault struct {
	Key    string // metadata key, or ""
	Tensor string // tensor name, or ""
	Reason string // expected and found
}

func (f Fault) String() string {
	switch {
	case f.Key != "":
		return fmt.Sprintf("key %q: %s", f.Key, f.Reason)
	case f.Tensor != "":
		return fmt.Sprintf("tensor %q: %s", f.Tensor, f.Reason)
	default:
		return f.Reason
	}
}

// maxFaultsShown keeps the message of a thoroughly wrong file readable.
const maxFaultsShown = 20

// ModelError lists everything that keeps a well-formed GGUF file from being a
// model this package can run.
type ModelError struct {
	Path   string
	Faults []Fault
}

func (e *ModelError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "runtime: model %q", e.Path)
	for i, f := range e.Faults {
		if i == maxFaultsShown {
			fmt.Fprintf(&b, "; and %d more", len(e.Faults)-i)
			break
		}
		if i > 0 {
			b.WriteString(";")
		} else {
			b.WriteString(":")
		}
		b.WriteString(" " + f.String())
	}
	return b.String()
}
