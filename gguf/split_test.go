package gguf_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"inferd/gguf"
	"inferd/gguf/ggufwrite"
)

// splitSet writes a set of three parts with two tensors in all; the last part
// has none. change may alter the metadata or tensors of a part, numbered from 0.
func splitSet(t *testing.T, change func(i int, w *ggufwrite.Writer)) (first string) {
	t.Helper()
	dir := t.TempDir()
	for i := range 3 {
		w := ggufwrite.New()
		if i == 0 {
			w.Set("general.architecture", "llama")
		}
		w.Set("split.no", uint16(i))
		w.Set("split.count", uint16(3))
		w.Set("split.tensors.count", int32(2))
		if i < 2 {
			w.Tensor(fmt.Sprintf("t%d", i), gguf.I8, []int{3}, ggufwrite.Bytes([]byte{byte(i), 7, 7}))
		}
		if change != nil {
			change(i, w)
		}
		require.NoError(t, w.WriteFile(filepath.Join(dir, fmt.Sprintf("m-%05d-of-00003.gguf", i+1))))
	}
	return filepath.Join(dir, "m-00001-of-00003.gguf")
}

func TestSplit(t *testing.T) {
	first := splitSet(t, nil)
	f, err := gguf.Open(first)
	require.NoError(t, err)
	use(t, f)
	require.Len(t, f.Paths(), 3)
	require.Equal(t, first, f.Path())
	require.Len(t, f.Tensors(), 2)
	var size int64
	for _, path := range f.Paths() {
		info, err := os.Stat(path)
		require.NoError(t, err)
		size += info.Size()
	}
	require.Equal(t, size, f.Size())
	info, ok := f.Tensor("t1")
	require.True(t, ok)
	b, err := f.TensorBytes(info)
	require.NoError(t, err)
	require.Equal(t, []byte{1, 7, 7}, b)
	require.NoError(t, f.Close())
}

func TestSplitFaults(t *testing.T) {
	tests := []struct {
		name   string
		change func(i int, w *ggufwrite.Writer)
		want   string
	}{
		{"duplicate tensor", func(i int, w *ggufwrite.Writer) {
			w.Set("split.tensors.count", int32(3))
			if i == 2 {
				w.Tensor("t0", gguf.I8, []int{1}, ggufwrite.Bytes([]byte{1}))
			}
		}, `tensor "t0" (at byte`},
		{"tensor missing", func(i int, w *ggufwrite.Writer) { w.Set("split.tensors.count", int32(3)) }, "is 3, the parts hold 2"},
		{"parts in wrong order", func(i int, w *ggufwrite.Writer) {
			if i == 2 {
				w.Set("split.no", uint16(1))
			}
		}, "is part 2 of 3, its name says part 3 of 3"},
		{"part of another set", func(i int, w *ggufwrite.Writer) {
			if i == 1 {
				w.Set("split.count", uint16(4))
			}
		}, "is part 2 of 4, its name says part 2 of 3"},
		{"count differs from the name", func(i int, w *ggufwrite.Writer) { w.Set("split.count", uint16(4)) }, "the file is not named"},
		{"count huge", func(i int, w *ggufwrite.Writer) { w.Set("split.count", uint64(1<<63)) }, "must be from 0 to"},
		{"number beyond count", func(i int, w *ggufwrite.Writer) { w.Set("split.no", uint16(3)) }, "must be from 0 to 2"},
		{"number negative", func(i int, w *ggufwrite.Writer) { w.Set("split.no", int32(-1)) }, "must be from 0 to 2"},
		{"number of wrong type", func(i int, w *ggufwrite.Writer) { w.Set("split.no", "0") }, "must be an integer, is string"},
		{"total of wrong type", func(i int, w *ggufwrite.Writer) { w.Set("split.tensors.count", []int32{2}) }, "must be an integer, is array"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := gguf.Open(splitSet(t, test.change))
			require.ErrorContains(t, err, test.want)
			require.ErrorAs(t, err, new(*gguf.ParseError))
		})
	}
}

func TestSplitOpenedWrongly(t *testing.T) {
	first := splitSet(t, nil)
	second := filepath.Join(filepath.Dir(first), "m-00002-of-00003.gguf")
	_, err := gguf.Open(second)
	require.ErrorContains(t, err, "open the first")

	renamed := filepath.Join(filepath.Dir(first), "renamed.gguf")
	require.NoError(t, os.Link(first, renamed))
	_, err = gguf.Open(renamed)
	require.ErrorContains(t, err, "is not named")
	part, err := gguf.OpenPart(renamed)
	require.NoError(t, err)
	require.Len(t, part.Tensors(), 1)
	require.NoError(t, part.Close())

	require.NoError(t, os.Remove(second))
	_, err = gguf.Open(first)
	require.ErrorIs(t, err, os.ErrNotExist)
	require.ErrorContains(t, err, "part 2 of 3")
}

// TestSplitMerged: merging a set leaves a count of 0 in the file.
func TestSplitMerged(t *testing.T) {
	f := written(t, "split.no", uint16(0), "split.count", uint16(0))
	require.Len(t, f.Paths(), 1)
}
