package tokenizer

import (
	"bytes"
	"encoding/binary"
)

// charsMap is SentencePiece's precompiled normaliser: a double-array trie of
// character sequences, and the strings that replace them. The trie's entries
// are 32-bit words: bits 0-7 label, bit 8 has a value, bit 9 widens the base,
// bits 10-30 base; in a value entry, bits 0-30 the place of the replacement
// (S. Kanda, XOR-compressed compact double array, 2018).
type charsMap struct {
	array        []byte // uint32 little endian
	replacements []byte // each ends in a zero byte
}

// newCharsMap splits the blob of the metadata: byte count of the array, the
// array, the replacements.
func newCharsMap(blob []byte) (*charsMap, error) {
	if len(blob) == 0 {
		return nil, nil
	}
	if len(blob) < 4 {
		return nil, vocabErrorf("charsmap", -1, "%d bytes, too short for its header", len(blob))
	}
	n := uint64(binary.LittleEndian.Uint32(blob))
	if n+4 >= uint64(len(blob)) {
		return nil, vocabErrorf("charsmap", -1, "array of %d bytes in a map of %d", n, len(blob))
	}
	return &charsMap{array: blob[4 : 4+n&^3], replacements: blob[4+n:]}, nil
}

// entry returns an entry of the array; an index outside reads as no entry.
func (m *charsMap) entry(i uint32) (uint32, bool) {
	if uint64(i)*4+4 > uint64(len(m.array)) {
		return 0, false
	}
	return binary.LittleEndian.Uint32(m.array[i*4:]), true
}

func baseOf(entry uint32) uint32 { return entry >> 10 << (entry & (1 << 9) >> 6) }

// longest finds the longest sequence that text begins with. It returns its
// replacement and length; length 0 if there is none.
func (m *charsMap) longest(text []byte) (replacement []byte, length int) {
	root, ok := m.entry(0)
	if !ok {
		return nil, 0
	}
	at := uint32(0)
	node := baseOf(root)
	for i, c := range text {
		node ^= uint32(c)
		e, ok := m.entry(node)
		if c == 0 || !ok || e&(1<<31|0xFF) != uint32(c) {
			break
		}
		node ^= baseOf(e)
		if e>>8&1 != 0 {
			value, ok := m.entry(node)
			if !ok {
				break
			}
			at, length = value&(1<<31-1), i+1
		}
	}
	if length == 0 || uint64(at) >= uint64(len(m.replacements)) {
		return nil, 0
	}
	replacement = m.replacements[at:]
	end := bytes.IndexByte(replacement, 0)
	if end < 0 {
		return nil, 0
	}
	return replacement[:end], length
}
