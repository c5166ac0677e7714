package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"inferd/daemon/admin"
	"inferd/daemon/anthropic"
	"inferd/daemon/auth"
	"inferd/daemon/journal"
	"inferd/daemon/ollama"
	"inferd/daemon/openai"
	"inferd/daemon/private"
	"inferd/daemon/sched"
	"inferd/daemon/serve"
	"inferd/daemon/store"
	"inferd/daemon/transport"
	"inferd/daemon/wire"
)

// closeTimeout is how long connections may take to end once their answers
// have: the rest of an answer is in a buffer by then.
const closeTimeout = 5 * time.Second

// bodiesPerUser is how many bodies of the largest size a user's requests may
// hold at once. Most bodies are a thousand times smaller.
const bodiesPerUser = 4

// Run serves what c says until ctx ends, then lets running answers finish
// within c.DrainTimeout. On SIGHUP it goes on with what reload returns. It
// returns nil after an orderly end; all that it started has ended when it
// returns.
func Run(ctx context.Context, c Config, reload func() (Config, error)) error {
	if err := c.Check(); err != nil {
		return err
	}
	log := slog.New(newLogHandler(c.LogLevel))
	n := &notifier{log: log}
	sockets, activated, err := listen(c)
	if err != nil {
		return err
	}
	d := newDaemon(c, log)
	defer d.close()
	if err := d.loadFirst(ctx, n); err != nil {
		closeSockets(sockets)
		return err
	}
	if activated {
		d.idleExit = c.IdleExit
	}
	d.reload = reload
	return d.serve(ctx, sockets, n)
}

// newLogHandler writes to the journal, with fields, where standard error leads
// there, else to standard error.
func newLogHandler(level slog.Level) slog.Handler {
	if journal.Available() {
		return journal.NewHandler(level)
	}
	return slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level})
}

// listen takes the sockets that systemd passes, or makes them.
func listen(c Config) (p transport.Passed, activated bool, err error) {
	if p, err = transport.Activated(); p.API != nil || err != nil {
		return p, true, err
	}
	if p.API, err = transport.Listen(c.Socket, transport.ProgramsMode); err != nil {
		return p, false, err
	}
	if p.Admin, err = transport.Listen(c.adminSocket(), transport.AdminMode); err != nil {
		closeSockets(p)
	}
	return p, false, err
}

func closeSockets(p transport.Passed) {
	_ = p.API.Close()
	if p.Admin != nil {
		_ = p.Admin.Close()
	}
}

// daemon is the models and the server before them.
type daemon struct {
	config   atomic.Pointer[Config]
	known    knownModels
	store    *store.Store // is known, save in tests
	registry *registry
	loader   *loader
	server   *transport.Server
	admins   *transport.Server
	observer *observer
	started  time.Time
	stopping atomic.Bool
	log      *slog.Logger

	endAnswers context.CancelFunc // cuts off what is left of all answers

	reloading sync.Mutex // held while the configuration changes

	reload   func() (Config, error) // nil: the configuration stays
	idleExit time.Duration          // 0: never
	activity activity

	forgetter *private.Forgetter
}

var _ serve.Service = (*daemon)(nil)

// newDaemon returns a daemon that knows no models yet.
func newDaemon(c Config, log *slog.Logger) *daemon {
	d := &daemon{loader: &loader{config: c}, observer: newObserver(), started: time.Now(), log: log}
	d.forgetter = private.NewForgetter(d.forgetPrompts)
	d.config.Store(&c)
	d.observer.key.Store(c.AuditKey)
	d.store = store.New(storeOptions(&c), func(name string) { d.registry.update(name) }, log)
	d.known = d.store
	ctx, end := context.WithCancel(context.Background())
	d.endAnswers = end
	d.registry = newRegistry(ctx, c, d.known, log)
	d.registry.memory = systemMemory
	d.registry.load = func(v *store.Model, kvBytes int64) (*model, error) { return d.loader.load(ctx, v, kvBytes, log) }
	d.registry.observer = d.observer
	d.gauges()
	d.server = d.newServer(wire.NewRouter(log, ollama.New(d, log), anthropic.New(d, log), openai.New(d, log)))
	d.admins = d.newServer(wire.NewRouter(log, admin.New(d, &d.observer.registry)))
	return d
}

// newServer returns a server of a socket.
func (d *daemon) newServer(router *wire.Router) *transport.Server {
	c := d.config.Load()
	return transport.NewServer(transport.Options{
		Handler:          d.activity.watch(router),
		Policy:           d.grant,
		Refuse:           router.Refuse,
		Ended:            d.forgetter.Soon,
		MaxBodyBytes:     int64(c.MaxBody),
		MaxBodiesPerUser: bodiesPerUser * int64(c.MaxBody),
		MaxConnsPerUser:  c.MaxConns,
		WriteTimeout:     c.WriteTimeout,
		Log:              d.log,
	})
}

// grant is the policy of the configuration.
func (d *daemon) grant(p auth.Peer) auth.Grant {
	if policy := d.config.Load().Policy; policy != nil {
		return policy(p)
	}
	return auth.Default(p)
}

// loadFirst finds the models and loads those that are to be there from the
// start, which the service manager is told of meanwhile.
func (d *daemon) loadFirst(ctx context.Context, n *notifier) (err error) {
	c := d.config.Load()
	if err := checkNames(c); err != nil {
		return err
	}
	if d.loader.heads, err = readHeads(c.Heads); err != nil {
		return err
	}
	told, stop := context.WithCancel(ctx)
	var telling sync.WaitGroup
	defer telling.Wait()
	defer stop()
	telling.Go(func() { n.extend(told, d.loader.progress.Load) })
	d.store.Scan(ctx)
	for _, entry := range d.store.Entries() {
		if entry.Problem != nil && d.isNamed(entry.Name) {
			return entry.Problem
		}
	}
	if err := d.registry.preload(ctx); err != nil {
		return err
	}
	freeMemory() // what looking at the files took
	return d.checkHeads()
}

// checkNames refuses two models of one name.
func checkNames(c *Config) error {
	paths := map[string]string{}
	for _, path := range c.Models {
		name := store.NameOf(path)
		if other, taken := paths[name]; taken {
			return fmt.Errorf("models %q and %q have the same name", other, path)
		}
		paths[name] = path
	}
	return nil
}

// isNamed reports whether the configuration names a model.
func (d *daemon) isNamed(name string) bool {
	for _, n := range storeOptions(d.config.Load()).Named {
		if store.NameOf(n.Path) == name {
			return true
		}
	}
	return false
}

// close unloads all models. Every answer must have ended.
func (d *daemon) close() {
	d.endAnswers()
	d.registry.close()
}

// Stopping implements serve.Service.
func (d *daemon) Stopping() bool { return d.stopping.Load() }

// serve answers requests until ctx ends, then drains.
func (d *daemon) serve(ctx context.Context, sockets transport.Passed, n *notifier) error {
	var running sync.WaitGroup
	defer running.Wait()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	served := make(chan error, 2)
	running.Go(func() { served <- d.server.Serve(sockets.API) })
	if sockets.Admin != nil {
		running.Go(func() { served <- d.admins.Serve(sockets.Admin) })
	}
	if d.store != nil {
		running.Go(func() { d.store.Run(ctx) })
	}
	running.Go(func() { d.watchMemory(ctx) })
	running.Go(func() { d.forgetter.Run(ctx) })
	running.Go(func() { d.watchPrompts(ctx) })
	running.Go(func() { d.watchSignals(ctx, n) })
	running.Go(func() {
		if d.waitIdle(ctx) {
			stop()
		}
	})

	d.log.Info("ready", "socket", sockets.API.Addr().String(), "models", len(d.registry.loaded()))
	n.send("READY=1")
	beats, stopBeats := context.WithCancel(context.WithoutCancel(ctx))
	defer stopBeats()
	var beating sync.WaitGroup
	beating.Go(func() { n.heartbeat(beats, d.status, d.alive) })

	var err error
	select {
	case <-ctx.Done():
	case err = <-served: // nothing can be accepted any more
		err = fmt.Errorf("serve: %w", err)
		stop()
	}
	d.stopping.Store(true)
	n.send("STOPPING=1")
	d.drain()
	d.endAnswers()
	stopBeats()
	beating.Wait()
	n.setStatus("stopped")

	closeCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer cancel()
	if shutdownErr := errors.Join(d.server.Shutdown(closeCtx), d.admins.Shutdown(closeCtx)); shutdownErr != nil {
		d.log.Warn("connections are cut off", "err", shutdownErr)
	}
	return err
}

// drain refuses new requests and waits for those that are in, up to the
// configured time.
func (d *daemon) drain() {
	timeout := d.config.Load().DrainTimeout
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	d.log.Info("stopping", "requests", d.nRequests(), "timeout", timeout)
	d.registry.stopLoading()
	loaded := d.registry.loaded()
	for _, m := range loaded {
		m.sched.Stop()
	}
	for _, m := range loaded {
		select {
		case <-m.sched.Stop():
		case <-timer.C:
			d.log.Warn("answers are cut off", "requests", d.nRequests())
			return
		}
	}
}

func (d *daemon) nRequests() int {
	n := 0
	for _, m := range d.registry.loaded() {
		n += m.sched.NRequests()
	}
	return n
}

// status is the line that systemctl status shows.
func (d *daemon) status() string {
	var parts []string
	for _, m := range d.registry.loaded() {
		parts = append(parts, fmt.Sprintf("%s: %d requests", m.name, m.sched.NRequests()))
	}
	if name := d.registry.loading(); name != "" {
		parts = append(parts, "loading "+name)
	}
	if len(parts) == 0 {
		return fmt.Sprintf("idle, %d models known", len(d.known.Entries()))
	}
	return strings.Join(parts, ", ")
}

// alive returns nil if every model's scheduler is idle or gets ahead, and so does
// loading.
func (d *daemon) alive(ctx context.Context) error {
	for _, m := range d.registry.loaded() {
		if err := m.sched.Ping(ctx); err != nil && !errors.Is(err, sched.ErrStopping) {
			return err
		}
	}
	return d.loader.alive(d.registry.inLoad.Load())
}
