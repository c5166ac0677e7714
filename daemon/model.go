package daemon

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"sync"
	"time"

	"inferd/daemon/sched"
	"inferd/daemon/serve"
	"inferd/gguf"
	"inferd/kernels"
	"inferd/runtime"
	"inferd/tokenizer"
)

// model is a loaded model with its scheduler, as openai sees it.
type model struct {
	name        string
	created     time.Time
	fingerprint string
	info        serve.Info
	sum         []byte // sha256 of the file
	nCtx        int    // tokens that an answer may hold, its prompt included
	nClassify   int    // tokens that a head may read
	engine      engine
	chat        *chatFormat
	sched       *sched.Scheduler
	log         *slog.Logger
}

var _ serve.Model = (*model)(nil)

// newModel puts a scheduler before an engine. The scheduler needs run.
func newModel(name string, e engine, chat *chatFormat, c Config, log *slog.Logger) *model {
	kv := e.kv()
	maxRunning := c.MaxRunning
	if kv.NStates > 0 { // of which every running request has one
		maxRunning = min(maxRunning, kv.NStates)
	}
	nKept := pagesKept(kv, e.pooling(), len(c.Heads) > 0)
	nPages := kv.NPages - nKept
	return &model{
		name:      name,
		nCtx:      min(e.nCtx(), nPages*kv.PageTokens),
		nClassify: nKept * kv.PageTokens,
		info:      serve.Info{Name: name, NCtx: min(e.nCtx(), nPages*kv.PageTokens), Loaded: true, Dim: e.dim()},
		engine:    e,
		chat:      chat,
		log:       log,
		sched: sched.New(e, sched.Options{
			QueueSize:    c.QueueSize,
			MaxRunning:   maxRunning,
			PrefillChunk: c.PrefillChunk,
			NPages:       nPages,
			PageTokens:   kv.PageTokens,
			NCtx:         e.nCtx(),
			Speculate:    kv.NStates == 0, // a recurrent state cannot be cut back
		}),
	}
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
	}
	if m.info.ChatTemplate != "" {
		o.TemplateSHA256 = fmt.Sprintf("%x", sha256.Sum256([]byte(m.info.ChatTemplate)))
	}
	return o
}

// describe returns what models with these properties are called in lists.
func (m *model) describe(info runtime.Info, h header) serve.Info {
	out := serve.Info{
		Name:            m.name,
		Modified:        h.modified,
		Bytes:           info.FileBytes,
		SHA256:          hex.EncodeToString(m.sum),
		Architecture:    info.Architecture,
		NParams:         info.NParams,
		Quantisation:    info.Quantisation,
		License:         info.License,
		NCtxTrain:       info.NCtxTrain,
		NCtx:            m.nCtx,
		Dim:             info.Dim,
		ChatTemplate:    h.chatTemplate,
		HasChatTemplate: info.HasChatTemplate,
		Loaded:          true,
		MemoryBytes:     info.Memory.TotalBytes(),
	}
	if info.Pooling != "" { // other than of an answer, it is not shared
		out.NCtx = m.engine.nCtx()
	}
	switch info.Pooling {
	case "":
		out.Capabilities = append(out.Capabilities, serve.Completion)
	case "rank":
		out.Capabilities = append(out.Capabilities, serve.Rerank)
	default:
		out.Capabilities = append(out.Capabilities, serve.Embedding)
	}
	if m.chat.reply.TakesTools {
		out.Capabilities = append(out.Capabilities, serve.Tools)
	}
	return out
}

// ChatPrompt implements serve.Model.
func (m *model) ChatPrompt(c serve.Conversation) ([]runtime.Token, error) {
	return m.chat.prompt(c)
}

// ReplyFormat implements serve.Model.
func (m *model) ReplyFormat() serve.ReplyFormat { return m.chat.reply }

// loadModel reads a model file and all that is needed to serve it.
func loadModel(path string, c Config, turn *sync.Mutex, log *slog.Logger) (*model, error) {
	start := time.Now()
	header, err := readHeader(path)
	if err != nil {
		return nil, err
	}
	// The sum and the weights are the same bytes: reading them together reads
	// the disk once.
	var sum []byte
	var sumErr error
	var summing sync.WaitGroup
	summing.Go(func() { sum, sumErr = sumFiles(header.paths) })
	e, err := loadEngine(path, c, turn)
	summing.Wait()
	if err := errors.Join(err, sumErr); err != nil {
		if e != nil {
			e.close()
		}
		return nil, err
	}
	m := newModel(modelName(path), e, newChatFormat(e.tokenizer(), header.chatTemplate), c, log)
	m.created = header.modified
	info := e.Info()
	m.sum = sum
	m.fingerprint = fingerprint(sum, info.Memory.KVType)
	m.info = m.describe(info, header)
	log.Info("model loaded", "model", m.name, "architecture", info.Architecture,
		"quantisation", info.Quantisation, "n_ctx", m.NCtx(), "kv_pages", e.KV().NPages,
		"threads", e.Threads().N, "threads_reason", e.Threads().Reason,
		"sha256", hex.EncodeToString(sum), "duration", time.Since(start))
	if m.chat.broken != nil {
		log.Warn("chat template cannot be used", "model", m.name, "err", m.chat.broken)
	}
	return m, nil
}

// header is what the daemon itself reads of a model file.
type header struct {
	paths        []string // all parts
	modified     time.Time
	chatTemplate string // empty if there is none
}

func readHeader(path string) (header, error) {
	f, err := gguf.Open(path)
	if err != nil {
		return header{}, err
	}
	defer f.Close()
	h := header{paths: f.Paths()}
	h.chatTemplate, err = f.String("tokenizer.chat_template")
	if err != nil && !errors.Is(err, gguf.ErrNoKey) {
		return header{}, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return header{}, err
	}
	h.modified = info.ModTime()
	return h, nil
}

// sumFiles returns the SHA-256 of all parts of a model, one after another.
func sumFiles(paths []string) ([]byte, error) {
	h := sha256.New()
	for _, path := range paths {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		_, err = io.Copy(h, f)
		_ = f.Close()
		if err != nil {
			return nil, err
		}
	}
	return h.Sum(nil), nil
}

// fingerprint names everything that decides an answer's bits besides the
// request: the model, the arithmetic, and the precision of keys and values.
func fingerprint(modelSum []byte, kvType string) string {
	h := sha256.New()
	_, _ = fmt.Fprintf(h, "%x contract %d cpu kv %s", modelSum, kernels.ContractVersion, kvType)
	return "fp_" + hex.EncodeToString(h.Sum(nil)[:8])
}

var partSuffix = regexp.MustCompile(`-\d{5}-of-\d{5}$`)

// modelName is the name that requests use: the file's, without its ending and
// part number.
func modelName(path string) string {
	name := filepath.Base(path)
	if ext := filepath.Ext(name); ext == ".gguf" {
		name = name[:len(name)-len(ext)]
	}
	return partSuffix.ReplaceAllString(name, "")
}

// loadModels loads what the configuration names, or nothing.
func loadModels(ctx context.Context, c Config, log *slog.Logger) ([]*model, error) {
	if len(c.Models) == 0 {
		return nil, errNoModel
	}
	var models []*model
	turn := new(sync.Mutex)
	byName := map[string]string{}
	for _, path := range c.Models {
		err := ctx.Err()
		if other, taken := byName[modelName(path)]; taken && err == nil {
			err = fmt.Errorf("models %q and %q have the same name", other, path)
		}
		byName[modelName(path)] = path
		var m *model
		if err == nil {
			m, err = loadModel(path, c, turn, log)
		}
		if err != nil {
			closeModels(models)
			return nil, err
		}
		models = append(models, m)
	}
	return models, nil
}

func closeModels(models []*model) {
	for _, m := range models {
		m.engine.close()
	}
}

var errNoModel = errors.New("no model to serve: name a GGUF file with --model")
