//go:build !noasm

package kernels

import "github.com/klauspost/cpuid/v2"

// neonFeatures are what the assembly of level neon needs.
var neonFeatures = []cpuid.FeatureID{cpuid.FP, cpuid.ASIMD}

// neon is ARMv8.0, as in Cortex-A53 and A72. Products of int8 are summed in
// int16 as long as they fit.
var neon = generic.with("neon", func(i *Impl) {
	for f, k := range map[Format]neonBlocks{
		Q8_0:   gemvQ8_0NEON,
		Q4_0:   gemvQ4_0NEON,
		Q4_1:   gemvQ4_1NEON,
		Q5_0:   gemvQ5_0NEON,
		Q5_1:   gemvQ5_1NEON,
		IQ4_NL: gemvIQ4_NLNEON,
		MXFP4:  gemvMXFP4NEON,
		NVFP4:  gemvNVFP4NEON,
		Q1_0:   gemvQ1_0NEON,
		Q2_0:   gemvQ2_0NEON,
	} {
		i.MatMul[f] = k.matMul(2)
	}
	for f, k := range map[Format]neonSupers{
		Q4_K:    gemvQ4_KNEON,
		Q5_K:    gemvQ5_KNEON,
		Q6_K:    gemvQ6_KNEON,
		Q2_K:    gemvQ2_KNEON,
		Q3_K:    gemvQ3_KNEON,
		TQ1_0:   gemvTQ2_0NEON,
		TQ2_0:   gemvTQ2_0NEON,
		IQ4_XS:  gemvIQ4_XSNEON,
		IQ1_S:   gemvIQ1NEON,
		IQ1_M:   gemvIQ1NEON,
		IQ2_XXS: gemvIQ2NEON,
		IQ2_XS:  gemvIQ2NEON,
		IQ2_S:   gemvIQ2NEON,
		IQ3_XXS: gemvIQ3_XXSNEON,
		IQ3_S:   gemvIQ3_SNEON,
	} {
		i.MatMul[f] = k.matMul(2)
	}
	i.MatMul[F32] = neonFloats(gemvF32NEON).matMul
	i.MatMul[F16] = neonFloats(gemvF16NEON).matMul
	i.MatMul[BF16] = neonFloats(gemvBF16NEON).matMul
	overrideQuantizeNEON(i)
	lanesNEON.override(i)
	i.Scan, i.DotPeak = scanWith(scanNEON), peakOf(peakNEON, 16*16)
})
