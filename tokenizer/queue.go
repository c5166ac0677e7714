package tokenizer

import "math/bits"

// pairQueue is a priority queue of (rank, position), smallest first. It is a
// radix heap: entries wait in buckets by the highest bit in which they differ
// from the entry popped last, so an entry moves a bounded number of times and
// always sequentially in memory, where a binary heap of 16 million entries
// misses the cache at every level. A radix heap cannot take an entry smaller
// than the last one popped; those few go to a binary heap beside it.
type pairQueue struct {
	last    uint64
	buckets [65]*queueBlock
	late    []uint64 // binary heap of entries below last
	free    *queueBlock
	moves   int
}

// queueBlock is a part of a bucket. Blocks keep a growing bucket from copying
// itself and pass from bucket to bucket.
type queueBlock struct {
	next *queueBlock
	n    int
	keys [510]uint64
}

func (q *pairQueue) reset() {
	q.last, q.moves = 0, 0
}

func (q *pairQueue) push(rank uint32, pos int32) {
	key := uint64(rank)<<32 | uint64(uint32(pos))
	if key < q.last {
		q.pushLate(key)
		return
	}
	q.put(bits.Len64(key^q.last), key)
}

// pop removes the smallest entry.
func (q *pairQueue) pop() (rank uint32, pos int32, ok bool) {
	key, ok := q.popKey()
	return uint32(key >> 32), int32(uint32(key)), ok
}

func (q *pairQueue) popKey() (uint64, bool) {
	if len(q.late) > 0 {
		return q.popLate(), true
	}
	if q.buckets[0] == nil && !q.refill() {
		return 0, false
	}
	b := q.buckets[0]
	b.n--
	key := b.keys[b.n]
	if b.n == 0 {
		q.buckets[0] = b.next
		q.release(b)
	}
	return key, true
}

// refill spreads the first bucket that has entries over the buckets below it,
// the smallest entry being the new reference.
func (q *pairQueue) refill() bool {
	i := 1
	for q.buckets[i] == nil {
		if i++; i == len(q.buckets) {
			return false
		}
	}
	chain := q.buckets[i]
	q.buckets[i] = nil
	q.last = ^uint64(0)
	for b := chain; b != nil; b = b.next {
		for _, key := range b.keys[:b.n] {
			q.last = min(q.last, key)
		}
	}
	for chain != nil {
		b := chain
		chain = b.next
		for _, key := range b.keys[:b.n] {
			q.put(bits.Len64(key^q.last), key)
		}
		q.moves += b.n
		q.release(b)
	}
	return true
}

func (q *pairQueue) put(bucket int, key uint64) {
	b := q.buckets[bucket]
	if b == nil || b.n == len(b.keys) {
		b = q.block(b)
		q.buckets[bucket] = b
	}
	b.keys[b.n] = key
	b.n++
}

func (q *pairQueue) block(next *queueBlock) *queueBlock {
	b := q.free
	if b == nil {
		b = new(queueBlock)
	} else {
		q.free = b.next
	}
	b.next, b.n = next, 0
	return b
}

func (q *pairQueue) release(b *queueBlock) {
	b.next, q.free = q.free, b
}

// pushLate and popLate are a plain binary heap.
func (q *pairQueue) pushLate(key uint64) {
	q.late = append(q.late, key)
	for i := len(q.late) - 1; i > 0; {
		parent := (i - 1) / 2
		if q.late[parent] <= q.late[i] {
			return
		}
		q.late[parent], q.late[i] = q.late[i], q.late[parent]
		i = parent
		q.moves++
	}
}

func (q *pairQueue) popLate() uint64 {
	top := q.late[0]
	n := len(q.late) - 1
	q.late[0] = q.late[n]
	q.late = q.late[:n]
	for i := 0; ; {
		child := 2*i + 1
		if child >= n {
			return top
		}
		if child+1 < n && q.late[child+1] < q.late[child] {
			child++
		}
		if q.late[i] <= q.late[child] {
			return top
		}
		q.late[i], q.late[child] = q.late[child], q.late[i]
		i = child
		q.moves++
	}
}
