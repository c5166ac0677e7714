package kernels

// TopK writes the indices of the len(idx) largest elements of x to idx,
// largest first, equals by ascending index, and returns how many there are:
// fewer than len(idx) only where x has fewer numbers. NaN counts as absent.
// It allocates nothing; the time is O(n) for random x and small idx, and
// O(n·log len(idx)) at worst.
func TopK(idx []int32, x []float32) int {
	n, next := 0, 0
	for ; next < len(x) && n < len(idx); next++ {
		if v := x[next]; v == v {
			idx[n] = int32(next)
			n++
		}
	}
	h := topKHeap{x, idx[:n]}
	for i := n/2 - 1; i >= 0; i-- {
		h.down(i)
	}
	if n == len(idx) && n > 0 {
		h.scan(next)
	}
	h.sort()
	return n
}

// topKHeap is a heap of candidates with the worst on top.
type topKHeap struct {
	x   []float32
	idx []int32
}

// scan lets the elements from next on replace the worst candidate. An equal
// one comes later and so loses.
func (h topKHeap) scan(next int) {
	for {
		next = active.FirstAbove(h.x, next, h.x[h.idx[0]])
		if next == len(h.x) {
			return
		}
		h.idx[0] = int32(next)
		h.down(0)
		next++
	}
}

// sort orders the candidates best first.
func (h topKHeap) sort() {
	for n := len(h.idx) - 1; n > 0; n-- {
		h.idx[0], h.idx[n] = h.idx[n], h.idx[0]
		topKHeap{h.x, h.idx[:n]}.down(0)
	}
}

// down restores the heap below i.
func (h topKHeap) down(i int) {
	for {
		c := 2*i + 1
		if c >= len(h.idx) {
			return
		}
		if c+1 < len(h.idx) && h.worse(c+1, c) {
			c++
		}
		if !h.worse(c, i) {
			return
		}
		h.idx[i], h.idx[c] = h.idx[c], h.idx[i]
		i = c
	}
}

func (h topKHeap) worse(i, j int) bool {
	a, b := h.idx[i], h.idx[j]
	return h.x[a] < h.x[b] || h.x[a] == h.x[b] && a > b
}

// firstAboveGeneric returns the first index from next on whose element is above
// limit, or len(x).
func firstAboveGeneric(x []float32, next int, limit float32) int {
	for ; next < len(x); next++ {
		if x[next] > limit {
			break
		}
	}
	return next
}
