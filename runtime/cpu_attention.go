package runtime

import "inferd/kernels"

// StoreKV appends keys and values to the sessions' pages.
func (c *cpu) StoreKV(s *step, layer int, k, v Tensor) {
	if c.measures() {
		return
	}
	j := &c.attention
	j.begin(s, layer)
	j.k, j.v = k, v
	j.phase = storePhase
	nPages := 0
	for i := range s.runs {
		nPages += s.runs[i].pages()
	}
	if k.rows*(k.cols+v.cols) <= inlineElems {
		j.run(kernels.Range{To: nPages}, 0)
	} else {
		c.pool.run(nPages, j.run)
	}
	j.end()
}

// Attention divides the work into tiles: some tokens of a session and the query
// heads that share one KV head, which then share one reading of keys and
// values. Where there are fewer tiles than threads to feed, as for one user's
// decode, each is divided again by segments of the context, whose results
// are merged in a second round.
func (c *cpu) Attention(q Tensor, s *step, layer int, a *kernels.Attention) Tensor {
	kv := &s.kv.layout.layers[layer]
	out := c.tensor(q.rows, a.NHeads*kv.HeadDimV)
	mark := c.arena.mark()
	defer c.arena.release(mark)

	j := &c.attention
	j.begin(s, layer)
	j.plan(a, c.nThread)
	nScratch := kernels.AttentionScratchLen(j.tileTokens*j.groupSize, kv.HeadDimV)
	j.scratch = alloc[float32](&c.arena, c.nThread*nScratch)
	j.parts = alloc[float32](&c.arena, j.nParts*j.partLen)
	if c.measures() {
		for i := range s.runs {
			r := &s.runs[i]
			for pos := r.pos; pos < r.pos+r.n; pos++ {
				c.macs.Attention += int64(a.Seen(pos, r.pos+r.n)) * int64(a.NHeads) * int64(kv.HeadDimK+kv.HeadDimV)
			}
		}
		j.end()
		return out
	}
	j.q, j.out, j.attention, j.nScratch = q, out, a, nScratch
	if j.nParts == 0 {
		j.phase = tilePhase
		c.pool.run(j.nTiles, j.run)
	} else {
		j.phase = segmentPhase
		c.pool.run(j.nTiles*j.nSegments, j.run)
		j.phase = mergePhase
		c.pool.run(j.nTiles, j.run)
	}
	j.end()
	return out
}

// attentionJob holds the arguments of StoreKV and Attention.
type attentionJob struct {
	step   *step
	layer  int
	layout *kernels.KVPages
	phase  attentionPhase
	run    func(chunks kernels.Range, thread int)

	k, v Tensor // StoreKV

	q, out    Tensor // Attention
	attention *kernels.Attention

	groupSize  int // query heads for each KV head
	tileTokens int // tokens in a tile at most
	nTiles     int
	nSegments  int // of the longest timeline, where tiles are divided by segments
	nParts     int // nTiles·nSegments there, else 0
	partLen    int

	scratch  []float32 // [nThreads, nScratch]
	nScratch int
	parts    []float32 // [nTiles, nSegments, partLen]

	// Kernels take pointers to these; one for each thread keeps them off the heap.
	queries []kernels.Queries
	pages   []kernels.KVPages
}

type attentionPhase uint8

const (
	storePhase attentionPhase = iota
	tilePhase
	segmentPhase
	mergePhase
)

// tileRows is about how many queries (tokens times heads) a tile has: enough to
// make use of each key and value read, few enough for their scores to stay in
// the first-level cache.
const tileRows = 32

func (j *attentionJob) begin(s *step, layer int) {
	j.step, j.layer, j.layout = s, layer, &s.kv.layout.layers[layer]
}

// end forgets the sessions' memory.
func (j *attentionJob) end() {
	clear(j.queries)
	clear(j.pages)
	*j = attentionJob{run: j.run, queries: j.queries, pages: j.pages}
}

// plan decides how attention is divided.
func (j *attentionJob) plan(a *kernels.Attention, nThreads int) {
	j.groupSize = a.NHeads / j.layout.NKVHeads
	j.tileTokens = max(1, tileRows/j.groupSize)
	j.partLen = kernels.AttentionPartialLen(j.groupSize, j.layout.HeadDimV)
	longest, single := 0, true
	for i := range j.step.runs {
		r := &j.step.runs[i]
		j.nTiles += (r.n + j.tileTokens - 1) / j.tileTokens
		longest = max(longest, r.pos+r.n)
		single = single && r.n == 1
	}
	j.nTiles *= j.layout.NKVHeads
	if single && nThreads > 1 && j.nTiles < 2*nThreads && longest > kernels.SegmentTokens {
		j.nSegments = (longest + kernels.SegmentTokens - 1) / kernels.SegmentTokens
		j.nParts = j.nTiles * j.nSegments
	}
}

func (j *attentionJob) chunk(chunk, thread int) {
	switch j.phase {
	case storePhase:
		j.store(chunk, thread)
	case tilePhase:
		q, heads, out := j.tile(chunk, thread)
		kernels.AttentionTile(out, q, heads, j.threadScratch(thread))
	case segmentPhase:
		q, heads, _ := j.tile(chunk/j.nSegments, thread)
		lo, hi := q.Segments()
		if s := lo + chunk%j.nSegments; s < hi {
			kernels.AttentionSegment(j.parts[chunk*j.partLen:][:j.partLen], q, heads, s, j.threadScratch(thread))
		}
	case mergePhase:
		q, heads, out := j.tile(chunk, thread)
		lo, hi := q.Segments()
		parts := j.parts[chunk*j.nSegments*j.partLen:][:(hi-lo)*j.partLen]
		kernels.AttentionMerge(out, q, heads, parts, j.threadScratch(thread))
	}
}

func (j *attentionJob) threadScratch(thread int) []float32 {
	return j.scratch[thread*j.nScratch:][:j.nScratch]
}

// kvPages returns the view of a session's pages that the job's layer has.
func (j *attentionJob) kvPages(s *Session, thread int) *kernels.KVPages {
	kv := &j.pages[thread]
	*kv = *j.layout
	kv.Pages = s.views
	return kv
}

// store writes the keys and values of the tokens of one page. Pages are numbered
// by run, then by position.
func (j *attentionJob) store(page, thread int) {
	i := 0
	for ; page >= j.step.runs[i].pages(); i++ {
		page -= j.step.runs[i].pages()
	}
	r := &j.step.runs[i]
	page += r.pos / pageTokens
	from, to := max(r.pos, page*pageTokens), min(r.pos+r.n, (page+1)*pageTokens)
	first := r.first - r.pos
	k, v := j.k.part(first+from, first+to), j.v.part(first+from, first+to)
	kernels.StoreKV(j.kvPages(r.session, thread), from, k, v)
}

// tile returns the queries, the heads and the output of a tile. Tiles are
// numbered by run, then by tokens, then by KV head.
func (j *attentionJob) tile(n, thread int) (*kernels.Queries, kernels.Range, []float32) {
	kvHead := n % j.layout.NKVHeads
	n /= j.layout.NKVHeads
	i := 0
	for ; ; i++ {
		tiles := (j.step.runs[i].n + j.tileTokens - 1) / j.tileTokens
		if n < tiles {
			break
		}
		n -= tiles
	}
	r := &j.step.runs[i]
	from, to := n*j.tileTokens, min((n+1)*j.tileTokens, r.n)
	q := &j.queries[thread]
	*q = kernels.Queries{
		Attention: j.attention,
		KV:        j.kvPages(r.session, thread),
		Q:         j.q.x[(r.first+from)*j.q.cols : (r.first+to)*j.q.cols],
		NTokens:   to - from,
		Pos:       r.pos + from,
		NStored:   r.pos + r.n,
	}
	heads := kernels.Range{From: kvHead * j.groupSize, To: (kvHead + 1) * j.groupSize}
	return q, heads, j.out.x[(r.first+from)*j.out.cols : (r.first+to)*j.out.cols]
}
