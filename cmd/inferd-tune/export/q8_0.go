package export

import (
	"encoding/binary"
	"fmt"
	"math"
)

const (
	blockLen   = 32           // values in a Q8_0 block
	blockBytes = 2 + blockLen // float16 scale, int8 quants (ggml block_q8_0)
)

// appendQ8_0 appends the blocks of x, whose length divides by blockLen.
func appendQ8_0(dst []byte, x []float32) []byte {
	for ; len(x) > 0; x = x[blockLen:] {
		var amax float32
		for _, v := range x[:blockLen] {
			amax = max(amax, float32(math.Abs(float64(v))))
		}
		scale := amax / 127
		dst = binary.LittleEndian.AppendUint16(dst, float16(scale))
		inv := float32(0)
		if scale > 0 {
			inv = 1 / scale
		}
		for _, v := range x[:blockLen] {
			dst = append(dst, byte(int8(math.RoundToEven(float64(v*inv)))))
		}
	}
	return dst
}

// float16 rounds x, which is not negative, to the nearest IEEE half, ties to
// even. Trained weights make no scale of 65504 or more; one is a panic.
func float16(x float32) uint16 {
	switch {
	case !(x >= 0 && x < 65504):
		panic(fmt.Sprintf("export: scale %v is no float16", x))
	case x < 0x1p-14: // subnormal: a multiple of 2⁻²⁴
		return uint16(math.RoundToEven(float64(x) * 0x1p24))
	}
	bits := math.Float32bits(x) - (127-15)<<23
	bits += 0xfff + bits>>13&1
	return uint16(bits >> 13)
}
