//go:build !noasm

package kernels

// lanesAVX512 has vectors of 16 lanes in one register.
var lanesAVX512 = &laneKernels{
	exp: expAVX512,
	log: logAVX512,
	activate: [numActivationFuncs]func(out, x []float32){
		SiLU: siluAVX512, GELU: geluAVX512, GELUErf: geluErfAVX512, ReLU: reluAVX512, ReLUSquared: reluSquaredAVX512,
		Sigmoid: sigmoidAVX512, Tanh: tanhAVX512, Softplus: softplusAVX512,
	},
	glu: [numActivationFuncs]func(out, gate, up []float32){
		SiLU: siluGLUAVX512, GELU: geluGLUAVX512, GELUErf: geluErfGLUAVX512, ReLU: reluGLUAVX512, ReLUSquared: reluSquaredGLUAVX512,
		Sigmoid: sigmoidGLUAVX512, Tanh: tanhGLUAVX512, Softplus: softplusGLUAVX512,
	},
	swiGLUClamped: swiGLUClampedAVX512,
	softcap:       softcapAVX512,
	add:           addAVX512,
	mul:           mulAVX512,
	addScaled:     addScaledAVX512,
	scale:         scaleAVX512,
	scaleMul:      scaleMulAVX512,
	scaleAdd:      scaleAddAVX512,
	scaleMulAdd:   scaleMulAddAVX512,
	sum:           sumAVX512,
	sumSquares:    sumSquaresAVX512,
	rmsNormRows:   rmsNormAVX512,
	max:           maxAVX512,
	center:        centerAVX512,
	expSum:        expSumAVX512,
	spread:        spreadAVX512,
	reluAbove:     reluAboveAVX512,
	fmaTo:         fmaToAVX512,
	mambaToken:    mambaTokenAVX512,
	mamba2Token:   mamba2TokenAVX512,
	deltaToken:    deltaTokenAVX512,
	firstAbove:    firstAboveAVX512,
	rope:          [2]func(x, cos, sin []float32){RoPEInterleaved: ropeInterleavedAVX512, RoPENeoX: ropeNeoXAVX512},
	tiles: attentionKernels{
		wide: [2][maxTileRows + 1]dotKernel{
			{1: dot1x4F32AVX512, 2: dot2x4F32AVX512, 3: dot3x4F32AVX512, 4: dot4x4F32AVX512, 5: dot5x4F32AVX512, 6: dot6x4F32AVX512, 12: dot12x2F32AVX512},
			{1: dot1x4F16AVX512, 2: dot2x4F16AVX512, 3: dot3x4F16AVX512, 4: dot4x4F16AVX512, 5: dot5x4F16AVX512, 6: dot6x4F16AVX512, 12: dot12x2F16AVX512},
		},
		narrow: [2][maxTileRows + 1]dotKernel{
			{1: dot1x1F32AVX512, 2: dot2x1F32AVX512, 3: dot3x1F32AVX512, 4: dot4x1F32AVX512, 5: dot5x1F32AVX512, 6: dot6x1F32AVX512, 12: dot12x1F32AVX512},
			{1: dot1x1F16AVX512, 2: dot2x1F16AVX512, 3: dot3x1F16AVX512, 4: dot4x1F16AVX512, 5: dot5x1F16AVX512, 6: dot6x1F16AVX512, 12: dot12x1F16AVX512},
		},
		wideVecs:    [maxTileRows + 1]int{1: 4, 2: 4, 3: 4, 4: 4, 5: 4, 6: 4, 12: 2},
		scoreMax:    scoreMaxAVX512,
		scoreExp:    scoreExpAVX512,
		mergeRow:    mergeRowAVX512,
		toHalf:      toHalfAVX512,
		toHalfPanel: toHalfPanelAVX512,
	},
}
