package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"

	"inferd/daemon/transport"
)

// client speaks the OpenAI wire format to a daemon over its Unix socket, or to
// another server.
type client struct {
	socket string // empty for another server
	base   string // what paths such as /v1/models are appended to
	key    string // bearer token; may be empty
	http   http.Client
}

// message is one turn of a conversation.
type message struct {
	Role    string `json:"role"`
	Content string `json:"content"`
}

// systemSocket is where a daemon that systemd started listens.
const systemSocket = "/run/inferd/inferd.sock"

// newClient returns a client of the daemon at socket; "" means the user's own
// daemon if there is one, else the system's.
func newClient(socket string) *client {
	if socket == "" {
		socket = transport.DefaultPath()
		if _, err := os.Stat(socket); errors.Is(err, fs.ErrNotExist) {
			socket = systemSocket
		}
	}
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}
	return &client{socket: socket, base: "http://inferd", http: http.Client{Transport: &http.Transport{DialContext: dial}}}
}

// newRemote returns a client of another server. Its URL may end in /v1, as most
// write it.
func newRemote(url, key string) *client {
	return &client{base: strings.TrimSuffix(strings.TrimSuffix(url, "/"), "/v1"), key: key}
}

// do sends a request and returns the body of a 200 answer, to be closed.
func (c *client) do(ctx context.Context, method, path string, body any) (io.ReadCloser, error) {
	var payload io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		payload = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, payload)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	if c.key != "" {
		req.Header.Set("Authorization", "Bearer "+c.key)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, c.dialHint(err)
	}
	if resp.StatusCode == http.StatusOK {
		return resp.Body, nil
	}
	defer resp.Body.Close()
	return nil, c.answerError(resp)
}

// who names the server in errors.
func (c *client) who() string {
	if c.socket != "" {
		return "the daemon"
	}
	return c.base
}

// dialHint tells how to cure a daemon that cannot be reached.
func (c *client) dialHint(err error) error {
	switch {
	case c.socket == "":
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
		return withHint(fmt.Errorf("no daemon listens at %s", c.socket), "start one with 'inferd --model FILE', or say --socket PATH")
	case errors.Is(err, fs.ErrPermission):
		return withHint(fmt.Errorf("socket %s: permission denied", c.socket), "the group that owns the socket may use it; ask to become a member")
	}
	return err
}

// apiError is the error object of the wire format.
type apiError struct {
	Message string `json:"message"`
	Type    string `json:"type"`
}

// answerError turns an answer other than 200 into an error.
func (c *client) answerError(resp *http.Response) error {
	var body struct {
		Error apiError `json:"error"`
	}
	text, _ := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if json.Unmarshal(text, &body) == nil && body.Error.Message != "" {
		return fmt.Errorf("%s answers %d: %s", c.who(), resp.StatusCode, body.Error.Message)
	}
	return fmt.Errorf("%s answers %s", c.who(), resp.Status)
}

// models returns the names of the models that the daemon serves.
func (c *client) models(ctx context.Context) ([]string, error) {
	body, err := c.do(ctx, http.MethodGet, "/v1/models", nil)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	var list struct {
		Data []struct {
			ID string `json:"id"`
		} `json:"data"`
	}
	if err := json.NewDecoder(body).Decode(&list); err != nil {
		return nil, fmt.Errorf("list of models: %w", err)
	}
	names := make([]string, len(list.Data))
	for i, m := range list.Data {
		names[i] = m.ID
	}
	return names, nil
}

// chatRequest is a conversation to be continued.
type chatRequest struct {
	Model         string         `json:"model"`
	Messages      []message      `json:"messages"`
	Stream        bool           `json:"stream"`
	StreamOptions map[string]any `json:"stream_options,omitempty"`
	Temperature   float64        `json:"temperature"`
	Seed          *int64         `json:"seed,omitempty"`
	MaxTokens     int            `json:"max_tokens,omitempty"`
}

// chatChunk is one event of a streamed answer.
type chatChunk struct {
	Choices []struct {
		Delta        message `json:"delta"`
		FinishReason string  `json:"finish_reason"`
	} `json:"choices"`
	Usage *chatUsage `json:"usage"`
	Error *apiError  `json:"error"`
}

type chatUsage struct {
	PromptTokens     int `json:"prompt_tokens"`
	CompletionTokens int `json:"completion_tokens"`
}

// chatEnd is how an answer ended.
type chatEnd struct {
	finish string // stop or length
	usage  chatUsage
}

// chat asks for the next turn and gives the text to emit as it arrives.
func (c *client) chat(ctx context.Context, req chatRequest, emit func(string) error) (end chatEnd, _ error) {
	req.Stream = true
	body, err := c.do(ctx, http.MethodPost, "/v1/chat/completions", req)
	if err != nil {
		return end, err
	}
	defer body.Close()
	for events := bufio.NewReader(body); ; {
		line, err := events.ReadString('\n')
		if err != nil {
			return end, cutOff(err)
		}
		event, ok := strings.CutPrefix(strings.TrimRight(line, "\r\n"), "data:")
		if !ok {
			continue // a comment that keeps the connection alive, or the blank line between events
		}
		if event = strings.TrimSpace(event); event == "[DONE]" {
			return end, nil
		}
		var chunk chatChunk
		if err := json.Unmarshal([]byte(event), &chunk); err != nil {
			return end, fmt.Errorf("streamed answer: %w", err)
		}
		if chunk.Error != nil {
			return end, fmt.Errorf("%s stops the answer: %s", c.who(), chunk.Error.Message)
		}
		if chunk.Usage != nil {
			end.usage = *chunk.Usage
		}
		for _, choice := range chunk.Choices {
			if choice.FinishReason != "" {
				end.finish = choice.FinishReason
			}
			if err := emit(choice.Delta.Content); err != nil {
				return end, err
			}
		}
	}
}

// cutOff words the end of a stream that should have gone on.
func cutOff(err error) error {
	if errors.Is(err, context.Canceled) {
		return err
	}
	return withHint(errors.New("the connection ended before the answer did"), "the daemon's log tells why it stopped")
}
