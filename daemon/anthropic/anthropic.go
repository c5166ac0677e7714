package anthropic

import (
	"log/slog"
	"net/http"
	"path"
	"strings"

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
			wire.Post("/v1/messages", auth.Generate, a.over(decodeMessages, a.messages)),
			wire.Post("/v1/messages/count_tokens", auth.Generate, a.over(decodeCount, a.countTokens)),
		},
		Owns: func(r *http.Request) bool {
			return strings.HasPrefix(r.URL.Path, "/v1/messages") || r.Header.Get("Anthropic-Version") != ""
		},
		WriteFault: writeFault,
	}
}

// failure is an error in an answer or a stream.
type failure struct {
	Type      string    `json:"type"` // error
	Error     errorBody `json:"error"`
	RequestID string    `json:"request_id,omitempty"`
}

type errorBody struct {
	Type    string       `json:"type"`
	Message string       `json:"message"`
	Details errorDetails `json:"details"`
}

// errorDetails are for programs.
type errorDetails struct {
	Code        string   `json:"error_code"`
	Param       string   `json:"param,omitempty"`
	Unsupported []string `json:"unsupported,omitempty"`
}

// threadUnsupported is the code by which SDKs that would rather have the service
// keep a conversation learn to send all of it.
const threadUnsupported = "thread_unsupported_request"

func writeFault(w http.ResponseWriter, _ *http.Request, f *serve.Fault) {
	wire.WriteFault(w, f, failureOf(w, f))
}

func failureOf(w http.ResponseWriter, f *serve.Fault) failure {
	details := errorDetails{Code: f.Code, Param: f.Param}
	if f.Code == threadUnsupported {
		details.Unsupported = []string{f.Param}
	}
	return failure{"error", errorBody{errorType(f.Status), f.Message, details}, nameRequest(w)}
}

// nameRequest gives an answer the header in which Anthropic's clients look for
// the request's id, and returns the id.
func nameRequest(w http.ResponseWriter) string {
	id := w.Header().Get("X-Request-Id")
	if id != "" {
		w.Header().Set("Request-Id", id)
	}
	return id
}

// errorType is the format's word for a status.
func errorType(status int) string {
	switch status {
	case http.StatusUnauthorized:
		return "authentication_error"
	case http.StatusForbidden:
		return "permission_error"
	case http.StatusNotFound:
		return "not_found_error"
	case http.StatusRequestEntityTooLarge:
		return "request_too_large"
	case http.StatusTooManyRequests:
		return "rate_limit_error"
	case http.StatusServiceUnavailable:
		return "overloaded_error"
	}
	if status >= http.StatusInternalServerError {
		return "api_error"
	}
	return "invalid_request_error"
}

// over is the handler of requests for a model, which answer gets loaded.
func (a *api) over(
	decode func(*wire.Object) (*request, error), answer func(http.ResponseWriter, *http.Request, *request, serve.Model) error,
) wire.Handler {
	return wire.Reads(decode, func(w http.ResponseWriter, r *http.Request, req *request) error {
		m, release, err := a.service.Find(r.Context(), serve.Want{
			Model:     req.model,
			Endpoint:  path.Base(r.URL.Path),
			Adapters:  req.adapters,
			KeepAlive: req.keepAlive,
		})
		if err != nil {
			return err
		}
		defer release()
		return answer(w, r, req, m)
	})
}
