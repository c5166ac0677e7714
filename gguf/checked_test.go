package gguf

import (
	"math/big"
	"testing"

	"github.com/stretchr/testify/require"
)

// edges are integers near the places where arithmetic wraps.
var edges = []uint64{
	0, 1, 2, 3, 31, 32, 33, 255, 256, 257, 1<<31 - 1, 1 << 31, 1<<32 - 1, 1 << 32, 1<<32 + 1,
	1<<48 + 3, 1<<62 - 1, 1 << 62, 1<<63 - 1, 1 << 63, 1<<63 + 1, 1<<64 - 32, 1<<64 - 2, 1<<64 - 1,
}

func requireExact(t *testing.T, want *big.Int, got uint64, ok bool, what ...any) {
	t.Helper()
	fits := want.BitLen() <= 63
	require.Equal(t, fits, ok, what...)
	if ok {
		require.Equal(t, want.Uint64(), got, what...)
	}
}

func bigInt(n uint64) *big.Int { return new(big.Int).SetUint64(n) }

func TestCheckedAddMul(t *testing.T) {
	for _, a := range edges {
		for _, b := range edges {
			got, ok := checkedAdd(a, b)
			requireExact(t, new(big.Int).Add(bigInt(a), bigInt(b)), got, ok, "%d + %d", a, b)
			got, ok = checkedMul(a, b)
			requireExact(t, new(big.Int).Mul(bigInt(a), bigInt(b)), got, ok, "%d * %d", a, b)
		}
	}
}

// TestSizeCrossProduct compares the bytes and the place of a tensor with exact
// arithmetic over dimensions × types × alignments × offsets.
func TestSizeCrossProduct(t *testing.T) {
	types := []Type{F32, F16, Q4_0, Q8_0, Q6_K, IQ1_S, I64, I8, NVFP4, 4, 99}
	dims := []uint64{1, 7, 256, 1 << 16, 1<<31 - 1, 1 << 32, 1 << 40, 1<<62 + 256, maxInt63}
	combos := 0
	for _, typ := range types {
		for _, d0 := range dims {
			for _, d1 := range dims {
				for _, d2 := range dims {
					combos++
					checkSize(t, typ, []uint64{d0, d1, d2})
				}
			}
		}
	}
	require.GreaterOrEqual(t, combos, 8000)
	for shift := range 31 {
		for _, n := range edges {
			align := uint64(1) << shift
			want := new(big.Int).Add(bigInt(n), bigInt(align-1))
			fits := want.BitLen() <= 63
			want.Div(want, bigInt(align)).Mul(want, bigInt(align))
			got, ok := checkedAlign(n, align)
			require.Equal(t, fits, ok, "align %d to %d", n, align)
			if ok {
				require.Equal(t, want.Uint64(), got, "align %d to %d", n, align)
			}
		}
	}
}

func checkSize(t *testing.T, typ Type, dims []uint64) {
	t.Helper()
	elements := big.NewInt(1)
	for _, d := range dims {
		elements.Mul(elements, bigInt(d))
	}
	nBytes := new(big.Int)
	if typ.Known() {
		nBytes.Div(elements, big.NewInt(int64(typ.BlockLen())))
		nBytes.Mul(nBytes, big.NewInt(int64(typ.BlockBytes())))
	}
	fits := elements.BitLen() <= 63 && nBytes.BitLen() <= 63
	gotElements, gotBytes, ok := tensorSize(dims, typ)
	require.Equal(t, fits, ok, "%s %d", typ, dims)
	if ok {
		require.Equal(t, elements.Uint64(), gotElements, "%s %d", typ, dims)
		require.Equal(t, nBytes.Uint64(), gotBytes, "%s %d", typ, dims)
	}
}

func TestWithin(t *testing.T) {
	for _, size := range edges {
		for _, off := range edges {
			for _, n := range edges {
				end := new(big.Int).Add(bigInt(off), bigInt(n))
				require.Equal(t, end.Cmp(bigInt(size)) <= 0, within(size, off, n), "%d bytes at %d in %d", n, off, size)
			}
		}
	}
}
