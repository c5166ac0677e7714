package kernels

import (
	"math"
	"testing"
)

// halfValue is the value of a finite float16, from its definition.
func halfValue(h uint16) float64 {
	m, e := float64(h&0x3ff), int(h>>10&31)
	v := math.Ldexp(m, -24)
	if e > 0 {
		v = math.Ldexp(1024+m, e-25)
	}
	if h>>15 == 1 {
		v = -v
	}
	return v
}

func TestFloat16(t *testing.T) {
	for i := range 1 << 16 {
		h := uint16(i)
		f := float16To32(h)
		if h&0x7fff > 0x7c00 {
			if f == f || float16To32(float32To16(f)) == float16To32(float32To16(f)) {
				t.Fatalf("NaN %#x became %v", h, f)
			}
			continue
		}
		if h&0x7fff < 0x7c00 && float64(f) != halfValue(h) || float32To16(f) != h {
			t.Fatalf("%#x = %v, back to %#x", h, f, float32To16(f))
		}
	}
}

// TestFloat16Rounding walks the neighbourhood of every midpoint between halves.
func TestFloat16Rounding(t *testing.T) {
	for h := uint16(0); h < 0x7bff; h++ {
		lo, hi := halfValue(h), halfValue(h+1)
		mid := float32((lo + hi) / 2)
		even := h + h&1
		for _, c := range []struct {
			f    float32
			want uint16
		}{
			{math.Nextafter32(mid, 0), h}, {mid, even}, {math.Nextafter32(mid, 1e9), h + 1},
			{-mid, even | 0x8000}, {math.Nextafter32(-mid, 0), h | 0x8000},
		} {
			if got := float32To16(c.f); got != c.want {
				t.Fatalf("float32To16(%v) = %#x, want %#x", c.f, got, c.want)
			}
		}
	}
	for f, want := range map[float32]uint16{65519.996: 0x7bff, 65520: 0x7c00, 1e30: 0x7c00, -65520: 0xfc00, float32(math.Inf(1)): 0x7c00, 0x1p-25: 0, 0x1.000002p-25: 1} {
		if got := float32To16(f); got != want {
			t.Errorf("float32To16(%v) = %#x, want %#x", f, got, want)
		}
	}
}

func TestBFloat16(t *testing.T) {
	for i := range 1 << 16 {
		h := uint16(i)
		f := bfloat16To32(h)
		if f != f {
			if back := bfloat16To32(float32ToBF16(f)); back == back {
				t.Fatalf("NaN %#x became %v", h, back)
			}
			continue
		}
		if float32ToBF16(f) != h {
			t.Fatalf("%#x = %v, back to %#x", h, f, float32ToBF16(f))
		}
		if h&0x7fff >= 0x7f7f {
			continue // no finite neighbour above
		}
		mid := math.Float32frombits(uint32(h)<<16 | 0x8000)
		if got, want := float32ToBF16(mid), h+h&1; got != want {
			t.Fatalf("float32ToBF16(%v) = %#x, want %#x", mid, got, want)
		}
		if got := float32ToBF16(math.Float32frombits(uint32(h)<<16 | 0x8001)); got != h+1 {
			t.Fatalf("above the midpoint of %#x: %#x", h, got)
		}
	}
}
