package wire

import (
	"cmp"
	"fmt"
	"log/slog"
	"net/http"
	"path"
	"slices"
	"strings"

	"inferd/daemon/auth"
	"inferd/daemon/serve"
)

// Route is one thing a client can ask for.
type Route struct {
	Method string
	Path   string // a pattern of http.ServeMux
	Needs  auth.Permission

	// Handle answers. Its error becomes the answer, so it returns nil once it
	// has begun one.
	Handle Handler
}

// Handler answers a request, or returns the error to answer with.
type Handler = func(http.ResponseWriter, *http.Request) error

// Get is a route for GET and HEAD.
func Get(path string, needs auth.Permission, h Handler) Route {
	return Route{http.MethodGet, path, needs, h}
}

// Post is a route for POST.
func Post(path string, needs auth.Permission, h Handler) Route {
	return Route{http.MethodPost, path, needs, h}
}

// Format is a wire format: routes, and a shape for errors.
type Format struct {
	Routes []Route

	// Owns reports whether a request speaks the format, for errors of requests
	// that no route takes; nil for the format that gets the rest.
	Owns func(*http.Request) bool

	// WriteFault answers with an error.
	WriteFault func(http.ResponseWriter, *http.Request, *serve.Fault)
}

// Router serves several formats on one socket.
type Router struct {
	formats []Format
	log     *slog.Logger
	mux     *http.ServeMux
}

// NewRouter returns a router; the last format is the one whose Owns is nil. Its
// log gets what clients are not told: errors that are not theirs.
func NewRouter(log *slog.Logger, formats ...Format) *Router {
	x := &Router{formats: formats, log: log, mux: http.NewServeMux()}
	for i := range formats {
		f := &formats[i]
		for _, route := range f.Routes {
			x.mux.HandleFunc(route.Method+" "+route.Path, func(w http.ResponseWriter, r *http.Request) {
				x.serve(f, route, w, r)
			})
		}
	}
	x.mux.HandleFunc("/", x.noRoute)
	return x
}

// ServeHTTP implements http.Handler. It sets r.Pattern. A path such as
// //v1/models/, which clients put together of two parts, counts as the clean one:
// http.ServeMux alone would answer by a redirection, in HTML.
func (x *Router) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if clean := path.Clean("/" + r.URL.Path); clean != r.URL.Path {
		r.URL.Path, r.URL.RawPath = clean, ""
	}
	x.mux.ServeHTTP(w, r)
}

// serve runs a route's handler and turns its error into an answer.
func (x *Router) serve(f *Format, route Route, w http.ResponseWriter, r *http.Request) {
	if grant := auth.GrantFrom(r.Context()); !grant.Allows(route.Needs) {
		f.WriteFault(w, r, &serve.Fault{
			Status:  http.StatusForbidden,
			Message: "you have no grant for this, ask " + cmp.Or(grant.Contact, "the administrator of this machine"),
			Code:    statusCode(http.StatusForbidden),
		})
		return
	}
	err := route.Handle(w, r)
	if err == nil || Gone(r.Context(), err) {
		return
	}
	f.WriteFault(w, r, Explain(x.log, r, err))
}

// Explain returns an error as the client sees it and logs what it does not see.
func Explain(log *slog.Logger, r *http.Request, err error) *serve.Fault {
	f := FaultOf(err)
	if f.Status == http.StatusInternalServerError {
		log.Error("request failed", "route", r.Pattern, "err", err)
	}
	return f
}

// Refuse answers a request that never reaches a handler in the shape of its
// format.
func (x *Router) Refuse(w http.ResponseWriter, r *http.Request, status int, message string) {
	x.formatOf(r).WriteFault(w, r, NewFault(status, message))
}

func (x *Router) formatOf(r *http.Request) *Format {
	i := slices.IndexFunc(x.formats, func(f Format) bool { return f.Owns == nil || f.Owns(r) })
	return &x.formats[i]
}

// noRoute answers for a path that has no route, or none for the method.
func (x *Router) noRoute(w http.ResponseWriter, r *http.Request) {
	var methods []string
	for _, f := range x.formats {
		for _, route := range f.Routes {
			probe := &http.Request{Method: route.Method, URL: r.URL, Host: r.Host}
			_, pattern := x.mux.Handler(probe)
			if pattern == route.Method+" "+route.Path && !slices.Contains(methods, route.Method) {
				methods = append(methods, route.Method)
			}
		}
	}
	if len(methods) > 0 {
		w.Header().Set("Allow", strings.Join(methods, ", "))
		x.Refuse(w, r, http.StatusMethodNotAllowed, fmt.Sprintf("this path takes %s", strings.Join(methods, ", ")))
		return
	}
	x.Refuse(w, r, http.StatusNotFound, "there is no such path")
}
