package runtime

import (
	"encoding/binary"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"inferd/gguf"
	"inferd/gguf/ggufwrite"
	"inferd/kernels"
)

const testAlpha = 6

// testAdapter writes an adapter for all of a model's matrices that can be
// adapted, with random values, and returns its path.
func testAdapter(t testing.TB, e *Engine, rank int, seed uint64) string {
	t.Helper()
	w := ggufwrite.New()
	w.Set("general.type", "adapter")
	w.Set("general.architecture", e.Info().Architecture)
	w.Set("adapter.type", "lora")
	w.Set("adapter.lora.alpha", float32(testAlpha))
	f, err := gguf.Open(e.Info().Path)
	require.NoError(t, err)
	defer f.Close()
	rng := rand.New(rand.NewPCG(seed, 0))
	for _, info := range f.Tensors() {
		if len(e.adaptable[info.Name]) > 0 {
			nIn, nOut := info.Dims[0], info.Dims[1]
			w.Tensor(info.Name+suffixA, gguf.F32, []int{nIn, rank}, ggufwrite.Bytes(randomFloats(rng, nIn*rank)))
			w.Tensor(info.Name+suffixB, gguf.F32, []int{rank, nOut}, ggufwrite.Bytes(randomFloats(rng, rank*nOut)))
		}
	}
	path := filepath.Join(t.TempDir(), "adapter.gguf")
	require.NoError(t, w.WriteFile(path))
	return path
}

// randomFloats returns n small float32 values as bytes.
func randomFloats(rng *rand.Rand, n int) []byte {
	values := make([]float32, n)
	for i := range values {
		values[i] = float32(rng.NormFloat64()) * 0.05
	}
	b, _ := binary.Append(nil, binary.LittleEndian, values)
	return b
}

func loadAdapter(t testing.TB, e *Engine, path string) *Adapter {
	t.Helper()
	a, err := e.LoadAdapter(path)
	require.NoError(t, err)
	t.Cleanup(a.Close)
	return a
}

func newAdapted(t testing.TB, e *Engine, user string, uses ...AdapterUse) *Session {
	t.Helper()
	s, err := e.NewSession(SessionOptions{User: user, Adapters: uses})
	require.NoError(t, err)
	t.Cleanup(s.Close)
	return s
}

// merged writes the model that results from adding an adapter to the weights.
func merged(t *testing.T, model, adapter string, scale float32) string {
	t.Helper()
	f, err := gguf.Open(model)
	require.NoError(t, err)
	defer f.Close()
	lora, err := gguf.Open(adapter)
	require.NoError(t, err)
	defer lora.Close()
	values := func(f *gguf.File, info gguf.TensorInfo) []float32 {
		raw, err := f.TensorBytes(info)
		require.NoError(t, err)
		format := formats[info.Type.String()]
		v := make([]float32, len(raw)/format.BlockBytes()*format.BlockLen())
		kernels.Dequantize(v, format, raw)
		return v
	}
	w := ggufwrite.New()
	for _, kv := range f.Keys() {
		w.Copy(kv)
	}
	for _, info := range f.Tensors() {
		sum := values(f, info)
		if a, ok := lora.Tensor(info.Name + suffixA); ok {
			b, _ := lora.Tensor(info.Name + suffixB)
			va, vb := values(lora, a), values(lora, b)
			nIn, rank := a.Dims[0], a.Dims[1]
			for i := range sum {
				for r := range rank {
					sum[i] += scale * testAlpha / float32(rank) * vb[i/nIn*rank+r] * va[r*nIn+i%nIn]
				}
			}
		}
		raw, err := binary.Append(nil, binary.LittleEndian, sum)
		require.NoError(t, err)
		w.Tensor(info.Name, gguf.F32, info.Dims, ggufwrite.Bytes(raw))
	}
	path := filepath.Join(t.TempDir(), "merged.gguf")
	require.NoError(t, w.WriteFile(path))
	return path
}

// An adapter does what adding it to the weights would, in separate matrices and
// in those that hold queries, keys and values in one.
func TestAdapterIsAddedToTheWeights(t *testing.T) {
	for _, name := range []string{"llama-yarn", "bloom", "llama-moe"} {
		e := load(t, committedModel(name), Options{})
		tokens := randomTokens(e, 20, 3)
		path := testAdapter(t, e, 4, 1)
		a := loadAdapter(t, e, path)
		got := allLogits(t, newAdapted(t, e, "", AdapterUse{a, 0.7}), tokens, 6)
		want := allLogits(t, newSession(t, load(t, merged(t, e.Info().Path, path, 0.7), Options{}), ""), tokens, 6)
		require.InDeltaSlice(t, want, got, 2e-3, name)
		base := allLogits(t, newSession(t, e, ""), tokens, 6)
		most := float32(0)
		for i := range base {
			most = max(most, base[i]-got[i])
		}
		require.Greater(t, most, float32(0.05), "%s: the adapter must matter for this test to mean anything", name)
	}
}

// Sessions with different adapters, and with none, share steps; no bit of one
// depends on the others, on how prompts are cut, or on threads.
func TestAdaptedSessionsShareSteps(t *testing.T) {
	for _, name := range []string{"llama-yarn", "bloom", "llama-Q4_K"} {
		e := load(t, committedModel(name), Options{Threads: 2, KVBytes: 16 << 20, MaxBatch: 128})
		first := loadAdapter(t, e, testAdapter(t, e, 4, 1))
		second := loadAdapter(t, e, testAdapter(t, e, 19, 2))
		kinds := [][]AdapterUse{
			nil, {{first, 1}}, {{first, 1}}, {{first, 0.5}}, {{second, 1}}, {{first, 1}, {second, -0.3}}, nil,
		}
		single := load(t, committedModel(name), Options{Threads: 1})
		tokens := make([][]Token, len(kinds))
		want := make([][]float32, len(kinds))
		for i, uses := range kinds {
			tokens[i] = randomTokens(e, 80+i, uint64(i))
			if uses == nil { // an engine that knows no adapter
				want[i] = allLogits(t, newSession(t, single, ""), tokens[i], 200)
				continue
			}
			want[i] = allLogits(t, newAdapted(t, e, "", uses...), tokens[i], 128)
		}
		sessions := make([]*Session, len(kinds))
		got := make([][]float32, len(kinds))
		for i, uses := range kinds {
			sessions[i] = newAdapted(t, e, "", uses...)
		}
		for round := 0; ; round++ {
			var b Batch
			var who []int
			for k := range kinds {
				i := (k + round) % len(kinds)
				from := sessions[i].NTokens()
				n := min(len(tokens[i])-from, 1+(round*5+i*3)%23)
				if n > 0 && b.NTokens()+n <= e.MaxBatch() {
					b.Add(sessions[i], tokens[i][from:from+n], WantAll)
					who = append(who, i)
				}
			}
			if len(who) == 0 {
				break
			}
			require.NoError(t, e.Step(&b))
			for k, i := range who {
				got[i] = append(got[i], b.Entries[k].Logits...)
			}
			b.Reset()
		}
		for i := range kinds {
			requireSameBits(t, want[i], got[i], name)
		}
	}
}

// Where only some logits are wanted, the output's own adapter meets other rows
// than the layers'.
func TestAdaptedOutputOfPickedRows(t *testing.T) {
	e := load(t, committedModel("llama-yarn"), Options{KVBytes: 8 << 20})
	require.NotEmpty(t, e.adaptable["output.weight"])
	a := loadAdapter(t, e, testAdapter(t, e, 4, 1))
	tokens := randomTokens(e, 12, 3)
	all := allLogits(t, newAdapted(t, e, "", AdapterUse{a, 1}), tokens, 12)
	plain := allLogits(t, newSession(t, e, ""), tokens, 12)
	var b Batch
	defer b.Reset()
	b.Add(newSession(t, e, ""), tokens, WantNone)
	b.Add(newAdapted(t, e, "", AdapterUse{a, 1}), tokens[:5], WantNone)
	b.Add(newSession(t, e, ""), tokens, WantLast)
	b.Add(newAdapted(t, e, "", AdapterUse{a, 1}), tokens, WantLast)
	require.NoError(t, e.Step(&b))
	requireSameBits(t, plain[11*e.nVocab:], b.Entries[2].Logits, "without")
	requireSameBits(t, all[11*e.nVocab:], b.Entries[3].Logits, "with")
}

// Keys and values are reused only by sessions of the same adapters and scales.
func TestAdaptedPrefixes(t *testing.T) {
	e := load(t, committedModel("llama-yarn"), Options{KVBytes: 16 << 20})
	a := loadAdapter(t, e, testAdapter(t, e, 4, 1))
	prompt := randomTokens(e, 2*pageTokens+1, 1)
	kinds := [][]AdapterUse{nil, {{a, 1}}, {{a, 0.5}}, {{a, 1}, {a, 0.5}}}
	for i, uses := range kinds {
		s := newAdapted(t, e, "u", uses...)
		require.Zero(t, s.Reuse(prompt), "%d", i)
		want := allLogits(t, s, prompt, 64)
		s.Close()
		again := newAdapted(t, e, "u", uses...)
		require.Equal(t, 2*pageTokens, again.Reuse(prompt))
		requireSameBits(t, want[2*pageTokens*e.nVocab:], allLogits(t, again, prompt[2*pageTokens:], 1), "reused")
	}
}

func TestAdaptedDecodeAllocatesNothing(t *testing.T) {
	e := load(t, committedModel("llama-yarn"), Options{Threads: 2, KVBytes: 8 << 20})
	a := loadAdapter(t, e, testAdapter(t, e, 4, 1))
	sessions := []*Session{newAdapted(t, e, "", AdapterUse{a, 1}), newSession(t, e, ""), newAdapted(t, e, "", AdapterUse{a, 0.5})}
	var b Batch
	defer b.Reset()
	tokens := []Token{1}
	require.Zero(t, testing.AllocsPerRun(20, func() {
		b.Reset()
		for _, s := range sessions {
			b.Add(s, tokens, WantLast)
		}
		if err := e.Step(&b); err != nil {
			panic(err)
		}
	}))
}

// An adapter lives as long as a session has it, and keeps its engine.
func TestAdapterLivesUntilItsLastUserCloses(t *testing.T) {
	defer goleak.VerifyNone(t)
	e, err := Load(committedModel("llama-yarn"), Options{Threads: 2})
	require.NoError(t, err)
	a, err := e.LoadAdapter(testAdapter(t, e, 4, 1))
	require.NoError(t, err)
	s, err := e.NewSession(SessionOptions{Adapters: []AdapterUse{{a, 1}}})
	require.NoError(t, err)
	other := load(t, committedModel("llama-yarn"), Options{Threads: 1})
	_, err = other.NewSession(SessionOptions{Adapters: []AdapterUse{{a, 1}}})
	require.ErrorContains(t, err, "an adapter of another engine")

	e.Close()
	a.Close()
	allLogits(t, s, []Token{1, 2, 3}, 3)
	s.Close()
	require.Panics(t, a.Close)
	_, err = e.NewSession(SessionOptions{Adapters: []AdapterUse{{a, 1}}})
	require.ErrorIs(t, err, ErrClosed)
	_, err = e.LoadAdapter(a.Path())
	require.ErrorIs(t, err, ErrClosed)
}

// All faults of a file are told at once, and it leaves nothing behind.
func TestAdapterFaults(t *testing.T) {
	e := load(t, committedModel("llama-yarn"), Options{})
	w := ggufwrite.New()
	w.Set("general.type", "model")
	w.Set("general.architecture", "qwen2")
	w.Set("adapter.lora.alpha", "much")
	w.Set("adapter.alora.invocation_tokens", []uint32{1, 2})
	zeros := func(name string, dims ...int) {
		n := 4
		for _, d := range dims {
			n *= d
		}
		w.Tensor(name, gguf.F32, dims, ggufwrite.Bytes(make([]byte, n)))
	}
	dim := e.Info().Dim
	zeros("blk.0.attn_q.weight.lora_a", dim+1, 4)
	zeros("blk.0.attn_q.weight.lora_b", 5, dim)
	zeros("blk.0.attn_k.weight.lora_a", dim, 4)
	zeros("blk.0.attn_v.weight.lora_b", 4, dim)
	zeros("blk.9999.attn_v.weight.lora_a", dim, 4)
	zeros("blk.9999.attn_v.weight.lora_b", 4, dim)
	zeros("token_embd.weight.lora_a", dim, 4)
	zeros("token_embd.weight.lora_b", 4, dim)
	zeros("blk.1.attn_q.weight.lora_a", dim)
	zeros("blk.1.attn_q.weight.lora_b", dim)
	zeros("blk.0.attn_norm.weight", dim)
	path := filepath.Join(t.TempDir(), "bad.gguf")
	require.NoError(t, w.WriteFile(path))
	_, err := e.LoadAdapter(path)
	var bad *ModelError
	require.ErrorAs(t, err, &bad)
	for _, want := range []string{
		`"general.type": is "model", needs "adapter"`, `"adapter.type": is "", needs "lora"`,
		`"general.architecture": is "qwen2", needs "llama"`, `"adapter.lora.alpha": must be a finite number`, `"adapter.alora.invocation_tokens": is there`,
		`"blk.0.attn_q.weight.lora_a": has rows of 65, needs 64`, `"blk.0.attn_q.weight.lora_b": is [64 5], needs [64 4]`,
		`"blk.0.attn_k.weight.lora_a": comes without "blk.0.attn_k.weight.lora_b"`,
		`"blk.0.attn_v.weight.lora_b": comes without "blk.0.attn_v.weight.lora_a"`,
		`"blk.9999.attn_v.weight.lora_a": belongs to no matrix`, `"token_embd.weight.lora_a": belongs to no matrix`,
		`"blk.1.attn_q.weight.lora_a": has 1 dimensions, needs 2`, `"blk.0.attn_norm.weight": must end in .lora_a or .lora_b`,
	} {
		require.True(t, strings.Contains(err.Error(), want), "%s\nin %v", want, err)
	}
	require.Len(t, bad.Faults, 13)
}
