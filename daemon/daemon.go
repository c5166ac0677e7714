package daemon

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"inferd/daemon/anthropic"
	"inferd/daemon/auth"
	"inferd/daemon/demo"
	"inferd/daemon/journal"
	"inferd/daemon/ollama"
	"inferd/daemon/openai"
	"inferd/daemon/serve"
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
// within c.DrainTimeout. It returns nil after an orderly end; all that it
// started has ended when it returns.
func Run(ctx context.Context, c Config) error {
	log := slog.New(newLogHandler(c.LogLevel))
	n := &notifier{log: log}
	l, err := listen(c)
	if err != nil {
		return err
	}
	n.setStatus("loading " + strings.Join(c.Models, ", "))
	models, err := loadAll(ctx, c, log)
	if err != nil {
		_ = l.Close()
		return err
	}
	defer closeModels(models)
	heads, err := loadHeads(c.Heads, models, log)
	if err != nil {
		_ = l.Close()
		return err
	}
	d := newDaemon(c, models, log)
	d.heads = heads
	return d.serve(ctx, l, n)
}

// newLogHandler writes to the journal, with fields, where standard error leads
// there, else to standard error.
func newLogHandler(level slog.Level) slog.Handler {
	if journal.Available() {
		return journal.NewHandler(level)
	}
	return slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level})
}

// loadAll loads what the configuration names, and the program's own model if
// it asks for that.
func loadAll(ctx context.Context, c Config, log *slog.Logger) ([]*model, error) {
	if !c.Demo {
		return loadModels(ctx, c, log)
	}
	dir, err := os.MkdirTemp("", "inferd-demo-")
	if err != nil {
		return nil, fmt.Errorf("unpack the demo model: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }() // a loaded model needs its file no more
	path, err := demo.Write(dir)
	if err != nil {
		return nil, err
	}
	c.Models = append([]string{path}, c.Models...)
	return loadModels(ctx, c, log)
}

// listen takes the socket that systemd passes, or makes one.
func listen(c Config) (net.Listener, error) {
	l, err := transport.Activated()
	if l != nil || err != nil {
		return l, err
	}
	return transport.Listen(c.Socket)
}

// daemon is loaded models and the server before them.
type daemon struct {
	config   Config
	models   []*model
	heads    []*classifier
	server   *transport.Server
	stopping atomic.Bool
	log      *slog.Logger
}

var _ serve.Service = (*daemon)(nil)

func newDaemon(c Config, models []*model, log *slog.Logger) *daemon {
	d := &daemon{config: c, models: models, log: log}
	router := wire.NewRouter(log, ollama.New(d, log), anthropic.New(d, log), openai.New(d, log))
	d.server = transport.NewServer(transport.Options{
		Handler:          router,
		Policy:           auth.Default,
		Refuse:           router.Refuse,
		MaxBodyBytes:     int64(c.MaxBody),
		MaxBodiesPerUser: bodiesPerUser * int64(c.MaxBody),
		MaxConnsPerUser:  c.MaxConns,
		WriteTimeout:     c.WriteTimeout,
		Log:              log,
	})
	return d
}

// Find implements serve.Service.
func (d *daemon) Find(ctx context.Context, w serve.Want) (serve.Model, func(), error) {
	for _, m := range d.models {
		if m.name != w.Model {
			continue
		}
		if len(w.Adapters) > 0 {
			return nil, nil, &serve.UnknownError{What: "adapter", Name: w.Adapters[0].Name}
		}
		return m, func() {}, nil
	}
	return nil, nil, serve.Unknown("model", w.Model, d.Models(ctx))
}

// Models implements serve.Service.
func (d *daemon) Models(context.Context) []serve.Info {
	list := make([]serve.Info, len(d.models))
	for i, m := range d.models {
		list[i] = m.Info()
	}
	return list
}

// Stopping implements serve.Service.
func (d *daemon) Stopping() bool { return d.stopping.Load() }

// serve answers requests on l until ctx ends, then drains.
func (d *daemon) serve(ctx context.Context, l net.Listener, n *notifier) error {
	var running sync.WaitGroup
	defer running.Wait()

	schedCtx, stopSched := context.WithCancel(context.WithoutCancel(ctx))
	defer stopSched()
	for _, m := range d.models {
		running.Go(func() { m.sched.Run(schedCtx) })
	}
	served := make(chan error, 1)
	running.Go(func() { served <- d.server.Serve(l) })

	d.log.Info("ready", "socket", l.Addr().String(), "models", len(d.models))
	n.send("READY=1")
	beats, stopBeats := context.WithCancel(schedCtx)
	defer stopBeats()
	var beating sync.WaitGroup
	beating.Go(func() { n.heartbeat(beats, d.status, d.alive) })

	var err error
	select {
	case <-ctx.Done():
	case err = <-served: // nothing can be accepted any more
		err = fmt.Errorf("serve: %w", err)
	}
	d.stopping.Store(true)
	n.send("STOPPING=1")
	d.drain()
	stopSched()
	beating.Wait()
	n.setStatus("stopped")

	closeCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer cancel()
	if shutdownErr := d.server.Shutdown(closeCtx); shutdownErr != nil {
		d.log.Warn("connections are cut off", "err", shutdownErr)
	}
	return err
}

// drain refuses new requests and waits for those that are in, up to the
// configured time.
func (d *daemon) drain() {
	timeout := time.NewTimer(d.config.DrainTimeout)
	defer timeout.Stop()
	d.log.Info("stopping", "requests", d.nRequests(), "timeout", d.config.DrainTimeout)
	for _, m := range d.models {
		m.sched.Stop()
	}
	for _, m := range d.models {
		select {
		case <-m.sched.Stop():
		case <-timeout.C:
			d.log.Warn("answers are cut off", "requests", d.nRequests())
			return
		}
	}
}

func (d *daemon) nRequests() int {
	n := 0
	for _, m := range d.models {
		n += m.sched.NRequests()
	}
	return n
}

// status is the line that systemctl status shows.
func (d *daemon) status() string {
	parts := make([]string, len(d.models))
	for i, m := range d.models {
		parts[i] = fmt.Sprintf("%s: %d requests", m.name, m.sched.NRequests())
	}
	return strings.Join(parts, ", ")
}

// alive returns nil if every model's scheduler is idle or gets ahead.
func (d *daemon) alive(ctx context.Context) error {
	for _, m := range d.models {
		if err := m.sched.Ping(ctx); err != nil {
			return err
		}
	}
	return nil
}
