//go:build !noasm

package kernels

import "github.com/klauspost/cpuid/v2"

// neonDotFeatures are what the assembly of level neondot needs.
var neonDotFeatures = append([]cpuid.FeatureID{cpuid.ASIMDDP}, neonFeatures...)

// neonDot is ARMv8.2 with the dot product, as in Cortex-A55 and A76.
var neonDot = neon.with("neondot", func(i *Impl) {
	for f, k := range map[Format]neonBlocks{
		Q8_0:   gemvQ8_0NEONDot,
		Q4_0:   gemvQ4_0NEONDot,
		Q4_1:   gemvQ4_1NEONDot,
		Q5_0:   gemvQ5_0NEONDot,
		Q5_1:   gemvQ5_1NEONDot,
		IQ4_NL: gemvIQ4_NLNEONDot,
		MXFP4:  gemvMXFP4NEONDot,
		NVFP4:  gemvNVFP4NEONDot,
		Q1_0:   gemvQ1_0NEONDot,
		Q2_0:   gemvQ2_0NEONDot,
	} {
		i.MatMul[f] = k.matMul(4)
	}
	for f, k := range map[Format]neonSupers{
		Q4_K:    gemvQ4_KNEONDot,
		Q5_K:    gemvQ5_KNEONDot,
		Q6_K:    gemvQ6_KNEONDot,
		Q2_K:    gemvQ2_KNEONDot,
		Q3_K:    gemvQ3_KNEONDot,
		TQ1_0:   gemvTQ2_0NEONDot,
		TQ2_0:   gemvTQ2_0NEONDot,
		IQ4_XS:  gemvIQ4_XSNEONDot,
		IQ1_S:   gemvIQ1NEONDot,
		IQ1_M:   gemvIQ1NEONDot,
		IQ2_XXS: gemvIQ2NEONDot,
		IQ2_XS:  gemvIQ2NEONDot,
		IQ2_S:   gemvIQ2NEONDot,
		IQ3_XXS: gemvIQ3_XXSNEONDot,
		IQ3_S:   gemvIQ3_SNEONDot,
	} {
		i.MatMul[f] = k.matMul(4)
	}
	i.DotPeak = peakOf(peakNEONDot, 16*32)
})
