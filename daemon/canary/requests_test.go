package canary

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"

	"github.com/stretchr/testify/require"
)

// way is an endpoint that takes a text.
type way struct {
	name, path string
	body       string // a format: the text as a JSON string goes in
	stream     bool
	answers    bool // with a text
}

// ways are all endpoints that take a text, and the forms of their answers.
// Answers are drawn at a high temperature, so that nobody has seen them before.
var ways = []way{
	{"chat", "/v1/chat/completions", `{"model":"demo","messages":[{"role":"user","content":%s}],"max_tokens":40,"temperature":2}`, false, true},
	{"chat stream", "/v1/chat/completions", `{"model":"demo","messages":[{"role":"system","content":"Be brief."},{"role":"user","content":[{"type":"text","text":%s}]}],"max_tokens":40,"temperature":2,"stream":true}`, true, true},
	{"completion", "/v1/completions", `{"model":"demo","prompt":%s,"max_tokens":40,"temperature":2,"logprobs":2,"echo":true}`, false, true},
	{"completion stream", "/v1/completions", `{"model":"demo","prompt":[%s],"max_tokens":40,"temperature":2,"stream":true,"frequency_penalty":1}`, true, true},
	{"response", "/v1/responses", `{"model":"demo","input":%s,"max_output_tokens":40,"temperature":2}`, false, true},
	{"response stream", "/v1/responses", `{"model":"demo","input":[{"role":"user","content":%s}],"max_output_tokens":40,"temperature":2,"stream":true}`, true, true},
	{"embedding", "/v1/embeddings", `{"model":"demo","input":[%s]}`, false, false},
	{"tokenize", "/v1/tokenize", `{"model":"demo","content":%s,"return_token_strs":true}`, false, false},
	{"template", "/v1/apply-template", `{"model":"demo","messages":[{"role":"user","content":%s}]}`, false, false},
	{"input tokens", "/v1/chat/completions/input_tokens", `{"model":"demo","messages":[{"role":"user","content":%s}]}`, false, false},
	{"ollama chat", "/api/chat", `{"model":"demo","messages":[{"role":"user","content":%s}],"options":{"num_predict":40,"temperature":2}}`, true, true},
	{"ollama generate", "/api/generate", `{"model":"demo","prompt":%s,"stream":false,"options":{"num_predict":40,"temperature":2}}`, false, true},
	{"ollama embed", "/api/embed", `{"model":"demo","input":%s}`, false, false},
	{"anthropic", "/v1/messages", `{"model":"demo","messages":[{"role":"user","content":%s}],"max_tokens":40,"temperature":1}`, false, true},
	{"anthropic stream", "/v1/messages", `{"model":"demo","messages":[{"role":"user","content":%s}],"max_tokens":40,"temperature":1,"stream":true}`, true, true},
}

// newCanary returns a text that nothing else contains. JSON spells some of it
// otherwise.
func newCanary() string {
	return "Canary " + rand.Text()[:16] + "\"\n" + rand.Text()[:8] + " <é> " + rand.Text()[:12]
}

// textOf repeats a canary up to a size, at least once.
func textOf(canary string, nBytes int) string {
	return canary + strings.Repeat("; "+canary, max(0, nBytes-len(canary))/(len(canary)+2))
}

func quote(text string) string {
	b, err := json.Marshal(text)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// bodyFor is the way's request for a text.
func (w way) bodyFor(text string) string { return fmt.Sprintf(w.body, quote(text)) }

// answer is what came back: the status, the body, and of it the text that was
// generated, and ids that stand in each of a stream's events.
type answer struct {
	status int
	body   string
	text   string
	ids    []string
}

// Where generated text and ids stand, whatever the format.
var (
	textIn = regexp.MustCompile(`"(?:content|text|delta|response)":("(?:[^"\\]|\\.)*")`)
	idIn   = regexp.MustCompile(`"(?:id|item_id|message_id)":"([a-z]+[-_][^"]{8,})"`)
)

func newAnswer(status int, body string) answer {
	a := answer{status: status, body: body}
	for _, m := range textIn.FindAllStringSubmatch(body, -1) {
		var piece string
		if json.Unmarshal([]byte(m[1]), &piece) == nil {
			a.text += piece
		}
	}
	for _, m := range idIn.FindAllStringSubmatch(body, -1) {
		a.ids = append(a.ids, m[1])
	}
	return a
}

// ask asks and reads the answer.
func (s *server) ask(c *http.Client, w way, body string) answer {
	resp, err := c.Post("http://inferd"+w.path, "application/json", strings.NewReader(body))
	require.NoError(s.t, err)
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	require.NoError(s.t, err)
	return newAnswer(resp.StatusCode, string(got))
}

// try asks until ctx ends, and returns what was read by then; status 0 stands for
// no answer.
func (s *server) try(ctx context.Context, c *http.Client, w way, body string) (status int, got string) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://inferd"+w.path, strings.NewReader(body))
	require.NoError(s.t, err)
	resp, err := c.Do(r)
	if err != nil {
		return 0, ""
	}
	defer resp.Body.Close()
	some, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(some)
}

// raw is a request as bytes.
func raw(method, path, header string, nBytes int, body string) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: inferd\r\n%sContent-Length: %d\r\n\r\n%s", method, path, header, nBytes, body)
	return b.Bytes()
}

// exit is a way for a request to end.
type exit struct {
	name string

	// end asks along a way with a body that carries the canary, and returns what
	// it got, if it waits for that.
	end func(s *server, c *http.Client, w way, text string) answer
}

// exits are the ways out. Those that end a connection open one of their own.
var exits = []exit{
	{"whole", func(s *server, c *http.Client, w way, text string) answer {
		return s.ask(c, w, w.bodyFor(text))
	}},
	{"broken JSON", func(s *server, c *http.Client, w way, text string) answer {
		body := w.bodyFor(text)
		return s.expect(http.StatusBadRequest, s.ask(c, w, body[:len(body)-1]))
	}},
	{"unknown parameter", func(s *server, c *http.Client, w way, text string) answer {
		if strings.HasPrefix(w.path, "/api/") { // Ollama's clients send what they like
			return answer{}
		}
		return s.expect(http.StatusBadRequest, s.ask(c, w, strings.Replace(w.bodyFor(text), "{", `{"no_such_parameter":1,`, 1)))
	}},
	{"wrong type", func(s *server, c *http.Client, w way, text string) answer {
		return s.expect(http.StatusBadRequest, s.ask(c, w, strings.Replace(w.bodyFor(text), `"model":"demo"`, `"model":{"`+"demo"+`":1}`, 1)))
	}},
	{"unknown model", func(s *server, c *http.Client, w way, text string) answer {
		return s.expect(http.StatusNotFound, s.ask(c, w, strings.Replace(w.bodyFor(text), `"demo"`, `"nobody"`, 1)))
	}},
	{"unknown path", func(s *server, c *http.Client, w way, text string) answer {
		w.path += "/nowhere"
		return s.expect(http.StatusNotFound, s.ask(c, w, w.bodyFor(text)))
	}},
	{"wrong method", func(s *server, c *http.Client, w way, text string) answer {
		return s.expect(http.StatusMethodNotAllowed, s.send(raw("PUT", w.path, "", len(w.bodyFor(text)), w.bodyFor(text))))
	}},
	{"browser", func(s *server, c *http.Client, w way, text string) answer {
		return s.expect(http.StatusForbidden, s.send(raw("POST", w.path, "Origin: null\r\n", len(w.bodyFor(text)), w.bodyFor(text))))
	}},
	{"compressed", func(s *server, c *http.Client, w way, text string) answer {
		return s.expect(http.StatusUnsupportedMediaType, s.send(raw("POST", w.path, "Content-Encoding: gzip\r\n", len(w.bodyFor(text)), w.bodyFor(text))))
	}},
	{"too large", func(s *server, c *http.Client, w way, text string) answer {
		return s.expect(http.StatusRequestEntityTooLarge, s.send(raw("POST", w.path, "", 1<<30, w.bodyFor(textOf(text, 9<<20)))))
	}},
	{"no HTTP", func(s *server, c *http.Client, w way, text string) answer {
		return s.expect(http.StatusBadRequest, s.send(append([]byte("POST "+w.path+" HTTP/1.1\r\nBad Header\r\n\r\n"), w.bodyFor(text)...)))
	}},
	{"two at once", func(s *server, c *http.Client, w way, text string) answer {
		first := raw("GET", "/health", "", len(w.bodyFor(text)), w.bodyFor(text))
		return s.send(append(first, raw("GET", "/health", "Connection: close\r\n", len(w.bodyFor(text)), w.bodyFor(text))...))
	}},
	{"gone in the body", func(s *server, c *http.Client, w way, text string) answer {
		conn := s.dial()
		defer conn.Close()
		body := w.bodyFor(text)
		_, err := conn.Write(raw("POST", w.path, "", len(body), body[:len(body)-1]))
		require.NoError(s.t, err)
		return answer{}
	}},
	{"gone before the answer", func(s *server, c *http.Client, w way, text string) answer {
		conn := s.dial()
		defer conn.Close()
		_, err := conn.Write(raw("POST", w.path, "", len(w.bodyFor(text)), w.bodyFor(text)))
		require.NoError(s.t, err)
		return answer{}
	}},
	{"gone in the answer", func(s *server, c *http.Client, w way, text string) answer {
		conn := s.dial()
		defer conn.Close()
		body := strings.Replace(w.bodyFor(text), `:40`, `:400`, 1)
		_, err := conn.Write(raw("POST", w.path, "", len(body), body))
		require.NoError(s.t, err)
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		require.NoError(s.t, err)
		defer resp.Body.Close()
		some := make([]byte, 2000)
		n, _ := io.ReadFull(resp.Body, some)
		return newAnswer(resp.StatusCode, string(some[:n]))
	}},
}

// send sends bytes on a connection of its own, which may be closed before all
// have been taken, and reads the first answer.
func (s *server) send(request []byte) answer {
	conn := s.dial()
	defer conn.Close()
	go func() { _, _ = conn.Write(request) }()
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	require.NoError(s.t, err)
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	return newAnswer(resp.StatusCode, string(body))
}

func (s *server) expect(status int, a answer) answer {
	require.Equal(s.t, status, a.status, a.body)
	return a
}
