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
	// It lies in the engine's scratch memory and is valid until the batch's next
	// step or its Reset, and until then no other batch can use the engine.
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
// allocation. A batch that was given logits must be reset once they have been
// read, or nobody else can use the engine.
type Batch struct {
	Entries []Entry
	lender  *Engine // whose scratch memory the logits lie in; nil if there are none
}

// Reset empties b, forgets its sessions and tokens, and gives its logits back.
func (b *Batch) Reset() {
	b.giveBack()
	clear(b.Entries)
	b.Entries = b.Entries[:0]
}

// giveBack lets others use the engine that b's logits are from.
func (b *Batch) giveBack() {
	if b.lender != nil {
		b.lender.mu.Lock()
		b.lender.hasLent = false
		b.lender.mu.Unlock()
		b.lender = nil
	}
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
