package openai

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"strings"
	"time"

	"inferd/daemon/auth"
	"inferd/runtime"
	"inferd/tokenizer"
	"inferd/tokenizer/reply"
)

// chatRequest is the body of POST /v1/chat/completions.
type chatRequest struct {
	params
	toolbox
	messages []Message
	parts    []parts // of each choice, set by begin
}

// decodeChat reads a chat request. Every member it knows stands here.
func decodeChat(body []byte) (chatRequest, error) {
	o := parseBody(body)
	r := chatRequest{params: readParams(o)}
	o.require("messages")
	r.messages = readMessages(o)
	r.generation.MaxTokens = readMaxTokens(o)
	r.generation.LogProbs = o.boolean("logprobs", false)
	if o.has("top_logprobs") && !r.generation.LogProbs {
		o.fail("invalid_value", "top_logprobs", "is only allowed when \"logprobs\" is true")
	}
	r.generation.TopLogProbs = readTopLogProbs(o, "top_logprobs", 0)

	r.toolbox = readTools(o)
	if r.tools != nil && r.format.kind != anyText {
		o.fail("invalid_value", r.format.member(), "leaves no room for calls of tools, send it with \"tool_choice\": \"none\"")
	}
	o.unsupported("functions")
	o.unsupported("function_call", `"none"`, `"auto"`)
	o.unsupported("modalities", `["text"]`)
	o.unsupported("service_tier", `"auto"`, `"default"`)
	for _, member := range []string{"audio", "prediction", "reasoning_effort", "store", "verbosity", "web_search_options"} {
		o.unsupported(member)
	}
	return r, o.close()
}

// readMaxTokens reads the bound under both its names; 0 is none.
func readMaxTokens(o *object) int {
	if o.has("max_tokens") && o.has("max_completion_tokens") {
		o.fail("invalid_value", "max_tokens", "and \"max_completion_tokens\" are the same, send one of them")
	}
	n := o.integer("max_tokens", 1, math.MaxInt32, 0)
	return int(o.integer("max_completion_tokens", 1, math.MaxInt32, n))
}

func readMessages(o *object) []Message {
	var messages []Message
	for i, element := range o.array("messages", maxMessages) {
		if o.err != nil {
			break
		}
		in := o.inner(fmt.Sprintf("messages[%d]", i), element)
		messages = append(messages, readMessage(in))
		o.closeInner(in)
	}
	return messages
}

func readMessage(o *object) (m Message) {
	o.require("role")
	m.Role, _ = o.str("role")
	hasCalls := false
	switch m.Role {
	case "assistant":
		m.ToolCalls = readToolCalls(o)
		hasCalls = len(m.ToolCalls) > 0
		m.Reasoning, _ = o.str("reasoning_content")
	case "tool":
		o.require("tool_call_id")
		m.ToolCallID, _ = o.str("tool_call_id")
	case "system", "developer", "user", "":
	case "function":
		o.fail("unsupported_parameter", "role", "%q is not supported, answers of tools have the role \"tool\"", m.Role)
	default:
		o.fail("invalid_value", "role", "must be system, developer, user, assistant or tool, found %q", m.Role)
	}
	m.Name, _ = o.str("name")
	if !hasCalls {
		o.require("content")
	}
	m.Content = readContent(o)
	for _, member := range []string{"tool_calls", "tool_call_id", "function_call", "audio", "annotations"} {
		o.unsupported(member)
	}
	o.unsupported("refusal", `""`)
	return m
}

// readContent reads a string, or an array of text parts, which become lines.
func readContent(o *object) string {
	value := o.take("content")
	if value == nil {
		return ""
	}
	switch typeOf(value) {
	case "a string":
		return unquote(value)
	case "an array":
	default:
		o.want("content", "a string or an array of parts", value)
		return ""
	}
	var texts []string
	for i, part := range o.elements("content", value, maxParts) {
		in := o.inner(fmt.Sprintf("content[%d]", i), part)
		in.require("type")
		if kind, ok := in.str("type"); ok && kind != "text" {
			in.fail("unsupported_parameter", "type", "%q is not supported, content must be text", kind)
		}
		in.require("text")
		text, _ := in.str("text")
		texts = append(texts, text)
		o.closeInner(in)
	}
	return strings.Join(texts, "\n")
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
func (a *API) chat(w http.ResponseWriter, r *http.Request) error {
	body, err := readBody(r)
	if err != nil {
		return err
	}
	defer clear(body)
	req, err := decodeChat(body)
	if err != nil {
		return err
	}
	m, release, err := a.find(r, req.model)
	if err != nil {
		return err
	}
	defer release()
	if err := req.force(m, &req.format); err != nil {
		return err
	}
	if req.generation.Grammar, err = a.grammars.of(auth.GrantFrom(r.Context()).User, req.format); err != nil {
		return err
	}
	answers, err := req.begin(r.Context(), m)
	if err != nil {
		return err
	}
	defer answers.close()
	head := chatCompletion{
		ID:          newID("chatcmpl-"),
		Created:     time.Now().Unix(),
		Model:       m.Name(),
		Fingerprint: m.Fingerprint(),
	}
	if req.stream {
		a.streamChat(w, r, &req, m, answers, head)
		return nil
	}
	return req.whole(w, m, answers, head)
}

// begin turns the conversation into tokens and starts the answers.
func (req *chatRequest) begin(ctx context.Context, m Model) (*answers, error) {
	if err := req.generation.Validate(m.NVocab()); err != nil {
		return nil, err
	}
	prompt, err := m.ChatPrompt(Conversation{Messages: req.messages, Tools: req.raw})
	if err != nil {
		return nil, invalid("invalid_value", "messages", "%v", err)
	}
	defer clear(prompt)
	if len(prompt) == 0 {
		return nil, invalid("invalid_value", "messages", "\"messages\" make an empty prompt")
	}
	if len(prompt) >= m.NCtx() {
		return nil, tooLong(m, "messages", len(prompt))
	}
	req.readAs(m, prompt)
	return beginAnswers(ctx, m, [][]runtime.Token{prompt}, &req.params)
}

// nPromptEnd is how many tokens of a prompt's end may say that the answer
// begins inside a section of reasoning.
const nPromptEnd = 16

// readAs decides how answers are read: as the model's format says, if they may
// have reasoning or calls in them, else as they are. An answer whose form is
// given has neither, unless it must be a call.
func (req *chatRequest) readAs(m Model, prompt []runtime.Token) {
	f := m.ReplyFormat()
	isPlain := f.Format == nil || !f.HasReasoning() && req.tools == nil
	req.parts = make([]parts, req.n)
	if isPlain || req.generation.Grammar != nil && !req.forced {
		return
	}
	req.generation.Show = f.Marks
	end := m.Tokenizer().Decode(prompt[max(0, len(prompt)-nPromptEnd):], tokenizer.DecodeOptions{ShowSpecial: true})
	if req.forced { // the call comes at once
		end = nil
	}
	for i := range req.parts {
		req.parts[i] = parts{
			parser: f.NewParser(reply.Options{Tools: req.tools, Prompt: string(end)}),
			single: req.single,
		}
	}
}

// whole collects the answers and sends them.
func (req *chatRequest) whole(w http.ResponseWriter, m Model, answers *answers, c chatCompletion) error {
	messages := make([]message, len(answers.list))
	c.Object = "chat.completion"
	c.Choices = make([]chatChoice, len(answers.list))
	for i := range c.Choices {
		c.Choices[i] = chatChoice{Index: i, LogProbs: req.newLogProbs()}
	}
	err := answers.each(func(e event) error {
		choice, parts := &c.Choices[e.choice], &req.parts[e.choice]
		for _, part := range parts.of(e.delta) {
			messages[e.choice].add(part)
		}
		if choice.LogProbs != nil && hasLogProb(e.delta) {
			choice.LogProbs.Content = append(choice.LogProbs.Content, chatLogProbOf(m.Tokenizer(), e.delta))
		}
		choice.FinishReason = parts.finish(e.delta.Finished)
		return nil
	}, nothing, nothing)
	if err != nil {
		return err
	}
	for i := range c.Choices {
		c.Choices[i].Message = messages[i].whole()
	}
	c.Usage = usageIn{true, answers.usage()}
	writeJSON(w, http.StatusOK, c)
	return nil
}

// newLogProbs returns an empty list if log probabilities are asked for.
func (req *chatRequest) newLogProbs() *chatLogProbs {
	if !req.generation.LogProbs {
		return nil
	}
	return &chatLogProbs{Content: []chatLogProb{}}
}

// streamChat sends the answers token by token. It has an answer for every
// error: an event, if the client is still there.
func (a *API) streamChat(w http.ResponseWriter, r *http.Request, req *chatRequest, m Model, answers *answers, c chatCompletion) {
	s := newStream(w)
	err := req.streamTo(s, m, answers, c)
	if err == nil || gone(r.Context(), err) {
		return
	}
	_ = s.send(errorBody{a.explain(r, err)}) // the stream ends either way
}

func (req *chatRequest) streamTo(s *stream, m Model, answers *answers, c chatCompletion) error {
	c.Object = "chat.completion.chunk"
	c.Usage.asked = req.includeUsage
	send := func(choice chatChoice) error {
		c.Choices = []chatChoice{choice}
		return s.send(c)
	}
	empty := ""
	for i := range answers.list {
		if err := send(chatChoice{Index: i, Delta: &chatDelta{Role: "assistant", Content: &empty}}); err != nil {
			return err
		}
	}
	if err := s.flush(); err != nil {
		return err
	}
	err := answers.each(func(e event) error {
		parts := &req.parts[e.choice]
		logProbs := req.newLogProbs()
		if logProbs != nil && hasLogProb(e.delta) {
			logProbs.Content = append(logProbs.Content, chatLogProbOf(m.Tokenizer(), e.delta))
		}
		for delta := range parts.deltas(e.delta, logProbs != nil && hasLogProb(e.delta)) {
			if err := send(chatChoice{Index: e.choice, Delta: &delta, LogProbs: logProbs}); err != nil {
				return err
			}
			logProbs = req.newLogProbs()
		}
		if e.delta.Finished == runtime.NotFinished {
			return nil
		}
		return send(chatChoice{Index: e.choice, Delta: &chatDelta{}, FinishReason: parts.finish(e.delta.Finished)})
	}, s.flush, s.ping)
	if err != nil {
		return err
	}
	if req.includeUsage {
		c.Choices = []chatChoice{}
		c.Usage.usage = answers.usage()
		if err := s.send(c); err != nil {
			return err
		}
	}
	return s.done()
}
