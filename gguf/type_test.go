package gguf_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"inferd/gguf"
	"inferd/testdata"
)

func TestType(t *testing.T) {
	known := 0
	for i := range gguf.Type(64) {
		parsed, ok := gguf.ParseType(i.String())
		require.Equal(t, i.Known(), ok, "%s", i)
		require.Equal(t, i.Known(), i.BlockLen() > 0 && i.BlockBytes() > 0, "%s", i)
		if ok {
			known++
			require.Equal(t, i, parsed)
		}
	}
	require.Equal(t, 35, known)
	require.Equal(t, "Q4_K", gguf.Q4_K.String())
	require.Equal(t, "Q4_2 (removed)", gguf.Type(4).String())
	require.Equal(t, "IQ4_NL_8_8 (removed)", gguf.Type(38).String())
	require.Equal(t, "type 43", gguf.Type(43).String())
	require.False(t, gguf.Type(1<<32-1).Known())
}

// TestTypeSizes compares the table with the block sizes ggml itself reports.
func TestTypeSizes(t *testing.T) {
	headers, err := filepath.Glob(testdata.Shared(t, "golden", "quant", "dequant") + "/*.json")
	require.NoError(t, err)
	require.NotEmpty(t, headers)
	for _, path := range headers {
		var want struct {
			Type       string
			GGMLType   gguf.Type `json:"ggml_type"`
			BlockLen   int       `json:"block_elements"`
			BlockBytes int       `json:"block_bytes"`
		}
		b, err := os.ReadFile(path)
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(b, &want))
		require.Equal(t, want.Type, want.GGMLType.String())
		require.Equal(t, want.BlockLen, want.GGMLType.BlockLen(), want.Type)
		require.Equal(t, want.BlockBytes, want.GGMLType.BlockBytes(), want.Type)
	}
}

// TestSharedModels opens every golden model and uses all that is in it.
func TestSharedModels(t *testing.T) {
	root := testdata.Shared(t)
	n := 0
	for _, pattern := range []string{"models/*.gguf", "models/quant/*.gguf", "golden/*/*/*.gguf"} {
		paths, err := filepath.Glob(filepath.Join(root, pattern))
		require.NoError(t, err)
		for _, path := range paths {
			f, err := gguf.Open(path)
			require.NoError(t, err)
			arch, err := f.String("general.architecture")
			require.NoError(t, err)
			require.NotEmpty(t, arch)
			use(t, f)
			require.NoError(t, f.Close())
			n++
		}
	}
	require.Greater(t, n, 100)
}
