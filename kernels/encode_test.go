package kernels

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"inferd/testdata"
)

// quantizeGolden is golden/quant/quantize: rows, and for each type ggml's bytes
// and the root mean square error of each row.
type quantizeGolden struct {
	dir   string
	rows  [][]float32
	Names []string `json:"rows"`
	Shape [2]int
	Types map[string]struct {
		File string
		RMSE []float64 `json:"rmse_per_row"`
	}
}

func readQuantizeGolden(t *testing.T) (g quantizeGolden) {
	t.Helper()
	g.dir = testdata.Shared(t, "golden", "quant", "quantize")
	index, err := os.ReadFile(filepath.Join(g.dir, "index.json"))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(index, &g))
	data, err := os.ReadFile(filepath.Join(g.dir, "rows.f32"))
	require.NoError(t, err)
	for range g.Shape[0] {
		row := make([]float32, g.Shape[1])
		for i := range row {
			row[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:]))
		}
		g.rows, data = append(g.rows, row), data[4*len(row):]
	}
	return g
}

// rmse returns the root mean square error of a row after a round trip.
func rmse(t *testing.T, f Format, x, w []float32) float64 {
	t.Helper()
	b := make([]byte, f.RowBytes(len(x)))
	require.NoError(t, Encode(b, f, x, w))
	y := make([]float32, len(x))
	Dequantize(y, f, b)
	sum := 0.0
	for i := range x {
		e := float64(x[i]) - float64(y[i])
		sum += e * e
	}
	return math.Sqrt(sum / float64(len(x)))
}

// exactFormats give ggml's bytes without importance.
var exactFormats = []Format{F16, BF16, Q8_0, Q4_0, Q4_1, Q5_0, Q5_1, Q1_0, Q2_0, TQ1_0, TQ2_0, MXFP4, NVFP4}

func TestEncodeExact(t *testing.T) {
	g := readQuantizeGolden(t)
	for _, f := range exactFormats {
		want, err := os.ReadFile(filepath.Join(g.dir, g.Types[f.String()].File))
		require.NoError(t, err)
		n := f.RowBytes(g.Shape[1])
		for i, row := range g.rows {
			got := make([]byte, n)
			require.NoError(t, Encode(got, f, row, nil))
			require.Equal(t, want[i*n:][:n], got, "%v of %s", f, g.Names[i])
		}
	}
}

// searchedFormats look for the best scales.
var searchedFormats = []Format{Q2_K, Q3_K, Q4_K, Q5_K, Q6_K, IQ4_NL, IQ4_XS}

// TestEncodeSearched requires of the formats whose scales are searched an error
// no larger than ggml's, row by row; its figures have four digits.
func TestEncodeSearched(t *testing.T) {
	g := readQuantizeGolden(t)
	for _, f := range searchedFormats {
		for i, row := range g.rows {
			got, want := rmse(t, f, row, nil), g.Types[f.String()].RMSE[i]
			require.LessOrEqual(t, got, want*1.0005, "%v of %s", f, g.Names[i])
		}
	}
}

// testRow returns values of several magnitudes, the same on every machine.
func testRow(seed uint64, n int) []float32 {
	r := rand.New(rand.NewPCG(seed, 0))
	x := make([]float32, n)
	for i := range x {
		// The sum of four uniform values is nearly normal.
		sum := 0.0
		for range 4 {
			sum += float64(r.IntN(1<<16) - 1<<15)
		}
		x[i] = float32(math.Ldexp(sum, -17-int(i/64)%5))
	}
	return x
}

// encodings pins the bytes of every format, without and with importance: the
// first 8 bytes of their SHA-256. Those of exactFormats are ggml's.
var encodings = map[Format][2]string{
	F32:    {"3e7ef0db7e97e7d2", "3e7ef0db7e97e7d2"},
	F16:    {"9d70dd9cc5319da8", "9d70dd9cc5319da8"},
	BF16:   {"2d768479f552d43f", "2d768479f552d43f"},
	Q4_0:   {"d1f00f68b4e72654", "7561aee57d768557"},
	Q4_1:   {"b23286a8a87773e8", "3be377cfa2fb3df0"},
	Q5_0:   {"0c8241f4e034f7eb", "f6e5833836036923"},
	Q5_1:   {"f54a6fdd2b8fc490", "10beba2f31b27904"},
	Q8_0:   {"20ae6ddbdd666092", "20ae6ddbdd666092"},
	IQ4_NL: {"149ba4cb788d41af", "6eb7cefaedee5d61"},
	MXFP4:  {"03ed4d698679bc38", "03ed4d698679bc38"},
	NVFP4:  {"6b1dbdd77d9a842f", "6b1dbdd77d9a842f"},
	Q1_0:   {"1508db8b0f203a5d", "1508db8b0f203a5d"},
	Q2_0:   {"05c593e454a8d17e", "05c593e454a8d17e"},
	Q2_K:   {"e0233b41786b3e04", "25518573785e044f"},
	Q3_K:   {"12ed46a114e4f53e", "b1de10c9688a9a14"},
	Q4_K:   {"dda7848122d2aeb4", "9a590d4c0a363714"},
	Q5_K:   {"3365f646e244fd03", "5eb151c336b01539"},
	Q6_K:   {"68aad1e21526687b", "69d890ad4788c22f"},
	IQ4_XS: {"09bf76ca3f4953e6", "e3a32f5d0b18eed4"},
	TQ1_0:  {"92940da683aa4a33", "92940da683aa4a33"},
	TQ2_0:  {"fcca16423f96b6ff", "fcca16423f96b6ff"},
}

func TestEncodePinned(t *testing.T) {
	x, w := testRow(1, 1024), testRow(2, 1024)
	for i := range w {
		w[i] = w[i] * w[i]
	}
	for _, f := range Formats() {
		if !CanEncode(f) {
			continue
		}
		var got [2]string
		for i, importance := range [][]float32{nil, w} {
			b := make([]byte, f.RowBytes(len(x)))
			require.NoError(t, Encode(b, f, x, importance))
			sum := sha256.Sum256(b)
			got[i] = hex.EncodeToString(sum[:8])
		}
		require.Equal(t, encodings[f], got, "%v", f)
	}
}

// TestEncodeImportance requires that importance lowers the error it weighs, and
// that equal importance and none are the same to a search.
func TestEncodeImportance(t *testing.T) {
	x, w, ones := testRow(3, 1024), testRow(4, 1024), make([]float32, 1024)
	for i := range w {
		w[i], ones[i] = w[i]*w[i], 1
	}
	weighted := func(f Format, importance []float32) (sum float64) {
		b, y := make([]byte, f.RowBytes(len(x))), make([]float32, len(x))
		require.NoError(t, Encode(b, f, x, importance))
		Dequantize(y, f, b)
		for i := range x {
			e := float64(x[i] - y[i])
			sum += float64(w[i]) * e * e
		}
		return sum
	}
	for _, f := range append([]Format{Q4_0, Q4_1, Q5_0, Q5_1}, searchedFormats...) {
		require.Less(t, weighted(f, w), 0.9*weighted(f, nil), "%v", f)
	}
	for _, f := range searchedFormats {
		require.Equal(t, weighted(f, nil), weighted(f, ones), "%v", f)
	}
}

// TestEncodeAnything encodes values of every magnitude a format holds.
func TestEncodeAnything(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 9))
	rows := [][]float32{make([]float32, 256), make([]float32, 256)} // zeros first
	for range 60 {
		row, e := make([]float32, 256), r.IntN(255)
		for i := range row {
			switch exp := max(0, e-r.IntN(12)); r.IntN(8) {
			case 0:
				row[i] = 0
			default:
				row[i] = math.Float32frombits(uint32(exp)<<23 | r.Uint32()&0x807fffff)
			}
		}
		rows = append(rows, row)
	}
	for i := range rows[1] {
		rows[1][i] = 1e-20 // a scale below float16
	}
	for _, f := range Formats() {
		if !CanEncode(f) {
			continue
		}
		for _, row := range rows {
			x := make([]float32, len(row))
			for i, v := range row {
				x[i] = max(min(v, maxEncodable(f)), -maxEncodable(f))
			}
			b, y := make([]byte, f.RowBytes(len(x))), make([]float32, len(x))
			require.NoError(t, Encode(b, f, x, nil))
			Dequantize(y, f, b)
			_, top := bounds(absAll(x))
			for i, v := range y {
				// Q2_0 and the ternary formats are as coarse as the largest
				// value; float16 scales have a step of 2^-24, times 63 and
				// 31 in Q5_K.
				require.LessOrEqual(t, float64(abs32(v-x[i])), 1.01*float64(top)+0x1p-13, "%v value %d", f, i)
			}
		}
	}
}

func absAll(x []float32) []float32 {
	out := make([]float32, len(x))
	for i, v := range x {
		out[i] = abs32(v)
	}
	return out
}

func TestEncodeRefuses(t *testing.T) {
	x, b := make([]float32, 32), make([]byte, 34)
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	for _, bad := range []float32{nan, inf, -inf, 65536, -1e10} {
		x[7] = bad
		require.ErrorContains(t, Encode(b, Q8_0, x, nil), "value 7 is", "%g", bad)
	}
	x[7] = 1e10
	require.NoError(t, Encode(make([]byte, 17), MXFP4, x, nil))
	x[7] = 0
	for _, bad := range []float32{nan, inf, -1} {
		w := make([]float32, 32)
		w[3] = bad
		require.ErrorContains(t, Encode(b, Q8_0, x, w), "importance 3 is", "%g", bad)
	}
	require.PanicsWithValue(t, "kernels: Encode: 32 Q8_0 values to 33 bytes, need 34", func() { _ = Encode(b[:33], Q8_0, x, nil) })
	require.PanicsWithValue(t, "kernels: Encode: importance of 1 for 32 values", func() { _ = Encode(b, Q8_0, x, x[:1]) })
	require.PanicsWithValue(t, "kernels: Encode: IQ1_S cannot be written", func() { _ = Encode(nil, IQ1_S, nil, nil) })
	for _, f := range []Format{IQ1_S, IQ1_M, IQ2_XXS, IQ2_XS, IQ2_S, IQ3_XXS, IQ3_S, numFormats, 255} {
		require.False(t, CanEncode(f), "%v", f)
	}
}

func TestEncodeAllocatesNothing(t *testing.T) {
	x := testRow(5, 256)
	for _, f := range Formats() {
		if CanEncode(f) {
			b := make([]byte, f.RowBytes(len(x)))
			require.Zero(t, testing.AllocsPerRun(3, func() { _ = Encode(b, f, x, nil) }), "%v", f)
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	x := make([]float32, 1<<14)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	for _, f := range Formats() {
		if !CanEncode(f) {
			continue
		}
		dst := make([]byte, f.RowBytes(len(x)))
		b.Run(f.String(), func(b *testing.B) {
			b.SetBytes(int64(4 * len(x)))
			for b.Loop() {
				if err := Encode(dst, f, x, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
