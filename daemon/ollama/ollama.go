package ollama

import (
	"errors"
	"log/slog"
	"net/http"
	"path"
	"strings"
	"time"

	"inferd/daemon/ask"
	"inferd/daemon/auth"
	"inferd/daemon/serve"
	"inferd/daemon/wire"
)

// version is that of Ollama whose API this package was written against. Clients
// ask for it to learn what they may use.
const version = "0.33.3"

// api is what the handlers share.
type api struct {
	service  serve.Service
	log      *slog.Logger
	grammars ask.Grammars
}

// New returns the format over a service. Its log gets what clients are not
// told: errors that are not theirs.
func New(s serve.Service, log *slog.Logger) wire.Format {
	a := &api{service: s, log: log}
	return wire.Format{
		Routes: []wire.Route{
			wire.Get("/{$}", 0, running),
			wire.Get("/api/version", 0, tellVersion),
			wire.Get("/api/tags", auth.ListModels, a.tags),
			wire.Get("/api/ps", auth.ListModels, a.ps),
			wire.Post("/api/show", auth.ListModels, wire.Reads(decodeShow, a.show)),
			wire.Post("/api/pull", auth.ListModels, wire.Reads(decodePull, a.pull)),
			wire.Post("/api/chat", auth.Generate, wire.Reads(decodeChat, a.reply)),
			wire.Post("/api/generate", auth.Generate, wire.Reads(decodeGenerate, a.reply)),
			wire.Post("/api/embed", auth.Generate, wire.Reads(decodeEmbed, a.embed)),
			wire.Post("/api/embeddings", auth.Generate, wire.Reads(decodeEmbeddings, a.embeddings)),
			wire.Post("/api/push", auth.ListModels, refuse),
			wire.Post("/api/create", auth.ListModels, refuse),
			wire.Post("/api/copy", auth.ListModels, refuse),
			{Method: http.MethodDelete, Path: "/api/delete", Needs: auth.ListModels, Handle: refuse},
		},
		Owns:       func(r *http.Request) bool { return strings.HasPrefix(r.URL.Path+"/", "/api/") },
		WriteFault: writeFault,
	}
}

// running answers clients that ask whether anybody is there, and scripts that
// look for this text.
func running(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte("Ollama is running")) // a client that has left is not our error
	return nil
}

func tellVersion(w http.ResponseWriter, _ *http.Request) error {
	wire.WriteJSON(w, http.StatusOK, map[string]string{"version": version})
	return nil
}

// refuse answers what would change the models of the machine.
func refuse(http.ResponseWriter, *http.Request) error {
	return wire.NewFault(http.StatusNotImplemented,
		"inferd has no network and its models are read-only: put a GGUF file into its models folder, or take it away there")
}

// writeFault answers with an error: a string, since clients take nothing else.
func writeFault(w http.ResponseWriter, _ *http.Request, f *serve.Fault) {
	wire.WriteFault(w, f, failure{f.Message})
}

// failure is an error in an answer or a stream.
type failure struct {
	Error string `json:"error"`
}

// loaded is a model that a request has found.
type loaded struct {
	serve.Model
	release func()
	took    time.Duration // to find it, and to load it where it was not
	name    string        // as the client wrote it
}

// find returns the model of a name, until it is released.
func (a *api) find(r *http.Request, name string, adapters []serve.Adapter, keepAlive *time.Duration) (loaded, error) {
	start := time.Now()
	want := serve.Want{Model: name, Endpoint: path.Base(r.URL.Path), Adapters: adapters, KeepAlive: keepAlive}
	m, release, err := a.service.Find(r.Context(), want)
	if _, unknown := errors.AsType[*serve.UnknownError](err); unknown && withoutTag(name) != name {
		want.Model = withoutTag(name)
		m, release, err = a.service.Find(r.Context(), want)
	}
	return loaded{m, release, time.Since(start), name}, err
}

// withoutTag drops the tag that clients add to names which have none.
func withoutTag(name string) string { return strings.TrimSuffix(name, ":latest") }

// capped is a model with a shorter context, as the request asks.
type capped struct {
	serve.Model
	nCtx int
}

// NCtx implements serve.Model.
func (c capped) NCtx() int { return c.nCtx }
