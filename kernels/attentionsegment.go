package kernels

import "math"

// attentionSegmentGeneric fills part with the rows' results over one segment.
// Its scratch holds the scores of one row.
func attentionSegmentGeneric(part attentionPartial, q *Queries, heads Range, segment int, scratch []float32) {
	dim := q.KV.HeadDimV
	start := segment * SegmentTokens
	r := 0
	for t := range q.NTokens {
		lo, hi := q.visible(q.Pos + t)
		lo, hi = max(lo, start), min(hi, start+SegmentTokens)
		for h := heads.From; h < heads.To; h++ {
			acc := part.acc[r*dim:][:dim]
			clear(acc)
			part.m[r], part.l[r] = float32(math.Inf(-1)), 0
			if lo < hi {
				p := scratch[:hi-lo]
				q.scores(p, t, h, lo)
				part.m[r] = maxGeneric(p)
				part.l[r] = expSumLanes(p, part.m[r], lo)
				q.addValues(acc, p, h, lo)
			}
			r++
		}
	}
}

// scores sets s[j] to the score of token t, head h against position lo+j.
func (q *Queries) scores(s []float32, t, h, lo int) {
	a := q.Attention
	row := q.Q[(t*a.NHeads+h)*q.KV.HeadDimK:][:q.KV.HeadDimK]
	hi := lo + len(s)
	for first := lo - lo%nLanes; first < hi; first += nLanes {
		sums := q.KV.dotPanel(row, h/q.groupSize(), first)
		for pos := max(first, lo); pos < min(first+nLanes, hi); pos++ {
			s[pos-lo] = a.score(sums[pos-first], h, q.Pos+t, pos)
		}
	}
}

// dotPanel returns Σ_d q[d]·k[j][d] for the 16 positions j from first on.
func (kv *KVPages) dotPanel(q []float32, head, first int) (sums [nLanes]float32) {
	var k [nLanes]float32
	for d, x := range q {
		kv.read(k[:], first/PageTokens, kv.KOffset, kv.keyIndex(head, first, d))
		for j := range sums {
			sums[j] = fma32(x, k[j], sums[j])
		}
	}
	return sums
}

// score finishes the score of head h's query at position i against position j.
func (a *Attention) score(dot float32, h, i, j int) float32 {
	s := dot * a.Scale
	if a.Softcap != 0 {
		s = softcap32(s, a.Softcap, 1/a.Softcap)
	}
	if a.Slopes != nil {
		s = fma32(a.Slopes[h], -float32(max(i-j, j-i)), s)
	}
	return s
}

// expSumLanes replaces each score by e^(score-m) and returns their sum over
// the lanes of the positions, the first of which is lo.
func expSumLanes(s []float32, m float32, lo int) float32 {
	var lanes [nLanes]float32
	for j, v := range s {
		s[j] = exp32(v - m)
		lanes[(lo+j)%nLanes] += s[j]
	}
	return sumLanes(&lanes)
}

// addValues adds p[j]·v[lo+j] to acc.
func (q *Queries) addValues(acc, p []float32, h, lo int) {
	kv := q.KV
	var buf [nLanes]float32
	for j, x := range p {
		pos := lo + j
		for d := 0; d < len(acc); d += nLanes {
			v := buf[:min(nLanes, len(acc)-d)]
			kv.read(v, pos/PageTokens, kv.VOffset, kv.valueIndex(h/q.groupSize(), pos, d))
			for i := range v {
				acc[d+i] = fma32(x, v[i], acc[d+i])
			}
		}
	}
}
