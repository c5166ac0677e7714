package runtime

import (
	"errors"
	"fmt"
	"maps"
	"math"
	goruntime "runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"inferd/gguf"
	"inferd/gguf/ggufwrite"
)

// TestMetadataOfEachArchitecture takes every key away from every tiny model,
// gives it bad and unusual values, and adds every key that any other model has.
// Whatever that makes of the model, it either loads and runs or is refused with
// a typed error.
func TestMetadataOfEachArchitecture(t *testing.T) {
	all := map[string]gguf.KeyValue{} // keys without the architecture, and one of their values
	models := map[string]*gguf.File{} // by architecture: one is as good as another
	paths := tinyModels(t, maps.Keys(tinyDecoders))
	maps.Copy(paths, tinyModels(t, maps.Keys(tinyEmbedders)))
	for _, path := range paths {
		f, err := gguf.Open(path)
		require.NoError(t, err)
		t.Cleanup(func() { _ = f.Close() })
		arch, err := f.String("general.architecture")
		require.NoError(t, err)
		models[arch] = f
		for _, kv := range f.Keys() {
			if key, ok := strings.CutPrefix(kv.Key, arch+"."); ok {
				all[key] = kv
			}
		}
	}
	for arch, f := range models {
		t.Run(arch, func(t *testing.T) {
			path, nRefused, nRun := memoryFile(t), 0, 0
			for key, other := range all {
				kv, has := f.KeyValue(arch + "." + key)
				values := []any{uint32(0), unusual(other)[0]} // most have no meaning here
				if has {
					values = append([]any{nil, "text", uint32(0), int32(-1)}, unusual(kv)...)
				}
				for _, v := range values {
					if loadChanged(t, f, path, arch+"."+key, v) {
						nRun++
					} else {
						nRefused++
					}
				}
			}
			t.Logf("%d changes refused, %d run", nRefused, nRun)
			require.Positive(t, nRefused)
			require.Positive(t, nRun)
		})
	}
}

// unusual returns values of a key's own type, of which some may be good.
func unusual(kv gguf.KeyValue) []any {
	switch kv.Type {
	case gguf.Bool:
		return []any{true, false}
	case gguf.String:
		return []any{"linear", "", "none", "yarn", "longrope"}
	case gguf.Float32, gguf.Float64:
		return []any{0.0, -1.0, 1.0, 1e30, math.NaN(), math.Inf(1)}
	case gguf.Array:
		return []any{uint32(3), []int32{}, []int32{-1, 0, 1, 2, 3}, []bool{true, false, true, false, true}}
	default:
		return []any{uint32(1), uint32(7), uint32(1 << 20), uint64(1) << 62, []uint32{2, 2}}
	}
}

// loadChanged loads a copy of a model in which a key has another value, or none
// where v is nil, and reports whether it could. If so, it computes with it.
func loadChanged(t *testing.T, f *gguf.File, path, key string, v any) bool {
	t.Helper()
	what := fmt.Sprintf("%s = %v (%T)", key, v, v)
	defer func() {
		if p := recover(); p != nil {
			require.Failf(t, "panic", "%s: %v", what, p)
		}
	}()
	w := ggufwrite.New()
	for _, kv := range f.Keys() {
		if kv.Key != key {
			w.Copy(kv)
		}
	}
	if v != nil {
		w.Set(key, v)
	}
	for _, ti := range f.Tensors() {
		b, err := f.TensorBytes(ti)
		require.NoError(t, err)
		w.Tensor(ti.Name, ti.Type, ti.Dims, ggufwrite.Bytes(b))
	}
	require.NoError(t, w.WriteFile(path))
	var before, after goruntime.MemStats
	goruntime.ReadMemStats(&before)
	e, err := Load(path, Options{Threads: 1, MaxBatch: 4, KVBytes: 1})
	if err != nil {
		_, isModel := errors.AsType[*ModelError](err)
		require.True(t, isModel, "%s: %T: %v", what, err, err)
		goruntime.ReadMemStats(&after)
		require.LessOrEqual(t, int64(after.TotalAlloc-before.TotalAlloc), 4*f.Size(), "%s: bytes allocated for a refusal", what)
		return false
	}
	defer e.Close()
	tokens := []Token{1, 0}[:min(2, e.NCtx())]
	_, err = e.Embed(tokens)
	require.NoError(t, err, what)
	s, err := e.NewSession(SessionOptions{})
	if errors.Is(err, ErrNoText) {
		return true
	}
	require.NoError(t, err)
	defer s.Close()
	var b Batch
	defer b.Reset()
	b.Add(s, tokens, WantLast)
	require.NoError(t, e.Step(&b), what)
	return true
}

// A model of an unknown architecture is refused with the list of known ones.
func TestUnknownArchitecture(t *testing.T) {
	path := rewrite(t, "llama-tied", change{keys: map[string]any{"general.architecture": "abacus"}})
	_, err := Load(path, Options{})
	require.ErrorContains(t, err, `"abacus"`)
	for _, arch := range Architectures() {
		require.ErrorContains(t, err, fmt.Sprintf("%q", arch))
	}
}
