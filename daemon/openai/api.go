package openai

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"inferd/runtime"
	"inferd/tokenizer"
	"inferd/tokenizer/reply"
)

// Errors of a Model that a client can do something about.
var (
	// ErrBusy is returned while too many requests wait.
	ErrBusy = errors.New("too many requests are waiting, try again later")

	// ErrStopping is returned once the daemon is about to end, and ends
	// answers that take too long then.
	ErrStopping = errors.New("the service is stopping")
)

// Service is the daemon as this package needs it.
type Service interface {
	// Models returns the models that are loaded, in the order to list them.
	Models() []Model

	// Classifiers returns the classifier heads that are loaded.
	Classifiers() []Classifier

	// Stopping reports whether the daemon takes no more requests.
	Stopping() bool
}

// Model is a loaded model. Who asks is in the context (auth.GrantFrom).
type Model interface {
	Name() string
	Created() time.Time
	NCtx() int // tokens of prompt and answer together
	NVocab() int
	Tokenizer() *tokenizer.Tokenizer

	// Fingerprint names model and arithmetic: where it is the same, the same
	// request gets the same answer.
	Fingerprint() string

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
}

// Answer is an answer in the making.
type Answer interface {
	// Next waits for the next token. It returns io.EOF behind the last one.
	Next(context.Context) (runtime.Delta, error)

	// NReused returns how many tokens of the prompt were cached. It is known
	// when Next has returned for the first time.
	NReused() int

	// Close gives up what is left of the answer. It must be called.
	Close()
}

// Conversation is what the model is to continue.
type Conversation struct {
	Messages []Message
	Tools    json.RawMessage // an array as the client sent it, nil without tools
}

// Message is one turn of a conversation.
type Message struct {
	Role       string // system, developer, user, assistant or tool
	Name       string // may be empty
	Content    string
	Reasoning  string     // of the assistant, before the content
	ToolCalls  []ToolCall // of the assistant, after the content
	ToolCallID string     // of a tool: the call that it answers
}

// ToolCall is a call of a tool in a conversation.
type ToolCall struct {
	ID        string
	Name      string
	Arguments json.RawMessage // a JSON object
}

// ReplyFormat is how a model writes its answers to conversations.
type ReplyFormat struct {
	*reply.Format

	// Marks are the control tokens that the format needs to see in the text.
	Marks []runtime.Token

	// TakesTools reports whether a prompt can tell the model of tools.
	TakesTools bool
}
