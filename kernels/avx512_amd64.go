//go:build !noasm

package kernels

import "github.com/klauspost/cpuid/v2"

// avx512Features are what the assembly of level avx512 needs.
var avx512Features = []cpuid.FeatureID{
	cpuid.AVX512F, cpuid.AVX512BW, cpuid.AVX512DQ, cpuid.AVX512VL, cpuid.AVX512VNNI,
	cpuid.AVX, cpuid.AVX2, cpuid.FMA3, cpuid.F16C, cpuid.BMI1, cpuid.BMI2,
}

// geometry512 takes two panels at a time. Tiles for the first-level cache lose
// more by coming back to y than they gain.
var geometry512 = &geometry{gemvCols: 4, streamCols: 8, tilePanels: 2, tileValues: 2048, tileTokens: 512, masked: true}

// avx512 is Ice Lake and Zen 4 onward: 512-bit registers with VPDPBUSD.
var avx512 = avx2.with("avx512", func(i *Impl) {
	lanesAVX512.override(i)
	for f, k := range map[Format]panelKernels{
		Q8_0:    {gemvQ8_0AVX512, tileQ8_0AVX512, gemmBlocksAVX512},
		Q4_0:    {gemvQ4_0AVX512, tileQ4_0AVX512, gemmBlocksAVX512},
		Q4_1:    {gemvQ4_1AVX512, tileQ4_1AVX512, gemmBlocksMinAVX512},
		Q5_0:    {gemvQ5_0AVX512, tileQ5_0AVX512, gemmBlocksAVX512},
		Q5_1:    {gemvQ5_1AVX512, tileQ5_1AVX512, gemmBlocksMinAVX512},
		IQ4_NL:  {gemvIQ4_NLAVX512, tileIQ4_NLAVX512, gemmBlocksAVX512},
		MXFP4:   {gemvMXFP4AVX512, tileMXFP4AVX512, gemmBlocksAVX512},
		NVFP4:   {gemv: gemvNVFP4AVX512},
		Q1_0:    {gemvQ1_0AVX512, tileQ1_0AVX512, gemmBlocksAVX512},
		Q2_0:    {gemvQ2_0AVX512, tileQ2_0AVX512, gemmBlocksAVX512},
		Q4_K:    {gemvQ4_KAVX512, tileQ4_KAVX512, gemmSub32MinAVX512},
		Q5_K:    {gemvQ5_KAVX512, tileQ5_KAVX512, gemmSub32WideMinAVX512},
		Q6_K:    {gemvQ6_KAVX512, tileQ6_KAVX512, gemmSub16WideAVX512},
		Q2_K:    {gemvQ2_KAVX512, tileQ2_KAVX512, gemmSub16MinAVX512},
		Q3_K:    {gemvQ3_KAVX512, tileQ3_KAVX512, gemmSub16AVX512},
		TQ1_0:   {gemvTQ2_0AVX512, tileTQ2_0AVX512, gemmSub0AVX512},
		TQ2_0:   {gemvTQ2_0AVX512, tileTQ2_0AVX512, gemmSub0AVX512},
		IQ4_XS:  {gemvIQ4_XSAVX512, tileIQ4_XSAVX512, gemmSub32WideAVX512},
		IQ1_S:   {gemvIQ1AVX512, tileIQ1AVX512, gemmSub16WideAVX512},
		IQ1_M:   {gemvIQ1AVX512, tileIQ1AVX512, gemmSub16WideAVX512},
		IQ2_XXS: {gemvIQ2AVX512, tileIQ2AVX512, gemmSub16WideAVX512},
		IQ2_XS:  {gemvIQ2AVX512, tileIQ2AVX512, gemmSub16WideAVX512},
		IQ2_S:   {gemvIQ2AVX512, tileIQ2AVX512, gemmSub16WideAVX512},
		IQ3_XXS: {gemvIQ3_XXSAVX512, tileIQ3_XXSAVX512, gemmSub16WideAVX512},
		IQ3_S:   {gemvIQ3_SAVX512, tileIQ3_SAVX512, gemmSub16WideAVX512},
	} {
		i.MatMul[f] = geometry512.product(k)
	}
	i.MatMul[F32] = geometry512.floatProduct(gemmF32AVX512)
	i.MatMul[F16] = geometry512.floatProduct(gemmF16AVX512)
	i.MatMul[BF16] = geometry512.floatProduct(gemmBF16AVX512)
	quantizeKernels{quantize32AVX512, quantize256AVX512}.override(i)
	i.Scan, i.DotPeak, i.FloatPeak = scanWith(scanAVX512), peakOf(peakAVX512, 16*128), peakOf(floatPeakAVX512, 16*32)
})
