package bpe

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"
)

// Type is a piece's kind, with the values of GGUF's tokenizer.ggml.token_type.
type Type int32

const (
	Normal  Type = 1
	Unknown Type = 2
	Control Type = 3
	Byte    Type = 6
)

// Piece is one vocabulary entry. A higher score merges earlier.
type Piece struct {
	Text  string  `json:"text"`
	Score float32 `json:"score"`
	Type  Type    `json:"type"`
}

// Fixed ids: every vocabulary starts with these pieces, then 256 bytes.
const (
	UNK = iota
	BOS
	EOS
	User
	Assistant
	End
	firstByte
)

// Texts of the chat tokens.
const (
	UserText      = "<|user|>"
	AssistantText = "<|assistant|>"
	EndText       = "<|end|>"
)

// space stands for a space inside pieces (U+2581, as SentencePiece has it).
const space = "▁"

// Train learns nVocab pieces from texts. Ties between equally frequent pairs
// go to the alphabetically first, so the result depends on texts alone.
func Train(texts []string, nVocab int) ([]Piece, error) {
	words := countWords(texts)
	chars := alphabet(words)
	pieces := reserved()
	nMerges := nVocab - len(pieces) - len(chars)
	if nMerges < 0 {
		return nil, fmt.Errorf("bpe: %d pieces are too few: %d are reserved and the text has %d characters",
			nVocab, len(pieces), len(chars))
	}
	for i, text := range merges(words, nMerges) {
		pieces = append(pieces, Piece{text, float32(-i), Normal})
	}
	// Characters come after all merges, as SentencePiece orders them; a text
	// with too few distinct pairs gives a smaller vocabulary than asked for.
	for i, c := range chars {
		pieces = append(pieces, Piece{c, float32(-nMerges - i), Normal})
	}
	return pieces, nil
}

// reserved returns the pieces that are there whatever the text.
func reserved() []Piece {
	p := []Piece{
		{"<unk>", 0, Unknown}, {"<s>", 0, Control}, {"</s>", 0, Control},
		{UserText, 0, Control}, {AssistantText, 0, Control}, {EndText, 0, Control},
	}
	for b := range 256 {
		p = append(p, Piece{fmt.Sprintf("<0x%02X>", b), 0, Byte})
	}
	return p
}

// countWords splits texts before spaces and at each change between letters
// and everything else, where merges must not reach across.
func countWords(texts []string) map[string]int {
	words := map[string]int{}
	for _, t := range texts {
		t = strings.ReplaceAll(t, " ", space)
		start := 0
		prevLetter := false
		for i, c := range t {
			letter := unicode.IsLetter(c)
			if i > start && (!letter || !prevLetter) {
				words[t[start:i]]++
				start = i
			}
			prevLetter = letter || string(c) == space
		}
		if start < len(t) {
			words[t[start:]]++
		}
	}
	return words
}

func alphabet(words map[string]int) []string {
	set := map[string]int{space: 1}
	for w, n := range words {
		for _, c := range w {
			set[string(c)] += n
		}
	}
	return byCount(set)
}

// byCount returns the keys, most frequent first.
func byCount(m map[string]int) []string {
	return slices.SortedFunc(maps.Keys(m), func(a, b string) int {
		if d := m[b] - m[a]; d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
}

// word is a distinct word with its current segmentation.
type word struct {
	parts []string
	count int
}

// merges returns up to n merged pieces, in the order they were learned. All
// pairs are counted again for each merge: a templated corpus has a few
// thousand distinct words, so that is a second, not an hour.
func merges(counts map[string]int, n int) []string {
	var ws []word
	for _, w := range byCount(counts) {
		ws = append(ws, word{strings.Split(w, ""), counts[w]})
	}
	var out []string
	for seen := map[string]bool{}; len(out) < n; {
		a, b, ok := bestPair(ws)
		if !ok {
			break
		}
		for i := range ws {
			ws[i].parts = join(ws[i].parts, a, b)
		}
		// Two different pairs can spell the same piece; it needs one entry.
		if !seen[a+b] {
			seen[a+b] = true
			out = append(out, a+b)
		}
	}
	return out
}

func bestPair(ws []word) (a, b string, ok bool) {
	type pair struct{ a, b string }
	counts := map[pair]int{}
	for _, w := range ws {
		for i := 1; i < len(w.parts); i++ {
			counts[pair{w.parts[i-1], w.parts[i]}] += w.count
		}
	}
	var best pair
	n := 0
	for p, c := range counts {
		if c > n || c == n && p.a+"\n"+p.b < best.a+"\n"+best.b {
			best, n = p, c
		}
	}
	return best.a, best.b, n > 0
}

// join merges every a,b in parts, in place.
func join(parts []string, a, b string) []string {
	out := parts[:0]
	for i := 0; i < len(parts); i++ {
		if i+1 < len(parts) && parts[i] == a && parts[i+1] == b {
			out = append(out, a+b)
			i++
			continue
		}
		out = append(out, parts[i])
	}
	return out
}
