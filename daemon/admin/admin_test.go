package admin

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"inferd/daemon/auth"
	"inferd/daemon/metrics"
	"inferd/daemon/serve"
	"inferd/daemon/wire"
)

// fake is a service that knows one model.
type fake struct {
	calls    []string
	problem  error // of Reload and Ready
	loadFail error
}

func (f *fake) Status(context.Context) Status {
	return Status{Version: "1", Models: []Model{{Name: "demo", Loaded: true}}}
}

func (f *fake) Load(_ context.Context, model string) error {
	f.calls = append(f.calls, "load "+model)
	return f.loadFail
}

func (f *fake) Unload(_ context.Context, model string) error {
	f.calls = append(f.calls, "unload "+model)
	if model != "demo" {
		return serve.Unknown("model", model, nil)
	}
	return nil
}

func (f *fake) Reload(context.Context) error { return f.problem }
func (f *fake) Ready() error                 { return f.problem }

// ask sends a request as somebody who may administer or not.
func ask(f *fake, allowed auth.Permission, method, path, body string) *httptest.ResponseRecorder {
	r := &metrics.Registry{}
	r.Counter("inferd_things_total", "Things.").Add(3)
	router := wire.NewRouter(slog.New(slog.DiscardHandler), New(f, r))
	req := httptest.NewRequest(method, path, strings.NewReader(body))
	req = req.WithContext(auth.WithGrant(req.Context(), auth.Grant{Allowed: allowed, Contact: "room 12"}))
	w := httptest.NewRecorder()
	router.ServeHTTP(w, req)
	return w
}

func TestRoutes(t *testing.T) {
	broken := &fake{problem: errors.New("inferd.toml: line 3: nonsense")}
	unloadable := &fake{loadFail: &serve.LoadError{Model: "demo", Err: errors.New("tensor 7 is missing")}}
	for _, test := range []struct {
		service            *fake
		method, path, body string
		status             int
		want               string
	}{
		{&fake{}, "GET", "/health", "", 200, `"ok"`},
		{&fake{}, "GET", "/ready", "", 200, `"ok"`},
		{broken, "GET", "/health", "", 200, `"ok"`},
		{broken, "GET", "/ready", "", 503, "line 3"},
		{&fake{}, "GET", "/metrics", "", 200, "inferd_things_total 3\n"},
		{&fake{}, "GET", "/status", "", 200, `"name":"demo"`},
		{&fake{}, "POST", "/load", `{"model":"demo"}`, 200, `"ok"`},
		{unloadable, "POST", "/load", `{"model":"demo"}`, 500, "tensor 7 is missing"},
		{&fake{}, "POST", "/unload", `{"model":"demo"}`, 200, `"ok"`},
		{&fake{}, "POST", "/unload", `{"model":"other"}`, 404, "other"},
		{&fake{}, "POST", "/unload", `{}`, 400, "model"},
		{&fake{}, "POST", "/unload", `{"model":"demo","x":1}`, 400, "x"},
		{&fake{}, "POST", "/reload", "", 200, `"ok"`},
		{broken, "POST", "/reload", "", 422, "line 3"},
		{&fake{}, "GET", "/v1/models", "", 404, ""},
	} {
		w := ask(test.service, auth.Administer, test.method, test.path, test.body)
		require.Equal(t, test.status, w.Code, "%s %s: %s", test.method, test.path, w.Body)
		require.Contains(t, w.Body.String(), test.want, "%s %s", test.method, test.path)
	}
}

func TestOthersMayNot(t *testing.T) {
	for _, route := range New(&fake{}, &metrics.Registry{}).Routes {
		if route.Path == "/health" || route.Path == "/ready" {
			continue
		}
		f := &fake{}
		w := ask(f, auth.ListModels|auth.Generate, route.Method, route.Path, `{"model":"demo"}`)
		require.Equal(t, http.StatusForbidden, w.Code, route.Path)
		require.Contains(t, w.Body.String(), "ask room 12")
		require.Empty(t, f.calls)
	}
}
