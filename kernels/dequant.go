package kernels

import (
	"encoding/binary"
	"fmt"
	"math"
)

// dequantizers holds for each format the function that writes the values of
// one file block. Layouts are described where the format is packed (q4_0.go,
// q4_k.go, …) and, for the codebook formats, in dequant_iq.go.
//
// Every product is of few enough bits to be exact in float32, except where a
// minimum is added or subtracted, which rounds once; conversions around products
// keep compilers from fusing them with that addition.
var dequantizers = [numFormats]func(y []float32, b []byte){
	F32:     func(y []float32, b []byte) { y[0] = math.Float32frombits(binary.LittleEndian.Uint32(b)) },
	F16:     func(y []float32, b []byte) { y[0] = halfAt(b) },
	BF16:    func(y []float32, b []byte) { y[0] = bfloat16To32(binary.LittleEndian.Uint16(b)) },
	Q4_0:    dequantQ4_0,
	Q4_1:    dequantQ4_1,
	Q5_0:    dequantQ5_0,
	Q5_1:    dequantQ5_1,
	Q8_0:    dequantQ8_0,
	IQ4_NL:  dequantIQ4_NL,
	MXFP4:   dequantMXFP4,
	NVFP4:   dequantNVFP4,
	Q1_0:    dequantQ1_0,
	Q2_0:    dequantQ2_0,
	Q2_K:    dequantQ2_K,
	Q3_K:    dequantQ3_K,
	Q4_K:    dequantQ4_K,
	Q5_K:    dequantQ5_K,
	Q6_K:    dequantQ6_K,
	IQ4_XS:  dequantIQ4_XS,
	IQ1_S:   dequantIQ1_S,
	IQ1_M:   dequantIQ1_M,
	IQ2_XXS: dequantIQ2_XXS,
	IQ2_XS:  dequantIQ2_XS,
	IQ2_S:   dequantIQ2_S,
	IQ3_XXS: dequantIQ3_XXS,
	IQ3_S:   dequantIQ3_S,
	TQ1_0:   dequantTQ1_0,
	TQ2_0:   dequantTQ2_0,
}

// Dequantize sets dst to the values of the file blocks in src.
//
//	dst [n]                     n divides by f.BlockLen()
//	src [n / BlockLen blocks]   as in the file
//
// The values are ggml's, bit for bit. It panics if lengths disagree, allocates
// nothing, and is safe to call concurrently on disjoint dst.
func Dequantize(dst []float32, f Format, src []byte) {
	if need := f.RowBytes(len(dst)); len(src) != need {
		panic(fmt.Sprintf("kernels: Dequantize: %d %v values from %d bytes, need %d", len(dst), f, len(src), need))
	}
	block, nValues, nBytes := dequantizers[f], f.BlockLen(), f.BlockBytes()
	for len(dst) > 0 {
		block(dst[:nValues:nValues], src[:nBytes:nBytes])
		dst, src = dst[nValues:], src[nBytes:]
	}
}

// halfAt returns the float16 at the start of b.
func halfAt(b []byte) float32 { return float16To32(binary.LittleEndian.Uint16(b)) }
