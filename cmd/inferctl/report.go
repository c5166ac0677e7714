package main

import (
	"fmt"
	"math"

	"inferd/gguf"
	"inferd/runtime"
)

// report is what inspect tells about a file: what the runtime makes of it, and
// the metadata and tensors as they stand in it.
type report struct {
	runtime.Info
	FileType      string         `json:"file_type,omitempty"` // the quantiser's name of the mix of types, such as "Q4_K_M"
	BitsPerWeight float64        `json:"bits_per_weight"`
	MemoryBytes   int64          `json:"memory_bytes,omitempty"` // sum of Memory
	Metadata      map[string]any `json:"metadata"`
	Tensors       []tensorEntry  `json:"tensors"`
}

type tensorEntry struct {
	Name  string `json:"name"`
	Type  string `json:"type"`
	Dims  []int  `json:"dims"` // fastest first, as in the file
	Bytes int64  `json:"bytes"`
}

// maxListed is the longest metadata array that is listed in full.
const maxListed = 64

func newReport(path string) (*report, error) {
	info, err := runtime.Inspect(path, runtime.Options{})
	if err != nil {
		return nil, err
	}
	f, err := gguf.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r := &report{Info: info, MemoryBytes: info.Memory.TotalBytes(), Metadata: map[string]any{}}
	for _, kv := range f.Keys() {
		r.Metadata[kv.Key] = metadataValue(kv)
	}
	total := int64(0)
	for _, t := range f.Tensors() {
		r.Tensors = append(r.Tensors, tensorEntry{t.Name, t.Type.String(), t.Dims, t.Bytes})
		total += t.Bytes
	}
	if r.NParams > 0 {
		r.BitsPerWeight = 8 * float64(total) / float64(r.NParams)
	}
	if n, err := f.Uint("general.file_type"); err == nil {
		r.FileType = fileTypes[n]
	}
	return r, nil
}

// metadataValue is a value as JSON shows it.
func metadataValue(kv gguf.KeyValue) any {
	if kv.Type == gguf.Array && kv.Len() > maxListed {
		return map[string]any{"array_of": kv.Elem.String(), "length": kv.Len()}
	}
	return jsonValue(kv.Value())
}

// jsonValue replaces what JSON has no form for: floats that are no numbers,
// and bytes, which would become base64.
func jsonValue(v any) any {
	switch v := v.(type) {
	case []byte:
		return jsonArray(v)
	case []float32:
		return jsonArray(v)
	case []float64:
		return jsonArray(v)
	case float32:
		if x := float64(v); math.IsNaN(x) || math.IsInf(x, 0) {
			return fmt.Sprint(v)
		}
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Sprint(v)
		}
	}
	return v
}

func jsonArray[T any](in []T) []any {
	out := make([]any, len(in))
	for i, x := range in {
		out[i] = jsonValue(x)
	}
	return out
}

// fileTypes names general.file_type (llama.h, enum llama_ftype).
var fileTypes = map[uint64]string{
	0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 7: "Q8_0", 8: "Q5_0", 9: "Q5_1",
	10: "Q2_K", 11: "Q3_K_S", 12: "Q3_K_M", 13: "Q3_K_L", 14: "Q4_K_S", 15: "Q4_K_M",
	16: "Q5_K_S", 17: "Q5_K_M", 18: "Q6_K", 19: "IQ2_XXS", 20: "IQ2_XS", 21: "Q2_K_S",
	22: "IQ3_XS", 23: "IQ3_XXS", 24: "IQ1_S", 25: "IQ4_NL", 26: "IQ3_S", 27: "IQ3_M",
	28: "IQ2_S", 29: "IQ2_M", 30: "IQ4_XS", 31: "IQ1_M", 32: "BF16", 36: "TQ1_0",
	37: "TQ2_0", 38: "MXFP4",
}
