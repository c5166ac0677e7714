//go:build !noasm

package kernels

import "github.com/klauspost/cpuid/v2"

// avxvnniFeatures are what the assembly of level avxvnni needs.
var avxvnniFeatures = append([]cpuid.FeatureID{cpuid.AVXVNNI}, avx2Features...)

// avxvnni is Alder Lake onward, with the small cores that have no AVX-512
// (N100), and Zen 5: VPDPBUSD in 256-bit registers, VEX-encoded.
var avxvnni = avx2.with("avxvnni", func(i *Impl) {
	for f, k := range map[Format]panelKernels{
		Q8_0:    {gemv: gemvQ8_0AVXVNNI, tile: tileQ8_0AVXVNNI, gemm: gemmBlocksAVXVNNI},
		Q4_0:    {gemv: gemvQ4_0AVXVNNI, tile: tileQ4_0AVXVNNI, gemm: gemmBlocksAVXVNNI},
		Q4_1:    {gemv: gemvQ4_1AVXVNNI, tile: tileQ4_1AVXVNNI, gemm: gemmBlocksMinAVXVNNI},
		Q5_0:    {gemv: gemvQ5_0AVXVNNI, tile: tileQ5_0AVXVNNI, gemm: gemmBlocksAVXVNNI},
		Q5_1:    {gemv: gemvQ5_1AVXVNNI, tile: tileQ5_1AVXVNNI, gemm: gemmBlocksMinAVXVNNI},
		IQ4_NL:  {gemv: gemvIQ4_NLAVXVNNI, tile: tileIQ4_NLAVXVNNI, gemm: gemmBlocksAVXVNNI},
		MXFP4:   {gemv: gemvMXFP4AVXVNNI, tile: tileMXFP4AVXVNNI, gemm: gemmBlocksAVXVNNI},
		NVFP4:   {gemv: gemvNVFP4AVXVNNI},
		Q1_0:    {gemv: gemvQ1_0AVXVNNI, tile: tileQ1_0AVXVNNI, gemm: gemmBlocksAVXVNNI},
		Q2_0:    {gemv: gemvQ2_0AVXVNNI, tile: tileQ2_0AVXVNNI, gemm: gemmBlocksAVXVNNI},
		Q4_K:    {gemv: gemvQ4_KAVXVNNI, tile: tileQ4_KAVXVNNI, gemm: gemmSub32MinAVXVNNI},
		Q5_K:    {gemv: gemvQ5_KAVXVNNI, tile: tileQ5_KAVXVNNI, gemm: gemmSub32WideMinAVXVNNI},
		Q6_K:    {gemv: gemvQ6_KAVXVNNI, tile: tileQ6_KAVXVNNI, gemm: gemmSub16WideAVXVNNI},
		Q2_K:    {gemv: gemvQ2_KAVXVNNI, tile: tileQ2_KAVXVNNI, gemm: gemmSub16MinAVXVNNI},
		Q3_K:    {gemv: gemvQ3_KAVXVNNI, tile: tileQ3_KAVXVNNI, gemm: gemmSub16AVXVNNI},
		TQ1_0:   {gemv: gemvTQ2_0AVXVNNI, tile: tileTQ2_0AVXVNNI, gemm: gemmSub0AVXVNNI},
		TQ2_0:   {gemv: gemvTQ2_0AVXVNNI, tile: tileTQ2_0AVXVNNI, gemm: gemmSub0AVXVNNI},
		IQ4_XS:  {gemv: gemvIQ4_XSAVXVNNI, tile: tileIQ4_XSAVXVNNI, gemm: gemmSub32WideAVXVNNI},
		IQ1_S:   {gemv: gemvIQ1AVXVNNI, tile: tileIQ1AVXVNNI, gemm: gemmSub16WideAVXVNNI},
		IQ1_M:   {gemv: gemvIQ1AVXVNNI, tile: tileIQ1AVXVNNI, gemm: gemmSub16WideAVXVNNI},
		IQ2_XXS: {gemv: gemvIQ2AVXVNNI, tile: tileIQ2AVXVNNI, gemm: gemmSub16WideAVXVNNI},
		IQ2_XS:  {gemv: gemvIQ2AVXVNNI, tile: tileIQ2AVXVNNI, gemm: gemmSub16WideAVXVNNI},
		IQ2_S:   {gemv: gemvIQ2AVXVNNI, tile: tileIQ2AVXVNNI, gemm: gemmSub16WideAVXVNNI},
		IQ3_XXS: {gemv: gemvIQ3_XXSAVXVNNI, tile: tileIQ3_XXSAVXVNNI, gemm: gemmSub16WideAVXVNNI},
		IQ3_S:   {gemv: gemvIQ3_SAVXVNNI, tile: tileIQ3_SAVXVNNI, gemm: gemmSub16WideAVXVNNI},
	} {
		i.MatMul[f] = geometry256.product(k)
	}
	i.DotPeak = peakOf(peakAVXVNNI, 12*64)
})
