package kernels

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math"
	"math/bits"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// requireDequantized compares the values of blocks one by one and all at once.
func requireDequantized(t *testing.T, f Format, raw []byte, want []float32) {
	t.Helper()
	got := make([]float32, len(want))
	Dequantize(got, f, raw)
	requireSameBits(t, want, got, "%v", f)
	n, nBytes := f.BlockLen(), f.BlockBytes()
	for i := range len(want) / n {
		block := make([]float32, n)
		Dequantize(block, f, raw[i*nBytes:][:nBytes])
		requireSameBits(t, want[i*n:][:n], block, "%v block %d", f, i)
	}
}

// TestDequantize reads the committed vectors of every type.
func TestDequantize(t *testing.T) {
	for _, f := range Formats()[F16:] {
		t.Run(f.String(), func(t *testing.T) {
			data, err := os.ReadFile(filepath.Join("testdata", "dequant", f.String()+".bin"))
			require.NoError(t, err)
			nBlocks := len(data) / (f.BlockBytes() + 4*f.BlockLen())
			require.Greater(t, nBlocks, 2)
			raw, rest := data[:nBlocks*f.BlockBytes()], data[nBlocks*f.BlockBytes():]
			want := make([]float32, nBlocks*f.BlockLen())
			for i := range want {
				want[i] = math.Float32frombits(binary.LittleEndian.Uint32(rest[4*i:]))
			}
			requireDequantized(t, f, raw, want)
		})
	}
	src := binary.LittleEndian.AppendUint32(nil, math.Float32bits(-1.5))
	requireDequantized(t, F32, src, []float32{-1.5})
}

func TestDequantizeGolden(t *testing.T) {
	for _, f := range Formats()[F16:] {
		t.Run(f.String(), func(t *testing.T) {
			raw, want := goldenBlocks(t, f)
			requireDequantized(t, f, raw, want)
		})
	}
}

// TestDequantizeIsRow compares with what packing and looking up give, on random
// bytes: two ways to read each layout.
func TestDequantizeIsRow(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for _, f := range Formats() {
		nIn := 3 * f.BlockLen()
		src := randomWeights(r, f, 20, nIn)
		w := packedMatrix(f, 20, nIn, src)
		got, want := make([]float32, nIn), make([]float32, nIn)
		for row := range w.NOut {
			w.Row(want, row)
			Dequantize(got, f, src[row*f.RowBytes(nIn):][:f.RowBytes(nIn)])
			requireSameBits(t, want, got, "%v row %d", f, row)
		}
	}
}

func TestDequantizePanics(t *testing.T) {
	require.PanicsWithValue(t, "kernels: Dequantize: 32 Q8_0 values from 33 bytes, need 34",
		func() { Dequantize(make([]float32, 32), Q8_0, make([]byte, 33)) })
	require.Panics(t, func() { Dequantize(make([]float32, 33), Q8_0, make([]byte, 34)) })
	require.NotPanics(t, func() { Dequantize(nil, Q8_0, nil) })
}

func TestDequantizeAllocatesNothing(t *testing.T) {
	dst := make([]float32, 512)
	for _, f := range Formats() {
		src := make([]byte, f.RowBytes(512))
		require.Zero(t, testing.AllocsPerRun(5, func() { Dequantize(dst, f, src) }), "%v", f)
	}
}

// TestCodebooks holds the codebooks to the sums of ggml's tables, value by
// value in order, because the vectors above use only some of their entries.
func TestCodebooks(t *testing.T) {
	requireCodebook(t, gridIQ1, 2048, "07540ffc1aeaf6ad4d97e96b0fcc765aae39671d4ae4a27bbd0e796fde167c6a")
	requireCodebook(t, gridIQ2_XXS, 256, "05826b5d3e472a3a78f196be62ac78acf81df0f909626e12ab9fa2a5d490dd54")
	requireCodebook(t, gridIQ2_XS, 512, "06e47aaca60b4dc1d9b5a3f34540437058a6b142b4d7a59d5ded769b4d1bf1de")
	requireCodebook(t, gridIQ2_S, 1024, "e1aa1473412b0552c2174c30ef22ab4073f6a181b85a17056e8249bd2932fd88")
	requireCodebook(t, gridIQ3_XXS, 256, "46e35f5a997efdee6c99ce57854c8a0d4f0ff8ca57e5e8a60c0793ea580acf5d")
	requireCodebook(t, gridIQ3_S, 512, "bd1af4945a1717c65610b0284e4628b9a1ba3b306fae3a06f6e5f597356e349f")
}

func requireCodebook[V [4]int8 | [8]int8](t *testing.T, book []V, wantLen int, wantSum string) {
	t.Helper()
	require.Len(t, book, wantLen)
	h := sha256.New()
	require.NoError(t, binary.Write(h, binary.LittleEndian, book))
	require.Equal(t, wantSum, hex.EncodeToString(h.Sum(nil)))
}

func TestEvenSigns(t *testing.T) {
	for i := range uint32(256) {
		got := evenSigns(i)
		require.Equal(t, byte(i&127), got&127)
		require.Zero(t, bits.OnesCount8(got)%2)
	}
}
