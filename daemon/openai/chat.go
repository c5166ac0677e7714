package openai

import (
	"cmp"
	"context"
	"math"
	"net/http"
	"strings"
	"time"

	"inferd/daemon/ask"
	"inferd/daemon/serve"
	"inferd/daemon/wire"
	"inferd/tokenizer/reply"
)

// Limits on what one request may make us keep while it is read.
const (
	maxMessages = 1 << 14
	maxParts    = 4096 // of one message
)

// chatRequest is the body of POST /v1/chat/completions.
type chatRequest struct {
	request
	ask.Chat
	promptLogProbs int // most likely tokens to tell at each place of the prompt; -1: none
}

// decodeChat reads a chat request. Every member it knows stands here.
func decodeChat(o *wire.Object) (*chatRequest, error) {
	r := &chatRequest{request: readRequest(o)}
	r.includeUsage = readStreamOptions(o, r.stream)
	r.Params = readParams(o)
	o.Require("messages")
	r.Param = "messages"
	r.Messages = readMessages(o)
	r.Generation.MaxTokens = readMaxTokens(o)
	r.Generation.LogProbs = o.Bool("logprobs", false)
	if o.Has("top_logprobs") && !r.Generation.LogProbs {
		o.Fail("invalid_value", "top_logprobs", "is only allowed when \"logprobs\" is true")
	}
	r.Generation.TopLogProbs = readTopLogProbs(o, "top_logprobs", 0)

	r.promptLogProbs = readPromptLogProbs(o, r.stream)
	r.Receipt = o.Bool("receipt", false)
	r.Tools = readTools(o)
	r.Vars = readVars(o)
	o.Unsupported("functions")
	o.Unsupported("function_call", `"none"`, `"auto"`)
	o.Unsupported("modalities", `["text"]`)
	for _, member := range []string{"audio", "store", "web_search_options", "moderation"} {
		o.Unsupported(member)
	}
	// A service tier is about prices, and a prediction about speed.
	o.Ignored("a string", "service_tier")
	o.Ignored("an object", "prediction", "prompt_cache_options")
	return r, o.Close()
}

// readMaxTokens reads the bound under both its names; 0 is none.
func readMaxTokens(o *wire.Object) int {
	if o.Has("max_tokens") && o.Has("max_completion_tokens") {
		o.Fail("invalid_value", "max_tokens", "and \"max_completion_tokens\" are the same, send one of them")
	}
	n := o.Integer("max_tokens", 1, math.MaxInt32, 0)
	return int(o.Integer("max_completion_tokens", 1, math.MaxInt32, n))
}

func readMessages(o *wire.Object) (messages []serve.Message) {
	o.Objects("messages", o.Array("messages", maxMessages), func(in *wire.Object) {
		messages = append(messages, readMessage(in))
	})
	return messages
}

func readMessage(o *wire.Object) (m serve.Message) {
	o.Require("role")
	m.Role, _ = o.Str("role")
	hasCalls := false
	switch m.Role {
	case "assistant":
		m.ToolCalls = readToolCalls(o)
		hasCalls = len(m.ToolCalls) > 0
		m.Reasoning, _ = o.Str("reasoning_content")
		reasoning, _ := o.Str("reasoning") // vLLM's name
		m.Reasoning = cmp.Or(m.Reasoning, reasoning)
	case "tool":
		o.Require("tool_call_id")
		m.ToolCallID, _ = o.Str("tool_call_id")
	case "system", "developer", "user", "":
	case "function":
		o.Fail("unsupported_parameter", "role", "%q is not supported, answers of tools have the role \"tool\"", m.Role)
	default:
		o.Fail("invalid_value", "role", "must be system, developer, user, assistant or tool, found %q", m.Role)
	}
	m.Name, _ = o.Str("name")
	if !hasCalls {
		o.Require("content")
	}
	m.Content = readContent(o)
	for _, member := range []string{"tool_calls", "tool_call_id", "function_call", "audio", "annotations"} {
		o.Unsupported(member)
	}
	o.Unsupported("refusal", `""`)
	return m
}

// readContent reads a string, or an array of text parts, which become lines.
func readContent(o *wire.Object) string {
	if value := o.Peek("content", "null"); wire.TypeOf(value) == "an array" && wire.FirstOf(value) == "" {
		o.Fail("invalid_value", "content", "is empty")
	}
	return o.Text("content", "parts", maxParts, func(in *wire.Object) string {
		in.Require("type")
		member := "text"
		if kind, ok := in.Str("type"); ok && kind == "refusal" { // of an assistant, sent back
			member = kind
		} else if ok && kind != "text" {
			in.Fail("unsupported_parameter", "type", "%q is not supported, content must be text", kind)
		}
		in.Require(member)
		text, _ := in.Str(member)
		return text
	})
}

// chatCompletion is an answer, or a chunk of one that is streamed.
type chatCompletion struct {
	ID          string       `json:"id"`
	Object      string       `json:"object"`
	Created     int64        `json:"created"`
	Model       string       `json:"model"`
	Fingerprint string       `json:"system_fingerprint"`
	Choices     []chatChoice `json:"choices"`
	Usage       usageIn      `json:"usage,omitzero"`
	Receipt     *ask.Receipt `json:"receipt,omitempty"`

	PromptLogProbs []promptLogProb `json:"prompt_logprobs,omitempty"`
}

type chatChoice struct {
	Index        int           `json:"index"`
	Message      *chatMessage  `json:"message,omitempty"`
	Delta        *chatDelta    `json:"delta,omitempty"`
	LogProbs     *chatLogProbs `json:"logprobs"`
	FinishReason *string       `json:"finish_reason"`
}

type chatMessage struct {
	Role      string     `json:"role"`
	Content   *string    `json:"content"` // null beside calls
	Reasoning string     `json:"reasoning_content,omitempty"`
	ToolCalls []toolCall `json:"tool_calls,omitempty"`
	Refusal   *string    `json:"refusal"` // always null
}

// message collects the parts of an answer.
type message struct {
	content, reasoning strings.Builder
	calls              []toolCall
}

func (m *message) add(e reply.Event) {
	switch e.Kind {
	case reply.ReasoningText:
		m.reasoning.WriteString(e.Text)
	case reply.ToolCall:
		m.calls = append(m.calls, newToolCall(e.Call))
	default:
		m.content.WriteString(e.Text)
	}
}

func (m *message) whole() *chatMessage {
	c := &chatMessage{Role: "assistant", Reasoning: m.reasoning.String(), ToolCalls: m.calls}
	if text := m.content.String(); text != "" || m.calls == nil {
		c.Content = &text
	}
	return c
}

// chatDelta is what a chunk adds to a message.
type chatDelta struct {
	Role      string     `json:"role,omitempty"`
	Content   *string    `json:"content,omitempty"`
	Reasoning string     `json:"reasoning_content,omitempty"`
	ToolCalls []toolCall `json:"tool_calls,omitempty"`
}

// chat serves POST /v1/chat/completions.
func (a *api) chat(w http.ResponseWriter, r *http.Request, req *chatRequest, m serve.Model) (err error) {
	head := chatCompletion{
		ID:          newID("chatcmpl-"),
		Created:     time.Now().Unix(),
		Model:       m.Name(),
		Fingerprint: m.Fingerprint(),
	}
	if head.PromptLogProbs, err = req.scorePrompt(r.Context(), m); err != nil {
		return err
	}
	answers, err := req.Begin(r.Context(), m, &a.grammars)
	if err != nil {
		return err
	}
	defer answers.Close()
	if !req.stream {
		return req.whole(w, m, answers, head)
	}
	s := wire.NewEvents(w)
	a.fail(s, r, req.streamTo(s, m, answers, head))
	return nil
}

// whole collects the answers and sends them.
func (req *chatRequest) whole(w http.ResponseWriter, m serve.Model, answers *ask.Answers, c chatCompletion) error {
	messages := make([]message, answers.Len())
	c.Object = "chat.completion"
	c.Choices = make([]chatChoice, len(messages))
	for i := range c.Choices {
		c.Choices[i] = chatChoice{Index: i, LogProbs: req.newLogProbs()}
	}
	err := answers.Each(func(e ask.Event) error {
		choice := &c.Choices[e.Choice]
		for _, part := range e.Parts {
			messages[e.Choice].add(part)
		}
		choice.LogProbs.add(m.Tokenizer(), e.Delta)
		choice.FinishReason = finishReason(e.Finish)
		return nil
	}, nil, nil)
	if err != nil {
		return err
	}
	for i := range c.Choices {
		c.Choices[i].Message = messages[i].whole()
	}
	c.Usage = usageIn{true, usageOf(answers.Usage())}
	c.Receipt = answers.Receipt()
	wire.WriteJSON(w, http.StatusOK, c)
	return nil
}

// scorePrompt returns the log probabilities of the prompt, if they are asked for.
func (req *chatRequest) scorePrompt(ctx context.Context, m serve.Model) ([]promptLogProb, error) {
	if req.promptLogProbs < 0 {
		return nil, nil
	}
	prompt, err := req.Prompt(m)
	if err != nil {
		return nil, err
	}
	defer clear(prompt)
	return scorePrompt(ctx, m, prompt, req.promptLogProbs)
}

// newLogProbs returns an empty list if log probabilities are asked for.
func (req *chatRequest) newLogProbs() *chatLogProbs {
	if !req.Generation.LogProbs {
		return nil
	}
	return &chatLogProbs{Content: []chatLogProb{}}
}

// streamTo sends the answers token by token.
func (req *chatRequest) streamTo(s *wire.Stream, m serve.Model, answers *ask.Answers, c chatCompletion) error {
	c.Object = "chat.completion.chunk"
	c.Usage.asked = req.includeUsage
	send := func(choice chatChoice) error {
		c.Choices = []chatChoice{choice}
		return s.Send(c)
	}
	empty := ""
	for i := range answers.Len() {
		if err := send(chatChoice{Index: i, Delta: &chatDelta{Role: "assistant", Content: &empty}}); err != nil {
			return err
		}
	}
	if err := s.Flush(); err != nil {
		return err
	}
	deltas := make([]deltas, answers.Len())
	err := answers.Each(func(e ask.Event) error {
		logProbs := req.newLogProbs()
		hasLogProbs := logProbs.add(m.Tokenizer(), e.Delta)
		for delta := range deltas[e.Choice].of(e, hasLogProbs) {
			if err := send(chatChoice{Index: e.Choice, Delta: &delta, LogProbs: logProbs}); err != nil {
				return err
			}
			logProbs = req.newLogProbs()
		}
		if e.Finish == "" {
			return nil
		}
		return send(chatChoice{Index: e.Choice, Delta: &chatDelta{}, FinishReason: finishReason(e.Finish)})
	}, s.Flush, ping(s, answers))
	if err != nil {
		return err
	}
	if c.Receipt = answers.Receipt(); req.includeUsage || c.Receipt != nil {
		c.Choices = []chatChoice{}
		c.Usage.usage = usageOf(answers.Usage())
		if err := s.Send(c); err != nil {
			return err
		}
	}
	return s.Done()
}
