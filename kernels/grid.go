package kernels

import "encoding/base64"

// The IQ1, IQ2 and IQ3 formats store an index into a codebook for each group of
// 8 or 4 values. A codebook holds some of the vectors that can be made of a few
// levels. Read as a number with value 0 as its lowest digit, each vector has a
// place among all of them, and codebooks are in ascending order of it; a bitmap
// over those places therefore is the whole codebook.
var (
	gridIQ1     = codebook[[8]int8]([]int8{-1, 0, 1}, bitmapIQ1)
	gridIQ2_XXS = codebook[[8]int8]([]int8{8, 25, 43}, bitmapIQ2_XXS)
	gridIQ2_XS  = codebook[[8]int8]([]int8{8, 25, 43}, bitmapIQ2_XS)
	gridIQ2_S   = codebook[[8]int8]([]int8{8, 25, 43}, bitmapIQ2_S)
	gridIQ3_XXS = codebook[[4]int8]([]int8{4, 12, 20, 28, 36, 44, 52, 62}, bitmapIQ3_XXS)
	gridIQ3_S   = codebook[[4]int8]([]int8{1, 3, 5, 7, 9, 11, 13, 15}, bitmapIQ3_S)
)

// codebook returns the vectors whose bit is set in the bitmap.
func codebook[V [4]int8 | [8]int8](levels []int8, bitmap string) []V {
	bits, err := base64.StdEncoding.DecodeString(bitmap)
	if err != nil {
		panic("kernels: damaged codebook: " + err.Error())
	}
	var book []V
	for place := range len(bits) * 8 {
		if bits[place/8]>>(place%8)&1 == 0 {
			continue
		}
		var v V
		for j, rest := 0, place; j < len(v); j++ {
			v[j] = levels[rest%len(levels)]
			rest /= len(levels)
		}
		book = append(book, v)
	}
	return book
}

// evenSigns returns the signs of 8 values from 7 bits: the number of negative
// values is even in IQ2_XXS, IQ2_XS and IQ3_XXS, so the last bit follows from
// the others. Bit j of the result is set if value j is negative.
func evenSigns(bits uint32) byte {
	b := byte(bits & 127)
	p := b ^ b>>4
	p ^= p >> 2
	p ^= p >> 1
	return b | p<<7
}
