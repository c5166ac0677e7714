package serve

import (
	"context"
	"time"

	"inferd/runtime"
	"inferd/tokenizer"
)

// Model is a loaded model with the adapters that a request chose. Who asks is
// in the context (auth.GrantFrom).
type Model interface {
	// Name is the model's own name, whatever alias the request used.
	Name() string
	Created() time.Time
	NCtx() int // tokens of prompt and answer together
	NVocab() int
	Tokenizer() *tokenizer.Tokenizer

	// Info describes the model as Service.Models does.
	Info() Info

	// Fingerprint names model, adapters and arithmetic: where it is the same,
	// the same request gets the same answer.
	Fingerprint() string

	// Origin tells what Fingerprint is made of.
	Origin() Origin

	// ChatPrompt returns the prompt for a conversation. An error is the
	// conversation's fault.
	ChatPrompt(Conversation) ([]runtime.Token, error)

	// ReplyFormat says how the model answers a ChatPrompt.
	ReplyFormat() ReplyFormat

	// Generate begins an answer. It takes prompt over, and returns ErrBusy or
	// ErrStopping at once. When ctx ends, so does the answer.
	Generate(ctx context.Context, prompt []runtime.Token, o runtime.GenerationOptions) (Answer, error)

	// Score returns a delta for each token of prompt, as if it had been
	// generated: its log probability and the nTop most likely tokens there.
	// The first token has none. Errors are those of Generate.
	Score(ctx context.Context, prompt []runtime.Token, nTop int) ([]runtime.Delta, error)

	// Embed returns the vector of a text's tokens, pooled as the model says or
	// else their mean, and not normalised. A text that is too long or empty is
	// a *LengthError; others are those of Generate.
	Embed(ctx context.Context, tokens []runtime.Token) ([]float32, error)

	// Rerank says how relevant a document is to a query, if the model has the
	// capability Rerank. Errors are those of Embed.
	Rerank(ctx context.Context, query, document string) (Relevance, error)
}

// Origin is everything that decides an answer's bits besides the request.
type Origin struct {
	ModelSHA256    string          `json:"model_sha256"`
	TemplateSHA256 string          `json:"template_sha256,omitempty"` // of the chat template's text
	Contract       int             `json:"contract"`                  // version of the arithmetic
	Backend        string          `json:"backend"`                   // "cpu"
	KVType         string          `json:"kv_type"`
	NCtx           int             `json:"n_ctx"` // some encodings of positions depend on it
	Adapters       []AdapterOrigin `json:"adapters,omitempty"`
}

// AdapterOrigin is an adapter of an answer.
type AdapterOrigin struct {
	Name   string  `json:"name"`
	SHA256 string  `json:"sha256"`
	Scale  float32 `json:"scale"`
}

// Relevance is what a model thinks of a document.
type Relevance struct {
	Score   float32 // 0 to 1
	Raw     float32 // as the model puts it
	NTokens int     // of query and document
}

// Answer is an answer in the making.
type Answer interface {
	// Next waits for the next token. It returns io.EOF behind the last one.
	Next(context.Context) (runtime.Delta, error)

	// NReused returns how many tokens of the prompt were cached. It is known
	// when Next has returned for the first time.
	NReused() int

	// Progress returns how many tokens of the prompt have been computed or were
	// cached, and how many there are.
	Progress() (done, total int)

	// Close gives up what is left of the answer. It must be called.
	Close()
}

// Classifier says which of a few labels a text has.
type Classifier interface {
	Name() string
	Labels() []string

	// Threshold is the probability below which a text gets no label, unless
	// the request names another.
	Threshold() float32

	// Classify returns the probability of each label, and the number of tokens
	// read. Who asks is in ctx (auth.GrantFrom). A text that is too long or
	// empty is a *LengthError.
	Classify(ctx context.Context, text string) (probs []float32, nTokens int, err error)
}
