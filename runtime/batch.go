package runtime

// Token is a token id of a model's vocabulary.
type Token = int32

// Want says which logits an entry of a batch needs.
type Want uint8

const (
	WantNone Want = iota // prefill that is continued by a later step
	WantLast             // the logits after the entry's last token
	WantAll              // the logits after each of the entry's tokens
)

// Entry appends Tokens to a session's timeline. A prefill chunk has many
// tokens, a decode entry has one; a step treats them alike.
type Entry struct {
	Session *Session
	Tokens  []Token // at least one; read by Step, not kept
	Want    Want

	// Logits is set by Step: [n, nVocab], one row for each position wanted.
	// It lies in the engine's scratch memory and is valid until the next step.
	Logits []float32
}

// nRows returns how many rows of logits e wants.
func (e *Entry) nRows() int {
	switch e.Want {
	case WantLast:
		return 1
	case WantAll:
		return len(e.Tokens)
	default:
		return 0
	}
}

// Batch is the work of one step: any number of sessions of one engine, each
// at most once. The zero value is an empty batch; reuse one to avoid
// allocation.
type Batch struct {
	Entries []Entry
}

// Reset empties b and forgets its sessions, tokens and logits.
func (b *Batch) Reset() {
	clear(b.Entries)
	b.Entries = b.Entries[:0]
}

// Add appends an entry and returns its index in Entries.
func (b *Batch) Add(s *Session, tokens []Token, want Want) int {
	b.Entries = append(b.Entries, Entry{Session: s, Tokens: tokens, Want: want})
	return len(b.Entries) - 1
}

// NTokens returns the number of tokens of all entries.
func (b *Batch) NTokens() int {
	n := 0
	for i := range b.Entries {
		n += len(b.Entries[i].Tokens)
	}
	return n
}
