package bpe

import "strings"

// Encoder turns text into ids; it is what training uses millions of times.
// A test holds it equal to package tokenizer's encoding of the same
// vocabulary. It is not safe for concurrent use: words are remembered.
type Encoder struct {
	ids   map[string]int32
	rank  []float32
	words map[string][]int32
}

// NewEncoder prepares pieces for encoding.
func NewEncoder(pieces []Piece) *Encoder {
	e := &Encoder{ids: map[string]int32{}, words: map[string][]int32{}}
	for i, p := range pieces {
		e.rank = append(e.rank, p.Score)
		if p.Type == Normal || p.Type == Byte {
			e.ids[p.Text] = int32(i)
		}
	}
	return e
}

// Append appends the ids of text to ids. Chat tokens are not recognised in it.
func (e *Encoder) Append(ids []int32, text string) []int32 {
	text = strings.ReplaceAll(text, " ", space)
	for text != "" {
		n := strings.Index(text[1:], space) + 1
		if n == 0 {
			n = len(text)
		}
		ids = append(ids, e.word(text[:n])...)
		text = text[n:]
	}
	return ids
}

// word encodes text without an inner space: no piece reaches across one.
func (e *Encoder) word(w string) []int32 {
	if ids, ok := e.words[w]; ok {
		return ids
	}
	parts := strings.Split(w, "")
	for {
		at := -1
		var best int32
		for i := 1; i < len(parts); i++ {
			id, ok := e.ids[parts[i-1]+parts[i]]
			if ok && (at < 0 || e.rank[id] > e.rank[best]) {
				at, best = i, id
			}
		}
		if at < 0 {
			break
		}
		parts[at-1] += parts[at]
		parts = append(parts[:at], parts[at+1:]...)
	}
	ids := make([]int32, 0, len(parts))
	for _, p := range parts {
		if id, ok := e.ids[p]; ok {
			ids = append(ids, id)
			continue
		}
		for i := range len(p) {
			ids = append(ids, firstByte+int32(p[i]))
		}
	}
	e.words[w] = ids
	return ids
}
