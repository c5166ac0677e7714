package gguf_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"inferd/gguf"
)

// kinds is the table of hand-made files. An empty want means that the file is
// good; otherwise it is part of the error's text.
var kinds = []struct {
	name string
	file func() *image
	want string
}{
	{"four bytes", func() *image { return new(image).raw([]byte("GGUF")...) }, "version"},
	{"bad magic", func() *image { return patch(start(0, 0), 0, "FUGG") }, "magic"},
	{"version 0", func() *image { return patch(start(0, 0), 4, "\x00\x00\x00\x00") }, "is 0, versions 2 and 3"},
	{"version 1", func() *image { return patch(start(0, 0), 4, "\x01\x00\x00\x00") }, "no longer in use"},
	{"version 2", func() *image { return patch(start(0, 0), 4, "\x02\x00\x00\x00") }, ""},
	{"version 4", func() *image { return patch(start(0, 0), 4, "\x04\x00\x00\x00") }, "is 4, versions 2 and 3"},
	{"big-endian", func() *image { return patch(start(0, 0), 4, "\x00\x00\x00\x03") }, "big-endian"},
	{"tensor count -1", func() *image { return start(1<<64-1, 0) }, "tensor count"},
	{"key count -1", func() *image { return start(0, 1<<64-1) }, "key count"},
	{"nothing in it", func() *image { return start(0, 0) }, ""},

	{"key length -1", func() *image { return start(0, 1).u64("", 1<<64-1).raw(make([]byte, 99)...) }, "key 0 name"},
	{"key longer than the file", func() *image { return start(0, 1).u64("", 99).raw(make([]byte, 98)...) }, "cut off"},
	{"empty key", func() *image { return start(0, 1).key("", gguf.Uint32).u32("", 1) }, "is empty"},
	{"value type 13", func() *image { return start(0, 1).key("a", 13).u32("", 1) }, "value types end at 12"},
	{"array type 13", func() *image { return start(0, 1).key("a", gguf.Array).u32("", 13).u64("", 1).raw(0) }, `key "a" element type`},
	{"array of arrays", func() *image {
		return start(0, 1).key("a", gguf.Array).u32("", uint32(gguf.Array)).u64("", 1).u32("", 0).u64("", 0)
	}, "arrays of arrays"},
	{"array count × size wraps", func() *image {
		return start(0, 1).key("a", gguf.Array).u32("", uint32(gguf.Uint64)).u64("", 1<<61+1).u64("", 0)
	}, `key "a" length`},
	{"array longer than the file", func() *image {
		return start(0, 1).key("a", gguf.Array).u32("", uint32(gguf.Uint16)).u64("", 5).raw(make([]byte, 9)...)
	}, "cannot hold as many"},
	{"string in array longer than the file", func() *image {
		return start(0, 1).key("a", gguf.Array).u32("", uint32(gguf.String)).u64("", 2).str("", "x").u64("", 2).raw('y')
	}, "cut off"},
	{"bool 2", func() *image { return start(0, 1).key("a", gguf.Bool).raw(2) }, "a bool is 0 or 1"},
	{"bool 2 in array", func() *image {
		return start(0, 1).key("a", gguf.Array).u32("", uint32(gguf.Bool)).u64("", 3).raw(0, 1, 2)
	}, "a bool is 0 or 1"},
	{"duplicate key", func() *image {
		return start(0, 3).key("a", gguf.Bool).raw(1).key("b", gguf.Bool).raw(1).key("a", gguf.Bool).raw(0)
	}, `key "a" (at byte 65): appears twice`},
	{"alignment 13", func() *image { return aligned(13) }, "power of two"},
	{"alignment 0", func() *image { return aligned(0) }, "power of two"},
	{"alignment 2^31", func() *image { return aligned(1 << 31) }, "power of two up to"},
	{"alignment of type int32", func() *image { return start(0, 1).key("general.alignment", gguf.Int32).u32("", 32) }, "must be uint32"},
	{"keys", func() *image { return start(0, 2).key("a", gguf.String).str("", "x").key("b", gguf.Float64).u64("", 0) }, ""},

	{"long tensor name", func() *image {
		return start(1, 0).tensor(strings.Repeat("x", 65), gguf.F32, 0, 1).data(32, 4)
	}, "at most 64"},
	{"empty tensor name", func() *image { return start(1, 0).tensor("", gguf.F32, 0, 1).data(32, 4) }, "is empty"},
	{"five dimensions", func() *image { return start(1, 0).tensor("a", gguf.F32, 0, 1, 1, 1, 1, 1).data(32, 4) }, "at most 4"},
	{"negative dimension", func() *image { return start(1, 0).tensor("a", gguf.F32, 0, 1<<64-1).data(32, 4) }, "dimension"},
	{"zero dimension", func() *image { return start(1, 0).tensor("a", gguf.F32, 0, 4, 0).data(32, 4) }, "must be from 1"},
	{"elements overflow", func() *image { return start(1, 0).tensor("a", gguf.I8, 0, 1<<32, 1<<32).data(32, 4) }, "overflow"},
	{"bytes overflow", func() *image { return start(1, 0).tensor("a", gguf.I64, 0, 1<<62).data(32, 4) }, "overflow"},
	{"sizes overflow together", func() *image {
		const n = 0x7fffffffffffffc0
		return start(2, 0).tensor("a", gguf.I8, 0, n).tensor("b", gguf.I8, n, n).data(32, 64)
	}, "needs 9223372036854775744 bytes"},
	{"row no multiple of the block", func() *image { return start(1, 0).tensor("a", gguf.Q4_0, 0, 33).data(32, 36) }, "no multiple"},
	{"offset not aligned", func() *image { return start(1, 0).tensor("a", gguf.F32, 1, 1).data(32, 64) }, "multiple of 32"},
	{"offset past the end", func() *image { return start(1, 0).tensor("a", gguf.F32, 1<<20, 1).data(32, 64) }, "cut off"},
	{"offset + size wraps", func() *image { return start(1, 0).tensor("a", gguf.F32, 1<<64-32, 16).data(32, 64) }, "offset"},
	{"offset 2^63-32", func() *image { return start(1, 0).tensor("a", gguf.F32, 1<<63-32, 16).data(32, 64) }, "cut off"},
	{"duplicate tensor", func() *image {
		return start(2, 0).tensor("a", gguf.F32, 0, 8).tensor("a", gguf.F32, 32, 8).data(32, 64)
	}, "appears twice"},
	{"overlap", func() *image {
		return start(2, 0).tensor("a", gguf.F32, 0, 9).tensor("b", gguf.F32, 32, 8).data(32, 64)
	}, `inside tensor "a", which ends at 132`},
	{"same place", func() *image {
		return start(2, 0).tensor("a", gguf.F32, 0, 8).tensor("b", gguf.F32, 0, 8).data(32, 64)
	}, "inside tensor"},
	{"data packed tighter than the alignment", func() *image {
		return start(2, 0).tensor("a", gguf.F32, 0, 1).tensor("b", gguf.F32, 4, 1).data(32, 8)
	}, "multiple of 32"},
	{"not enough data", func() *image { return start(1, 0).tensor("a", gguf.F32, 0, 16).data(32, 63) }, "cut off"},
	{"no data at all", func() *image { return start(1, 0).tensor("a", gguf.F32, 0, 16) }, "tensor data"},
	{"tensors", func() *image {
		return start(2, 0).tensor("a", gguf.F32, 0, 2, 3).tensor("b", gguf.Q8_0, 32, 32).data(32, 66)
	}, ""},
	{"tensors in another order than their data", func() *image {
		return start(2, 0).tensor("b", gguf.F32, 32, 8).tensor("a", gguf.F32, 0, 8).data(32, 64)
	}, ""},
	{"no dimensions", func() *image { return start(1, 0).tensor("a", gguf.F32, 0).data(32, 4) }, ""},
	{"alignment 1", func() *image {
		return alignedTensors(1).tensor("a", gguf.I8, 0, 3).tensor("b", gguf.I8, 3, 2).data(1, 5)
	}, ""},
	{"alignment 4096", func() *image {
		return alignedTensors(4096).tensor("a", gguf.I8, 0, 3).tensor("b", gguf.I8, 4096, 2).data(4096, 4098)
	}, ""},
	{"removed type", func() *image { return start(1, 0).tensor("a", 4, 0, 32).data(32, 32) }, ""},
	{"unknown type", func() *image { return start(1, 0).tensor("a", 99, 0, 7, 5).data(32, 32) }, ""},
	{"type -1", func() *image { return start(1, 0).tensor("a", 1<<32-1, 0, 7).data(32, 32) }, ""},
	{"unknown type inside another tensor", func() *image {
		return start(2, 0).tensor("a", gguf.F32, 0, 16).tensor("b", 99, 32, 1).data(32, 64)
	}, "inside tensor"},
}

func patch(m *image, off int, s string) *image {
	copy(m.b[off:], s)
	return m
}

func aligned(n uint32) *image { return start(0, 1).key("general.alignment", gguf.Uint32).u32("", n) }

func alignedTensors(n uint32) *image {
	return start(2, 1).key("general.alignment", gguf.Uint32).u32("", n)
}

func TestKinds(t *testing.T) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			m := k.file()
			f, err := openMeasured(t, write(t, m.b), len(m.b))
			if k.want != "" {
				require.ErrorContains(t, err, k.want)
				return
			}
			require.NoError(t, err)
			use(t, f)
			require.NoError(t, f.Close())
		})
	}
}

// tiny has each kind of integer that a file can have, and little else.
func tiny() *image {
	m := start(2, 4).
		key("general.alignment", gguf.Uint32).u32("", 32).
		key("s", gguf.String).str("string", "abc").
		key("strings", gguf.Array).u32("element type", uint32(gguf.String)).u64("array length", 2).str("element", "x").str("element", "yz").
		key("ints", gguf.Array).u32("element type", uint32(gguf.Int32)).u64("array length", 2).u32("", 7).u32("", 8)
	return m.tensor("a", gguf.F32, 0, 4, 2).tensor("b", gguf.Q8_0, 32, 32).data(32, 66)
}

// TestFields sets every integer of a small file to the values at which
// arithmetic goes wrong.
func TestFields(t *testing.T) {
	good := tiny()
	path := write(t, good.b)
	values := []uint64{0, 1, 2, 1<<31 - 1, 1 << 31, 1<<32 - 1, 1 << 32, 1 << 62, 1<<63 - 1, 1 << 63, 1<<64 - 1,
		uint64(len(good.b)) - 1, uint64(len(good.b)), uint64(len(good.b)) + 1}
	counts := 0
	for _, fd := range good.fields {
		for _, v := range values {
			if fd.width == 4 && v >= 1<<32 {
				continue
			}
			m := tiny()
			m.set(fd, v)
			require.NoError(t, os.WriteFile(path, m.b, 0o600))
			f, err := openMeasured(t, path, len(m.b))
			isCount := strings.Contains(fd.name, "length") || strings.Contains(fd.name, "count") || fd.name == "dimension"
			if isCount && v >= 1<<31-1 {
				require.Error(t, err, "%s = %d", fd.name, v)
				counts++
			}
			if err == nil {
				use(t, f)
				require.NoError(t, f.Close())
			}
		}
	}
	require.Greater(t, counts, 100)
}

func TestMagicBitFlips(t *testing.T) {
	good := tiny()
	path := write(t, good.b)
	for bit := range 32 {
		b := bytes.Clone(good.b)
		b[bit/8] ^= 1 << (bit % 8)
		require.NoError(t, os.WriteFile(path, b, 0o600))
		_, err := openMeasured(t, path, len(b))
		require.ErrorContains(t, err, "magic", "bit %d", bit)
	}
}

// medium is a file of some 10 kB like a small model's: every metadata type,
// a vocabulary, tensors of several types.
func medium() []byte {
	m := start(9, 31)
	for t := gguf.Uint8; t <= gguf.Float64; t++ {
		size := map[gguf.ValueType]int{gguf.Uint16: 2, gguf.Int16: 2, gguf.Uint32: 4, gguf.Int32: 4,
			gguf.Float32: 4, gguf.Uint64: 8, gguf.Int64: 8, gguf.Float64: 8}[t]
		switch t {
		case gguf.Array:
		case gguf.String:
			m.key("test.string", t).str("", "a string, with text in it")
			m.key("test.strings", gguf.Array).u32("", uint32(t)).u64("", 3).str("", "").str("", "\xff\xfe").str("", "third")
		default:
			one := make([]byte, max(1, size))
			one[0] = 1
			m.key("test."+t.String(), t).raw(one...)
			m.key("test.array."+t.String(), gguf.Array).u32("", uint32(t)).u64("", 5).raw(bytes.Repeat(one, 5)...)
		}
	}
	m.key("general.architecture", gguf.String).str("", "llama")
	m.key("general.alignment", gguf.Uint32).u32("", 32)
	m.key("llama.block_count", gguf.Uint32).u32("", 2)
	m.key("llama.embedding_length", gguf.Uint32).u32("", 32)
	m.key("tokenizer.ggml.model", gguf.String).str("", "llama")
	m.key("tokenizer.ggml.tokens", gguf.Array).u32("", uint32(gguf.String)).u64("", 200)
	for i := range 200 {
		m.str("", fmt.Sprintf("▁w%d", i))
	}
	m.key("tokenizer.ggml.scores", gguf.Array).u32("", uint32(gguf.Float32)).u64("", 200).raw(make([]byte, 800)...)
	off := uint64(0)
	for i, t := range []gguf.Type{gguf.F32, gguf.F16, gguf.Q4_0, gguf.Q8_0, gguf.IQ4_NL, gguf.Q6_K, gguf.BF16, gguf.I32, 77} {
		n := max(t.BlockLen(), 1) * 3
		m.tensor(fmt.Sprintf("blk.%d.attn_q.weight", i), t, off, uint64(n), 2)
		off += uint64(6*t.BlockBytes()+31) &^ 31
	}
	return m.data(32, int(off)).b
}

func TestMedium(t *testing.T) {
	b := medium()
	require.InDelta(t, 10_000, len(b), 3000)
	f, err := openMeasured(t, write(t, b), len(b))
	require.NoError(t, err)
	use(t, f)
	require.Len(t, f.Keys(), 31)
	require.Len(t, f.Tensors(), 9)
	require.NoError(t, f.Close())
}

// TestTruncations cuts the file at every point. The data of the last tensor,
// of unknown type, is empty, so each cut takes something that is needed.
func TestTruncations(t *testing.T) {
	b := medium()
	path := write(t, b)
	for n := len(b) - 1; n >= 0; n-- {
		require.NoError(t, os.Truncate(path, int64(n)))
		f, err := openMeasured(t, path, n)
		if err != nil {
			continue
		}
		// The padding after the last block is not needed.
		require.Greater(t, n, len(b)-32)
		use(t, f)
		require.NoError(t, f.Close())
	}
}

// TestByteChanges sets every byte to eight or more other values.
func TestByteChanges(t *testing.T) {
	if testing.Short() {
		t.Skip("opens a file 80000 times")
	}
	b := medium()
	path := write(t, b)
	out, err := os.OpenFile(path, os.O_WRONLY, 0)
	require.NoError(t, err)
	defer out.Close()
	opened, refused := 0, 0
	for i, was := range b {
		for _, v := range [...]byte{was + 1, was - 1, was ^ 0x80, was ^ 0x40, was ^ 0x10, was ^ 0x08, was ^ 0xff, was + 0x21, was + 0x5b} {
			_, err := out.WriteAt([]byte{v}, int64(i))
			require.NoError(t, err)
			f, err := openMeasured(t, path, len(b))
			if err != nil {
				refused++
				continue
			}
			opened++
			// The rest of the file is as it was, and use has seen it.
			if opened%64 == 0 {
				use(t, f)
			}
			require.NoError(t, f.Close())
		}
		_, err := out.WriteAt([]byte{was}, int64(i))
		require.NoError(t, err)
	}
	t.Logf("%d bytes: %d changes still open, %d refused", len(b), opened, refused)
	require.Greater(t, refused, len(b))
}

// TestSmallestItems opens files of nothing but the smallest keys and tensors,
// which cost the most memory for their size.
func TestSmallestItems(t *testing.T) {
	const n = 60_000
	name := func(i int) string { return string(binary.LittleEndian.AppendUint16(nil, uint16(i))) }
	keys, tensors := start(0, n), start(n, 1)
	tensors.key("general.alignment", gguf.Uint32).u32("", 1)
	for i := range n {
		keys.key(name(i), gguf.Uint8).raw(0)
		tensors.tensor(name(i), gguf.I8, uint64(i))
	}
	tensors.data(1, n)
	for what, m := range map[string]*image{"keys": keys, "tensors": tensors} {
		f, err := openMeasured(t, write(t, m.b), len(m.b))
		require.NoError(t, err, what)
		require.Equal(t, n, max(len(f.Keys()), len(f.Tensors())))
		require.NoError(t, f.Close())
	}
}

// TestSparse opens files of a terabyte that have few bytes on disk: the bytes
// left bound nothing there, the caps must.
func TestSparse(t *testing.T) {
	for name, m := range map[string]*image{
		"string":     start(0, 1).key("a", gguf.String).u64("", 1<<36),
		"array":      start(0, 1).key("a", gguf.Array).u32("", uint32(gguf.Uint8)).u64("", 1<<36),
		"array cap":  start(0, 1).key("a", gguf.Array).u32("", uint32(gguf.Uint64)).u64("", 1<<26+1),
		"keys":       start(0, 1<<30),
		"tensors":    start(1<<30, 0),
		"empty keys": start(0, 1<<16),
	} {
		path := write(t, m.b)
		require.NoError(t, os.Truncate(path, 1<<40))
		_, err := openMeasured(t, path, 4<<20)
		require.Error(t, err, name)
	}
	m := start(1, 0).tensor("a", gguf.I8, 0, 1<<39).data(32, 0)
	path := write(t, m.b)
	require.NoError(t, os.Truncate(path, 1<<40))
	f, err := openMeasured(t, path, len(m.b))
	require.NoError(t, err)
	use(t, f)
	require.NoError(t, f.Close())
}
