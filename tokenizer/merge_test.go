package tokenizer

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// tableRule ranks pairs by their text.
type tableRule map[string]uint32

func (r tableRule) pair(text []byte, _, _ int32) (uint32, int32) {
	if rank, ok := r[string(text)]; ok {
		return rank, int32(rank)
	}
	return noRank, 0
}

// mergeNaively looks for the leftmost best pair again after every merge.
func mergeNaively(rule mergeRule, text []byte) []int32 {
	starts := make([]int32, len(text)+1)
	for i := range starts {
		starts[i] = int32(i)
	}
	for {
		best, bestRank := -1, noRank
		for i := range len(starts) - 2 {
			if rank, _ := rule.pair(text[starts[i]:starts[i+2]], 0, 0); rank < bestRank {
				best, bestRank = i, rank
			}
		}
		if best < 0 {
			return starts
		}
		starts = slices.Delete(starts, best+1, best+2)
	}
}

// TestMerger compares both ways of merging with the obvious one, over rules
// in which ranks repeat and merges can undercut those already done.
func TestMerger(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var m merger
	for range 400 {
		rule := tableRule{}
		for range 60 {
			piece := make([]byte, 2+r.IntN(5))
			for i := range piece {
				piece[i] = "abc"[r.IntN(3)]
			}
			rule[string(piece)] = r.Uint32N(12)
		}
		text := make([]byte, 1+r.IntN(4*smallChunk))
		for i := range text {
			text[i] = "abc"[r.IntN(3)]
		}
		m.rule = rule
		m.reset()
		for i := range text {
			m.add(i, 0)
		}
		m.run(text)
		require.Equal(t, mergeNaively(rule, text), m.starts, "%s with %v", text, rule)
	}
}

// TestPairQueue compares the queue with sorting, with entries pushed between
// pops, some of them below the last one popped.
func TestPairQueue(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	var q pairQueue
	for range 200 {
		q.reset()
		var want []uint64
		spread := uint32(1) << r.IntN(31)
		for range 300 {
			if r.IntN(3) > 0 {
				rank, pos := r.Uint32N(spread), r.Int32N(1<<(1+r.IntN(29)))
				q.push(rank, pos)
				want = append(want, uint64(rank)<<32|uint64(pos))
				continue
			}
			slices.Sort(want)
			rank, pos, ok := q.pop()
			require.Equal(t, len(want) > 0, ok)
			if ok {
				require.Equal(t, want[0], uint64(rank)<<32|uint64(pos))
				want = want[1:]
			}
		}
		slices.Sort(want)
		for _, key := range want {
			rank, pos, ok := q.pop()
			require.True(t, ok)
			require.Equal(t, key, uint64(rank)<<32|uint64(pos))
		}
		_, _, ok := q.pop()
		require.False(t, ok)
	}
}

func TestTrie(t *testing.T) {
	keys := []string{"a", "ab", "abc", "b\xff", "ax", "ay", "az", "a0", "a1", "a2", "a3", "a4", "a5", "a6", "\x00"}
	tr := newTrie(keys)
	find := func(s string) int32 {
		node := tr.root[s[0]]
		for i := 1; i < len(s) && node >= 0; i++ {
			node = tr.step(node, s[i])
		}
		if node < 0 {
			return -1
		}
		return tr.nodes[node].value
	}
	for i, key := range keys {
		require.Equal(t, int32(i), find(key), "%q", key)
	}
	for _, s := range []string{"c", "abd", "abcd", "b", "aa", "\xff"} {
		require.Equal(t, int32(-1), find(s), "%q", s)
	}
	require.Equal(t, 2, tr.depth([]byte("abq")))
	require.Equal(t, 1, tr.depth([]byte("b")))
	require.Equal(t, 0, tr.depth([]byte("q")))
}

func TestJointSet(t *testing.T) {
	pieces := []string{"ab", "▁the", "日本", "a"}
	j := newJointSet(jointCount(pieces))
	for _, s := range pieces {
		j.addPiece(s)
	}
	for _, pair := range [][2]string{{"a", "b"}, {"▁", "t"}, {"h", "e"}, {"日", "本"}} {
		require.True(t, j.has(keyOf([]byte(pair[0])), keyOf([]byte(pair[1]))), "%v", pair)
	}
	require.False(t, j.has(keyOf([]byte("b")), keyOf([]byte("a"))))
	require.False(t, j.has(keyOf([]byte("本")), keyOf([]byte("日"))))
	require.Equal(t, keyOf([]byte("本")), lastKey([]byte("日本")))
}
