package serve

import (
	"context"
	"slices"
	"time"
)

// Service is the daemon as a wire format needs it. It is safe for concurrent
// use.
type Service interface {
	// Find returns the model that a request is for. A model that is not
	// loaded is loaded first: that takes seconds, which requests for the same
	// model share, and ends early for one whose ctx ends. Who asks is in ctx
	// (auth.GrantFrom). The caller must call release once; a second call does
	// nothing. Describe has words for the errors.
	Find(ctx context.Context, w Want) (m Model, release func(), err error)

	// FindClassifier does the same for a classifier head, by its name.
	FindClassifier(ctx context.Context, w Want) (c Classifier, release func(), err error)

	// Models describes the models that the caller of ctx may use, loaded or
	// not, sorted by name. It loads nothing.
	Models(ctx context.Context) []Info

	// Stopping reports whether the daemon takes no more requests.
	Stopping() bool
}

// Want is what a request says about the model it is for.
type Want struct {
	Model string // its name or an alias

	// Endpoint is the last part of the request's path, such as "embeddings":
	// aliases may hold for one endpoint only. It may be empty.
	Endpoint string

	// Adapters are low-rank changes of the model, in order; nil means those
	// that its configuration names, if any.
	Adapters []Adapter

	// KeepAlive is how long the model stays loaded when this request, and all
	// others, are done; nil means as configured. See ParseKeepAlive.
	KeepAlive *time.Duration
}

// Adapter chooses an adapter of a model.
type Adapter struct {
	Name  string
	Scale float32 // 1 is what it was trained for
}

// Info describes a model. Fields that are not known are zero.
type Info struct {
	Name     string
	Aliases  []string
	Modified time.Time // of the file
	Bytes    int64     // of the file, all parts

	// SHA256 is the file's, in hexadecimal. It is empty until the file has been
	// read in full: to compare it with a sum or a signature, or to load it.
	SHA256 string

	Architecture    string
	NParams         int64
	Quantisation    string // the tensor type that most bytes have, such as "Q4_K"
	License         string
	NCtxTrain       int
	NCtx            int // what a request may use, known once loaded
	Dim             int // of embeddings
	ChatTemplate    string
	HasChatTemplate bool
	Capabilities    []Capability
	Adapters        []string // names for Adapter.Name
	Sampling        Sampling // for requests that do not say otherwise

	// Problem says why the file cannot be used, empty where it can. Models
	// with a problem are listed for administrators only.
	Problem string

	Loading     bool
	Loaded      bool
	MemoryBytes int64     // taken while loaded, or needed to load
	Expires     time.Time // when it will be unloaded if nobody asks; zero: not at all, or not loaded
	NRequests   int       // waiting and running
}

// Capability is something that a model is good for. The words are Ollama's.
type Capability string

// Can reports whether the model has a capability.
func (i *Info) Can(c Capability) bool { return slices.Contains(i.Capabilities, c) }

// The capabilities.
const (
	Completion Capability = "completion"
	Tools      Capability = "tools"
	Thinking   Capability = "thinking"
	Embedding  Capability = "embedding"
	Rerank     Capability = "rerank" // not one of Ollama's
)
