package runtime

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"inferd/gguf"
	"inferd/gguf/ggufwrite"
	"inferd/kernels"
)

// change says what a copy of a model file has otherwise than the original.
type change struct {
	keys    map[string]any // nil removes a key
	tensors map[string]tensorChange
	floats  map[string]floatTensor
}

// tensorChange replaces a tensor; the zero value removes it.
type tensorChange struct {
	typ  gguf.Type
	dims []int
}

// floatTensor replaces a tensor by one of F32.
type floatTensor struct {
	dims   []int
	values []float32
}

// rewrite copies a committed model with changes and returns the copy's path.
func rewrite(t testing.TB, name string, c change) string {
	t.Helper()
	return rewriteFile(t, committedModel(name), c)
}

func rewriteFile(t testing.TB, path string, c change) string {
	t.Helper()
	f, err := gguf.Open(path)
	require.NoError(t, err)
	defer f.Close()
	w := ggufwrite.New()
	for _, kv := range f.Keys() {
		if _, changed := c.keys[kv.Key]; !changed {
			w.Copy(kv)
		}
	}
	for key, v := range c.keys {
		if v != nil {
			w.Set(key, v)
		}
	}
	for _, ti := range f.Tensors() {
		_, changed := c.tensors[ti.Name]
		_, filled := c.floats[ti.Name]
		if changed || filled {
			continue
		}
		b, err := f.TensorBytes(ti)
		require.NoError(t, err)
		w.Tensor(ti.Name, ti.Type, ti.Dims, ggufwrite.Bytes(b))
	}
	for name, tc := range c.tensors {
		if tc.dims == nil {
			continue
		}
		n := tc.typ.BlockBytes()
		for _, d := range tc.dims {
			n *= d
		}
		w.Tensor(name, tc.typ, tc.dims, ggufwrite.Bytes(make([]byte, n/tc.typ.BlockLen())))
	}
	for name, tc := range c.floats {
		raw, err := binary.Append(nil, binary.LittleEndian, tc.values)
		require.NoError(t, err)
		w.Tensor(name, gguf.F32, tc.dims, ggufwrite.Bytes(raw))
	}
	path = filepath.Join(t.TempDir(), "model.gguf")
	require.NoError(t, w.WriteFile(path))
	return path
}

// TestHyperParameters gives every key of the model, and those it might have,
// each kind of bad value. The error must be typed and name the key.
func TestHyperParameters(t *testing.T) {
	const p = "llama."
	ints := []any{"text", 1.5, true, []int32{1}, uint32(0), int32(-1), uint64(1) << 62}
	floats := []any{"text", uint32(3), false, []float32{1}, 0.0, -1.0, math.NaN(), math.Inf(1), 1e300, 1e-300}
	orZero := slices.DeleteFunc(slices.Clone(floats), func(v any) bool { return v == 0.0 })
	for _, c := range []struct {
		key      string
		required bool
		values   []any
	}{
		{p + "context_length", true, ints},
		{p + "embedding_length", true, ints},
		{p + "block_count", true, ints},
		{p + "feed_forward_length", true, ints},
		{p + "attention.head_count", true, ints},
		{p + "attention.head_count_kv", false, append(ints[:len(ints):len(ints)], uint32(3))}, // must divide 4
		{p + "attention.key_length", false, ints},
		{p + "attention.value_length", false, ints},
		{p + "attention.layer_norm_rms_epsilon", true, floats},
		{p + "vocab_size", false, ints},
		{p + "expert_count", false, []any{"text", 1.5, int32(-1), uint64(1) << 62}}, // 0 is none
		{p + "expert_used_count", true, append(ints[:len(ints):len(ints)], uint32(5))},
		{p + "expert_feed_forward_length", false, ints},
		{p + "rope.freq_base", false, floats},
		{p + "rope.dimension_count", false, append(ints[:len(ints):len(ints)], uint32(8), uint32(15))}, // must be 16
		{p + "rope.scaling.type", false, []any{uint32(1), "", "nonsense"}},
		{p + "rope.scaling.factor", false, orZero},
		{p + "rope.scaling.attn_factor", false, floats},
		{p + "rope.scaling.original_context_length", false, ints},
		{p + "rope.scale_linear", false, orZero},
		{"general.architecture", true, []any{"", "nonsense"}},
		{"tokenizer.ggml.model", true, []any{uint32(1), "nonsense"}},
		{"tokenizer.ggml.tokens", true, []any{uint32(1), []string{}, []int32{1}}},
		{"tokenizer.ggml.scores", false, []any{uint32(1), []string{"a"}, []float32{1}}},
		{"tokenizer.ggml.token_type", false, []any{uint32(1), []string{"a"}, []int32{1}}},
		{"tokenizer.ggml.bos_token_id", false, []any{"text", 1.5, int32(-7)}},
		{"tokenizer.ggml.add_bos_token", false, []any{"text", uint32(1)}},
	} {
		values := c.values
		if c.required {
			values = append([]any{nil}, values...)
		}
		for _, v := range values {
			t.Run(fmt.Sprintf("%s=%v(%T)", c.key, v, v), func(t *testing.T) {
				path := rewrite(t, "llama-moe", change{keys: map[string]any{c.key: v}})
				_, err := Load(path, Options{})
				m, ok := errors.AsType[*ModelError](err)
				require.True(t, ok, "%v", err)
				require.Equal(t, path, m.Path)
				last := c.key[strings.LastIndexByte(c.key, '.')+1:]
				if strings.HasPrefix(c.key, p) || !strings.Contains(err.Error(), "vocabulary: ") {
					last = c.key
				}
				if c.key == "tokenizer.ggml.token_type" {
					last = "type"
				}
				require.ErrorContains(t, err, last)
			})
		}
	}
}

// Keys whose absence has a meaning may be absent, and ids that mean "none" may
// be written as such.
func TestOptionalKeys(t *testing.T) {
	for key, v := range map[string]any{
		"llama.attention.head_count_kv": nil, // as many as query heads: other shapes, see below
		"llama.rope.freq_base":          nil,
		"llama.rope.dimension_count":    nil,
		"llama.vocab_size":              nil,
		"general.name":                  uint32(5),
		"general.license":               uint32(5),
		"tokenizer.ggml.pre":            nil,
		"tokenizer.ggml.scores":         nil,
		"tokenizer.ggml.eos_token_id":   uint32(math.MaxUint32),
		"tokenizer.ggml.bos_token_id":   nil,
	} {
		t.Run(key, func(t *testing.T) {
			_, err := Load(rewrite(t, "llama-tied", change{keys: map[string]any{key: v}}), Options{Threads: 1})
			require.NoError(t, err)
		})
	}
}

// TestTensorFaults checks that one error lists all faults.
func TestTensorFaults(t *testing.T) {
	path := rewrite(t, "llama-moe", change{tensors: map[string]tensorChange{
		"output_norm.weight":          {},                             // missing
		"blk.0.attn_q.weight":         {gguf.F32, []int{64, 63}},      // misshapen
		"blk.0.attn_k.weight":         {gguf.F32, []int{32, 64}},      // transposed
		"blk.1.attn_v.weight":         {gguf.I32, []int{64, 32}},      // no weights
		"blk.1.ffn_gate_exps.weight":  {gguf.F32, []int{64, 64, 3}},   // one expert short
		"blk.1.ffn_gate_inp.weight":   {gguf.F32, []int{64, 4, 1, 1}}, // the same in four dimensions
		"blk.7.attn_q.weight":         {gguf.F32, []int{64, 64}},      // of no layer
		"something_else.weight":       {gguf.F32, []int{1}},
		"blk.0.attn_output.bias":      {gguf.F32, []int{65}}, // optional, but then of the right shape
		"blk.0.ffn_gate_exps.bias":    {gguf.F32, []int{64, 4}},
		"blk.1.ffn_down_exps.weight":  {gguf.Q8_0, []int{64, 64, 4}}, // other types are fine
		"blk.0.attn_norm.weight":      {gguf.F16, []int{64}},
		"blk.0.ffn_norm.weight":       {gguf.F32, []int{64, 1}},
		"rope_freqs.weight":           {gguf.F32, []int{9}},
		"blk.0.ffn_norm.bias":         {gguf.F32, []int{64}},
		"token_embd.weight":           {gguf.F32, []int{64, 319}},
		"blk.1.ffn_up_exps.not_known": {gguf.F32, []int{64}},
	}})
	_, err := Load(path, Options{})
	m, ok := errors.AsType[*ModelError](err)
	require.True(t, ok, "%v", err)
	var got []string
	for _, f := range m.Faults {
		got = append(got, f.String())
	}
	slices.Sort(got)
	require.Equal(t, []string{
		`tensor "blk.0.attn_k.weight": is [64 32], needs [32 64]`,
		`tensor "blk.0.attn_output.bias": is [65], needs [64]`,
		`tensor "blk.0.attn_q.weight": is [63 64], needs [64 64]`,
		`tensor "blk.0.ffn_norm.bias": is not part of this architecture`,
		`tensor "blk.1.attn_v.weight": is of type I32, which no weights have`,
		`tensor "blk.1.ffn_gate_exps.weight": is [3 64 64], needs [4 64 64]`,
		`tensor "blk.1.ffn_up_exps.not_known": is not part of this architecture`,
		`tensor "blk.7.attn_q.weight": is not part of this architecture`,
		`tensor "output_norm.weight": is missing, needs [64]`,
		`tensor "rope_freqs.weight": is [9], needs [8]`,
		`tensor "something_else.weight": is not part of this architecture`,
		`tensor "token_embd.weight": is [319 64], needs [320 64]`,
	}, got)
	for _, f := range m.Faults {
		require.Contains(t, err.Error(), f.String())
	}
}

func TestRoPEFactorsAreChecked(t *testing.T) {
	path := rewrite(t, "llama-yarn", change{tensors: map[string]tensorChange{
		"rope_freqs.weight": {gguf.F32, []int{8}}, // all zero: would divide by it
	}})
	_, err := Load(path, Options{})
	require.ErrorContains(t, err, "frequency factor 0 is 0")
	_, ok := errors.AsType[*ModelError](err)
	require.True(t, ok)
}

// Every format that the kernels have can be bound.
func TestAllFormatsArePackable(t *testing.T) {
	for _, f := range kernels.Formats() {
		require.Positive(t, kernels.PackedBytes(f, kernels.PanelRows, f.BlockLen()), f.String())
		require.Equal(t, f, formats[f.String()])
	}
}

// miniature writes a model of some 10 kB.
func miniature(t testing.TB) []byte {
	t.Helper()
	const dim, ffn, vocab = 32, 16, 40
	w := ggufwrite.New()
	for key, v := range map[string]uint32{
		"context_length": 128, "embedding_length": dim, "block_count": 1, "feed_forward_length": ffn,
		"attention.head_count": 2, "attention.head_count_kv": 1,
	} {
		w.Set("llama."+key, v)
	}
	w.Set("general.architecture", "llama")
	w.Set("llama.attention.layer_norm_rms_epsilon", float32(1e-5))
	w.Set("tokenizer.ggml.model", "llama")
	tokens, types := []string{"<unk>", "<s>", "</s>"}, []int32{2, 3, 3}
	for i := len(tokens); i < vocab; i++ {
		tokens, types = append(tokens, fmt.Sprintf("t%d", i)), append(types, 1)
	}
	w.Set("tokenizer.ggml.tokens", tokens)
	w.Set("tokenizer.ggml.token_type", types)
	w.Set("tokenizer.ggml.scores", make([]float32, vocab))
	add := func(name string, typ gguf.Type, dims ...int) {
		n := typ.BlockBytes()
		for _, d := range dims {
			n *= d
		}
		b := make([]byte, n/typ.BlockLen())
		for i := range b {
			b[i] = byte(i*7) & 0x3f // finite in every type
		}
		w.Tensor(name+".weight", typ, dims, ggufwrite.Bytes(b))
	}
	add("token_embd", gguf.Q8_0, dim, vocab)
	add("output_norm", gguf.F32, dim)
	add("blk.0.attn_norm", gguf.F32, dim)
	add("blk.0.attn_q", gguf.F16, dim, dim)
	add("blk.0.attn_k", gguf.Q8_0, dim, dim/2)
	add("blk.0.attn_v", gguf.Q8_0, dim, dim/2)
	add("blk.0.attn_output", gguf.Q8_0, dim, dim)
	add("blk.0.ffn_norm", gguf.F32, dim)
	add("blk.0.ffn_gate", gguf.Q8_0, dim, ffn)
	add("blk.0.ffn_up", gguf.Q8_0, dim, ffn)
	add("blk.0.ffn_down", gguf.F16, ffn, dim)
	path := filepath.Join(t.TempDir(), "mini.gguf")
	require.NoError(t, w.WriteFile(path))
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Less(t, len(b), 12_000)
	return b
}

// loadBytes loads a file of the given content and, if that works, runs a step.
// Whatever the content, nothing may panic, and an error must be typed.
func loadBytes(t testing.TB, path string, content []byte) error {
	t.Helper()
	require.NoError(t, os.WriteFile(path, content, 0o600))
	e, err := Load(path, Options{Threads: 1, MaxBatch: 4, KVBytes: 1})
	if err != nil {
		_, isModel := errors.AsType[*ModelError](err)
		_, isParse := errors.AsType[*gguf.ParseError](err)
		require.True(t, isModel || isParse, "%T: %v", err, err)
		return err
	}
	defer e.Close()
	s, err := e.NewSession(SessionOptions{})
	require.NoError(t, err)
	defer s.Close()
	var b Batch
	defer b.Reset()
	b.Add(s, []Token{1, 0}, WantLast)
	require.NoError(t, e.Step(&b))
	return nil
}

// memoryFile returns a path that is not on a disk, where the system has one.
func memoryFile(t testing.TB) string {
	dir, err := os.MkdirTemp("/dev/shm", "inferd-test")
	if err != nil {
		return filepath.Join(t.TempDir(), "m.gguf")
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return filepath.Join(dir, "m.gguf")
}

func TestTruncatedModel(t *testing.T) {
	whole, path := miniature(t), memoryFile(t)
	require.NoError(t, loadBytes(t, path, whole))
	for n := range whole {
		require.Error(t, loadBytes(t, path, whole[:n]), "%d of %d bytes", n, len(whole))
	}
}

// Every byte of the header, the metadata and the tensor list takes eight other
// values; the tensors' own bytes are numbers, of which any will do.
func TestChangedModel(t *testing.T) {
	whole, path := miniature(t), memoryFile(t)
	f, err := gguf.Open(path)
	if err != nil {
		require.NoError(t, os.WriteFile(path, whole, 0o600))
		f, err = gguf.Open(path)
	}
	require.NoError(t, err)
	end := int(f.Tensors()[0].Offset) + 64
	require.NoError(t, f.Close())
	nLoaded := 0
	for i := range end {
		for _, v := range []byte{whole[i] ^ 1, whole[i] ^ 0x80, 0, 0xff, whole[i] + 1, whole[i] - 1, ^whole[i], '0'} {
			b := slices.Clone(whole)
			b[i] = v
			if loadBytes(t, path, b) == nil {
				nLoaded++
			}
		}
	}
	t.Logf("%d bytes; %d changes of %d still load", end, nLoaded, 8*end)
}

func FuzzLoad(f *testing.F) {
	f.Add(miniature(f))
	path := memoryFile(f)
	f.Fuzz(func(t *testing.T, content []byte) { _ = loadBytes(t, path, content) })
}
