package anthropic

import (
	"crypto/rand"
	"net/http"
	"strings"

	"inferd/daemon/ask"
	"inferd/daemon/serve"
	"inferd/daemon/wire"
)

// message is an answer, or its head in a stream.
type message struct {
	ID           string  `json:"id"`
	Type         string  `json:"type"`
	Role         string  `json:"role"`
	Model        string  `json:"model"`
	Content      []block `json:"content"`
	StopReason   *string `json:"stop_reason"`
	StopSequence *string `json:"stop_sequence"`
	Usage        usage   `json:"usage"`
}

// usage counts tokens. What was cached does not count as input.
type usage struct {
	Input         int `json:"input_tokens"`
	CacheCreation int `json:"cache_creation_input_tokens"`
	CacheRead     int `json:"cache_read_input_tokens"`
	Output        int `json:"output_tokens"`
}

func usageOf(u ask.Usage) usage {
	return usage{Input: u.NPrompt - u.NCached, CacheRead: u.NCached, Output: u.NOut}
}

// end is how an answer ended.
type end struct {
	StopReason   *string `json:"stop_reason"`
	StopSequence *string `json:"stop_sequence"`
}

// of notes how the answer ends, if the event says so.
func (n *end) of(e ask.Event) {
	var reason string
	switch e.Finish {
	case "":
		return
	case ask.FinishCalls:
		reason = "tool_use"
	case ask.FinishLength:
		reason = "max_tokens"
	case ask.FinishString:
		reason = "stop_sequence"
		stop := e.Delta.Stop
		n.StopSequence = &stop
	default:
		reason = "end_turn"
	}
	n.StopReason = &reason
}

// messages serves POST /v1/messages.
func (a *api) messages(w http.ResponseWriter, r *http.Request, req *request, m serve.Model) error {
	if err := req.check(m); err != nil {
		return err
	}
	answers, err := req.Begin(r.Context(), m, &a.grammars)
	if err != nil {
		return err
	}
	defer answers.Close()
	head := message{
		ID:      "msg_" + strings.ToLower(rand.Text()),
		Type:    "message",
		Role:    "assistant",
		Model:   req.model,
		Content: []block{},
		Usage:   usageOf(answers.Usage()),
	}
	nameRequest(w)
	if !req.stream {
		return req.whole(w, answers, head)
	}
	s := wire.NewEvents(w)
	if err := req.streamTo(s, answers, head); err != nil && !wire.Gone(r.Context(), err) {
		_ = s.SendAs("error", failureOf(w, wire.Explain(a.log, r, err))) // the stream ends either way
	}
	return nil
}

// whole collects the answer and sends it.
func (req *request) whole(w http.ResponseWriter, answers *ask.Answers, m message) error {
	b := blocks{showing: req.showing}
	var all collected
	var n end
	err := answers.Each(func(e ask.Event) error {
		all.add(b.of(e))
		n.of(e)
		return nil
	}, nil, nil)
	if err != nil {
		return err
	}
	m.Content = all.whole()
	m.StopReason, m.StopSequence = n.StopReason, n.StopSequence
	m.Usage = usageOf(answers.Usage())
	wire.WriteJSON(w, http.StatusOK, m)
	return nil
}

// event is any event that is not a change of a block.
type event struct {
	Type    string   `json:"type"`
	Message *message `json:"message,omitempty"`
	Delta   *end     `json:"delta,omitempty"`
	Usage   *usage   `json:"usage,omitempty"`
}

// streamTo sends the answer token by token.
func (req *request) streamTo(s *wire.Stream, answers *ask.Answers, head message) error {
	send := func(e event) error { return s.SendAs(e.Type, e) }
	if err := send(event{Type: "message_start", Message: &head}); err != nil {
		return err
	}
	if err := s.Flush(); err != nil {
		return err
	}
	b := blocks{showing: req.showing}
	var n end
	err := answers.Each(func(e ask.Event) error {
		n.of(e)
		for _, ch := range b.of(e) {
			if err := s.SendAs(ch.Type, ch); err != nil {
				return err
			}
		}
		return nil
	}, s.Flush, func() error {
		if err := send(event{Type: "ping"}); err != nil {
			return err
		}
		return s.Flush()
	})
	if err != nil {
		return err
	}
	u := usageOf(answers.Usage())
	if err := send(event{Type: "message_delta", Delta: &n, Usage: &u}); err != nil {
		return err
	}
	return send(event{Type: "message_stop"})
}

// countTokens serves POST /v1/messages/count_tokens. It counts prompts that are
// too long as well.
func (a *api) countTokens(w http.ResponseWriter, _ *http.Request, req *request, m serve.Model) error {
	prompt, err := req.Render(m)
	if err != nil {
		return err
	}
	defer clear(prompt)
	nameRequest(w)
	wire.WriteJSON(w, http.StatusOK, map[string]int{"input_tokens": len(prompt)})
	return nil
}
