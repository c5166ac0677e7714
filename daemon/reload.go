package daemon

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"os/signal"
	"slices"
	"sync/atomic"
	"syscall"
	"time"

	"inferd/daemon/demo"
	"inferd/daemon/memory"
	"inferd/daemon/serve"
	"inferd/daemon/store"
	"inferd/kernels"
)

// storeOptions is what the configuration says of models on disk.
func storeOptions(c *Config) store.Options {
	o := store.Options{
		Folder:   c.ModelsDir,
		Keys:     c.SigningKeys,
		Require:  c.Require,
		Licenses: c.Licenses,
		Plan:     c.plan(),
	}
	if c.Demo {
		o.Named = append(o.Named, store.Named{Path: demo.Name + ".gguf", Open: openDemo})
	}
	for _, path := range c.Models {
		o.Named = append(o.Named, store.Named{Path: path})
	}
	return o
}

// openDemo opens the model that the program carries.
func openDemo(path string) (*os.File, error) {
	if path != demo.Name+".gguf" {
		return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
	}
	return demo.Open()
}

// watchSignals reads the configuration again at each SIGHUP, until ctx ends.
func (d *daemon) watchSignals(ctx context.Context, n *notifier) {
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(hangups)
	for {
		select {
		case <-hangups:
			n.reloading()
			_ = d.reconfigure() // logged
			n.send("READY=1")
		case <-ctx.Done():
			return
		}
	}
}

// reconfigure reads the configuration and takes over what can change while
// requests run. One that is broken changes nothing; it is logged and returned.
func (d *daemon) reconfigure() error {
	d.reloading.Lock()
	defer d.reloading.Unlock()
	if d.reload == nil {
		return nil
	}
	old := d.config.Load()
	c, err := d.reload()
	if err == nil {
		err = errors.Join(c.Check(), checkNames(&c))
	}
	if err != nil {
		d.log.Error("configuration not reloaded, the old one stays", "err", err)
		return err
	}
	c, fixed := keepFixed(old, c)
	d.config.Store(&c)
	d.observer.key.Store(c.AuditKey)
	d.registry.setConfig(c)
	d.store.SetOptions(storeOptions(&c))
	d.log.Info("configuration reloaded", "needs_restart", fixed)
	return nil
}

// keepFixed returns c with the settings of old that cannot change, and the names
// of those that were to.
func keepFixed(old *Config, c Config) (Config, []string) {
	var fixed []string
	keep(&fixed, "socket", &c.Socket, old.Socket)
	keep(&fixed, "admin-socket", &c.AdminSocket, old.AdminSocket)
	keep(&fixed, "n-ctx", &c.NCtx, old.NCtx)
	keep(&fixed, "kv-budget", &c.KVBudget, old.KVBudget)
	keep(&fixed, "kv-type", &c.KVType, old.KVType)
	keep(&fixed, "threads", &c.Threads, old.Threads)
	keep(&fixed, "queue-size", &c.QueueSize, old.QueueSize)
	keep(&fixed, "max-running", &c.MaxRunning, old.MaxRunning)
	keep(&fixed, "prefill-chunk", &c.PrefillChunk, old.PrefillChunk)
	keep(&fixed, "max-body", &c.MaxBody, old.MaxBody)
	keep(&fixed, "max-conns", &c.MaxConns, old.MaxConns)
	keep(&fixed, "write-timeout", &c.WriteTimeout, old.WriteTimeout)
	keep(&fixed, "answer-timeout", &c.AnswerTimeout, old.AnswerTimeout)
	keep(&fixed, "idle-exit", &c.IdleExit, old.IdleExit)
	keep(&fixed, "log-level", &c.LogLevel, old.LogLevel)
	if !slices.Equal(c.Heads, old.Heads) {
		c.Heads = old.Heads
		fixed = append(fixed, "head")
	}
	return c, fixed
}

// keep sets what cannot change back to its old value.
func keep[T comparable](fixed *[]string, name string, now *T, old T) {
	if *now != old {
		*now = old
		*fixed = append(*fixed, name)
	}
}

// pressurePause is how long shedding memory has to work before more is shed.
const pressurePause = 2 * time.Second

// watchMemory sheds memory when the system is short of it, until ctx ends.
func (d *daemon) watchMemory(ctx context.Context) {
	p, err := (memory.System{Root: "/"}).OpenPressure(os.Getenv)
	if err != nil {
		d.log.Info("nobody tells when memory is short", "err", err)
	}
	if p == nil {
		return
	}
	defer p.Close()
	for {
		if err := p.Wait(ctx); err != nil {
			if ctx.Err() == nil {
				d.log.Warn("nobody tells any more when memory is short", "err", err)
			}
			return
		}
		d.registry.shed()
		select {
		case <-time.After(pressurePause):
		case <-ctx.Done():
			return
		}
	}
}

// promptsPause is how much longer than keep-prompts a cached prompt may stay.
const promptsPause = time.Minute

// watchPrompts has cached prompts forgotten in time, until ctx ends.
func (d *daemon) watchPrompts(ctx context.Context) {
	for {
		select {
		case <-time.After(promptsPause):
			d.forgetPrompts()
		case <-ctx.Done():
			return
		}
	}
}

// forgetPrompts clears the cached prompts that have been unused for too long.
func (d *daemon) forgetPrompts() {
	if keep := d.config.Load().KeepPrompts; keep != serve.Forever {
		for _, m := range d.registry.loaded() {
			m.engine.forget(keep)
		}
	}
}

// activity knows when the last request was there.
type activity struct {
	nIn  atomic.Int64
	last atomic.Int64 // in nanoseconds since 1970
}

// watch counts the requests of h.
func (a *activity) watch(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.nIn.Add(1)
		defer func() {
			kernels.ClearVectors() // of the text that was copied through them
			a.last.Store(time.Now().UnixNano())
			a.nIn.Add(-1)
		}()
		h.ServeHTTP(w, r)
	})
}

// waitIdle returns true when there has been no request for the time of idle-exit,
// false when ctx ends first.
func (d *daemon) waitIdle(ctx context.Context) bool {
	if d.idleExit == 0 {
		return false
	}
	d.activity.last.Store(time.Now().UnixNano())
	for {
		left := time.Until(time.Unix(0, d.activity.last.Load()).Add(d.idleExit))
		if left <= 0 && d.activity.nIn.Load() == 0 {
			d.log.Info("no request for a while, the socket starts the daemon again", "idle_exit", d.idleExit)
			return true
		}
		select {
		case <-time.After(max(left, time.Second)):
		case <-ctx.Done():
			return false
		}
	}
}
