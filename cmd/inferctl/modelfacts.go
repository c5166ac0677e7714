package main

import (
	"cmp"
	"errors"
	"fmt"
	"math"

	"inferd/gguf"
)

// summary is what inspect tells about a file. A zero field is unknown.
type summary struct {
	Path          string           `json:"path"`
	GGUFVersion   int              `json:"gguf_version"`
	Parts         int              `json:"parts"`
	Bytes         int64            `json:"bytes"`
	Architecture  string           `json:"architecture"`
	Name          string           `json:"name,omitempty"`
	License       string           `json:"license,omitempty"`
	Parameters    int              `json:"parameters"`
	Quantization  quantization     `json:"quantization"`
	ContextLength int              `json:"context_length,omitempty"`
	Dim           int              `json:"dim,omitempty"`
	Layers        int              `json:"layers,omitempty"`
	Heads         int              `json:"heads,omitempty"`
	KVHeads       int              `json:"kv_heads,omitempty"`
	HeadDim       int              `json:"head_dim,omitempty"`
	FFNDim        int              `json:"ffn_dim,omitempty"`
	Experts       int              `json:"experts,omitempty"`
	ExpertsUsed   int              `json:"experts_used,omitempty"`
	Tokenizer     tokenizerSummary `json:"tokenizer"`
	Memory        memoryNeeded     `json:"memory"`
	Problems      []string         `json:"problems,omitempty"`
	Metadata      map[string]any   `json:"metadata"`
	Tensors       []tensorSummary  `json:"tensors"`
}

type quantization struct {
	FileType      string               `json:"file_type,omitempty"`
	BitsPerWeight float64              `json:"bits_per_weight"`
	Types         map[string]typeShare `json:"types"`
}

type typeShare struct {
	Tensors int   `json:"tensors"`
	Bytes   int64 `json:"bytes"`
}

type tokenizerSummary struct {
	Model        string `json:"model,omitempty"`
	Pre          string `json:"pre,omitempty"`
	Tokens       int    `json:"tokens,omitempty"`
	BOS          *int   `json:"bos,omitempty"`
	EOS          *int   `json:"eos,omitempty"`
	ChatTemplate bool   `json:"chat_template"`
}

// memoryNeeded is the resident size of one session with a full context.
type memoryNeeded struct {
	WeightsBytes int64 `json:"weights_bytes"`
	KVBytes      int64 `json:"kv_bytes"`
	TotalBytes   int64 `json:"total_bytes"`
}

type tensorSummary struct {
	Name  string `json:"name"`
	Type  string `json:"type"`
	Dims  []int  `json:"dims"` // fastest first, as in the file
	Bytes int64  `json:"bytes"`
}

// maxListed is the longest metadata array that is listed in full.
const maxListed = 64

// summarize collects the facts. A key that is absent leaves its field zero; a
// key of a wrong type becomes a problem, because inspect is asked exactly when
// a file does not load.
func summarize(f *gguf.File) *summary {
	s := &summary{
		Path: f.Path(), GGUFVersion: f.Version(), Parts: len(f.Paths()), Bytes: f.Size(),
		Metadata: map[string]any{},
	}
	r := factReader{file: f, problems: &s.Problems}
	s.Architecture = r.text("general.architecture")
	s.Name = r.text("general.name")
	s.License = r.text("general.license")
	arch := s.Architecture + "."
	s.ContextLength = r.number(arch + "context_length")
	s.Dim = r.number(arch + "embedding_length")
	s.Layers = r.number(arch + "block_count")
	s.Heads = r.largest(arch + "attention.head_count")
	s.KVHeads = cmp.Or(r.largest(arch+"attention.head_count_kv"), s.Heads)
	s.FFNDim = r.largest(arch + "feed_forward_length")
	s.Experts = r.number(arch + "expert_count")
	s.ExpertsUsed = r.number(arch + "expert_used_count")
	s.HeadDim = r.number(arch + "attention.key_length")
	if s.HeadDim == 0 && s.Heads > 0 {
		s.HeadDim = s.Dim / s.Heads
	}
	s.Tokenizer = r.tokenizer()
	s.addMetadata(f)
	s.addTensors(f)
	s.Memory = memoryOf(f, r, s)
	if t := r.optional("general.file_type"); t != nil {
		s.Quantization.FileType = fileTypes[*t]
	}
	return s
}

// factReader reads metadata that may be absent or wrong.
type factReader struct {
	file     *gguf.File
	problems *[]string
}

// note keeps err as a problem, unless the key is only absent.
func (r factReader) note(err error) {
	if err != nil && !errors.Is(err, gguf.ErrNoKey) {
		*r.problems = append(*r.problems, err.Error())
	}
}

func (r factReader) text(key string) string {
	s, err := r.file.String(key)
	r.note(err)
	return s
}

func (r factReader) number(key string) int {
	n, err := r.file.Uint(key)
	if err == nil && n > 1<<53 {
		err = fmt.Errorf("%s: %d is absurd", key, n)
		n = 0
	}
	r.note(err)
	return int(n)
}

// largest reads a number that may also be given layer by layer.
func (r factReader) largest(key string) int {
	if kv, ok := r.file.KeyValue(key); !ok || kv.Type != gguf.Array {
		return r.number(key)
	}
	perLayer, err := r.file.Uints(key)
	r.note(err)
	most := uint32(0)
	for _, n := range perLayer {
		most = max(most, n)
	}
	return int(most)
}

// optional reads a number whose absence differs from zero.
func (r factReader) optional(key string) *int {
	if _, ok := r.file.KeyValue(key); !ok {
		return nil
	}
	n := r.number(key)
	return &n
}

func (r factReader) tokenizer() tokenizerSummary {
	t := tokenizerSummary{
		Model: r.text("tokenizer.ggml.model"),
		Pre:   r.text("tokenizer.ggml.pre"),
		BOS:   r.optional("tokenizer.ggml.bos_token_id"),
		EOS:   r.optional("tokenizer.ggml.eos_token_id"),
	}
	if kv, ok := r.file.KeyValue("tokenizer.ggml.tokens"); ok {
		t.Tokens = kv.Len()
	}
	_, t.ChatTemplate = r.file.KeyValue("tokenizer.chat_template")
	return t
}

// addMetadata lists every key, long arrays by type and length only.
func (s *summary) addMetadata(f *gguf.File) {
	for _, kv := range f.Keys() {
		if kv.Type == gguf.Array && kv.Len() > maxListed {
			s.Metadata[kv.Key] = map[string]any{"array_of": kv.Elem.String(), "length": kv.Len()}
			continue
		}
		s.Metadata[kv.Key] = jsonValue(kv.Value())
	}
}

// jsonValue replaces what JSON has no form for: bytes that would become
// base64, and floats that are not numbers.
func jsonValue(v any) any {
	switch v := v.(type) {
	case []byte:
		return widen(v, func(b byte) any { return b })
	case []float32:
		return widen(v, func(x float32) any { return jsonValue(x) })
	case []float64:
		return widen(v, func(x float64) any { return jsonValue(x) })
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

func widen[T any](in []T, f func(T) any) []any {
	out := make([]any, len(in))
	for i, x := range in {
		out[i] = f(x)
	}
	return out
}

// addTensors lists the tensors and sums them up by type.
func (s *summary) addTensors(f *gguf.File) {
	s.Quantization.Types = map[string]typeShare{}
	total := int64(0)
	for _, t := range f.Tensors() {
		s.Tensors = append(s.Tensors, tensorSummary{t.Name, t.Type.String(), t.Dims, t.Bytes})
		share := s.Quantization.Types[t.Type.String()]
		s.Quantization.Types[t.Type.String()] = typeShare{share.Tensors + 1, share.Bytes + t.Bytes}
		s.Parameters += t.Elements()
		total += t.Bytes
	}
	if s.Parameters > 0 {
		s.Quantization.BitsPerWeight = 8 * float64(total) / float64(s.Parameters)
	}
}

// memoryOf adds up the weights and the KV cache of one full context: for each
// layer and position a key and a value per KV head. The elements are float32
// where no tensor is quantised in blocks, else float16, as the runtime stores
// them by default. Windows and recurrent layers, which need less, count in full.
func memoryOf(f *gguf.File, r factReader, s *summary) memoryNeeded {
	var m memoryNeeded
	elemBytes := 4
	for _, t := range f.Tensors() {
		m.WeightsBytes += t.Bytes
		if t.Type.BlockLen() > 1 {
			elemBytes = 2
		}
	}
	keyDim := s.HeadDim
	valueDim := cmp.Or(r.number(s.Architecture+".attention.value_length"), keyDim)
	// Numbers from a file may be absurd; their product must not wrap around.
	kv := float64(s.ContextLength) * float64(s.Layers) * float64(s.KVHeads) * float64(keyDim+valueDim) * float64(elemBytes)
	m.KVBytes = int64(min(kv, 1<<60))
	m.TotalBytes = m.WeightsBytes + m.KVBytes
	return m
}

// fileTypes names general.file_type (llama.h, enum llama_ftype).
var fileTypes = map[int]string{
	0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 7: "Q8_0", 8: "Q5_0", 9: "Q5_1",
	10: "Q2_K", 11: "Q3_K_S", 12: "Q3_K_M", 13: "Q3_K_L", 14: "Q4_K_S", 15: "Q4_K_M",
	16: "Q5_K_S", 17: "Q5_K_M", 18: "Q6_K", 19: "IQ2_XXS", 20: "IQ2_XS", 21: "Q2_K_S",
	22: "IQ3_XS", 23: "IQ3_XXS", 24: "IQ1_S", 25: "IQ4_NL", 26: "IQ3_S", 27: "IQ3_M",
	28: "IQ2_S", 29: "IQ2_M", 30: "IQ4_XS", 31: "IQ1_M", 32: "BF16", 36: "TQ1_0",
	37: "TQ2_0", 38: "MXFP4",
}
