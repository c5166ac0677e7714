package openai

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"path"
	"strings"

	"inferd/daemon/auth"
	"inferd/daemon/serve"
)

// route is one thing a client can ask for.
type route struct {
	method string
	path   string
	needs  auth.Permission
	handle func(*API, http.ResponseWriter, *http.Request) error
}

var routes = []route{
	{"GET", "/health", 0, (*API).health},
	{"GET", "/v1/models", auth.ListModels, (*API).models},
	{"GET", "/v1/models/{model...}", auth.ListModels, (*API).model},
	{"POST", "/v1/chat/completions", auth.Generate, (*API).chat},
	{"POST", "/v1/completions", auth.Generate, (*API).completions},
	{"POST", "/v1/classifications", auth.Generate, (*API).classifications},
}

// API serves the routes.
type API struct {
	service  Service
	log      *slog.Logger
	mux      *http.ServeMux
	grammars grammars
}

// New returns the API of a service. Its log gets what clients are not told:
// errors that are not theirs.
func New(s Service, log *slog.Logger) *API {
	a := &API{service: s, log: log, mux: http.NewServeMux()}
	for _, r := range routes {
		a.mux.HandleFunc(r.method+" "+r.path, func(w http.ResponseWriter, req *http.Request) {
			a.serve(r, w, req)
		})
	}
	a.mux.HandleFunc("/", a.noRoute)
	return a
}

// ServeHTTP implements http.Handler. It sets r.Pattern.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.mux.ServeHTTP(w, r) }

// serve runs a route's handler and turns its error into an answer. A handler
// that has begun its answer returns nil.
func (a *API) serve(route route, w http.ResponseWriter, r *http.Request) {
	if !auth.GrantFrom(r.Context()).Allows(route.needs) {
		WriteError(w, r, http.StatusForbidden, "you have no grant for this, ask the administrator of this machine")
		return
	}
	err := route.handle(a, w, r)
	if err == nil || gone(r.Context(), err) {
		return
	}
	writeError(w, a.explain(r, err))
}

// explain returns an error as the client sees it and logs what it does not see.
func (a *API) explain(r *http.Request, err error) *Error {
	e := asError(err)
	if e.Status == http.StatusInternalServerError {
		a.log.Error("request failed", "route", r.Pattern, "err", err)
	}
	return e
}

// noRoute answers for a path that has no route, or none for the method.
func (a *API) noRoute(w http.ResponseWriter, r *http.Request) {
	var methods []string
	for _, route := range routes {
		probe := &http.Request{Method: route.method, URL: r.URL, Host: r.Host}
		if _, pattern := a.mux.Handler(probe); pattern == route.method+" "+route.path {
			methods = append(methods, route.method)
		}
	}
	if len(methods) > 0 {
		w.Header().Set("Allow", strings.Join(methods, ", "))
		WriteError(w, r, http.StatusMethodNotAllowed, fmt.Sprintf("this path takes %s", strings.Join(methods, ", ")))
		return
	}
	WriteError(w, r, http.StatusNotFound, "there is no such path")
}

// health says whether requests are taken.
func (a *API) health(w http.ResponseWriter, _ *http.Request) error {
	if a.service.Stopping() {
		return serve.ErrStopping
	}
	writeJSON(w, http.StatusOK, map[string]string{"status": "ok"})
	return nil
}

// find returns the model of a name, loaded, until release is called.
func (a *API) find(r *http.Request, name string) (m Model, release func(), err error) {
	return a.service.Find(r.Context(), serve.Want{Model: name, Endpoint: path.Base(r.URL.Path)})
}

// readBody returns the body of a request.
func readBody(r *http.Request) ([]byte, error) {
	if coding := r.Header.Get("Content-Encoding"); coding != "" && coding != "identity" {
		return nil, &Error{
			Status:  http.StatusUnsupportedMediaType,
			Message: "compressed request bodies are not supported",
			Type:    "invalid_request_error",
			Code:    errorCode(http.StatusUnsupportedMediaType),
		}
	}
	body, err := io.ReadAll(r.Body)
	if err == nil {
		return body, nil
	}
	clear(body)
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		return nil, err
	}
	if e, ok := errors.AsType[bodyError](err); ok {
		return nil, &Error{e.StatusCode(), e.Error(), "rate_limit_error", "", errorCode(e.StatusCode())}
	}
	return nil, &Error{
		Status:  http.StatusRequestTimeout,
		Message: "the request body did not arrive",
		Type:    "invalid_request_error",
		Code:    errorCode(http.StatusRequestTimeout),
	}
}

// bodyError is an error of reading a body whose text is for the client.
type bodyError interface {
	error
	StatusCode() int
}

// writeJSON answers with v.
func writeJSON(w http.ResponseWriter, status int, v any) {
	var buf bytes.Buffer
	encode(&buf, v)
	defer clear(buf.Bytes())
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", fmt.Sprint(buf.Len()))
	w.WriteHeader(status)
	_, _ = w.Write(buf.Bytes()) // a client that has left is not our error
}

// encode appends v as a line of JSON.
func encode(buf *bytes.Buffer, v any) {
	enc := json.NewEncoder(buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic(fmt.Sprintf("openai: cannot encode a %T", v))
	}
}
