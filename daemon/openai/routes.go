package openai

import (
	"fmt"
	"log/slog"
	"net/http"
	"path"

	"inferd/daemon/ask"
	"inferd/daemon/auth"
	"inferd/daemon/serve"
	"inferd/daemon/wire"
)

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
			wire.Get("/health", 0, a.health),
			wire.Get("/v1/models", auth.ListModels, a.models),
			wire.Get("/v1/models/{model...}", auth.ListModels, a.model),
			wire.Post("/v1/chat/completions", auth.Generate, a.chat),
			wire.Post("/v1/responses", auth.Generate, a.responses),
			wire.Post("/v1/completions", auth.Generate, a.completions),
			wire.Post("/v1/embeddings", auth.Generate, a.embeddings),
			wire.Post("/v1/rerank", auth.Generate, a.rerank),
			wire.Post("/v1/tokenize", auth.Generate, a.tokenize),
			wire.Post("/v1/detokenize", auth.Generate, a.detokenize),
			wire.Post("/v1/apply-template", auth.Generate, a.applyTemplate),
			wire.Post("/v1/chat/completions/input_tokens", auth.Generate, a.inputTokens),
			wire.Post("/v1/classifications", auth.Generate, a.classifications),
		},
		WriteFault: writeFault,
	}
}

// health says whether requests are taken.
func (a *api) health(w http.ResponseWriter, _ *http.Request) error {
	if a.service.Stopping() {
		return serve.ErrStopping
	}
	wire.WriteJSON(w, http.StatusOK, map[string]string{"status": "ok"})
	return nil
}

// find returns the model of a request, loaded, until release is called.
func (a *api) find(r *http.Request, req *request) (m serve.Model, release func(), err error) {
	return a.service.Find(r.Context(), serve.Want{
		Model:     req.model,
		Endpoint:  path.Base(r.URL.Path),
		Adapters:  req.adapters,
		KeepAlive: req.keepAlive,
	})
}

// ping keeps a silent stream alive, and says how far long prompts are.
func ping(s *wire.Stream, answers *ask.Answers) func() error {
	return func() error {
		if done, total := answers.Progress(); done < total {
			return s.Comment(fmt.Sprintf("progress %d/%d", done, total))
		}
		return s.Ping()
	}
}

// fail ends a stream with an error, if the client is still there.
func (a *api) fail(s *wire.Stream, r *http.Request, err error) {
	if err != nil && !wire.Gone(r.Context(), err) {
		_ = s.Send(errorBody{wire.Explain(a.log, r, err)}) // the stream ends either way
	}
}
