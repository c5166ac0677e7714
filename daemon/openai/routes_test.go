package openai

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"inferd/daemon/auth"
)

func TestModels(t *testing.T) {
	s, m := newService(t)
	s.list = append(s.list, &fakeModel{name: "other/name", tok: m.tok, nCtx: 50})
	w := s.do(t.Context(), "GET", "/v1/models", "")
	require.Equal(t, http.StatusOK, w.Code)
	got := decode(t, w.Body.Bytes())
	require.Equal(t, "list", got["object"])
	entry := map[string]any{"id": "other/name", "object": "model", "created": 1700000000.0, "owned_by": "inferd", "context_length": 50.0,
		"type": "model", "display_name": "other/name", "created_at": "2023-11-14T22:13:20Z"}
	require.Equal(t, "fake", at(t, got, "data", 0, "id"))
	require.Equal(t, entry, at(t, got, "data", 1))

	w = s.do(t.Context(), "GET", "/v1/models/other/name", "")
	require.Equal(t, entry, decode(t, w.Body.Bytes()))
	w = s.do(t.Context(), "GET", "/v1/models/none", "")
	require.Equal(t, http.StatusNotFound, w.Code)
	require.Equal(t, "model_not_found", at(t, decode(t, w.Body.Bytes()), "error", "code"))

	s.list = nil
	w = s.do(t.Context(), "GET", "/v1/models", "")
	require.Equal(t, []any{}, decode(t, w.Body.Bytes())["data"], "an empty list, not null")
}

func TestHealth(t *testing.T) {
	s, _ := newService(t)
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest("GET", "/health", nil)) // nobody needs a grant
	require.Equal(t, http.StatusOK, w.Code)
	require.JSONEq(t, `{"status":"ok"}`, w.Body.String())
	s.stopping = true
	w = s.do(t.Context(), "GET", "/health", "")
	require.Equal(t, http.StatusServiceUnavailable, w.Code)
}

func TestRoutesThatAreNot(t *testing.T) {
	s, _ := newService(t)
	for _, test := range []struct {
		method, path string
		status       int
		allow        string
	}{
		{"GET", "/", http.StatusNotFound, ""},
		{"POST", "/v1/images/generations", http.StatusNotFound, ""},
		{"GET", chatPath, http.StatusMethodNotAllowed, "POST"},
		{"DELETE", "/v1/models/fake", http.StatusMethodNotAllowed, "GET"},
	} {
		w := s.do(t.Context(), test.method, test.path, "")
		require.Equal(t, test.status, w.Code, test)
		require.Equal(t, test.allow, w.Header().Get("Allow"))
		require.Equal(t, "invalid_request_error", at(t, decode(t, w.Body.Bytes()), "error", "type"))
	}
}

func TestEveryRouteAsksForItsGrant(t *testing.T) {
	s, _ := newService(t)
	for _, r := range New(s, nil).Routes {
		if r.Needs == 0 {
			continue
		}
		for _, has := range []auth.Permission{0, ^r.Needs} {
			ctx := auth.WithGrant(t.Context(), auth.Grant{Allowed: has})
			w := httptest.NewRecorder()
			s.ServeHTTP(w, httptest.NewRequestWithContext(ctx, r.Method, strings.TrimSuffix(r.Path, "...}"), nil))
			require.Equal(t, http.StatusForbidden, w.Code, r.Path)
			require.Equal(t, "permission_error", at(t, decode(t, w.Body.Bytes()), "error", "type"))
		}
	}
}

// brokenBody fails like a connection that is cut.
type brokenBody struct{}

func (brokenBody) Read([]byte) (int, error) { return 0, errors.New("secret detail") }

func TestBodies(t *testing.T) {
	s, _ := newService(t)
	ctx := auth.WithGrant(context.Background(), auth.Default(auth.Peer{}))
	send := func(change func(*http.Request)) *httptest.ResponseRecorder {
		r := httptest.NewRequestWithContext(ctx, "POST", chatPath, strings.NewReader(`{"model":"fake"}`))
		w := httptest.NewRecorder()
		change(r)
		s.ServeHTTP(w, r)
		return w
	}
	w := send(func(r *http.Request) { r.Header.Set("Content-Encoding", "gzip") })
	require.Equal(t, http.StatusUnsupportedMediaType, w.Code)
	w = send(func(r *http.Request) { r.Body = http.MaxBytesReader(nil, r.Body, 9) })
	require.Equal(t, http.StatusRequestEntityTooLarge, w.Code)
	require.Equal(t, "request_too_large", at(t, decode(t, w.Body.Bytes()), "error", "code"))
	w = send(func(r *http.Request) { r.Body = io.NopCloser(brokenBody{}) })
	require.Equal(t, http.StatusRequestTimeout, w.Code)
	require.NotContains(t, w.Body.String()+s.log.String(), "secret")
	w = send(func(r *http.Request) { r.Body = io.NopCloser(refusedBody{}) })
	require.Equal(t, http.StatusTooManyRequests, w.Code)
	require.Equal(t, "1", w.Header().Get("Retry-After"))
	require.Equal(t, "one too many", at(t, decode(t, w.Body.Bytes()), "error", "message"))
}

// refusedBody fails like a user's body that is one too many.
type refusedBody struct{}

func (refusedBody) Read([]byte) (int, error) { return 0, refusedBody{} }
func (refusedBody) Error() string            { return "one too many" }
func (refusedBody) StatusCode() int          { return http.StatusTooManyRequests }
