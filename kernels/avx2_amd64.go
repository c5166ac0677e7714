//go:build !noasm

package kernels

import "github.com/klauspost/cpuid/v2"

// avx2Features are what the assembly of level avx2 needs.
var avx2Features = []cpuid.FeatureID{cpuid.AVX, cpuid.AVX2, cpuid.FMA3, cpuid.F16C, cpuid.BMI1}

// avx2 is Haswell and Zen 1 onward.
var avx2 = generic.with("avx2", func(i *Impl) {
	lanesAVX2.override(i)
	productsAVX2(i)
})
