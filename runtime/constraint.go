package runtime

import (
	"fmt"
	"math"
	"math/bits"

	"inferd/runtime/grammar"
	"inferd/tokenizer"
)

// GrammarVocab returns the vocabulary as grammars need it. It is made by the
// first call, which takes some 100 ms for a large vocabulary.
func (e *Engine) GrammarVocab() *grammar.Vocab { return e.grammarVocab() }

// newGrammarVocab prepares the tokens that a row of logits has. Control tokens
// add no text, so no grammar allows them but those that end an answer.
func newGrammarVocab(tok *tokenizer.Tokenizer, nVocab int) *grammar.Vocab {
	pieces := make([][]byte, nVocab)
	var ends []Token
	for i := range pieces {
		t := Token(i)
		pieces[i] = tok.Piece(t, false)
		if endsText(tok, t) {
			ends = append(ends, t)
		}
	}
	return grammar.NewVocab(pieces, ends)
}

// endsText reports whether a model ends its text with a token.
func endsText(tok *tokenizer.Tokenizer, t Token) bool { return tok.IsEOG(t) || t == tok.BOS() }

// constraint keeps an answer inside the language of a grammar.
type constraint struct {
	matcher *grammar.Matcher
	tok     *tokenizer.Tokenizer
}

// mask takes the tokens that may not come next out of logits.
func (c *constraint) mask(logits []float32) error {
	allowed, err := c.matcher.Mask()
	if err != nil {
		return fmt.Errorf("runtime: grammar: %w", err)
	}
	no := float32(math.Inf(-1))
	for i, word := range allowed {
		row := logits[64*i : min(64*i+64, len(logits))]
		for taken := ^word; taken != 0; taken &= taken - 1 {
			j := bits.TrailingZeros64(taken)
			if j >= len(row) {
				break
			}
			row[j] = no
		}
	}
	return nil
}

// accept takes the token chosen and reports whether the text is complete and
// nothing can follow it.
func (c *constraint) accept(t Token) (final bool, err error) {
	if err := c.matcher.Accept(t, c.tok.Piece(t, false), endsText(c.tok, t)); err != nil {
		return false, fmt.Errorf("runtime: grammar: %w", err)
	}
	return c.matcher.Final(), nil
}
