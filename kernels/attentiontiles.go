package kernels

import (
	"math"
	"unsafe"
)

// dotKernel multiplies a few rows by vectors of 16 lanes:
//
//	c[r][w] += Σ_k a[r][k]·b[k][w]    one FMA per k, ascending; from +0 unless add
//
// Row r of c and a begins r·cStride, r·aStride bytes on, row k of b k·bStep
// bytes; vector w of a row of b lies w·bWide bytes on. n is the number of k. What
// comes next lies together from next on: as many bytes of it as b has are asked for
// meanwhile, because no prefetcher knows where it is.
type dotKernel func(c *float32, cStride int, a *float32, aStride int, b *byte, bStep, bWide, n int, add bool, next *byte)

// maxTileRows is the most rows a level may work on at once. Their scores fit
// the scratch buffer.
const maxTileRows = scoreRows

// attentionKernels is a level's part of attention.
type attentionKernels struct {
	// wide and narrow multiply by wideVecs vectors and by one, for keys and
	// values in F32 (0) and F16 (1). An entry of no use is nil; those for 1 to
	// 6 rows are there.
	wide, narrow [2][maxTileRows + 1]dotKernel
	wideVecs     [maxTileRows + 1]int

	// scoreMax returns the largest of n scores times scale; scoreExp replaces them
	// by e^(s·scale-m), the product rounded, and returns their sum in lanes. n > 0
	// divides by 16. They are two because the next row's maximum, unlike its
	// exponentials, need not wait for the row before.
	scoreMax func(s *float32, n int, scale float32) float32
	scoreExp func(s *float32, n int, scale, m float32) float32
	// mergeRow sets acc = fma(acc, a, part·b) with a = e^x and b = e^y, the
	// product rounded, and returns a and b.
	mergeRow func(acc, part []float32, x, y float32) (a, b float32)
	// toHalf rounds n floats to F16; toHalfPanel puts the results 32 bytes
	// apart, as the positions of a key panel lie. n divides by 8.
	toHalf, toHalfPanel func(dst *uint16, x *float32, n int)
}

// tile is a block of rows of one segment: nRows tokens of one head, or nRows
// heads of one token.
type tile struct {
	q        *Queries
	scores   []float32 // [nRows, SegmentTokens]
	nRows    int
	token    int // of the first row
	head     int
	oneToken bool
	kvHead   int
	start    int // position of the segment
	// The positions that each row sees in the segment; lo == hi for none. All
	// rows see those of [from, to); from >= to for none.
	lo, hi   [maxTileRows]int
	from, to int
	end      int       // of what the last row sees, in all segments
	acc      []float32 // row r at r·accStride
	stride   int       // of acc, in elements
}

// attentionSegment is attentionSegmentGeneric with several rows at once: first
// the scores of all rows, a key panel at a time, then a softmax of each row,
// then the values. Neither changes the order in which a row's sums run.
func (k *laneKernels) attentionSegment(part attentionPartial, q *Queries, heads Range, segment int, scratch []float32) {
	t := tile{q: q, scores: scratch, kvHead: heads.From / q.groupSize(), start: segment * SegmentTokens}
	dim := q.KV.HeadDimV
	nHeads := heads.len()
	if t.oneToken = nHeads > q.NTokens; t.oneToken {
		t.stride = dim
		for t.token = range q.NTokens {
			for h := 0; h < nHeads; h += t.nRows {
				t.nRows, t.head = k.tiles.rows(nHeads-h), heads.From+h
				k.runTile(&t, part, t.token*nHeads+h, 1)
			}
		}
		return
	}
	t.stride = nHeads * dim
	for h := range nHeads {
		t.head = heads.From + h
		for t.token = 0; t.token < q.NTokens; t.token += t.nRows {
			t.nRows = k.tiles.rows(q.NTokens - t.token)
			k.runTile(&t, part, t.token*nHeads+h, nHeads)
		}
	}
}

// rows is how many of n rows to take next: 12 where the level has such tiles,
// else up to 6, and fairly divided so that no single row is left over.
func (k *attentionKernels) rows(n int) int {
	switch {
	case n >= maxTileRows && k.wide[0][maxTileRows] != nil:
		return maxTileRows
	case n <= 6:
		return n
	default:
		pieces := (min(n, maxTileRows) + 5) / 6
		return (min(n, maxTileRows) + pieces - 1) / pieces
	}
}

// runTile computes the rows of t. The first is row of part, the others follow
// rowStep apart.
func (k *laneKernels) runTile(t *tile, part attentionPartial, row, rowStep int) {
	dim := t.q.KV.HeadDimV
	t.acc = part.acc[row*dim:]
	lo, hi := t.see()
	for r := range t.nRows {
		clear(t.acc[r*t.stride:][:dim])
	}
	if lo < hi {
		k.tiles.scores(t, lo, hi)
	}
	for r := range t.nRows {
		m := float32(math.Inf(-1))
		if t.lo[r] < t.hi[r] {
			k.finishScores(t, r)
			s, n, scale := t.seenPanels(r)
			m = k.tiles.scoreMax(s, n, scale)
		}
		part.m[row+r*rowStep] = m
	}
	for r := range t.nRows {
		l := float32(0)
		if t.lo[r] < t.hi[r] {
			s, n, scale := t.seenPanels(r)
			l = k.tiles.scoreExp(s, n, scale, part.m[row+r*rowStep])
		}
		part.l[row+r*rowStep] = l
	}
	for lo < hi {
		next := min(hi, lo-lo%PageTokens+PageTokens)
		k.tiles.values(t, lo, next)
		lo = next
	}
}

// see sets what the rows see of the segment and returns the union.
func (t *tile) see() (first, last int) {
	first, last = t.start+SegmentTokens, t.start
	t.from, t.to = t.start, t.start+SegmentTokens
	for r := range t.nRows {
		i := t.q.Pos + t.token
		if !t.oneToken {
			i += r
		}
		lo, hi := t.q.visible(i)
		t.end = hi
		lo, hi = max(lo, t.start), min(hi, t.start+SegmentTokens)
		if lo >= hi {
			lo, hi = t.start, t.start
		} else {
			first, last = min(first, lo), max(last, hi)
		}
		t.lo[r], t.hi[r] = lo, hi
		t.from, t.to = max(t.from, lo), min(t.to, hi)
	}
	return first, last
}

// scores multiplies the queries by the keys of the panels from lo to hi.
func (k *attentionKernels) scores(t *tile, lo, hi int) {
	kv, dimK := t.q.KV, t.q.KV.HeadDimK
	nHeads := t.q.Attention.NHeads
	a := &t.q.Q[((t.token*nHeads)+t.head)*dimK]
	aStride := nHeads * dimK * 4
	if t.oneToken {
		aStride = dimK * 4
	}
	typ := kv.typeIndex()
	step := nLanes * kv.elemBytes()
	for pos := lo - lo%nLanes; pos < hi; {
		n, dot := 1, k.narrow[typ][t.nRows]
		left := (PageTokens - pos%PageTokens) / nLanes
		if w := k.wideVecs[t.nRows]; w <= min(left, (hi-pos+nLanes-1)/nLanes) {
			n, dot = w, k.wide[typ][t.nRows]
		}
		at := kv.keyIndex(0, pos, 0) * kv.elemBytes()
		b := &kv.headKeys(t.kvHead, pos/PageTokens)[at]
		dot(&t.scores[pos-t.start], SegmentTokens*4, a, aStride, b, step, dimK*step, dimK, false, byteOr(t.afterKeys(pos/PageTokens, lo, hi), at, b))
		pos += n * nLanes
	}
}

// afterKeys returns what the tile meets after a page's keys: those of the next page,
// then the values of what it sees of the segment, [lo, hi).
func (t *tile) afterKeys(page, lo, hi int) []byte {
	if (page+1)*PageTokens < hi {
		return t.q.KV.headKeys(t.kvHead, page+1)
	}
	return t.q.KV.headValues(t.kvHead, lo/PageTokens)
}

// afterValues is afterKeys after a page's values: those of the next page, then the
// keys of the next segment, then nothing.
func (t *tile) afterValues(page int) []byte {
	next := (page + 1) * PageTokens
	switch {
	case next >= t.end:
		return nil
	case next < t.start+SegmentTokens:
		return t.q.KV.headValues(t.kvHead, page+1)
	}
	return t.q.KV.headKeys(t.kvHead, page+1)
}

// byteOr returns where byte i of b is, or otherwise where b has none.
func byteOr(b []byte, i int, otherwise *byte) *byte {
	if i >= len(b) {
		return otherwise
	}
	return &b[i]
}

// seenPanels returns the scores of the panels of which row r sees something, their
// number, and what is left to multiply them by.
func (t *tile) seenPanels(r int) (s *float32, n int, scale float32) {
	lo, hi := t.lo[r]-t.start, t.hi[r]-t.start
	first, last := lo-lo%nLanes, (hi+nLanes-1)/nLanes*nLanes
	scale = t.q.Attention.Scale
	if t.q.Attention.scoresFirst() {
		scale = 1
	}
	return &t.scores[r*SegmentTokens+first], last - first, scale
}

// scoresFirst reports whether there is more to do to scores than to scale them by a
// positive number, before their maximum is known.
func (a *Attention) scoresFirst() bool { return a.Softcap != 0 || a.Slopes != nil || a.Scale <= 0 }

// finishScores does the steps between the product and the softmax. What row r does
// not see of the outer panels takes part in that as -Inf, which changes neither
// maximum nor sum.
func (k *laneKernels) finishScores(t *tile, r int) {
	a := t.q.Attention
	lo, hi := t.lo[r]-t.start, t.hi[r]-t.start
	row := t.scores[r*SegmentTokens:][:SegmentTokens]
	for i := lo - lo%nLanes; i < lo; i++ {
		row[i] = float32(math.Inf(-1))
	}
	for i := hi; i%nLanes != 0; i++ {
		row[i] = float32(math.Inf(-1))
	}
	if !a.scoresFirst() {
		return
	}
	s := row[lo:hi]
	k.scale(s, s, a.Scale)
	if a.Softcap != 0 {
		k.softcap(s, s, a.Softcap, 1/a.Softcap)
	}
	if a.Slopes == nil {
		return
	}
	h, i := t.head, t.q.Pos+t.token
	if t.oneToken {
		h += r
	} else {
		i += r
	}
	for n := range s {
		j := t.lo[r] + n
		s[n] = fma32(a.Slopes[h], -float32(max(i-j, j-i)), s[n])
	}
}

// values adds the weighted values of the positions [lo, hi) of one page. All
// rows work together where all see the position; what only some see comes
// before or after, row by row, so that every row's positions ascend.
func (k *attentionKernels) values(t *tile, lo, hi int) {
	from, to := max(lo, t.from), min(hi, t.to)
	if from >= to {
		from, to = hi, hi
	}
	if lo < from {
		for r := range t.nRows {
			k.addValues(t, r, 1, max(lo, t.lo[r]), min(from, t.hi[r]))
		}
	}
	k.addValues(t, 0, t.nRows, from, to)
	if to < hi {
		for r := range t.nRows {
			k.addValues(t, r, 1, max(to, t.lo[r]), min(hi, t.hi[r]))
		}
	}
}

// addValues adds the values of the positions [lo, hi) of a page to n rows of
// acc from row r on.
func (k *attentionKernels) addValues(t *tile, r, n, lo, hi int) {
	if lo >= hi {
		return
	}
	kv := t.q.KV
	dim, elem, typ := kv.HeadDimV, kv.elemBytes(), kv.typeIndex()
	p := t.scores[r*SegmentTokens+lo-t.start:]
	values, next := kv.headValues(t.kvHead, lo/PageTokens), t.afterValues(lo/PageTokens)
	d := 0
	for d+nLanes <= dim {
		w, dot := 1, k.narrow[typ][n]
		if wide := k.wideVecs[n]; d+wide*nLanes <= dim {
			w, dot = wide, k.wide[typ][n]
		}
		b := &values[kv.valueIndex(0, lo, d)*elem]
		dot(&t.acc[r*t.stride+d], t.stride*4, &p[0], SegmentTokens*4, b, dim*elem, nLanes*elem, hi-lo, true, byteOr(next, d*PageTokens*elem, b))
		d += w * nLanes
	}
	if d < dim {
		for i := range n {
			t.addTail(r+i, d, lo, hi)
		}
	}
}

// addTail adds the elements of the values from d on, where the width of a
// value does not divide by 16.
func (t *tile) addTail(r, d, lo, hi int) {
	kv := t.q.KV
	acc := t.acc[r*t.stride:][d:kv.HeadDimV]
	var buf [nLanes]float32
	v := buf[:len(acc)]
	for pos := lo; pos < hi; pos++ {
		kv.read(v, pos/PageTokens, kv.VOffset, kv.valueIndex(t.kvHead, pos, d))
		p := t.scores[r*SegmentTokens+pos-t.start]
		for i := range acc {
			acc[i] = fma32(p, v[i], acc[i])
		}
	}
}

// attentionMerge is attentionMergeGeneric.
func (k *laneKernels) attentionMerge(state, part attentionPartial, dim int) {
	for r, l := range part.l {
		if l == 0 {
			continue
		}
		m := max(state.m[r], part.m[r])
		a, b := k.tiles.mergeRow(state.acc[r*dim:][:dim], part.acc[r*dim:][:dim], state.m[r]-m, part.m[r]-m)
		state.m[r] = m
		state.l[r] = fma32(state.l[r], a, float32(l*b))
	}
}

// storeKV is storeKVGeneric by whole rows: keys by heads, because the tokens of a
// panel share its cache lines, and values as they come.
func (k *laneKernels) storeKV(kv *KVPages, pos int, keys, values []float32) {
	n := len(keys) / (kv.NKVHeads * kv.HeadDimK)
	for h := range kv.NKVHeads {
		for t := range n {
			key := keys[(t*kv.NKVHeads+h)*kv.HeadDimK:][:kv.HeadDimK]
			to := unsafe.Pointer(&kv.Pages[(pos+t)/PageTokens][kv.KOffset+kv.keyIndex(h, pos+t, 0)*kv.elemBytes()])
			if kv.Type == F16 {
				storeHalf(k.tiles.toHalfPanel, to, nLanes, key)
				continue
			}
			panel := unsafe.Slice((*float32)(to), (kv.HeadDimK-1)*nLanes+1)
			for d, x := range key {
				panel[d*nLanes] = x
			}
		}
	}
	for t := range n {
		page := kv.Pages[(pos+t)/PageTokens]
		for h := range kv.NKVHeads {
			value := values[(t*kv.NKVHeads+h)*kv.HeadDimV:][:kv.HeadDimV]
			to := unsafe.Pointer(&page[kv.VOffset+kv.valueIndex(h, pos+t, 0)*kv.elemBytes()])
			if kv.Type == F16 {
				storeHalf(k.tiles.toHalf, to, 1, value)
				continue
			}
			copy(unsafe.Slice((*float32)(to), kv.HeadDimV), value)
		}
	}
}

// storeHalf rounds x to F16, step elements apart: eight at a time by convert,
// then the rest.
func storeHalf(convert func(dst *uint16, x *float32, n int), dst unsafe.Pointer, step int, x []float32) {
	n := len(x) &^ 7
	convert((*uint16)(dst), unsafe.SliceData(x), n)
	for i := n; i < len(x); i++ {
		*(*uint16)(unsafe.Add(dst, 2*step*i)) = float32To16(x[i])
	}
}
