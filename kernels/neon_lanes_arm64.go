//go:build !noasm

package kernels

// lanesNEON has vectors of 16 lanes in four registers.
var lanesNEON = &laneKernels{
	exp: expNEON,
	log: logNEON,
	activate: [numActivationFuncs]func(out, x []float32){
		SiLU: siluNEON, GELU: geluNEON, GELUErf: geluErfNEON, ReLU: reluNEON, ReLUSquared: reluSquaredNEON,
		Sigmoid: sigmoidNEON, Tanh: tanhNEON, Softplus: softplusNEON,
	},
	glu: [numActivationFuncs]func(out, gate, up []float32){
		SiLU: siluGLUNEON, GELU: geluGLUNEON, GELUErf: geluErfGLUNEON, ReLU: reluGLUNEON, ReLUSquared: reluSquaredGLUNEON,
		Sigmoid: sigmoidGLUNEON, Tanh: tanhGLUNEON, Softplus: softplusGLUNEON,
	},
	swiGLUClamped: swiGLUClampedNEON,
	softcap:       softcapNEON,
	add:           addNEON,
	mul:           mulNEON,
	addScaled:     addScaledNEON,
	scale:         scaleNEON,
	scaleMul:      scaleMulNEON,
	scaleAdd:      scaleAddNEON,
	scaleMulAdd:   scaleMulAddNEON,
	sum:           sumNEON,
	sumSquares:    sumSquaresNEON,
	max:           maxNEON,
	center:        centerNEON,
	expSum:        expSumNEON,
	spread:        spreadNEON,
	reluAbove:     reluAboveNEON,
	fmaTo:         fmaToNEON,
	mambaToken:    mambaTokenNEON,
	mamba2Token:   mamba2TokenNEON,
	deltaToken:    deltaTokenNEON,
	firstAbove:    firstAboveNEON,
	rope:          [2]func(x, cos, sin []float32){RoPEInterleaved: ropeInterleavedNEON, RoPENeoX: ropeNeoXNEON},
	tiles: attentionKernels{
		wide:        dotsNEON,
		narrow:      dotsNEON,
		wideVecs:    [maxTileRows + 1]int{1: 1, 2: 1, 3: 1, 4: 1, 5: 1, 6: 1},
		scoreMax:    scoreMaxNEON,
		scoreExp:    scoreExpNEON,
		mergeRow:    mergeRowNEON,
		toHalf:      toHalfNEON,
		toHalfPanel: toHalfPanelNEON,
	},
}

// dotsNEON are the products of attention for one vector and 1 to 6 rows.
var dotsNEON = [2][maxTileRows + 1]dotKernel{
	{1: dot1x1F32NEON, 2: dot2x1F32NEON, 3: dot3x1F32NEON, 4: dot4x1F32NEON, 5: dot5x1F32NEON, 6: dot6x1F32NEON},
	{1: dot1x1F16NEON, 2: dot2x1F16NEON, 3: dot3x1F16NEON, 4: dot4x1F16NEON, 5: dot5x1F16NEON, 6: dot6x1F16NEON},
}
