//go:build !noasm

package kernels

import "github.com/klauspost/cpuid/v2"

// avxvnniFeatures are what the assembly of level avxvnni needs.
var avxvnniFeatures = append([]cpuid.FeatureID{cpuid.AVXVNNI}, avx2Features...)

// avxvnni is Alder Lake onward, with the small cores that have no AVX-512
// (N100), and Zen 5: VPDPBUSD in 256-bit registers, VEX-encoded.
var avxvnni = avx2.with("avxvnni", func(i *Impl) {
	for f, k := range map[Format]panelKernels{
		Q8_0:    {gemvQ8_0AVXVNNI, tileQ8_0AVXVNNI, gemmBlocksAVXVNNI},
		Q4_0:    {gemvQ4_0AVXVNNI, tileQ4_0AVXVNNI, gemmBlocksAVXVNNI},
		Q4_1:    {gemvQ4_1AVXVNNI, tileQ4_1AVXVNNI, gemmBlocksMinAVXVNNI},
		Q5_0:    {gemvQ5_0AVXVNNI, tileQ5_0AVXVNNI, gemmBlocksAVXVNNI},
		Q5_1:    {gemvQ5_1AVXVNNI, tileQ5_1AVXVNNI, gemmBlocksMinAVXVNNI},
		IQ4_NL:  {gemvIQ4_NLAVXVNNI, tileIQ4_NLAVXVNNI, gemmBlocksAVXVNNI},
		MXFP4:   {gemvMXFP4AVXVNNI, tileMXFP4AVXVNNI, gemmBlocksAVXVNNI},
		NVFP4:   {gemv: gemvNVFP4AVXVNNI},
		Q1_0:    {gemvQ1_0AVXVNNI, tileQ1_0AVXVNNI, gemmBlocksAVXVNNI},
		Q2_0:    {gemvQ2_0AVXVNNI, tileQ2_0AVXVNNI, gemmBlocksAVXVNNI},
		Q4_K:    {gemvQ4_KAVXVNNI, tileQ4_KAVXVNNI, gemmSub32MinAVXVNNI},
		Q5_K:    {gemvQ5_KAVXVNNI, tileQ5_KAVXVNNI, gemmSub32WideMinAVXVNNI},
		Q6_K:    {gemvQ6_KAVXVNNI, tileQ6_KAVXVNNI, gemmSub16WideAVXVNNI},
		Q2_K:    {gemvQ2_KAVXVNNI, tileQ2_KAVXVNNI, gemmSub16MinAVXVNNI},
		Q3_K:    {gemvQ3_KAVXVNNI, tileQ3_KAVXVNNI, gemmSub16AVXVNNI},
		TQ1_0:   {gemvTQ2_0AVXVNNI, tileTQ2_0AVXVNNI, gemmSub0AVXVNNI},
		TQ2_0:   {gemvTQ2_0AVXVNNI, tileTQ2_0AVXVNNI, gemmSub0AVXVNNI},
		IQ4_XS:  {gemvIQ4_XSAVXVNNI, tileIQ4_XSAVXVNNI, gemmSub32WideAVXVNNI},
		IQ1_S:   {gemvIQ1AVXVNNI, tileIQ1AVXVNNI, gemmSub16WideAVXVNNI},
		IQ1_M:   {gemvIQ1AVXVNNI, tileIQ1AVXVNNI, gemmSub16WideAVXVNNI},
		IQ2_XXS: {gemvIQ2AVXVNNI, tileIQ2AVXVNNI, gemmSub16WideAVXVNNI},
		IQ2_XS:  {gemvIQ2AVXVNNI, tileIQ2AVXVNNI, gemmSub16WideAVXVNNI},
		IQ2_S:   {gemvIQ2AVXVNNI, tileIQ2AVXVNNI, gemmSub16WideAVXVNNI},
		IQ3_XXS: {gemvIQ3_XXSAVXVNNI, tileIQ3_XXSAVXVNNI, gemmSub16WideAVXVNNI},
		IQ3_S:   {gemvIQ3_SAVXVNNI, tileIQ3_SAVXVNNI, gemmSub16WideAVXVNNI},
	} {
		i.MatMul[f] = geometry256.product(k)
	}
	i.DotPeak = peakOf(peakAVXVNNI, 12*64)
})
