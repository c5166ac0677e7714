package tokenizer

import "unicode"

// Pieces returns what a pre-tokeniser makes of a text.
func Pieces(name string, text []byte) (pieces []string, ok bool) {
	pre, ok := preTokenizers[name]
	if !ok {
		return nil, false
	}
	var buf []byte
	var ends [2][]int32
	s := scanner{text: wellFormed(text, &buf), classes: classes()}
	start := 0
	for _, end := range pre.cut(&s, &ends) {
		if int(end) > start {
			pieces = append(pieces, string(s.text[start:end]))
		}
		start = int(end)
	}
	return pieces, true
}

// PreTokenizerNames lists the names of the table.
func PreTokenizerNames() []string {
	var names []string
	for name := range preTokenizers {
		names = append(names, name)
	}
	return names
}

// Work counts the operations that encoding a text takes: characters looked
// at, pairs ranked, queue entries moved.
func (t *Tokenizer) Work(text []byte) int {
	s := new(scratch)
	s.input = text
	t.encode(s, nil, trust{}, false)
	return s.scan.steps + s.m.steps
}

// LeftBehind tells whether a released scratch still holds any of the bytes.
func LeftBehind(marker byte) bool {
	s := newScratch()
	defer s.release()
	for _, b := range [][]byte{s.input, s.work, s.fixed, s.word} {
		for _, c := range b[:cap(b)] {
			if c == marker {
				return true
			}
		}
	}
	for _, list := range [][]int32{s.m.starts, s.m.values, s.m.valueAt, s.ends[0], s.ends[1]} {
		for _, v := range list[:cap(list)] {
			if v != 0 {
				return true
			}
		}
	}
	return false
}

// UnicodeSum is a checksum over what is taken from Unicode's tables: class,
// lower case and base of every code point.
func UnicodeSum() uint64 {
	sum := uint64(14695981039346656037)
	for r := range rune(unicode.MaxRune + 1) {
		for _, x := range []uint64{uint64(classes().of(r)), uint64(unicode.ToLower(r)), uint64(baseRune(r))} {
			sum = (sum ^ x) * 1099511628211
		}
	}
	return sum
}

var (
	BaseRune   = baseRune
	WellFormed = func(text []byte) []byte { var buf []byte; return wellFormed(text, &buf) }
)

// LimitFragments sets the length of the parts in which long texts are encoded
// and returns what undoes it.
func LimitFragments(n int) func() {
	was := maxFragmentBytes
	maxFragmentBytes = n
	return func() { maxFragmentBytes = was }
}

// IsBarred tells whether text from outside may never yield the token.
func (t *Tokenizer) IsBarred(id Token) bool { return t.barred[id] }
