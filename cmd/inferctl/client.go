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

// client speaks to a daemon over its Unix socket, in the OpenAI wire format.
type client struct {
	socket string
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
	return &client{socket, http.Client{Transport: &http.Transport{DialContext: dial}}}
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
	req, err := http.NewRequestWithContext(ctx, method, "http://inferd"+path, payload)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, c.dialHint(err)
	}
	if resp.StatusCode == http.StatusOK {
		return resp.Body, nil
	}
	defer resp.Body.Close()
	return nil, answerError(resp)
}

// dialHint tells how to cure a daemon that cannot be reached.
func (c *client) dialHint(err error) error {
	switch {
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
func answerError(resp *http.Response) error {
	var body struct {
		Error apiError `json:"error"`
	}
	text, _ := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if json.Unmarshal(text, &body) == nil && body.Error.Message != "" {
		return fmt.Errorf("the daemon answers %d: %s", resp.StatusCode, body.Error.Message)
	}
	return fmt.Errorf("the daemon answers %s", resp.Status)
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

// chatChunk is one event of a streamed answer.
type chatChunk struct {
	Choices []struct {
		Delta        message `json:"delta"`
		FinishReason string  `json:"finish_reason"`
	} `json:"choices"`
	Error *apiError `json:"error"`
}

// chat asks for the next turn after messages and gives the text to emit as it
// arrives. It returns why the answer ended: "stop" or "length".
func (c *client) chat(ctx context.Context, model string, temperature float64, messages []message, emit func(string) error) (string, error) {
	body, err := c.do(ctx, http.MethodPost, "/v1/chat/completions", map[string]any{
		"model": model, "messages": messages, "stream": true, "temperature": temperature,
	})
	if err != nil {
		return "", err
	}
	defer body.Close()
	finish := ""
	for events := bufio.NewReader(body); ; {
		line, err := events.ReadString('\n')
		if err != nil {
			return finish, cutOff(err)
		}
		event, ok := strings.CutPrefix(strings.TrimRight(line, "\r\n"), "data:")
		if !ok {
			continue // a comment that keeps the connection alive, or the blank line between events
		}
		if event = strings.TrimSpace(event); event == "[DONE]" {
			return finish, nil
		}
		var chunk chatChunk
		if err := json.Unmarshal([]byte(event), &chunk); err != nil {
			return finish, fmt.Errorf("streamed answer: %w", err)
		}
		if chunk.Error != nil {
			return finish, fmt.Errorf("the daemon stops the answer: %s", chunk.Error.Message)
		}
		for _, choice := range chunk.Choices {
			if choice.FinishReason != "" {
				finish = choice.FinishReason
			}
			if err := emit(choice.Delta.Content); err != nil {
				return finish, err
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
