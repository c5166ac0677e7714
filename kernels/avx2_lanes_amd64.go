//go:build !noasm

package kernels

// lanesAVX2 has vectors of 16 lanes in two registers.
var lanesAVX2 = &laneKernels{
	exp: expAVX2,
	log: logAVX2,
	activate: [numActivationFuncs]func(out, x []float32){
		SiLU: siluAVX2, GELU: geluAVX2, GELUErf: geluErfAVX2, ReLU: reluAVX2, ReLUSquared: reluSquaredAVX2,
		Sigmoid: sigmoidAVX2, Tanh: tanhAVX2, Softplus: softplusAVX2,
	},
	glu: [numActivationFuncs]func(out, gate, up []float32){
		SiLU: siluGLUAVX2, GELU: geluGLUAVX2, GELUErf: geluErfGLUAVX2, ReLU: reluGLUAVX2, ReLUSquared: reluSquaredGLUAVX2,
		Sigmoid: sigmoidGLUAVX2, Tanh: tanhGLUAVX2, Softplus: softplusGLUAVX2,
	},
	swiGLUClamped: swiGLUClampedAVX2,
	softcap:       softcapAVX2,
	add:           addAVX2,
	mul:           mulAVX2,
	addScaled:     addScaledAVX2,
	scale:         scaleAVX2,
	scaleMul:      scaleMulAVX2,
	scaleAdd:      scaleAddAVX2,
	scaleMulAdd:   scaleMulAddAVX2,
	sum:           sumAVX2,
	sumSquares:    sumSquaresAVX2,
	rmsNormRows:   rmsNormAVX2,
	max:           maxAVX2,
	center:        centerAVX2,
	expSum:        expSumAVX2,
	spread:        spreadAVX2,
	reluAbove:     reluAboveAVX2,
	fmaTo:         fmaToAVX2,
	mambaToken:    mambaTokenAVX2,
	mamba2Token:   mamba2TokenAVX2,
	deltaToken:    deltaTokenAVX2,
	firstAbove:    firstAboveAVX2,
	rope:          [2]func(x, cos, sin []float32){RoPEInterleaved: ropeInterleavedAVX2, RoPENeoX: ropeNeoXAVX2},
	tiles: attentionKernels{
		wide: [2][maxTileRows + 1]dotKernel{
			{1: dot1x4F32AVX2, 2: dot2x2F32AVX2, 3: dot3x2F32AVX2, 4: dot4x1F32AVX2, 5: dot5x1F32AVX2, 6: dot6x1F32AVX2},
			{1: dot1x4F16AVX2, 2: dot2x2F16AVX2, 3: dot3x2F16AVX2, 4: dot4x1F16AVX2, 5: dot5x1F16AVX2, 6: dot6x1F16AVX2},
		},
		narrow: [2][maxTileRows + 1]dotKernel{
			{1: dot1x1F32AVX2, 2: dot2x1F32AVX2, 3: dot3x1F32AVX2, 4: dot4x1F32AVX2, 5: dot5x1F32AVX2, 6: dot6x1F32AVX2},
			{1: dot1x1F16AVX2, 2: dot2x1F16AVX2, 3: dot3x1F16AVX2, 4: dot4x1F16AVX2, 5: dot5x1F16AVX2, 6: dot6x1F16AVX2},
		},
		wideVecs:    [maxTileRows + 1]int{1: 4, 2: 2, 3: 2, 4: 1, 5: 1, 6: 1},
		scoreMax:    scoreMaxAVX2,
		scoreExp:    scoreExpAVX2,
		mergeRow:    mergeRowAVX2,
		toHalf:      toHalfAVX2,
		toHalfPanel: toHalfPanelAVX2,
	},
}
