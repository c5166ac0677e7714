package runtime

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"inferd/gguf"
	"inferd/gguf/ggufwrite"
)

// metadata returns a file's hyper-parameters where the file has nothing else.
func metadata(t *testing.T, arch string, keys map[string]any) *hparams {
	t.Helper()
	w := ggufwrite.New()
	w.Set("general.architecture", arch)
	for key, v := range keys {
		w.Set(arch+"."+key, v)
	}
	path := filepath.Join(t.TempDir(), "metadata.gguf")
	require.NoError(t, w.WriteFile(path))
	f, err := gguf.Open(path)
	require.NoError(t, err)
	t.Cleanup(func() { _ = f.Close() })
	return &hparams{file: f, arch: arch}
}

func TestWindows(t *testing.T) {
	const length, pattern = "attention.sliding_window", "attention.sliding_window_pattern"
	c := &config{nLayers: 5}
	for _, tc := range []struct {
		name                 string
		keys                 map[string]any
		defLength, defPeriod int
		want                 []int // windows by layer
	}{
		{"defaults", nil, 4096, 2, []int{4096, 0, 4096, 0, 4096}},
		{"a length", map[string]any{length: uint32(20)}, 4096, 4, []int{20, 20, 20, 0, 20}},
		{"a period", map[string]any{length: uint32(20), pattern: uint32(3)}, 0, 2, []int{20, 20, 0, 20, 20}},
		{"no layer has a window", map[string]any{length: uint32(20), pattern: uint32(1)}, 0, 2, []int{0, 0, 0, 0, 0}},
		{"a list", map[string]any{length: uint32(20), pattern: []bool{false, true, true, false, true}}, 0, 2, []int{0, 20, 20, 0, 20}},
		{"a list of integers", map[string]any{length: uint32(20), pattern: []uint32{0, 1, 1, 0, 1}}, 0, 2, []int{0, 20, 20, 0, 20}},
		{"every layer has a window", map[string]any{length: uint32(20), pattern: uint32(0)}, 0, 2, []int{20, 20, 20, 20, 20}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := metadata(t, "abacus", tc.keys)
			w := readWindows(h, c, tc.defLength, tc.defPeriod)
			require.Empty(t, h.faults)
			for i, want := range tc.want {
				require.Equal(t, want, w.of(i), "layer %d", i)
			}
		})
	}
	for _, keys := range []map[string]any{
		nil,
		{length: uint32(0), pattern: uint32(2)},
		{length: uint32(20), pattern: []bool{true}},
		{length: uint32(20), pattern: []float32{1, 1, 1, 1, 1}},
	} {
		h := metadata(t, "abacus", keys)
		readWindows(h, c, 0, 0)
		require.NotEmpty(t, h.faults, "%v", keys)
	}

	for _, keys := range []map[string]any{nil, {length: uint32(0)}} {
		h := metadata(t, "abacus", keys)
		require.Equal(t, noWindows(c), readOptionalWindows(h, c, 4))
		require.Empty(t, h.faults)
	}
}

// The layers without keys and values of their own use those of the last layer
// of their kind that has some.
func TestSharedKV(t *testing.T) {
	w := windows{sliding: []bool{true, true, false, true, false, true}}
	for i, want := range []int{0, 1, 2, 1, 2, 1} {
		require.Equal(t, want, w.sharedKV(i, 3), "layer %d", i)
	}
	require.Equal(t, -1, w.sharedKV(4, 2))
}
