package tokenizer

import (
	"slices"
	"strings"
)

// A trie finds the keys that begin at a place of a text. It is static: nodes
// lie in one array, the edges of a node side by side in ascending order.
type trie struct {
	root  [256]int32 // node after the first byte, or -1
	nodes []trieNode
	label []byte  // by edge
	child []int32 // by edge
}

type trieNode struct {
	value     int32 // index of the key that ends here, or -1
	firstEdge int32
	nEdges    int32
}

// newTrie makes a trie of keys, none empty; the last of equal keys counts.
func newTrie(keys []string) trie {
	order := make([]int32, len(keys))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortStableFunc(order, func(a, b int32) int { return strings.Compare(keys[a], keys[b]) })
	t := trie{}
	for i := range t.root {
		t.root[i] = -1
	}
	type job struct { // the keys order[lo:hi] share their first depth bytes
		lo, hi, depth int
		node          int32
	}
	var jobs []job
	grow := func(lo, hi, depth int) int32 {
		t.nodes = append(t.nodes, trieNode{value: -1})
		id := int32(len(t.nodes) - 1)
		jobs = append(jobs, job{lo, hi, depth, id})
		return id
	}
	// each calls f for every run of keys with the same byte at depth.
	each := func(lo, hi, depth int, f func(c byte, lo, hi int)) {
		for lo < hi {
			c := keys[order[lo]][depth]
			end := lo + 1
			for end < hi && keys[order[end]][depth] == c {
				end++
			}
			f(c, lo, end)
			lo = end
		}
	}
	each(0, len(order), 0, func(c byte, lo, hi int) { t.root[c] = grow(lo, hi, 1) })
	for len(jobs) > 0 {
		j := jobs[0]
		jobs = jobs[1:]
		for j.lo < j.hi && len(keys[order[j.lo]]) == j.depth {
			t.nodes[j.node].value = order[j.lo]
			j.lo++
		}
		first := int32(len(t.label))
		each(j.lo, j.hi, j.depth, func(c byte, lo, hi int) {
			t.label = append(t.label, c)
			t.child = append(t.child, grow(lo, hi, j.depth+1))
		})
		t.nodes[j.node].firstEdge = first
		t.nodes[j.node].nEdges = int32(len(t.label)) - first
	}
	return t
}

// step follows the edge c of a node; -1 if there is none.
func (t *trie) step(node int32, c byte) int32 {
	n := &t.nodes[node]
	labels := t.label[n.firstEdge : n.firstEdge+n.nEdges]
	if len(labels) <= 8 {
		for i, l := range labels {
			if l == c {
				return t.child[int(n.firstEdge)+i]
			}
		}
		return -1
	}
	if i, ok := slices.BinarySearch(labels, c); ok {
		return t.child[int(n.firstEdge)+i]
	}
	return -1
}

// depth is the number of bytes of text for which the trie has a path, whether
// or not a key ends there.
func (t *trie) depth(text []byte) int {
	node := t.root[text[0]]
	n := 0
	for node >= 0 {
		if n++; n == len(text) {
			break
		}
		node = t.step(node, text[n])
	}
	return n
}
