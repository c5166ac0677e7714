//go:build !noasm

package kernels

import "github.com/klauspost/cpuid/v2"

var hasAVX, hasAVX512 = cpuid.CPU.Supports(cpuid.AVX), cpuid.CPU.Supports(cpuid.AVX512F, cpuid.AVX512BW)

func clearVectors() {
	switch {
	case hasAVX512:
		clearAVX512()
	case hasAVX:
		clearAVX()
	default:
		clearSSE()
	}
}

func clearSSE()
func clearAVX()
func clearAVX512()
