package head

import (
	"encoding/binary"
	"fmt"
	"math"

	"inferd/gguf"
	"inferd/gguf/ggufwrite"
	"inferd/runtime/head"
)

// File is what a head's file says besides its weights.
type File struct {
	Name       string
	BaseName   string // of the model it belongs to
	BaseSHA256 string
	Threshold  float32
}

// Write writes m to path.
func (m *Model) Write(path string, f File) error {
	w := ggufwrite.New()
	w.Set("general.architecture", head.Architecture)
	w.Set("general.name", f.Name)
	w.Set("general.base_model.count", uint32(1))
	w.Set("general.base_model.0.name", f.BaseName)
	w.Set(head.KeyBaseSHA256, f.BaseSHA256)
	w.Set(head.KeyLabels, m.Labels)
	w.Set(head.KeyThreshold, f.Threshold)
	w.Set("inferd.head.accuracy", m.Report.Accuracy)
	w.Set("inferd.head.held_out", uint32(m.Report.NHeldOut))
	var weight []byte
	for _, row := range m.Weight {
		weight = appendF32(weight, row)
	}
	w.Tensor(head.TensorWeight, gguf.F32, []int{len(m.Weight[0]), len(m.Labels)}, ggufwrite.Bytes(weight))
	w.Tensor(head.TensorBias, gguf.F32, []int{len(m.Labels)}, ggufwrite.Bytes(appendF32(nil, m.Bias)))
	if err := w.WriteFile(path); err != nil {
		return fmt.Errorf("head: %w", err)
	}
	return nil
}

func appendF32(dst []byte, x []float32) []byte {
	for _, v := range x {
		dst = binary.LittleEndian.AppendUint32(dst, math.Float32bits(v))
	}
	return dst
}
