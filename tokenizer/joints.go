package tokenizer

import "math/bits"

// maxChunkBytes bounds the memory of one merge: 4 bytes for each byte of text
// and 8 for each pair in the queue. It holds 16 MiB of spaces at 3 bytes each;
// a text of which more hangs together is cut, where the reference would take
// gigabytes.
const maxChunkBytes = 1 << 26

// symbolKey identifies a character by its bytes, at most four.
type symbolKey uint32

func keyOf(c []byte) symbolKey {
	var k symbolKey
	for _, b := range c {
		k = k<<8 | symbolKey(b)
	}
	return k
}

// lastKey is the key of the last character of a piece that is not empty.
func lastKey(piece []byte) symbolKey {
	for {
		n := symbolLen(piece)
		if n == len(piece) {
			return keyOf(piece)
		}
		piece = piece[n:]
	}
}

// A jointSet knows the pairs of neighbouring characters that occur inside some
// piece. Between any other two characters no merge can happen, so the text may
// be cut there and each chunk merged alone. It is a hash table of bits: it may
// report a pair that is not there, which costs a cut but no correctness.
type jointSet struct {
	bits  []uint64
	shift uint
}

// newJointSet makes a set for n pairs, sparse enough that few are reported
// wrongly.
func newJointSet(n int) jointSet {
	log := min(max(bits.Len(uint(n))+3, 12), 23)
	return jointSet{bits: make([]uint64, 1<<(log-6)), shift: uint(64 - log)}
}

func (j *jointSet) slot(a, b symbolKey) uint64 {
	return (uint64(a)<<32 | uint64(b)) * 0x9E3779B97F4A7C15 >> j.shift
}

func (j *jointSet) add(a, b symbolKey) {
	h := j.slot(a, b)
	j.bits[h>>6] |= 1 << (h & 63)
}

func (j *jointSet) has(a, b symbolKey) bool {
	h := j.slot(a, b)
	return j.bits[h>>6]>>(h&63)&1 != 0
}

// addPiece adds the pairs of neighbours in a piece.
func (j *jointSet) addPiece(piece string) {
	text := []byte(piece)
	var before symbolKey
	for i := 0; i < len(text); {
		n := symbolLen(text[i:])
		key := keyOf(text[i : i+n])
		if i > 0 {
			j.add(before, key)
		}
		before = key
		i += n
	}
}

// jointCount bounds the number of pairs that pieces have.
func jointCount(pieces []string) int {
	n := 0
	for _, s := range pieces {
		n += min(len(s)-1, 4) // long pieces repeat the pairs of short ones
	}
	return n
}
