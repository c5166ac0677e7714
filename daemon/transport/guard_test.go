package transport

import (
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPanicIsAnsweredAndLoggedWithoutContent(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		switch r.URL.Path {
		case "/text":
			panic("cannot handle " + string(body))
		case "/index":
			_ = body[:2][len(body)]
		case "/late":
			io.WriteString(w, "begun ")
			panic(string(body))
		case "/abort":
			panic(http.ErrAbortHandler)
		default:
			io.WriteString(w, "served")
		}
	}, nil)
	post := func(path string) (*http.Response, string) {
		return roundTrip(t, s.dial(t), "POST "+path+" HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\nsecret")
	}
	for _, path := range []string{"/text", "/index", "/abort"} {
		resp, body := post(path)
		require.Equal(t, http.StatusInternalServerError, resp.StatusCode, path)
		require.Equal(t, "internal error\n", body)
	}
	c := s.dial(t)
	_, err := io.WriteString(c, "POST /late HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\nsecret")
	require.NoError(t, err)
	rest, err := io.ReadAll(c)
	require.NoError(t, err)
	require.NotContains(t, string(rest), "internal error", "an answer that has begun is cut off")

	_, body := post("/")
	require.Equal(t, "served", body, "the server lives on")
	log := s.log.String()
	require.NotContains(t, log, "secret")
	require.NotContains(t, log, "/text", "paths can hold anything")
	require.Contains(t, log, "type=string")
	require.Contains(t, log, "index out of range")
	require.Contains(t, log, "transport.TestPanicIsAnsweredAndLoggedWithoutContent")
}

func TestRequestLogNamesPeerAndStatus(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }, nil)
	resp, _ := roundTrip(t, s.dial(t), "GET /hidden HTTP/1.1\r\nHost: hidden\r\nX-Request-Id: hidden\r\n\r\n")
	log := s.log.String()
	require.Contains(t, log, "status=418")
	require.Contains(t, log, "peer.uid=")
	require.Contains(t, log, resp.Header.Get("X-Request-Id"))
	require.NotContains(t, log, "hidden")
}
