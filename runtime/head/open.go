package head

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"

	"inferd/gguf"
)

// Architecture is the general.architecture of a head's file.
const Architecture = "inferd-head"

// Names of the file's parts.
const (
	KeyBaseSHA256 = "inferd.head.base_sha256"
	KeyLabels     = "inferd.head.labels"
	KeyThreshold  = "inferd.head.threshold"
	TensorWeight  = "head.weight"
	TensorBias    = "head.bias"
)

// Caps: a classifier with more labels, or of a wider model, is a mistake.
const (
	maxLabels = 4096
	maxDim    = 1 << 16
)

// Open reads a head. A file that is no GGUF file is a *gguf.ParseError.
func Open(path string) (*Head, error) {
	f, err := gguf.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return OpenFile(f)
}

// OpenFile is Open of a file that is open. It may be closed afterwards.
func OpenFile(f *gguf.File) (*Head, error) {
	h, err := read(f)
	if err != nil {
		return nil, fmt.Errorf("head: %s: %w", f.Path(), err)
	}
	return h, nil
}

func read(f *gguf.File) (*Head, error) {
	arch, err := f.String("general.architecture")
	if err != nil {
		return nil, err
	}
	if arch != Architecture {
		return nil, fmt.Errorf("general.architecture is %q, expected %q", arch, Architecture)
	}
	h := new(Head)
	if h.baseSHA256, err = f.String(KeyBaseSHA256); err != nil {
		return nil, err
	}
	if sum, err := hex.DecodeString(h.baseSHA256); err != nil || len(sum) != 32 {
		return nil, fmt.Errorf("%s is %q, expected 64 hexadecimal digits", KeyBaseSHA256, h.baseSHA256)
	}
	threshold, err := f.Float(KeyThreshold)
	if err != nil {
		return nil, err
	}
	if !(threshold >= 0 && threshold <= 1) {
		return nil, fmt.Errorf("%s is %v, expected 0 to 1", KeyThreshold, threshold)
	}
	h.threshold = float32(threshold)
	if h.labels, err = f.Strings(KeyLabels); err != nil {
		return nil, err
	}
	if err := checkLabels(h.labels); err != nil {
		return nil, err
	}
	return h, h.readTensors(f)
}

func checkLabels(labels []string) error {
	if len(labels) < 2 || len(labels) > maxLabels {
		return fmt.Errorf("%s has %d labels, expected 2 to %d", KeyLabels, len(labels), maxLabels)
	}
	seen := map[string]bool{}
	for i, l := range labels {
		if l == "" || seen[l] {
			return fmt.Errorf("%s: label %d, %q, is empty or not the first of its name", KeyLabels, i, l)
		}
		seen[l] = true
	}
	return nil
}

func (h *Head) readTensors(f *gguf.File) error {
	info, ok := f.Tensor(TensorWeight)
	if !ok {
		return fmt.Errorf("tensor %q is missing", TensorWeight)
	}
	if len(info.Dims) == 0 || info.Dims[0] > maxDim {
		return fmt.Errorf("tensor %q has dimensions %v, expected [dim, %d]", TensorWeight, info.Dims, len(h.labels))
	}
	dim := int(info.Dims[0])
	var err error
	if h.weight, err = readF32(f, TensorWeight, dim, len(h.labels)); err != nil {
		return err
	}
	h.bias, err = readF32(f, TensorBias, len(h.labels))
	return err
}

// readF32 reads a float32 tensor of the given dimensions, fastest first, whose
// values must be finite.
func readF32(f *gguf.File, name string, dims ...int) ([]float32, error) {
	info, ok := f.Tensor(name)
	if !ok {
		return nil, fmt.Errorf("tensor %q is missing", name)
	}
	n := 1
	same := len(info.Dims) == len(dims)
	for i, d := range dims {
		n *= d
		same = same && int(info.Dims[i]) == d
	}
	if !same || info.Type != gguf.F32 {
		return nil, fmt.Errorf("tensor %q is %v %v, expected F32 %v", name, info.Type, info.Dims, dims)
	}
	raw := make([]byte, 4*n)
	if err := f.ReadTensor(raw, info, 0); err != nil {
		return nil, err
	}
	x := make([]float32, n)
	for i := range x {
		x[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
		if v := float64(x[i]); math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, fmt.Errorf("tensor %q: value %d is %v", name, i, v)
		}
	}
	return x, nil
}
