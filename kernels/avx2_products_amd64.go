//go:build !noasm

package kernels

// geometry256 takes one panel at a time: there are 16 registers. Tiles suit
// small second-level caches.
var geometry256 = &geometry{gemvCols: 2, streamCols: 4, tilePanels: 1, tileValues: 1024, tileTokens: 256}

// productsAVX2 puts the level's matrix products and quantisers into i.
func productsAVX2(i *Impl) {
	for f, k := range map[Format]panelKernels{
		Q8_0:    {gemvQ8_0AVX2, tileQ8_0AVX2, gemmBlocksSignedAVX2},
		Q4_0:    {gemvQ4_0AVX2, tileQ4_0AVX2, gemmBlocksSmall8AVX2},
		Q4_1:    {gemvQ4_1AVX2, tileQ4_1AVX2, gemmBlocksSmall0MinAVX2},
		Q5_0:    {gemvQ5_0AVX2, tileQ5_0AVX2, gemmBlocks16AVX2},
		Q5_1:    {gemvQ5_1AVX2, tileQ5_1AVX2, gemmBlocks0MinAVX2},
		IQ4_NL:  {gemvIQ4_NLAVX2, tileIQ4_NLAVX2, gemmBlocksSignedAVX2},
		MXFP4:   {gemvMXFP4AVX2, tileMXFP4AVX2, gemmBlocks16AVX2},
		NVFP4:   {gemv: gemvNVFP4AVX2},
		Q1_0:    {gemvQ1_0AVX2, tileQ1_0AVX2, gemmBlocksSmall1AVX2},
		Q2_0:    {gemvQ2_0AVX2, tileQ2_0AVX2, gemmBlocksSmall1AVX2},
		Q4_K:    {gemvQ4_KAVX2, tileQ4_KAVX2, gemmSub32By8MinAVX2},
		Q5_K:    {gemvQ5_KAVX2, tileQ5_KAVX2, gemmSub32By4MinAVX2},
		Q6_K:    {gemvQ6_KAVX2, tileQ6_KAVX2, gemmSub16By2AVX2},
		Q2_K:    {gemvQ2_KAVX2, tileQ2_KAVX2, gemmSub16By4MinAVX2},
		Q3_K:    {gemvQ3_KAVX2, tileQ3_KAVX2, gemmSub16By4AVX2},
		TQ1_0:   {gemvTQ2_0AVX2, tileTQ2_0AVX2, gemmSub0By8AVX2},
		TQ2_0:   {gemvTQ2_0AVX2, tileTQ2_0AVX2, gemmSub0By8AVX2},
		IQ4_XS:  {gemvIQ4_XSAVX2, tileIQ4_XSAVX2, gemmSub32By1SignedAVX2},
		IQ1_S:   {gemvIQ1AVX2, tileIQ1AVX2, gemmSub16By4AVX2},
		IQ1_M:   {gemvIQ1AVX2, tileIQ1AVX2, gemmSub16By4AVX2},
		IQ2_XXS: {gemvIQ2AVX2, tileIQ2AVX2, gemmSub16By1AVX2},
		IQ2_XS:  {gemvIQ2AVX2, tileIQ2AVX2, gemmSub16By1AVX2},
		IQ2_S:   {gemvIQ2AVX2, tileIQ2AVX2, gemmSub16By1AVX2},
		IQ3_XXS: {gemvIQ3_XXSAVX2, tileIQ3_XXSAVX2, gemmSub16By1AVX2},
		IQ3_S:   {gemvIQ3_SAVX2, tileIQ3_SAVX2, gemmSub16By4AVX2},
	} {
		i.MatMul[f] = geometry256.product(k)
	}
	i.MatMul[F32] = geometry256.floatProduct(gemmF32AVX2)
	i.MatMul[F16] = geometry256.floatProduct(gemmF16AVX2)
	i.MatMul[BF16] = geometry256.floatProduct(gemmBF16AVX2)
	quantizeKernels{quantize32AVX2, quantize256AVX2}.override(i)
	i.Scan, i.DotPeak, i.FloatPeak = scanWith(scanAVX2), peakOf(peakAVX2, 12*64), peakOf(floatPeakAVX2, 12*16)
}
