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
	"sync"
	"sync/atomic"
	"time"

	"inferd/daemon/prompt"
	"inferd/daemon/serve"
	"inferd/daemon/store"
	"inferd/runtime/head"
	"inferd/tokenizer/chat"
	"inferd/tokenizer/reply"
)

// loader loads models as the configuration says.
type loader struct {
	config   Config
	heads    []namedHead // that the configuration names
	turn     sync.Mutex  // held during a step: models take turns at the CPUs
	progress atomic.Int64
	seen     int64 // progress when alive looked last
}

// load reads a verified model and all that is needed to serve it. What it returns
// is of that version, or the error is store.ErrChanged.
func (l *loader) load(ctx context.Context, v *store.Model, kvBytes int64, log *slog.Logger) (*model, error) {
	start := time.Now()
	f, err := v.Open()
	if err != nil {
		return nil, err
	}
	defer f.Close()
	// The sum and the weights are the same bytes: reading them together reads
	// the disk once.
	sum, sumErr := v.Sum(), error(nil)
	var summing sync.WaitGroup
	if sum == "" {
		summing.Go(func() { sum, sumErr = sumFiles(ctx, f.Files()) })
	}
	o := v.Plan
	o.KVBytes = kvBytes
	o.Progress = func(int64, int64) { l.progress.Add(1) }
	o.Context = ctx
	e, err := loadEngine(f, o, &l.turn)
	summing.Wait()
	// A file that changed explains all other errors.
	if err := errors.Join(v.Check(f), err, sumErr); err != nil {
		if e != nil {
			e.close()
		}
		return nil, err
	}
	v.SetSum(sum)
	m, err := l.build(ctx, v, e, log)
	if err != nil {
		e.close()
		return nil, err
	}
	info := e.Info()
	log.Info("model loaded", "model", m.name, "architecture", info.Architecture,
		"quantisation", info.Quantisation, "n_ctx", m.NCtx(), "kv_pages", e.KV().NPages,
		"threads", e.Threads().N, "threads_reason", e.Threads().Reason,
		"sha256", sum, "duration", time.Since(start))
	if m.chat.Broken != nil {
		log.Warn("chat template cannot be used", "model", m.name, "err", m.chat.Broken)
	}
	return m, nil
}

// alive returns an error if loading, which is at work, has not got ahead since the
// last call. It belongs to one goroutine.
func (l *loader) alive(atWork bool) error {
	now := l.progress.Load()
	stuck := atWork && now == l.seen
	l.seen = now
	if stuck {
		return errors.New("a model that is being loaded gets no further")
	}
	return nil
}

// build makes a model of an engine, with its adapters and heads.
func (l *loader) build(ctx context.Context, v *store.Model, e *runtimeEngine, log *slog.Logger) (_ *model, err error) {
	heads, err := l.headsOf(v, e.dim())
	if err != nil {
		return nil, err
	}
	m := newModel(v.Name, e, prompt.New(e.tokenizer(), v.ChatTemplate), l.config, log)
	m.heads = heads
	m.created = v.Modified
	m.fingerprint = fingerprint(v.Sum(), e.Info().Memory.KVType)
	for _, a := range v.Settings.Adapters {
		loaded, err := loadAdapter(ctx, v, e, a)
		if err != nil {
			for _, a := range m.known {
				a.lora.Close()
			}
			return nil, err
		}
		m.known = append(m.known, loaded)
	}
	m.info = infoOf(v)
	m.info.NCtx, m.info.Loaded, m.info.MemoryBytes = m.nCtx, true, e.Info().Memory.TotalBytes()
	return m, nil
}

// loadAdapter loads an adapter that a model's settings name.
func loadAdapter(ctx context.Context, v *store.Model, e *runtimeEngine, a store.Adapter) (loadedAdapter, error) {
	f, err := v.OpenBeside(a.File)
	if err != nil {
		return loadedAdapter{}, err
	}
	defer f.Close()
	lora, err := e.LoadAdapterFile(f)
	if err != nil {
		return loadedAdapter{}, err
	}
	sum, err := sumFiles(ctx, f.Files())
	if err := errors.Join(err, v.CheckBeside(a.File, f)); err != nil {
		lora.Close()
		return loadedAdapter{}, err
	}
	return loadedAdapter{serve.Adapter{Name: a.Name, Scale: a.Scale}, lora, sum, a.Default}, nil
}

// headsOf reads the heads beside a model, and finds those of the configuration
// that belong to it.
func (l *loader) headsOf(v *store.Model, dim int) (map[string]*head.Head, error) {
	heads := map[string]*head.Head{}
	for _, h := range l.heads {
		if h.Fits(v.Sum(), dim) == nil {
			heads[h.name] = h.Head
		}
	}
	for _, file := range v.Settings.Heads {
		f, err := v.OpenBeside(file)
		if err != nil {
			return nil, err
		}
		h, err := head.OpenFile(f)
		err = errors.Join(v.CheckBeside(file, f), err)
		_ = f.Close()
		if err == nil {
			err = h.Fits(v.Sum(), dim)
		}
		if err != nil {
			return nil, fmt.Errorf("head %s: %w", file, err)
		}
		heads[store.NameOf(file)] = h
	}
	return heads, nil
}

// sumFiles returns the SHA-256 of files, one after another, in hexadecimal.
func sumFiles(ctx context.Context, files []*os.File) (string, error) {
	h := sha256.New()
	for _, f := range files {
		info, err := f.Stat()
		if err != nil {
			return "", err
		}
		if _, err := io.Copy(h, store.Reader(ctx, f, info.Size())); err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// infoOf describes a model that is not loaded.
func infoOf(v *store.Model) serve.Info {
	i := v.Info
	info := serve.Info{
		Name:            v.Name,
		Aliases:         v.Settings.Aliases,
		Modified:        v.Modified,
		Bytes:           i.FileBytes,
		SHA256:          v.Sum(),
		Architecture:    i.Architecture,
		NParams:         i.NParams,
		Quantisation:    i.Quantisation,
		License:         i.License,
		NCtxTrain:       i.NCtxTrain,
		Dim:             i.Dim,
		ChatTemplate:    v.ChatTemplate,
		HasChatTemplate: v.ChatTemplate != "",
		Capabilities:    capabilities(i.Pooling, v.ChatTemplate),
		Sampling:        v.Settings.Sampling,
		MemoryBytes:     i.Memory.TotalBytes(),
	}
	for _, a := range v.Settings.Adapters {
		info.Adapters = append(info.Adapters, a.Name)
	}
	return info
}

// capabilities tells what a model with a kind of pooling and a chat template is
// good for.
func capabilities(pooling, template string) []serve.Capability {
	switch pooling {
	case "":
	case "rank":
		return []serve.Capability{serve.Rerank}
	default:
		return []serve.Capability{serve.Embedding}
	}
	list := []serve.Capability{serve.Completion}
	format := reply.Detect(template)
	if t, err := chat.Parse(template); err == nil && template != "" && t.Reads("tools") && format.HasCalls() {
		list = append(list, serve.Tools)
	}
	if format.HasReasoning() {
		list = append(list, serve.Thinking)
	}
	return list
}
