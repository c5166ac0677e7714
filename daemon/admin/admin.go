// Package admin speaks to those who run the daemon: what it does, in numbers, and
// which models it holds. It is served on a socket of its own, and asks for the
// permission to administer besides.
//
// Nothing here tells what anybody said: users are ids, and of their requests there
// are counts.
package admin

import (
	"context"
	"errors"
	"net/http"
	"time"

	"inferd/daemon/auth"
	"inferd/daemon/metrics"
	"inferd/daemon/serve"
	"inferd/daemon/wire"
)

// Service is the daemon as this package needs it. It is safe for concurrent use.
type Service interface {
	// Status tells what goes on now.
	Status(context.Context) Status

	// Load loads a model and returns when it is there. It then stays as its
	// configuration says.
	Load(ctx context.Context, model string) error

	// Unload lets a model go once its requests have ended; those that wait
	// already are served. It does not wait for that.
	Unload(ctx context.Context, model string) error

	// Reload reads configuration and policy again. If there is a mistake in
	// them, nothing changes, and the error says where it is.
	Reload(context.Context) error

	// Ready reports why the daemon does not take requests, nil if it does.
	Ready() error
}

// Status is a moment of the daemon.
type Status struct {
	Version  string        `json:"version"`
	PID      int           `json:"pid"`
	Uptime   time.Duration `json:"uptime_ns"`
	Socket   string        `json:"socket"`
	Kernels  string        `json:"kernels"`  // level in use
	Contract int           `json:"contract"` // version of the arithmetic
	Threads  int           `json:"threads"`
	Stopping bool          `json:"stopping"`
	Privacy  Privacy       `json:"privacy"`
	Memory   Memory        `json:"memory"`
	Models   []Model       `json:"models"`
	Users    []User        `json:"users"`
}

// Privacy is whether the process keeps what was said from others, and forgets it.
type Privacy struct {
	Overwrites bool `json:"overwrites"` // memory that is freed
	Sealed     bool `json:"sealed"`     // no other process reads its memory, and nothing dumps it
}

// Memory is what the daemon has taken and may take, in bytes.
type Memory struct {
	RSS       int64  `json:"rss"`
	Models    int64  `json:"models"`
	Available int64  `json:"available"` // for more models
	Limit     int64  `json:"limit"`     // of the service; 0: the machine's
	Source    string `json:"source"`    // what the limit comes from
}

// Model is a model file, and what goes on with it if it is loaded.
type Model struct {
	Name         string    `json:"name"`
	Aliases      []string  `json:"aliases,omitempty"`
	Architecture string    `json:"architecture,omitempty"`
	Quantisation string    `json:"quantisation,omitempty"`
	License      string    `json:"license,omitempty"`
	SHA256       string    `json:"sha256,omitempty"`
	NParams      int64     `json:"parameters,omitempty"`
	FileBytes    int64     `json:"file_bytes"`
	Problem      string    `json:"problem,omitempty"` // why it cannot be used
	Loaded       bool      `json:"loaded"`
	Loading      bool      `json:"loading"`
	MemoryBytes  int64     `json:"memory_bytes"`
	Expires      time.Time `json:"expires,omitzero"` // zero: not at all
	NCtx         int       `json:"n_ctx,omitempty"`

	Waiting    int   `json:"waiting"` // requests
	Running    int   `json:"running"`
	KVPages    int   `json:"kv_pages"`
	KVUsed     int   `json:"kv_pages_used"`   // by running requests
	KVCached   int   `json:"kv_pages_cached"` // prompts that may come again
	NPrompt    int64 `json:"prompt_tokens"`   // since the start
	NReused    int64 `json:"cached_tokens"`
	NGenerated int64 `json:"completion_tokens"`
	NGuessed   int64 `json:"guessed_tokens"` // computed before it was known that they follow
	NRight     int64 `json:"right_guessed_tokens"`
}

// User is somebody who has asked something since the start.
type User struct {
	UID        uint32 `json:"uid"`
	NRequests  int64  `json:"requests"`
	NPrompt    int64  `json:"prompt_tokens"`
	NGenerated int64  `json:"completion_tokens"`
	KV         UserKV `json:"kv"`
}

// UserKV is what a user has of the KV caches of all models, in bytes.
type UserKV struct {
	Used     int64 `json:"used"`     // by running requests
	Cached   int64 `json:"cached"`   // prompts that may come again
	Reserved int64 `json:"reserved"` // that others leave to it
}

// api is what the handlers share.
type api struct {
	service  Service
	registry *metrics.Registry
}

// New returns the format over a service.
func New(s Service, r *metrics.Registry) wire.Format {
	a := &api{s, r}
	return wire.Format{
		Routes: []wire.Route{
			wire.Get("/health", 0, a.health),
			wire.Get("/ready", 0, a.ready),
			wire.Get("/metrics", auth.Administer, a.metrics),
			wire.Get("/status", auth.Administer, a.status),
			wire.Post("/load", auth.Administer, a.load),
			wire.Post("/unload", auth.Administer, a.unload),
			wire.Post("/reload", auth.Administer, a.reload),
		},
		WriteFault: func(w http.ResponseWriter, _ *http.Request, f *serve.Fault) {
			wire.WriteFault(w, f, map[string]any{"error": map[string]string{"message": f.Message, "code": f.Code}})
		},
	}
}

// ok is the answer where there is nothing to tell.
func ok(w http.ResponseWriter) error {
	wire.WriteJSON(w, http.StatusOK, map[string]string{"status": "ok"})
	return nil
}

// health says that the process answers.
func (a *api) health(w http.ResponseWriter, _ *http.Request) error { return ok(w) }

// ready says whether requests are taken.
func (a *api) ready(w http.ResponseWriter, _ *http.Request) error {
	if err := a.service.Ready(); err != nil {
		return wire.NewFault(http.StatusServiceUnavailable, err.Error())
	}
	return ok(w)
}

// metrics writes them in Prometheus' text format.
func (a *api) metrics(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	_, _ = a.registry.WriteTo(w) // a client that has left is not our error
	return nil
}

func (a *api) status(w http.ResponseWriter, r *http.Request) error {
	wire.WriteJSON(w, http.StatusOK, a.service.Status(r.Context()))
	return nil
}

// model reads the body of a request about one model.
func model(r *http.Request) (string, error) {
	o, release, err := wire.ParseRequest(r)
	if err != nil {
		return "", err
	}
	defer release()
	o.Require("model")
	name, _ := o.Str("model")
	return name, o.Close()
}

func (a *api) load(w http.ResponseWriter, r *http.Request) error {
	return a.withModel(w, r, a.service.Load)
}

func (a *api) unload(w http.ResponseWriter, r *http.Request) error {
	return a.withModel(w, r, a.service.Unload)
}

// withModel does something to the model that a request names.
func (a *api) withModel(w http.ResponseWriter, r *http.Request, do func(context.Context, string) error) error {
	name, err := model(r)
	if err != nil {
		return err
	}
	if err := do(r.Context(), name); err != nil {
		if e, isLoad := errors.AsType[*serve.LoadError](err); isLoad { // who runs the daemon may know why
			return wire.NewFault(http.StatusInternalServerError, e.Error())
		}
		return err
	}
	return ok(w)
}

func (a *api) reload(w http.ResponseWriter, r *http.Request) error {
	if err := a.service.Reload(r.Context()); err != nil {
		return wire.NewFault(http.StatusUnprocessableEntity, err.Error())
	}
	return ok(w)
}
