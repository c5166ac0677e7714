//go:build !noasm && linux

package kernels

import (
	"encoding/binary"
	"syscall"
	"unsafe"

	"github.com/klauspost/cpuid/v2"
)

// amxFeatures are what the assembly of level amx needs beside the permission of
// the kernel.
var amxFeatures = append([]cpuid.FeatureID{cpuid.AMXTILE, cpuid.AMXINT8}, avx512Features...)

// amxPermitted asks Linux for the tile registers, which a process gets only on
// request (Documentation/arch/x86/xstate.rst). The permission holds for all
// threads; one that never uses them saves nothing more.
func amxPermitted() bool {
	const reqXCompPerm, xTileData = 0x1023, 18
	_, _, errno := syscall.Syscall(syscall.SYS_ARCH_PRCTL, reqXCompPerm, xTileData, 0)
	return errno == 0
}

// amx is Sapphire Rapids onward: int8 matrix registers for the products of many
// tokens; the rest is avx512.
var amx = avx512.with("amx", func(i *Impl) {
	for f, k := range map[Format]amxKernels{
		Q8_0:    {tile: tileQ8_0AMX, blocks: gemmBlocksAMX},
		Q4_0:    {tile: tileQ4_0AMX, blocks: gemmBlocksAMX},
		Q4_1:    {tile: tileQ4_1AMX, blocks: gemmBlocksMinAMX},
		Q5_0:    {tile: tileQ5_0AMX, blocks: gemmBlocksAMX},
		Q5_1:    {tile: tileQ5_1AMX, blocks: gemmBlocksMinAMX},
		IQ4_NL:  {tile: tileIQ4_NLAMX, blocks: gemmBlocksAMX},
		MXFP4:   {tile: tileMXFP4AMX, blocks: gemmBlocksAMX},
		Q1_0:    {tile: tileQ1_0AMX, blocks: gemmBlocksAMX},
		Q2_0:    {tile: tileQ2_0AMX, blocks: gemmBlocksAMX},
		Q4_K:    {tile: tileQ4_KAMX, supers: gemmSupersMin4AMX},
		Q5_K:    {tile: tileQ5_KAMX, supers: gemmSupersMin4AMX},
		Q6_K:    {tile: tileQ6_KAMX, supers: gemmSupersAMX},
		Q2_K:    {tile: tileQ2_KAMX, supers: gemmSupersMin8AMX},
		Q3_K:    {tile: tileQ3_KAMX, supers: gemmSupersAMX},
		TQ1_0:   {tile: tileTQ2_0AMX, supers: gemmSupersAMX},
		TQ2_0:   {tile: tileTQ2_0AMX, supers: gemmSupersAMX},
		IQ4_XS:  {tile: tileIQ4_XSAMX, supers: gemmSupersAMX},
		IQ1_S:   {tile: tileIQ1AMX, supers: gemmSupersAMX},
		IQ1_M:   {tile: tileIQ1AMX, supers: gemmSupersAMX},
		IQ2_XXS: {tile: tileIQ2AMX, supers: gemmSupersAMX},
		IQ2_XS:  {tile: tileIQ2AMX, supers: gemmSupersAMX},
		IQ2_S:   {tile: tileIQ2AMX, supers: gemmSupersAMX},
		IQ3_XXS: {tile: tileIQ3_XXSAMX, supers: gemmSupersAMX},
		IQ3_S:   {tile: tileIQ3_SAMX, supers: gemmSupersAMX},
	} {
		few := i.MatMul[f]
		i.MatMul[f] = func(y []float32, w Matrix, x Activations, panels, tokens Range, scratch []byte) {
			if tokens.len() < minAMXTokens || w.NIn == 0 {
				few(y, w, x, panels, tokens, scratch)
				return
			}
			k.multiply(y, w, x, panels, tokens, scratch)
		}
	}
})

// amxKernels is a format at level amx: it has blocks or supers. They multiply a
// tile by nChunks times nCols tokens and take sums from src, which may be zeros
// with step 0, to dst. Steps are bytes from one token to the next.
type amxKernels struct {
	tile   func(dst, src *byte, nBlocks int)
	blocks func(src *float32, srcStep int, dst *float32, dstStep int, tile *byte, xq *int8, xStride int, n int, dx, sx *float32, chunkStep int, nCols, nChunks int, mask uint32, work *byte)
	supers func(src *float32, srcStep int, dst *float32, dstStep int, tile *byte, xq *int8, xStride int, dx *float32, sums *int16, nIn int, nCols, nChunks int, mask uint32, work *byte)
}

const (
	minAMXTokens   = 8    // fewer are faster without
	amxBlockTokens = 256  // tokens that meet a panel in turn, 16 at a time,
	amxSuperTokens = 512  // and 32 at a time
	amxValues      = 2048 // inputs after which sums go to y
	amxTile        = 512  // inputs unpacked at once, for the first-level cache
)

// amxScratch divides the scratch buffer.
type amxScratch struct {
	work   [64 + 8192]byte                             // tile configuration and sums on their way
	zero   [PanelRows]float32                          // sums to begin with
	sums   [amxSuperTokens][PanelRows]float32          // of a panel, between tiles
	scales [2][amxBlockTokens * amxValues / 32]float32 // transposed scales, and sums of quants
	tile   [amxTile / 256 * (2*64 + 10) * 64]byte
}

var _ [MatMulScratchBytes - unsafe.Sizeof(amxScratch{})]struct{}

// multiply computes a tile of many tokens.
func (k amxKernels) multiply(y []float32, w Matrix, x Activations, panels, tokens Range, scratch []byte) {
	s := (*amxScratch)(unsafe.Pointer(unsafe.SliceData(scratch)))
	clear(s.zero[:])
	most := amxSuperTokens
	if k.blocks != nil {
		most = amxBlockTokens
	}
	for k0 := 0; k0 < w.NIn; k0 += amxValues {
		inputs := Range{k0, min(k0+amxValues, w.NIn)}
		for first := tokens.From; first < tokens.To; first += most {
			columns := Range{first, min(first+most, tokens.To)}
			if k.blocks != nil {
				x.transpose(s, columns, inputs, w.Format.hasMin())
			}
			for p := panels.From; p < panels.To; p++ {
				k.panel(y, w, x, p, columns, inputs, s)
			}
		}
	}
}

// panel multiplies the inputs by a panel.
func (k amxKernels) panel(y []float32, w Matrix, x Activations, p int, tokens, inputs Range, s *amxScratch) {
	packing := &packings[w.Format]
	nBlocks, blockLen := inputs.len()/w.Format.BlockLen(), w.Format.BlockLen()
	out := amxOutput{y: &y[tokens.From*w.NOut+p*PanelRows], step: w.NOut * 4, s: s, add: inputs.From > 0}
	mask := uint32(1)<<w.rowsOf(p).len() - 1
	for b := 0; b < nBlocks; b += amxTile / blockLen {
		n := min(amxTile/blockLen, nBlocks-b)
		first := inputs.From/blockLen + b
		k.tile(&s.tile[0], &w.panel(p)[first*(packing.headBytes+packing.bodyBytes)], n)
		last := b+n == nBlocks
		if k.blocks != nil {
			k.columns32(&out, x, tokens, inputs, b*blockLen, n*blockLen/32, mask, last)
			continue
		}
		for i := range n {
			tile := &s.tile[i*k.superBytes(w.Format)]
			k.columns256(&out, x, tile, tokens, inputs.From/256+b+i, mask, last && i == n-1)
		}
	}
}

// superBytes is the size of a super-block in a tile.
func (amxKernels) superBytes(f Format) int {
	switch {
	case f == Q2_K:
		return (128 + 10) * 64
	case f.hasMins():
		return (128 + 6) * 64
	default:
		return (128 + 1) * 64
	}
}

// amxOutput tells where sums come from and go to: from y or zeros for the
// first inputs, to y for the last, else to a buffer and back.
type amxOutput struct {
	y       *float32
	step    int // bytes
	s       *amxScratch
	add     bool // y holds sums of earlier inputs
	started bool
}

// next returns the source and the destination for the next inputs.
func (o *amxOutput) next(last bool) (src *float32, srcStep int, dst *float32, dstStep int) {
	switch {
	case o.started:
		src, srcStep = &o.s.sums[0][0], PanelRows*4
	case o.add:
		src, srcStep = o.y, o.step
	default:
		src = &o.s.zero[0]
	}
	o.started = true
	if last {
		return src, srcStep, o.y, o.step
	}
	return src, srcStep, &o.s.sums[0][0], PanelRows * 4
}

// transpose fills the scratch buffer with the scales, and the sums if wanted, of
// the inputs, for each 16 of the tokens: [tokens/16][groups][16].
func (a Activations) transpose(s *amxScratch, tokens, inputs Range, sums bool) {
	groups, n := a.NIn/32, inputs.len()/32
	for t := tokens.From; t < tokens.To; t += 16 {
		at := (t - tokens.From) * n
		from, cols := t*groups+inputs.From/32, min(16, tokens.To-t)
		transposeAMX(&s.scales[0][at], &a.Scales[from], groups, n, cols)
		if sums {
			transposeSumsAMX(&s.scales[1][at], &a.Corr[from], groups, n, cols)
		}
	}
}

// columns32 multiplies the n groups in the tile, which begin k inputs after
// those of the transposed scales, by the tokens.
func (k amxKernels) columns32(out *amxOutput, x Activations, tokens, inputs Range, k0, n int, mask uint32, last bool) {
	s := out.s
	stride, groups := quantStride(x.NIn), inputs.len()/32
	src, srcStep, dst, dstStep := out.next(last)
	run := func(first, cols, chunks int) {
		configureAMX(s.work[:], [8]amxShape{{cols, 64}, {cols, 64}, {cols, 64}, {cols, 64}, {cols, 32}, {cols, 32}, {8, 64}, {8, 64}})
		at := first*groups + k0/32*16
		k.blocks(offset(src, first*srcStep), srcStep, offset(dst, first*dstStep), dstStep, &s.tile[0],
			&x.Quants[(tokens.From+first)*stride+inputs.From+k0], stride, n, &s.scales[0][at], &s.scales[1][at], groups*64,
			cols, chunks, mask, &s.work[0])
	}
	full := tokens.len() / 16
	if full > 0 {
		run(0, 16, full)
	}
	if rest := tokens.len() % 16; rest > 0 {
		run(16*full, rest, 1)
	}
}

// columns256 multiplies super-block b, which is in the tile, by the tokens.
func (k amxKernels) columns256(out *amxOutput, x Activations, tile *byte, tokens Range, b int, mask uint32, last bool) {
	s := out.s
	stride, nBlocks := quantStride(x.NIn), x.NIn/256
	src, srcStep, dst, dstStep := out.next(last)
	run := func(first, cols, chunks int) {
		c0, c1, second := min(cols, 16), max(cols-16, 0), 64
		if c1 == 0 {
			second = 0
		}
		configureAMX(s.work[:], [8]amxShape{{c0, 64}, {c0, 64}, {c1, second}, {c1, second}, {c0, 64}, {c1, second}, {16, 64}, {16, 64}})
		t := tokens.From + first
		k.supers(offset(src, first*srcStep), srcStep, offset(dst, first*dstStep), dstStep, tile,
			&x.Quants[t*stride+b*256], stride, &x.Scales[t*nBlocks+b], &x.Sums[(t*nBlocks+b)*nSums], x.NIn,
			cols, chunks, mask, &s.work[0])
	}
	full := tokens.len() / 32
	if full > 0 {
		run(0, 32, full)
	}
	if rest := tokens.len() % 32; rest > 0 {
		run(32*full, rest, 1)
	}
}

// offset is p moved by bytes.
func offset(p *float32, bytes int) *float32 { return (*float32)(unsafe.Add(unsafe.Pointer(p), bytes)) }

// amxShape is the shape of a tile register.
type amxShape struct{ rows, rowBytes int }

// configureAMX writes the operand of LDTILECFG.
func configureAMX(dst []byte, tiles [8]amxShape) {
	clear(dst[:64])
	dst[0] = 1 // palette
	for i, t := range tiles {
		binary.LittleEndian.PutUint16(dst[16+2*i:], uint16(t.rowBytes))
		dst[48+i] = byte(t.rows)
	}
}
