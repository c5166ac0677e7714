package tokenizer

import (
	"math/bits"
	"slices"
)

// noRank marks a pair of neighbours that may not merge.
const noRank = ^uint32(0)

// A mergeRule ranks pairs of neighbouring symbols. A symbol is a run of bytes
// of the text with a value of the rule's choosing.
type mergeRule interface {
	// pair ranks the symbols with values left and right, whose bytes together
	// are text. The smaller rank merges first; noRank forbids the merge.
	// merged is the value of the new symbol.
	pair(text []byte, left, right int32) (rank uint32, merged int32)
}

// A merger joins symbols, best pair first and leftmost among equals, until no
// pair may merge. This is the order of SentencePiece's BPE and of byte-level
// BPE alike. Its buffers are reused from call to call.
type merger struct {
	rule mergeRule

	// Symbols of the chunk: symbol i is text[starts[i]:starts[i+1]]. While a
	// chunk is built they hold its first smallChunk symbols.
	starts []int32
	values []int32

	// A longer chunk is laid out by byte offset.
	long    bool
	alive   []uint64 // bit set: a symbol starts here
	valueAt []int32
	queue   pairQueue

	small [smallChunk]struct {
		rank   uint32
		merged int32
	}

	steps int // pairs ranked and entries moved: the work done
}

// smallChunk is the number of symbols up to which scanning for the best pair
// beats a queue.
const smallChunk = 48

// reset begins a chunk.
func (m *merger) reset() {
	m.starts, m.values = m.starts[:0], m.values[:0]
	m.long = false
}

// add appends a symbol that starts at a byte offset.
func (m *merger) add(start int, value int32) {
	if len(m.values) < smallChunk {
		m.starts, m.values = append(m.starts, int32(start)), append(m.values, value)
		return
	}
	if !m.long {
		m.long = true
		m.alive, m.valueAt = m.alive[:0], m.valueAt[:0]
		for i, v := range m.values {
			m.place(m.starts[i], v)
		}
	}
	m.place(int32(start), value)
}

// place lays out the next symbol by its offset.
func (m *merger) place(start, value int32) {
	for len(m.alive) <= int(start>>6) {
		m.alive = append(m.alive, 0)
	}
	if cap(m.valueAt) <= int(start) {
		m.valueAt = slices.Grow(m.valueAt, int(start)+1) // twice what is needed
	}
	m.valueAt = m.valueAt[:start+1]
	m.valueAt[start] = value
	m.alive[start>>6] |= 1 << (start & 63)
}

// run merges the symbols of text. Afterwards starts and values hold the
// symbols that are left, and starts ends with len(text).
func (m *merger) run(text []byte) {
	if m.long {
		m.runLong(text)
		return
	}
	m.starts = append(m.starts, int32(len(text)))
	if len(m.values) > 1 {
		m.runSmall(text)
	}
}

// runSmall looks for the best pair by scanning: quadratic, but only in
// smallChunk.
func (m *merger) runSmall(text []byte) {
	n := len(m.values)
	rank := func(i int) {
		p := &m.small[i]
		p.rank, p.merged = m.rule.pair(text[m.starts[i]:m.starts[i+2]], m.values[i], m.values[i+1])
		m.steps++
	}
	for i := range n - 1 {
		rank(i)
	}
	for n > 1 {
		best := 0
		for i := 1; i < n-1; i++ {
			if m.small[i].rank < m.small[best].rank {
				best = i
			}
		}
		if m.small[best].rank == noRank {
			break
		}
		m.values[best] = m.small[best].merged
		copy(m.values[best+1:], m.values[best+2:n])
		copy(m.starts[best+1:], m.starts[best+2:n+1])
		copy(m.small[best:n-2], m.small[best+1:n-1])
		n--
		if best > 0 {
			rank(best - 1)
		}
		if best < n-1 {
			rank(best)
		}
	}
	m.starts, m.values = m.starts[:n+1], m.values[:n]
}

// runLong keeps pairs in a queue. Entries of pairs that have changed since
// are skipped when they come up: a pair's rank is asked for again and must be
// the entry's.
func (m *merger) runLong(text []byte) {
	end := int32(len(text))
	m.queue.reset()
	for a, b := int32(0), m.next(0, end); b < end; {
		c := m.next(b, end)
		m.rankAt(text, a, b, c)
		a, b = b, c
	}
	for {
		rank, a, ok := m.queue.pop()
		if !ok {
			break
		}
		if !m.isAlive(a) {
			continue
		}
		b := m.next(a, end)
		if b == end {
			continue
		}
		c := m.next(b, end)
		r, merged := m.rule.pair(text[a:c], m.valueAt[a], m.valueAt[b])
		m.steps++
		if r != rank {
			continue
		}
		m.alive[b>>6] &^= 1 << (b & 63)
		m.valueAt[a] = merged
		if a > 0 {
			m.rankAt(text, m.prev(a), a, c)
		}
		if c < end {
			m.rankAt(text, a, c, m.next(c, end))
		}
	}
	m.collect(end)
	m.steps += m.queue.moves
}

// rankAt queues the pair of the symbols [a, b) and [b, c) if it may merge.
func (m *merger) rankAt(text []byte, a, b, c int32) {
	m.steps++
	if rank, _ := m.rule.pair(text[a:c], m.valueAt[a], m.valueAt[b]); rank != noRank {
		m.queue.push(rank, a)
	}
}

// collect turns the layout by offset back into lists.
func (m *merger) collect(end int32) {
	m.starts, m.values = m.starts[:0], m.values[:0]
	for w, word := range m.alive {
		for ; word != 0; word &= word - 1 {
			s := int32(w<<6 + bits.TrailingZeros64(word))
			m.starts, m.values = append(m.starts, s), append(m.values, m.valueAt[s])
		}
	}
	m.starts = append(m.starts, end)
}

func (m *merger) isAlive(a int32) bool { return m.alive[a>>6]>>(a&63)&1 != 0 }

// next is the start of the symbol after the one at a, or end. No symbol is
// longer than the longest piece, which bounds the search.
func (m *merger) next(a, end int32) int32 {
	a++
	w := a >> 6
	if int(w) >= len(m.alive) {
		return end
	}
	word := m.alive[w] >> (a & 63) << (a & 63)
	for word == 0 {
		if w++; int(w) >= len(m.alive) {
			return end
		}
		word = m.alive[w]
	}
	return w<<6 + int32(bits.TrailingZeros64(word))
}

// prev is the start of the symbol before the one at a > 0.
func (m *merger) prev(a int32) int32 {
	a--
	w := a >> 6
	word := m.alive[w] << (63 - a&63) >> (63 - a&63)
	for word == 0 {
		w--
		word = m.alive[w]
	}
	return w<<6 + int32(63-bits.LeadingZeros64(word))
}

// wipe clears what a text has left behind.
func (m *merger) wipe() {
	clear(m.starts[:cap(m.starts)])
	clear(m.values[:cap(m.values)])
	clear(m.alive[:cap(m.alive)])
	clear(m.valueAt[:cap(m.valueAt)])
	clear(m.small[:])
	m.rule, m.steps = nil, 0
}
