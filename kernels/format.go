package kernels

import "fmt"

// Format says how a weight tensor's values are stored. The names are those of
// ggml's tensor types; the numbers are our own.
type Format uint8

// The formats, floats first, then by the number of values that share a scale.
const (
	F32 Format = iota
	F16
	BF16

	// 32 values to a scale (NVFP4: 16, Q2_0: 64, Q1_0: 128).
	Q4_0
	Q4_1
	Q5_0
	Q5_1
	Q8_0
	IQ4_NL
	MXFP4
	NVFP4
	Q1_0
	Q2_0

	// 256 values to a super-block.
	Q2_K
	Q3_K
	Q4_K
	Q5_K
	Q6_K
	IQ4_XS
	IQ1_S
	IQ1_M
	IQ2_XXS
	IQ2_XS
	IQ2_S
	IQ3_XXS
	IQ3_S
	TQ1_0
	TQ2_0

	numFormats
)

// formatInfo is one row of the table of formats.
type formatInfo struct {
	name       string
	blockLen   int // values in a block
	blockBytes int // bytes of a block in the file
}

// formats holds the block sizes of ggml-common.h.
var formats = [numFormats]formatInfo{
	F32:     {"F32", 1, 4},
	F16:     {"F16", 1, 2},
	BF16:    {"BF16", 1, 2},
	Q4_0:    {"Q4_0", 32, 18},
	Q4_1:    {"Q4_1", 32, 20},
	Q5_0:    {"Q5_0", 32, 22},
	Q5_1:    {"Q5_1", 32, 24},
	Q8_0:    {"Q8_0", 32, 34},
	IQ4_NL:  {"IQ4_NL", 32, 18},
	MXFP4:   {"MXFP4", 32, 17},
	NVFP4:   {"NVFP4", 64, 36},
	Q1_0:    {"Q1_0", 128, 18},
	Q2_0:    {"Q2_0", 64, 18},
	Q2_K:    {"Q2_K", 256, 84},
	Q3_K:    {"Q3_K", 256, 110},
	Q4_K:    {"Q4_K", 256, 144},
	Q5_K:    {"Q5_K", 256, 176},
	Q6_K:    {"Q6_K", 256, 210},
	IQ4_XS:  {"IQ4_XS", 256, 136},
	IQ1_S:   {"IQ1_S", 256, 50},
	IQ1_M:   {"IQ1_M", 256, 56},
	IQ2_XXS: {"IQ2_XXS", 256, 66},
	IQ2_XS:  {"IQ2_XS", 256, 74},
	IQ2_S:   {"IQ2_S", 256, 82},
	IQ3_XXS: {"IQ3_XXS", 256, 98},
	IQ3_S:   {"IQ3_S", 256, 110},
	TQ1_0:   {"TQ1_0", 256, 54},
	TQ2_0:   {"TQ2_0", 256, 66},
}

// Formats lists every format.
func Formats() []Format {
	all := make([]Format, numFormats)
	for i := range all {
		all[i] = Format(i)
	}
	return all
}

// String returns ggml's name of the format.
func (f Format) String() string {
	if f >= numFormats {
		return fmt.Sprintf("Format(%d)", uint8(f))
	}
	return formats[f].name
}

// BlockLen is the number of values in a block; a row's length divides by it.
func (f Format) BlockLen() int { return formats[f].blockLen }

// BlockBytes is the number of bytes of a block in the file.
func (f Format) BlockBytes() int { return formats[f].blockBytes }

// RowBytes is the number of bytes of a row of n values in the file.
// It panics if n does not divide by BlockLen.
func (f Format) RowBytes(n int) int {
	if n%f.BlockLen() != 0 {
		panic(fmt.Sprintf("kernels: row of %d %v values, needs a multiple of %d", n, f, f.BlockLen()))
	}
	return n / f.BlockLen() * f.BlockBytes()
}
