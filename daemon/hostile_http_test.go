package daemon

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"inferd/daemon/prompt"
)

// routes are all paths, with the methods that each takes. HEAD goes with GET.
var routes = func() map[string]string {
	list := map[string]string{"/": "GET", "/health": "GET", "/v1/models": "GET", "/v1/models/fake": "GET", "/api/version": "GET", "/api/tags": "GET", "/api/ps": "GET",
		"/api/push": "POST", "/api/create": "POST", "/api/copy": "POST", "/api/delete": "DELETE"}
	for _, h := range hostileBodies {
		list[h.path] = "POST"
	}
	return list
}()

// exchange sends raw bytes over a connection of its own and returns the answer.
func (d *testDaemon) exchange(method, raw string) (*http.Response, []byte) {
	c, err := net.Dial("unix", d.socket)
	require.NoError(d.t, err)
	defer c.Close()
	_, err = io.WriteString(c, raw)
	require.NoError(d.t, err)
	resp, err := http.ReadResponse(bufio.NewReader(c), &http.Request{Method: method})
	require.NoError(d.t, err, "%.100q", raw)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	require.NoError(d.t, err)
	return resp, text
}

func TestEveryRouteTakesItsMethodsAlone(t *testing.T) {
	d := start(t, newFakeEngine(t), nil)
	for path, takes := range routes {
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "get", "PRI"} {
			resp, text := d.exchange(method, method+" "+path+" HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
			switch {
			case method == "HEAD":
				require.Empty(t, text, path)
				if takes == "GET" {
					require.Equal(t, http.StatusOK, resp.StatusCode, path)
					continue
				}
			case method == takes:
				require.NotEqual(t, http.StatusMethodNotAllowed, resp.StatusCode, path)
				continue
			}
			require.Equal(t, http.StatusMethodNotAllowed, resp.StatusCode, "%s %s: %s", method, path, text)
			require.Equal(t, takes, resp.Header.Get("Allow"), path)
			if method != "HEAD" {
				require.Contains(t, errorOf(t, path, resp, text), takes)
			}
		}
	}
}

// TestBodiesComeInManyWays: what a header says of a body decides nothing but
// whether it can be read.
func TestBodiesComeInManyWays(t *testing.T) {
	e := newFakeEngine(t)
	d := start(t, e, nil)
	d.model.chat = prompt.New(e.tok, callingTemplate)
	gzipped := func(s string) string {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		_, _ = io.WriteString(w, s)
		require.NoError(t, w.Close())
		return b.String()
	}
	chunked := func(s string) string {
		var b strings.Builder
		for chunk := range slices.Chunk([]byte(s), 7) {
			fmt.Fprintf(&b, "%x\r\n%s\r\n", len(chunk), chunk)
		}
		return b.String() + "0\r\n\r\n"
	}
	for _, h := range hostileBodies {
		for _, way := range []struct {
			name, headers string
			body          func(string) string
			status        int // 0: that of the body as it is
			says          string
		}{
			{"no type", "", nil, 0, ""},
			{"curl", "Content-Type: application/x-www-form-urlencoded\r\n", nil, 0, ""},
			{"parameters", "Content-Type: application/json; charset=utf-8; x=\"y\r\n", nil, 0, ""},
			{"nonsense", "Content-Type: \x80;;;=\r\nAccept: \x80\r\nAccept-Encoding: gzip, br\r\n", nil, 0, ""},
			{"upgrade", "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA\r\n", nil, 0, ""},
			{"identity", "Content-Encoding: identity\r\n", nil, 0, ""},
			{"byte order mark", "", func(s string) string { return "\ufeff" + s }, 0, ""},
			{"white space", "", func(s string) string { return "\r\n\t " + s + "\n\n" }, 0, ""},
			{"gzip", "Content-Encoding: gzip\r\n", gzipped, http.StatusUnsupportedMediaType, "compressed"},
			{"said to be gzip", "Content-Encoding: GZIP\r\n", nil, http.StatusUnsupportedMediaType, "compressed"},
			{"gzip not said", "", gzipped, http.StatusBadRequest, "UTF-8"},
			{"UTF-16", "Content-Type: application/json; charset=utf-16\r\n", func(s string) string { return strings.Join(strings.Split(s, ""), "\x00") }, http.StatusBadRequest, "JSON"},
			{"Latin-1", "", func(s string) string { return strings.Replace(s, "fake", "f\xe4ke", 1) }, http.StatusBadRequest, "UTF-8"},
			{"form", "", func(string) string { return "model=fake&prompt=a" }, http.StatusBadRequest, "JSON"},
			{"twice", "", func(s string) string { return s + s }, http.StatusBadRequest, "JSON"},
			{"array", "", func(s string) string { return "[" + s + "]" }, http.StatusBadRequest, "object"},
			{"nothing", "", func(string) string { return "" }, http.StatusBadRequest, "empty"},
		} {
			body := h.body
			if way.body != nil {
				body = way.body(body)
			}
			head := "POST " + h.path + " HTTP/1.1\r\nHost: any.where:99\r\n" + way.headers
			for _, raw := range []string{
				head + fmt.Sprintf("Content-Length: %d\r\n\r\n", len(body)) + body,
				head + "Transfer-Encoding: chunked\r\n\r\n" + chunked(body),
			} {
				resp, text := d.exchange("POST", raw)
				want := way.status
				if want == 0 {
					want = h.status
				}
				require.Equal(t, want, resp.StatusCode, "%s, %s: %s", h.path, way.name, text)
				if want != http.StatusOK {
					require.Contains(t, errorOf(t, h.path, resp, text), way.says)
				}
			}
		}
	}
}

func TestLargeBodiesAreRefusedWithTheLimit(t *testing.T) {
	d := start(t, newFakeEngine(t), func(c *Config) { c.MaxBody = 1 << 16 })
	for _, h := range hostileBodies {
		body := h.body + strings.Repeat(" ", 1<<16)
		resp, text := d.exchange("POST", fmt.Sprintf("POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", h.path, len(body), body))
		require.Equal(t, http.StatusRequestEntityTooLarge, resp.StatusCode, h.path)
		require.Contains(t, errorOf(t, h.path, resp, text), "65536 bytes")
	}
}

// TestOddPaths: none is answered by a redirection, which clients follow with
// another method, nor by anything but JSON.
func TestOddPaths(t *testing.T) {
	d := start(t, newFakeEngine(t), nil)
	for path, want := range map[string]int{
		"//v1/models":                    http.StatusOK,
		"/v1//models":                    http.StatusOK,
		"/v1/./models":                   http.StatusOK,
		"/v1/x/../models":                http.StatusOK,
		"/v1/models/":                    http.StatusOK,
		"/v1/models?limit=20&after_id=x": http.StatusOK,
		"http://any.where/v1/models":     http.StatusOK,
		"/../../etc/passwd":              http.StatusNotFound,
		"/v1/models/../../etc/passwd":    http.StatusNotFound,
		"/v1%2Fmodels":                   http.StatusNotFound,
		"/v1/models/%00":                 http.StatusNotFound,
		"/v1/models/%ff%fe":              http.StatusNotFound,
		"/V1/models":                     http.StatusNotFound,
		"/v1":                            http.StatusNotFound,
		"/v1/":                           http.StatusNotFound,
		"/v2/models":                     http.StatusNotFound,
		"/api":                           http.StatusNotFound,
		"/api/":                          http.StatusNotFound,
		"/api/blobs/sha256:00":           http.StatusNotFound,
		"/v1/messages/batches":           http.StatusNotFound,
		"/" + strings.Repeat("a", 8000):  http.StatusNotFound,
	} {
		resp, text := d.exchange("GET", "GET "+path+" HTTP/1.1\r\nHost: x\r\n\r\n")
		require.Equal(t, want, resp.StatusCode, "%.100s: %.200s", path, text)
		if want != http.StatusOK {
			require.NotEmpty(t, errorOf(t, path, resp, text))
		}
	}
	for _, path := range []string{"//v1/completions", "/v1//completions", "/v1/completions/", "/x/../v1/completions"} {
		body := ask("a", 1, false)
		resp, text := d.exchange("POST", fmt.Sprintf("POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", path, len(body), body))
		require.Equal(t, http.StatusOK, resp.StatusCode, "%s: %s", path, text)
	}
}

// TestRequestsInOneWrite are answered in their order, the wrong ones too.
func TestRequestsInOneWrite(t *testing.T) {
	e := newFakeEngine(t)
	d := start(t, e, nil)
	c, err := net.Dial("unix", d.socket)
	require.NoError(t, err)
	defer c.Close()
	var raw strings.Builder
	bodies := []string{ask("a", 3, false), `{"model":"nobody","prompt":"a"}`, ask("b", 3, true), `{`, ask("c", 3, false)}
	for _, body := range bodies {
		fmt.Fprintf(&raw, "POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	}
	_, err = io.WriteString(c, raw.String())
	require.NoError(t, err)
	r := bufio.NewReader(c)
	for i, want := range []int{200, 404, 200, 400, 200} {
		resp, err := http.ReadResponse(r, nil)
		require.NoError(t, err)
		text, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		require.Equal(t, want, resp.StatusCode, "%d: %s", i, text)
		switch i {
		case 0:
			require.Equal(t, e.solo("a", 3), textOf(t, string(text)))
		case 2:
			require.Contains(t, string(text), "data: [DONE]")
		case 4:
			require.Equal(t, e.solo("c", 3), textOf(t, string(text)))
		}
	}
}
