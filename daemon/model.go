package daemon

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"inferd/daemon/prompt"
	"inferd/daemon/sched"
	"inferd/daemon/serve"
	"inferd/kernels"
	"inferd/runtime"
	"inferd/runtime/head"
	"inferd/tokenizer"
)

// model is a loaded model with its scheduler, as wire formats see it.
type model struct {
	name        string
	created     time.Time
	fingerprint string
	info        serve.Info
	nCtx        int // tokens that an answer may hold, its prompt included
	engine      engine
	timeout     time.Duration // of an answer; 0: none
	chat        *prompt.Format
	sched       *sched.Scheduler
	observer    *observer // nil: nobody counts
	log         *slog.Logger

	heads   map[string]*head.Head
	known   []loadedAdapter       // that a request can choose
	chosen  []runtime.AdapterUse  // by the request that has this model
	origins []serve.AdapterOrigin // of chosen
}

// loadedAdapter is an adapter beside its model.
type loadedAdapter struct {
	serve.Adapter
	lora      *runtime.Adapter
	sum       string
	isDefault bool
}

var _ serve.Model = (*model)(nil)

// newModel puts a scheduler before an engine. The scheduler needs run.
func newModel(name string, e engine, chat *prompt.Format, c Config, log *slog.Logger) *model {
	kv := e.kv()
	maxRunning := c.MaxRunning
	if kv.NStates > 0 { // of which every running request has one
		maxRunning = min(maxRunning, kv.NStates)
	}
	m := &model{
		name:    name,
		nCtx:    e.nCtx(),
		info:    serve.Info{Name: name, NCtx: e.nCtx(), Loaded: true, Dim: e.dim()},
		engine:  e,
		timeout: c.AnswerTimeout,
		chat:    chat,
		log:     log,
	}
	m.sched = sched.New(e, sched.Options{
		QueueSize:    c.QueueSize,
		MaxRunning:   maxRunning,
		PrefillChunk: c.PrefillChunk,
		NPages:       kv.NPages,
		PageTokens:   kv.PageTokens,
		NCtx:         e.nCtx(),
		Whole:        e.readsWhole(),
		Speculate:    kv.NStates == 0, // a recurrent state cannot be cut back
		Guessed:      func(n, nRight int) { m.observer.guessed(m.name, n, nRight) },
	})
	return m
}

func (m *model) Name() string                    { return m.name }
func (m *model) Created() time.Time              { return m.created }
func (m *model) Fingerprint() string             { return m.fingerprint }
func (m *model) NCtx() int                       { return m.nCtx }
func (m *model) NVocab() int                     { return m.engine.nVocab() }
func (m *model) Tokenizer() *tokenizer.Tokenizer { return m.engine.tokenizer() }

// Info implements serve.Model.
func (m *model) Info() serve.Info {
	info := m.info
	info.NRequests = m.sched.NRequests()
	return info
}

// Origin implements serve.Model.
func (m *model) Origin() serve.Origin {
	o := serve.Origin{
		ModelSHA256: m.info.SHA256,
		Contract:    kernels.ContractVersion,
		Backend:     "cpu",
		KVType:      m.engine.memory().KVType,
		NCtx:        m.engine.memory().NCtx,
		Adapters:    m.origins,
	}
	if m.info.ChatTemplate != "" {
		o.TemplateSHA256 = fmt.Sprintf("%x", sha256.Sum256([]byte(m.info.ChatTemplate)))
	}
	return o
}

// ChatPrompt implements serve.Model.
func (m *model) ChatPrompt(c serve.Conversation) ([]runtime.Token, error) {
	return m.chat.Prompt(c)
}

// ReplyFormat implements serve.Model.
func (m *model) ReplyFormat() serve.ReplyFormat { return m.chat.Reply }

// with returns the model as a request sees it that has chosen adapters; nil
// means the default ones.
func (m *model) with(adapters []serve.Adapter) (*model, error) {
	if adapters == nil {
		for _, a := range m.known {
			if a.isDefault {
				adapters = append(adapters, a.Adapter)
			}
		}
	}
	if len(adapters) == 0 {
		return m, nil
	}
	with := *m
	for _, want := range adapters {
		i := slices.IndexFunc(m.known, func(a loadedAdapter) bool { return a.Name == want.Name })
		if i < 0 {
			return nil, &serve.UnknownError{What: "adapter", Name: want.Name, Known: m.info.Adapters}
		}
		with.chosen = append(with.chosen, runtime.AdapterUse{Adapter: m.known[i].lora, Scale: want.Scale})
		with.origins = append(with.origins, serve.AdapterOrigin{Name: want.Name, SHA256: m.known[i].sum, Scale: want.Scale})
	}
	with.fingerprint = adaptedFingerprint(m.fingerprint, with.origins)
	return &with, nil
}

// close frees the model's memory. Its scheduler must have ended.
func (m *model) close() {
	for _, a := range m.known {
		a.lora.Close()
	}
	m.engine.close()
}

// fingerprint names everything that decides an answer's bits besides the
// request: the model, the arithmetic, and the precision of keys and values.
func fingerprint(modelSum, kvType string) string {
	return printOf(fmt.Sprintf("%s contract %d cpu kv %s", modelSum, kernels.ContractVersion, kvType))
}

// adaptedFingerprint is that of a model with adapters.
func adaptedFingerprint(base string, adapters []serve.AdapterOrigin) string {
	for _, a := range adapters {
		base += fmt.Sprintf(" adapter %s at %b", a.SHA256, a.Scale)
	}
	return printOf(base)
}

func printOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "fp_" + hex.EncodeToString(sum[:8])
}
