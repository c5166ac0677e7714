package export

import (
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"slices"

	"inferd/cmd/inferd-tune/bpe"
	"inferd/cmd/inferd-tune/graph"
	"inferd/gguf"
	"inferd/gguf/ggufwrite"
	"inferd/kernels"
)

// Model is what goes into a file.
type Model struct {
	Name     string
	Config   graph.Config
	NCtx     int
	Pieces   []bpe.Piece
	Params   []graph.Param
	Metadata map[string]any // further pairs
}

// Write writes m to path with matrices in t, gguf.Q8_0 or gguf.F32.
// Gains are F32 in any case.
func Write(path string, m Model, t gguf.Type) error {
	if t != gguf.Q8_0 && t != gguf.F32 {
		return fmt.Errorf("export: matrices of type %v are not supported", t)
	}
	if m.Config.RopeNeoX {
		return fmt.Errorf("export: architecture llama rotates neighbours, the model was trained with halves")
	}
	w := ggufwrite.New()
	setModel(w, m, t)
	setVocab(w, m.Pieces)
	for _, key := range slices.Sorted(maps.Keys(m.Metadata)) {
		w.Set(key, m.Metadata[key])
	}
	for _, p := range m.Params {
		rows, cols, data := fileLayout(p)
		if p.IsGain() {
			w.Tensor(p.Name, gguf.F32, []int{cols}, ggufwrite.Bytes(appendF32(nil, data)))
			continue
		}
		b, err := encode(data, rows, cols, t)
		if err != nil {
			return fmt.Errorf("export: tensor %q: %w", p.Name, err)
		}
		w.Tensor(p.Name, t, []int{cols, rows}, ggufwrite.Bytes(b))
	}
	if err := w.WriteFile(path); err != nil {
		return fmt.Errorf("export: %w", err)
	}
	return nil
}

// fileLayout returns p as [rows, cols] with a row for each output; training
// holds matrices the other way round, except the embedding.
func fileLayout(p graph.Param) (rows, cols int, data []float32) {
	rows, cols = p.Shape[0], p.Shape[1]
	if p.IsGain() || p.Name == "token_embd.weight" {
		return rows, cols, p.Data
	}
	data = make([]float32, len(p.Data))
	for i, x := range p.Data {
		data[i%cols*rows+i/cols] = x
	}
	return cols, rows, data
}

// encode returns rows·cols values in the file's form.
func encode(data []float32, rows, cols int, t gguf.Type) ([]byte, error) {
	if t == gguf.F32 {
		return appendF32(nil, data), nil
	}
	if n := kernels.Q8_0.BlockLen(); cols%n != 0 {
		return nil, fmt.Errorf("rows have %d values, Q8_0 needs multiples of %d", cols, n)
	}
	b := make([]byte, rows*kernels.Q8_0.RowBytes(cols))
	return b, kernels.Encode(b, kernels.Q8_0, data, nil)
}

func appendF32(dst []byte, x []float32) []byte {
	for _, v := range x {
		dst = binary.LittleEndian.AppendUint32(dst, math.Float32bits(v))
	}
	return dst
}

// llama.cpp's numbers of general.file_type.
const (
	fileTypeF32  uint32 = 0
	fileTypeQ8_0 uint32 = 7
)

func setModel(w *ggufwrite.Writer, m Model, t gguf.Type) {
	c := m.Config
	w.Set("general.architecture", "llama")
	w.Set("general.name", m.Name)
	fileType := fileTypeF32
	if t == gguf.Q8_0 {
		fileType = fileTypeQ8_0
		w.Set("general.quantization_version", uint32(2))
	}
	w.Set("general.file_type", fileType)
	w.Set("llama.context_length", uint32(m.NCtx))
	w.Set("llama.embedding_length", uint32(c.Dim))
	w.Set("llama.block_count", uint32(c.NLayers))
	w.Set("llama.feed_forward_length", uint32(c.FFNDim))
	w.Set("llama.attention.head_count", uint32(c.NHeads))
	w.Set("llama.attention.head_count_kv", uint32(c.NKVHeads))
	w.Set("llama.attention.layer_norm_rms_epsilon", c.Eps)
	w.Set("llama.rope.dimension_count", uint32(c.HeadDim()))
	w.Set("llama.rope.freq_base", float32(c.RopeBase))
	w.Set("llama.vocab_size", uint32(c.NVocab))
}

func setVocab(w *ggufwrite.Writer, pieces []bpe.Piece) {
	v := bpe.Vocab(pieces)
	types := make([]int32, len(v.Types))
	for i, t := range v.Types {
		types[i] = int32(t)
	}
	w.Set("tokenizer.ggml.model", v.Model)
	w.Set("tokenizer.ggml.tokens", v.Tokens)
	w.Set("tokenizer.ggml.scores", v.Scores)
	w.Set("tokenizer.ggml.token_type", types)
	w.Set("tokenizer.ggml.unknown_token_id", uint32(*v.UNK))
	w.Set("tokenizer.ggml.bos_token_id", uint32(*v.BOS))
	w.Set("tokenizer.ggml.eos_token_id", uint32(*v.EOS))
	w.Set("tokenizer.ggml.add_bos_token", *v.AddBOS)
	w.Set("tokenizer.ggml.add_eos_token", *v.AddEOS)
	w.Set("tokenizer.ggml.add_space_prefix", *v.AddSpacePrefix)
	w.Set("tokenizer.chat_template", ChatTemplate)
}
