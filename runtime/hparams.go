package runtime

import (
	"errors"
	"fmt"
	"math"

	"inferd/gguf"
)

// hparams reads the metadata of one model and collects what is wrong with it,
// so that one error names every bad key. Values are checked here and nowhere
// else: what a constructor gets is in range, or a fault has been noted and the
// model will not load.
type hparams struct {
	file   *gguf.File
	arch   string
	faults []Fault
}

// The caps keep products of hyper-parameters far from overflow, and what is
// allocated from them small, until the tensors' shapes have confirmed them.
const (
	maxDim     = 1 << 20 // the widest known model has 2^14
	maxFFNDim  = 1 << 22
	maxLayers  = 1 << 11 // the deepest known has 2^7
	maxHeads   = 1 << 12
	maxExperts = 1 << 11 // the most known are 2^9
	maxNCtx    = 1 << 27 // the longest known is 2^24
	maxVocab   = 1 << 24
)

// key returns the full name of an architecture's key.
func (h *hparams) key(name string) string { return h.arch + "." + name }

// fault notes what is wrong with a key.
func (h *hparams) fault(key, format string, args ...any) {
	h.faults = append(h.faults, Fault{Key: key, Reason: fmt.Sprintf(format, args...)})
}

// found handles a getter's error: it reports whether the key has a value, and
// notes a fault unless it has one or is allowed to be absent.
func (h *hparams) found(key string, err error, required bool) bool {
	switch {
	case err == nil:
		return true
	case errors.Is(err, gguf.ErrNoKey):
		if required {
			h.fault(key, "is missing")
		}
	default:
		h.fault(key, "%s", cause(err))
	}
	return false
}

// cause returns what a *gguf.ParseError says about a value, without the parts
// that name the file and the key again.
func cause(err error) string {
	if p, ok := errors.AsType[*gguf.ParseError](err); ok {
		return p.Err.Error()
	}
	return err.Error()
}

// count returns an integer from 1 to most.
func (h *hparams) count(name string, most int) int {
	key := h.key(name)
	u, err := h.file.Uint(key)
	if !h.found(key, err, true) {
		return 1
	}
	return h.inRange(key, u, 1, most)
}

// countOr returns an integer from 1 to most, or def where the key is absent.
func (h *hparams) countOr(name string, def, most int) int {
	key := h.key(name)
	u, err := h.file.Uint(key)
	if !h.found(key, err, false) {
		return def
	}
	return h.inRange(key, u, 1, most)
}

// countOrNone returns an integer from 0 to most, 0 where the key is absent.
func (h *hparams) countOrNone(name string, most int) int {
	key := h.key(name)
	u, err := h.file.Uint(key)
	if !h.found(key, err, false) {
		return 0
	}
	return h.inRange(key, u, 0, most)
}

// counts returns an integer from least to most for each of n layers: the key
// holds one for all, of 1 or more, or a list of them. def where it is absent.
func (h *hparams) counts(name string, n, def, least, most int) []int {
	key := h.key(name)
	all := make([]int, n)
	if kv, ok := h.file.KeyValue(key); ok && kv.Type == gguf.Array {
		list, err := h.file.Uints(key)
		if h.found(key, err, true) && len(list) != n {
			h.fault(key, "has %d elements, must have one for each of %d layers", len(list), n)
		}
		for i := range all {
			all[i] = max(1, least)
			if i < len(list) {
				all[i] = h.inRange(key, uint64(list[i]), least, most)
			}
		}
		return all
	}
	v := h.countOr(name, def, most)
	for i := range all {
		all[i] = v
	}
	return all
}

// pattern returns for each of n layers whether it is of the frequent kind: the
// key holds a list of that, or a period whose last layer is of the other kind,
// or 0 where none is. Where it is absent the period is defPeriod; 0 means that
// it must not be.
func (h *hparams) pattern(name string, n, defPeriod int) []bool {
	key := h.key(name)
	list := make([]bool, n)
	if kv, ok := h.file.KeyValue(key); ok && kv.Type == gguf.Array {
		flags, err := h.file.Bools(key)
		if numbers, isInts := h.file.Uints(key); isInts == nil {
			flags, err = make([]bool, len(numbers)), nil
			for i, v := range numbers {
				flags[i] = v != 0
			}
		}
		if h.found(key, err, true) && len(flags) != n {
			h.fault(key, "has %d elements, must have one for each of %d layers", len(flags), n)
		}
		copy(list, flags)
		return list
	}
	if defPeriod == 0 && !h.has(name) {
		h.fault(key, "is missing")
	}
	period := defPeriod
	if h.has(name) {
		period = h.countOrNone(name, maxLayers)
	}
	for i := range list {
		list[i] = period == 0 || i%period < period-1
	}
	return list
}

func (h *hparams) inRange(key string, u uint64, least, most int) int {
	if u < uint64(least) || u > uint64(most) {
		h.fault(key, "is %d, must be %d to %d", u, least, most)
		return max(1, least)
	}
	return int(u)
}

// positive returns a finite number over 0.
func (h *hparams) positive(name string) float64 {
	key := h.key(name)
	v, err := h.file.Float(key)
	if !h.found(key, err, true) {
		return 1
	}
	return h.inOpenRange(key, v)
}

// positiveOr returns a finite number over 0, or def where the key is absent.
func (h *hparams) positiveOr(name string, def float64) float64 {
	key := h.key(name)
	v, err := h.file.Float(key)
	if !h.found(key, err, false) {
		return def
	}
	return h.inOpenRange(key, v)
}

// nonNegativeOr returns a finite number of 0 or more, or def where the key is
// absent.
func (h *hparams) nonNegativeOr(name string, def float64) float64 {
	if v, err := h.file.Float(h.key(name)); err == nil && v == 0 {
		return 0
	}
	return h.positiveOr(name, def)
}

// inOpenRange checks that v is over 0 and is neither infinite nor lost as a
// float32.
func (h *hparams) inOpenRange(key string, v float64) float64 {
	if !(v > 0) || float32(v) == 0 || v > math.MaxFloat32 {
		h.fault(key, "is %g, must be a finite number over 0", v)
		return 1
	}
	return v
}

// textOr returns a string, or def where the key is absent.
func (h *hparams) textOr(name, def string) string {
	key := h.key(name)
	s, err := h.file.String(key)
	if !h.found(key, err, false) {
		return def
	}
	return s
}

// boolOr returns a truth value, or def where the key is absent.
func (h *hparams) boolOr(name string, def bool) bool {
	key := h.key(name)
	v, err := h.file.Bool(key)
	if !h.found(key, err, false) {
		return def
	}
	return v
}

// periodOr returns an integer that says every how many layers something recurs,
// def where the key is absent and 0 where it holds a list.
func (h *hparams) periodOr(name string, def int) int {
	if kv, ok := h.file.KeyValue(h.key(name)); ok && kv.Type == gguf.Array {
		return 0
	}
	return h.countOr(name, def, maxLayers)
}

// rotated returns how many of a head's elements an encoding of positions turns,
// all where the key is absent.
func (h *hparams) rotated(name string, headDim int) int {
	n := h.countOr(name, headDim, maxDim)
	if n%2 != 0 || n > headDim {
		h.fault(h.key(name), "is %d, must be even and at most the head's width %d", n, headDim)
	}
	return n
}

// hasTensor reports whether the file has a tensor, for architectures of which
// there are kinds that the metadata does not tell apart.
func (h *hparams) hasTensor(name string) bool {
	_, ok := h.file.Tensor(name)
	return ok
}

// has reports whether a key is present.
func (h *hparams) has(name string) bool {
	_, ok := h.file.KeyValue(h.key(name))
	return ok
}
