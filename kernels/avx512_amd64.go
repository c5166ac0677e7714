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
var geometry512 = &geometry{gemvCols: 4, streamCols: 24, tilePanels: 2, tileValues: 2048, tileTokens: 512, masked: true}

// avx512 is Ice Lake and Zen 4 onward: 512-bit registers with VPDPBUSD.
var avx512 = avx2.with("avx512", func(i *Impl) {
	lanesAVX512.override(i)
	for f, k := range map[Format]panelKernels{
		Q8_0:    {gemv: gemvQ8_0AVX512, tile: tileQ8_0AVX512, gemm: gemmBlocksAVX512, scales: scalesQ8_0AVX512, whole: gemmQ8_0AVX512},
		Q4_0:    {gemv: gemvQ4_0AVX512, tile: tileQ4_0AVX512, gemm: gemmBlocksAVX512},
		Q4_1:    {gemv: gemvQ4_1AVX512, tile: tileQ4_1AVX512, gemm: gemmBlocksMinAVX512},
		Q5_0:    {gemv: gemvQ5_0AVX512, tile: tileQ5_0AVX512, gemm: gemmBlocksAVX512},
		Q5_1:    {gemv: gemvQ5_1AVX512, tile: tileQ5_1AVX512, gemm: gemmBlocksMinAVX512},
		IQ4_NL:  {gemv: gemvIQ4_NLAVX512, tile: tileIQ4_NLAVX512, gemm: gemmBlocksAVX512},
		MXFP4:   {gemv: gemvMXFP4AVX512, tile: tileMXFP4AVX512, gemm: gemmBlocksAVX512},
		NVFP4:   {gemv: gemvNVFP4AVX512},
		Q1_0:    {gemv: gemvQ1_0AVX512, tile: tileQ1_0AVX512, gemm: gemmBlocksAVX512},
		Q2_0:    {gemv: gemvQ2_0AVX512, tile: tileQ2_0AVX512, gemm: gemmBlocksAVX512},
		Q4_K:    {gemv: gemvQ4_KAVX512, tile: tileQ4_KAVX512, gemm: gemmSub32WideMinAVX512},
		Q5_K:    {gemv: gemvQ5_KAVX512, tile: tileQ5_KAVX512, gemm: gemmSub32WideMinAVX512},
		Q6_K:    {gemv: gemvQ6_KAVX512, tile: tileQ6_KAVX512, gemm: gemmSub16WideAVX512},
		Q2_K:    {gemv: gemvQ2_KAVX512, tile: tileQ2_KAVX512, gemm: gemmSub16MinAVX512},
		Q3_K:    {gemv: gemvQ3_KAVX512, tile: tileQ3_KAVX512, gemm: gemmSub16AVX512},
		TQ1_0:   {gemv: gemvTQ2_0AVX512, tile: tileTQ2_0AVX512, gemm: gemmSub0AVX512},
		TQ2_0:   {gemv: gemvTQ2_0AVX512, tile: tileTQ2_0AVX512, gemm: gemmSub0AVX512},
		IQ4_XS:  {gemv: gemvIQ4_XSAVX512, tile: tileIQ4_XSAVX512, gemm: gemmSub32WideAVX512},
		IQ1_S:   {gemv: gemvIQ1AVX512, tile: tileIQ1AVX512, gemm: gemmSub16WideAVX512},
		IQ1_M:   {gemv: gemvIQ1AVX512, tile: tileIQ1AVX512, gemm: gemmSub16WideAVX512},
		IQ2_XXS: {gemv: gemvIQ2AVX512, tile: tileIQ2AVX512, gemm: gemmSub16WideAVX512},
		IQ2_XS:  {gemv: gemvIQ2AVX512, tile: tileIQ2AVX512, gemm: gemmSub16WideAVX512},
		IQ2_S:   {gemv: gemvIQ2AVX512, tile: tileIQ2AVX512, gemm: gemmSub16WideAVX512},
		IQ3_XXS: {gemv: gemvIQ3_XXSAVX512, tile: tileIQ3_XXSAVX512, gemm: gemmSub16WideAVX512},
		IQ3_S:   {gemv: gemvIQ3_SAVX512, tile: tileIQ3_SAVX512, gemm: gemmSub16WideAVX512},
	} {
		i.MatMul[f] = geometry512.product(k)
	}
	i.MatMul[F32] = geometry512.floatProduct(gemmF32AVX512)
	i.MatMul[F16] = geometry512.floatProduct(gemmF16AVX512)
	i.MatMul[BF16] = geometry512.floatProduct(gemmBF16AVX512)
	quantizeKernels{quantize32AVX512, quantize256AVX512}.override(i)
	i.Scan, i.DotPeak, i.FloatPeak = scanWith(scanAVX512), peakOf(peakAVX512, 16*128), peakOf(floatPeakAVX512, 16*32)
})
