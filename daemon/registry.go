package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"inferd/daemon/serve"
	"inferd/daemon/store"
)

// registry keeps the models that are loaded. A model is loaded when a request
// asks for it and stays for a while after the last one; it is unloaded only
// while nobody uses it. Its methods are safe for concurrent use.
type registry struct {
	known  knownModels
	load   func(v *store.Model, kvBytes int64) (*model, error)
	memory func() (available, used int64, err error) // bytes the process can still take, and has
	log    *slog.Logger

	observer *observer // that models report to; nil for none

	ctx     context.Context // of schedulers; ends when all answers have
	running sync.WaitGroup  // loads, unloads and schedulers
	turn    chan struct{}   // holds a token while a model is loaded
	inLoad  atomic.Bool     // load is at work
	infos   infoCache

	mu      sync.Mutex // guards the fields that follow
	config  Config
	slots   map[string]*slot   // that new requests get, by name
	retired map[*slot]struct{} // that only running requests have, or that are being unloaded
	stopped bool
}

// knownModels are the models that could be loaded. *store.Store is the real one.
type knownModels interface {
	Find(name string) (store.Entry, bool)
	Entries() []store.Entry
	Poke()
}

// slot is a version of a model on its way through memory.
type slot struct {
	name    string
	version *store.Model
	ready   chan struct{} // closed when model or err is set
	gone    chan struct{} // closed when its memory is free again
	model   *model
	err     error
	stop    context.CancelFunc // of the scheduler
	ended   chan struct{}      // closed when the scheduler has

	// The registry's mutex guards what follows.
	bytes     int64 // taken, or spoken for
	nUsers    int
	used      time.Time // when the last user left
	keepAlive time.Duration
	expiry    *time.Timer
}

func newRegistry(ctx context.Context, c Config, known knownModels, log *slog.Logger) *registry {
	return &registry{
		known:   known,
		log:     log,
		ctx:     ctx,
		turn:    make(chan struct{}, 1),
		config:  c,
		slots:   map[string]*slot{},
		retired: map[*slot]struct{}{},
	}
}

// pinned reports whether a model must stay.
func pinned(v *store.Model) bool { return v.Named || v.Settings.Pin }

// maxChanged is how often a model whose file is replaced while it is loaded is
// looked at again before a request gives up.
const maxChanged = 20

// acquire returns the slot of a name with its model loaded. leave must follow.
func (r *registry) acquire(ctx context.Context, name string, keepAlive *time.Duration) (*slot, error) {
	for try := 1; ; try++ {
		s, err := r.enter(name)
		if err != nil {
			return nil, err
		}
		select {
		case <-s.ready:
		case <-ctx.Done():
			r.leave(s)
			return nil, ctx.Err()
		}
		if s.err == nil {
			r.keep(s, keepAlive)
			return s, nil
		}
		r.leave(s)
		if !errors.Is(s.err, store.ErrChanged) || try == maxChanged {
			return nil, s.err
		}
		r.known.Poke()
		select {
		case <-time.After(changedPause):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// changedPause is what the store needs to see that a file is another one.
const changedPause = 250 * time.Millisecond

// enter makes the caller a user of the slot that a name has now. If it has none
// for the model's current version, loading begins.
func (r *registry) enter(name string) (*slot, error) {
	entry, ok := r.known.Find(name)
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.slots[name]
	_, unlicensed := errors.AsType[*store.LicenseError](entry.Problem)
	switch {
	case r.stopped:
		return nil, serve.ErrStopping
	case !ok:
		return nil, &serve.UnknownError{What: "model", Name: name}
	case unlicensed:
		return nil, &serve.ForbiddenError{Model: name, Reason: entry.Problem.Error()}
	case entry.Problem != nil && s == nil:
		return nil, &serve.LoadError{Model: name, Err: entry.Problem}
	case entry.Problem == nil && (s == nil || s.version != entry.Model):
		if s != nil {
			r.retireLocked(s)
		}
		s = &slot{name: name, version: entry.Model, ready: make(chan struct{}), gone: make(chan struct{})}
		r.slots[name] = s
		r.running.Go(func() { r.fill(s) })
	}
	s.nUsers++
	if s.expiry != nil {
		s.expiry.Stop()
	}
	return s, nil
}

// keep notes how long a request wants its model to stay after it.
func (r *registry) keep(s *slot, keepAlive *time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case pinned(s.version):
		s.keepAlive = serve.Forever
	case keepAlive != nil:
		s.keepAlive = *keepAlive
	case s.version.Settings.KeepAlive != nil:
		s.keepAlive = *s.version.Settings.KeepAlive
	default:
		s.keepAlive = r.config.KeepAlive
	}
}

// leave ends one use of a slot.
func (r *registry) leave(s *slot) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s.nUsers--
	s.used = time.Now()
	if s.nUsers > 0 {
		return
	}
	if _, retired := r.retired[s]; retired {
		r.unloadLocked(s)
		return
	}
	if r.slots[s.name] != s {
		return // its load has failed
	}
	switch {
	case s.keepAlive == 0:
		r.retireLocked(s)
	case s.keepAlive > 0:
		s.expiry = time.AfterFunc(s.keepAlive, func() { r.expire(s) })
	}
}

// expire unloads a slot that nobody has used for its time.
func (r *registry) expire(s *slot) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.slots[s.name] == s && s.nUsers == 0 && s.keepAlive >= 0 && time.Since(s.used) >= s.keepAlive {
		r.retireLocked(s)
	}
}

// retireLocked takes a slot from new requests; r.mu is held. It is unloaded when
// its last user leaves.
func (r *registry) retireLocked(s *slot) {
	delete(r.slots, s.name)
	r.retired[s] = struct{}{}
	if s.expiry != nil {
		s.expiry.Stop() // it would keep the model
	}
	if s.nUsers == 0 {
		r.unloadLocked(s)
	}
}

// unloadLocked begins to unload a retired slot that nobody uses, once it has been
// loaded; r.mu is held.
func (r *registry) unloadLocked(s *slot) {
	select {
	case <-s.ready:
		r.running.Go(func() { r.unload(s) })
	default: // fill sees to it
	}
}

// unload gives a slot's memory back.
func (r *registry) unload(s *slot) {
	if s.model != nil {
		<-s.model.sched.Stop() // cancelled requests leave before the next step
		s.stop()
		<-s.ended
		s.model.close()
	}
	r.mu.Lock()
	delete(r.retired, s)
	s.bytes, s.model = 0, nil
	r.mu.Unlock()
	freeMemory()
	r.log.Info("model unloaded", "model", s.name)
	close(s.gone)
}

// fill loads the model of a new slot.
func (r *registry) fill(s *slot) {
	r.turn <- struct{}{}
	defer func() { <-r.turn }()
	kvBytes, err := r.makeRoom(s)
	var m *model
	if err == nil {
		r.inLoad.Store(true)
		m, err = r.guardedLoad(s.version, kvBytes)
		r.inLoad.Store(false)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil {
		r.failLocked(s, err)
		return
	}
	m.observer = r.observer
	ctx, stop := context.WithCancel(r.ctx)
	s.model, s.stop, s.ended = m, stop, make(chan struct{})
	r.running.Go(func() {
		defer close(s.ended)
		m.sched.Run(ctx)
	})
	s.used = time.Now()
	close(s.ready)
	if _, retired := r.retired[s]; retired && s.nUsers == 0 {
		r.unloadLocked(s)
	}
}

// guardedLoad is load, in which a mistake of ours is an error: it runs on no
// request's behalf, and must not end the requests for other models.
func (r *registry) guardedLoad(v *store.Model, kvBytes int64) (m *model, err error) {
	defer func() {
		if p := recover(); p != nil {
			r.log.Error("loading panicked", "model", v.Name, "panic", fmt.Sprintf("%T", p))
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return r.load(v, kvBytes)
}

// failLocked ends a slot whose model could not be loaded; r.mu is held.
func (r *registry) failLocked(s *slot, err error) {
	if _, isMemory := errors.AsType[*serve.MemoryError](err); !isMemory {
		err = &serve.LoadError{Model: s.name, Err: err}
	}
	r.log.Error("model not loaded", "model", s.name, "err", err)
	if r.slots[s.name] == s {
		delete(r.slots, s.name)
	}
	delete(r.retired, s)
	s.err, s.bytes = err, 0
	close(s.ready)
	close(s.gone)
}

// update takes in that the store knows something else by a name.
func (r *registry) update(name string) {
	entry, ok := r.known.Find(name)
	if !ok {
		r.infos.drop(name)
	}
	r.mu.Lock()
	s := r.slots[name]
	if s != nil && (!ok || entry.Problem == nil && entry.Model != s.version) {
		r.retireLocked(s)
	}
	preload := ok && entry.Problem == nil && !r.stopped && r.wantedLocked(entry.Model) && r.slots[name] == nil
	r.mu.Unlock()
	if preload {
		r.running.Go(func() { _ = r.warm(r.ctx, name) }) // fill logs what goes wrong
	}
}

// wantedLocked reports whether a model is to be loaded without a request; r.mu is
// held.
func (r *registry) wantedLocked(v *store.Model) bool {
	return v.Named || v.Settings.Preload || r.config.preloads(v.Name)
}

// warm loads a model, as if a request had asked for it.
func (r *registry) warm(ctx context.Context, name string) error {
	s, err := r.acquire(ctx, name, nil)
	if err != nil {
		return err
	}
	r.leave(s)
	return nil
}

// preload loads the models that are to be there from the start. What goes wrong
// with one that the configuration names is an error.
func (r *registry) preload(ctx context.Context) error {
	for _, entry := range r.known.Entries() {
		r.mu.Lock()
		wanted := entry.Model != nil && r.wantedLocked(entry.Model)
		r.mu.Unlock()
		if !wanted {
			continue
		}
		if err := r.warm(ctx, entry.Name); err != nil && entry.Model.Named {
			return err
		}
	}
	return nil
}

// loaded returns the models in memory, those of the past included.
func (r *registry) loaded() []*model {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []*model
	for _, s := range r.slots {
		if s.model != nil {
			out = append(out, s.model)
		}
	}
	for s := range r.retired {
		if s.model != nil {
			out = append(out, s.model)
		}
	}
	return out
}

// residence is a model that new requests get.
type residence struct {
	name  string
	model *model
	bytes int64 // of memory
}

// current lists the models that new requests get, by name.
func (r *registry) current() []residence {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []residence
	for _, s := range r.slots {
		if s.model != nil {
			out = append(out, residence{s.name, s.model, s.bytes})
		}
	}
	slices.SortFunc(out, func(a, b residence) int { return strings.Compare(a.name, b.name) })
	return out
}

// drop unloads a model as soon as its requests have ended; the next one loads it
// again.
func (r *registry) drop(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s := r.slots[name]; s != nil {
		r.retireLocked(s)
	}
}

// loading returns the name of a model that is being loaded, "" if none is.
func (r *registry) loading() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	for name, s := range r.slots {
		if s.model == nil {
			return name
		}
	}
	return ""
}

// stopLoading refuses requests from now on. Those that have a model go on.
func (r *registry) stopLoading() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stopped = true
}

// close unloads everything. r.ctx must have ended, and with it all answers.
func (r *registry) close() {
	r.stopLoading()
	r.mu.Lock()
	for _, s := range r.slots {
		r.retireLocked(s)
	}
	r.mu.Unlock()
	r.running.Wait()
}

// setConfig changes what holds for requests from now on.
func (r *registry) setConfig(c Config) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.config = c
}
