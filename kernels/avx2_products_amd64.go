//go:build !noasm

package kernels

// geometry256 takes one panel at a time: there are 16 registers. Tiles suit
// small second-level caches.
var geometry256 = &geometry{gemvCols: 2, streamCols: 8, tilePanels: 1, tileValues: 1024, tileTokens: 256}

// productsAVX2 puts the level's matrix products and quantisers into i.
func productsAVX2(i *Impl) {
	for f, k := range map[Format]panelKernels{
		Q8_0:    {gemv: gemvQ8_0AVX2, tile: tileQ8_0AVX2, gemm: gemmBlocksSignedAVX2},
		Q4_0:    {gemv: gemvQ4_0AVX2, tile: tileQ4_0AVX2, gemm: gemmBlocksSmall8AVX2},
		Q4_1:    {gemv: gemvQ4_1AVX2, tile: tileQ4_1AVX2, gemm: gemmBlocksSmall0MinAVX2},
		Q5_0:    {gemv: gemvQ5_0AVX2, tile: tileQ5_0AVX2, gemm: gemmBlocks16AVX2},
		Q5_1:    {gemv: gemvQ5_1AVX2, tile: tileQ5_1AVX2, gemm: gemmBlocks0MinAVX2},
		IQ4_NL:  {gemv: gemvIQ4_NLAVX2, tile: tileIQ4_NLAVX2, gemm: gemmBlocksSignedAVX2},
		MXFP4:   {gemv: gemvMXFP4AVX2, tile: tileMXFP4AVX2, gemm: gemmBlocks16AVX2},
		NVFP4:   {gemv: gemvNVFP4AVX2},
		Q1_0:    {gemv: gemvQ1_0AVX2, tile: tileQ1_0AVX2, gemm: gemmBlocksSmall1AVX2},
		Q2_0:    {gemv: gemvQ2_0AVX2, tile: tileQ2_0AVX2, gemm: gemmBlocksSmall1AVX2},
		Q4_K:    {gemv: gemvQ4_KAVX2, tile: tileQ4_KAVX2, gemm: gemmSub32By8MinAVX2},
		Q5_K:    {gemv: gemvQ5_KAVX2, tile: tileQ5_KAVX2, gemm: gemmSub32By4MinAVX2},
		Q6_K:    {gemv: gemvQ6_KAVX2, tile: tileQ6_KAVX2, gemm: gemmSub16By2AVX2},
		Q2_K:    {gemv: gemvQ2_KAVX2, tile: tileQ2_KAVX2, gemm: gemmSub16By4MinAVX2},
		Q3_K:    {gemv: gemvQ3_KAVX2, tile: tileQ3_KAVX2, gemm: gemmSub16By4AVX2},
		TQ1_0:   {gemv: gemvTQ2_0AVX2, tile: tileTQ2_0AVX2, gemm: gemmSub0By8AVX2},
		TQ2_0:   {gemv: gemvTQ2_0AVX2, tile: tileTQ2_0AVX2, gemm: gemmSub0By8AVX2},
		IQ4_XS:  {gemv: gemvIQ4_XSAVX2, tile: tileIQ4_XSAVX2, gemm: gemmSub32By1SignedAVX2},
		IQ1_S:   {gemv: gemvIQ1AVX2, tile: tileIQ1AVX2, gemm: gemmSub16By4AVX2},
		IQ1_M:   {gemv: gemvIQ1AVX2, tile: tileIQ1AVX2, gemm: gemmSub16By4AVX2},
		IQ2_XXS: {gemv: gemvIQ2AVX2, tile: tileIQ2AVX2, gemm: gemmSub16By1AVX2},
		IQ2_XS:  {gemv: gemvIQ2AVX2, tile: tileIQ2AVX2, gemm: gemmSub16By1AVX2},
		IQ2_S:   {gemv: gemvIQ2AVX2, tile: tileIQ2AVX2, gemm: gemmSub16By1AVX2},
		IQ3_XXS: {gemv: gemvIQ3_XXSAVX2, tile: tileIQ3_XXSAVX2, gemm: gemmSub16By1AVX2},
		IQ3_S:   {gemv: gemvIQ3_SAVX2, tile: tileIQ3_SAVX2, gemm: gemmSub16By4AVX2},
	} {
		i.MatMul[f] = geometry256.product(k)
	}
	i.MatMul[F32] = geometry256.floatProduct(gemmF32AVX2)
	i.MatMul[F16] = geometry256.floatProduct(gemmF16AVX2)
	i.MatMul[BF16] = geometry256.floatProduct(gemmBF16AVX2)
	quantizeKernels{quantize32AVX2, quantize256AVX2}.override(i)
	i.Scan, i.DotPeak, i.FloatPeak = scanWith(scanAVX2), peakOf(peakAVX2, 12*64), peakOf(floatPeakAVX2, 12*16)
}
