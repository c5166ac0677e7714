package tokenizer

import "math/bits"

// pairQueue is a priority queue of (rank, position), smallest first. It is a
// radix heap: an entry waits in the bucket of the highest byte in which it
// differs from the entry popped last, and of that byte's value. So it moves at
// most eight times, always sequentially in memory, where a binary heap of 16
// million entries misses the cache at every level. A radix heap cannot take an
// entry smaller than the last one popped; those few go to a binary heap beside
// it.
type pairQueue struct {
	last    uint64
	buckets [8][256]*queueBlock // by place of the byte, by its value
	filled  [8][4]uint64        // bit set: that bucket has entries
	late    []uint64            // binary heap of entries below last
	free    *queueBlock
	moves   int
}

// queueBlock is a part of a bucket. Blocks keep a growing bucket from copying
// itself and pass from bucket to bucket.
type queueBlock struct {
	next *queueBlock
	n    int
	keys [126]uint64
}

func (q *pairQueue) reset() { q.last, q.moves = 0, 0 }

func (q *pairQueue) push(rank uint32, pos int32) {
	key := uint64(rank)<<32 | uint64(uint32(pos))
	if key < q.last {
		q.pushLate(key)
		return
	}
	q.put(key)
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
	for {
		place, value, ok := q.lowest()
		if !ok {
			return 0, false
		}
		if place > 0 {
			q.spread(place, value)
			continue
		}
		b := q.buckets[0][value]
		b.n--
		key := b.keys[b.n]
		q.last = key
		if b.n == 0 {
			q.drop(0, value, b)
		}
		return key, true
	}
}

// lowest finds the bucket with the smallest entries.
func (q *pairQueue) lowest() (place, value int, ok bool) {
	for place := range q.filled {
		for i, word := range q.filled[place] {
			if word != 0 {
				return place, i<<6 + bits.TrailingZeros64(word), true
			}
		}
	}
	return 0, 0, false
}

// spread moves the entries of a bucket to lower places. They agree in the
// bytes down to place, which become those of the new lower bound.
func (q *pairQueue) spread(place, value int) {
	b := q.buckets[place][value]
	q.last = b.keys[0] >> (8 * place) << (8 * place)
	q.buckets[place][value] = nil
	q.filled[place][value>>6] &^= 1 << (value & 63)
	for b != nil {
		for _, key := range b.keys[:b.n] {
			q.put(key)
		}
		q.moves += b.n
		next := b.next
		q.release(b)
		b = next
	}
}

func (q *pairQueue) put(key uint64) {
	place := (bits.Len64(key^q.last|1) - 1) >> 3
	value := int(key >> (8 * place) & 255)
	b := q.buckets[place][value]
	if b == nil || b.n == len(b.keys) {
		b = q.grow(place, value, b)
	}
	b.keys[b.n] = key
	b.n++
}

// grow puts an empty block at the head of a bucket.
func (q *pairQueue) grow(place, value int, head *queueBlock) *queueBlock {
	b := q.free
	if b == nil {
		b = new(queueBlock)
	} else {
		q.free = b.next
	}
	b.next, b.n = head, 0
	q.buckets[place][value] = b
	q.filled[place][value>>6] |= 1 << (value & 63)
	return b
}

// drop removes the empty block at the head of a bucket.
func (q *pairQueue) drop(place, value int, b *queueBlock) {
	q.buckets[place][value] = b.next
	if b.next == nil {
		q.filled[place][value>>6] &^= 1 << (value & 63)
	}
	q.release(b)
}

// release keeps a block for reuse, without what the text put into it.
func (q *pairQueue) release(b *queueBlock) {
	clear(b.keys[:])
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
