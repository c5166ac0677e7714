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
			wire.Post("/v1/chat/completions", auth.Generate, over(a, decodeChat, a.chat)),
			wire.Post("/v1/responses", auth.Generate, over(a, decodeResponse, a.responses)),
			wire.Post("/v1/completions", auth.Generate, over(a, decodeText, a.completions)),
			wire.Post("/v1/embeddings", auth.Generate, over(a, decodeEmbeddings, a.embeddings)),
			wire.Post("/v1/rerank", auth.Generate, over(a, decodeRerank, a.rerank)),
			wire.Post("/v1/tokenize", auth.Generate, over(a, decodeTokenize, a.tokenize)),
			wire.Post("/v1/detokenize", auth.Generate, over(a, decodeDetokenize, a.detokenize)),
			wire.Post("/v1/apply-template", auth.Generate, over(a, decodeChat, prompted(tellText))),
			wire.Post("/v1/chat/completions/input_tokens", auth.Generate, over(a, decodeChat, prompted(tellCount))),
			wire.Post("/v1/classifications", auth.Generate, wire.Reads(decodeClassify, a.classifications)),
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

// over is the handler of requests for a model, which answer gets loaded.
func over[R interface{ about() *request }](
	a *api, decode func(*wire.Object) (R, error), answer func(http.ResponseWriter, *http.Request, R, serve.Model) error,
) wire.Handler {
	return wire.Reads(decode, func(w http.ResponseWriter, r *http.Request, req R) error {
		about := req.about()
		m, release, err := a.service.Find(r.Context(), serve.Want{
			Model:     about.model,
			Endpoint:  path.Base(r.URL.Path),
			Adapters:  about.adapters,
			KeepAlive: about.keepAlive,
		})
		if err != nil {
			return err
		}
		defer release()
		return answer(w, r, req, m)
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
