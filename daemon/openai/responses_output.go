package openai

import (
	"encoding/json"
	"strings"
	"time"

	"inferd/daemon/ask"
	"inferd/daemon/serve"
	"inferd/daemon/wire"
	"inferd/runtime"
	"inferd/tokenizer"
	"inferd/tokenizer/reply"
)

// response is the answer to a request, whole or in the making.
type response struct {
	ID                string          `json:"id"`
	Object            string          `json:"object"`
	CreatedAt         int64           `json:"created_at"`
	CompletedAt       *int64          `json:"completed_at"`
	Status            string          `json:"status"` // in_progress, completed, incomplete or failed
	Error             *responseError  `json:"error"`
	IncompleteDetails *incomplete     `json:"incomplete_details"`
	Model             string          `json:"model"`
	Fingerprint       string          `json:"system_fingerprint"`
	Output            []outputItem    `json:"output"`
	Usage             *responseUsage  `json:"usage"`
	Receipt           *ask.Receipt    `json:"receipt,omitempty"`
	Background        bool            `json:"background"`
	Instructions      *string         `json:"instructions"`
	MaxOutputTokens   *int            `json:"max_output_tokens"`
	Metadata          json.RawMessage `json:"metadata"`
	ParallelToolCalls bool            `json:"parallel_tool_calls"`
	PreviousResponse  *string         `json:"previous_response_id"` // always null
	Reasoning         json.RawMessage `json:"reasoning"`
	Store             bool            `json:"store"` // always false
	Temperature       float32         `json:"temperature"`
	Text              json.RawMessage `json:"text"`
	ToolChoice        json.RawMessage `json:"tool_choice"`
	Tools             json.RawMessage `json:"tools"`
	TopLogProbs       int             `json:"top_logprobs"`
	TopP              float32         `json:"top_p"`
	Truncation        string          `json:"truncation"`
	ServiceTier       string          `json:"service_tier"`
}

type responseError struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

type incomplete struct {
	Reason string `json:"reason"`
}

type responseUsage struct {
	InputTokens   int              `json:"input_tokens"`
	InputDetails  promptDetail     `json:"input_tokens_details"`
	OutputTokens  int              `json:"output_tokens"`
	OutputDetails completionDetail `json:"output_tokens_details"`
	TotalTokens   int              `json:"total_tokens"`
}

// newResponse repeats what o asks for. It reads nothing for good: members whose
// form is wrong are found by others.
func newResponse(o *wire.Object, r *responseRequest) response {
	c := response{
		ID: newID("resp_"), Object: "response", Status: "in_progress",
		Output: []outputItem{}, TopLogProbs: r.Generation.TopLogProbs, Truncation: "disabled", ServiceTier: "default",
		Metadata:          r.metadata,
		Text:              o.Peek("text", `{"format":{"type":"text"}}`),
		ToolChoice:        o.Peek("tool_choice", `"auto"`),
		Tools:             o.Peek("tools", `[]`),
		Reasoning:         o.Peek("reasoning", `{"effort":null,"summary":null}`),
		ParallelToolCalls: string(o.Peek("parallel_tool_calls", "true")) != "false",
	}
	if r.instructions != "" {
		c.Instructions = &r.instructions
	}
	if n := r.Generation.MaxTokens; n > 0 {
		c.MaxOutputTokens = &n
	}
	return c
}

// begin fills in what is known once there is a model.
func (c *response) begin(m serve.Model, s *runtime.SamplingParams) {
	c.Temperature, c.TopP = s.Temperature, s.TopP
	c.CreatedAt, c.Model, c.Fingerprint = time.Now().Unix(), m.Name(), m.Fingerprint()
}

// outputItem is a message, reasoning, or a call of a function.
type outputItem struct {
	ID        string       `json:"id"`
	Type      string       `json:"type"`
	Status    string       `json:"status"`
	Role      string       `json:"role,omitempty"`
	Content   []outputPart `json:"content,omitzero"` // of messages and reasoning
	Summary   []string     `json:"summary,omitzero"` // of reasoning, always empty
	CallID    string       `json:"call_id,omitempty"`
	Name      string       `json:"name,omitempty"`
	Arguments *string      `json:"arguments,omitempty"`
}

type outputPart struct {
	Type        string        `json:"type"`
	Text        string        `json:"text"`
	Annotations []string      `json:"annotations,omitzero"` // of output_text, always empty
	LogProbs    []chatLogProb `json:"logprobs,omitzero"`
}

// responseEvent is an event of a stream; what it carries depends on its type.
type responseEvent struct {
	Type         string        `json:"type"`
	Sequence     int           `json:"sequence_number"`
	Response     *response     `json:"response,omitempty"`
	OutputIndex  *int          `json:"output_index,omitempty"`
	Item         *outputItem   `json:"item,omitempty"`
	ItemID       string        `json:"item_id,omitempty"`
	ContentIndex *int          `json:"content_index,omitempty"`
	Part         *outputPart   `json:"part,omitempty"`
	Delta        *string       `json:"delta,omitempty"`
	Text         *string       `json:"text,omitempty"`
	Name         string        `json:"name,omitempty"`
	Arguments    *string       `json:"arguments,omitempty"`
	LogProbs     []chatLogProb `json:"logprobs,omitzero"`
}

// responseWriter makes output items out of events, and tells of each step if
// there is a stream.
type responseWriter struct {
	tok      *tokenizer.Tokenizer
	stream   *wire.Stream // nil: nobody listens
	response *response
	sequence int
	kind     reply.EventKind // of the open item, the last of the output
	isOpen   bool
	text     strings.Builder // of the open item
	logProbs []chatLogProb   // likewise
}

// send sends an event under its type's name.
func (w *responseWriter) send(e responseEvent) error {
	if w.stream == nil {
		return nil
	}
	e.Sequence = w.sequence
	w.sequence++
	return w.stream.SendAs(e.Type, e)
}

// sendIn sends an event about the open item.
func (w *responseWriter) sendIn(e responseEvent) error {
	index := len(w.response.Output) - 1
	e.OutputIndex = &index
	if e.Item == nil {
		e.ItemID = w.response.Output[index].ID
	}
	return w.send(e)
}

// sendPart sends an event about the only part of the open item.
func (w *responseWriter) sendPart(e responseEvent) error {
	e.ContentIndex = new(int)
	return w.sendIn(e)
}

// fail ends a stream with an error.
func (w *responseWriter) fail(f *serve.Fault) error {
	e := struct {
		Type     string  `json:"type"`
		Sequence int     `json:"sequence_number"`
		Code     string  `json:"code"`
		Message  string  `json:"message"`
		Param    *string `json:"param"`
	}{Type: "error", Sequence: w.sequence, Code: f.Code, Message: f.Message}
	return w.stream.SendAs(e.Type, e)
}

// add takes what a token adds to the answer.
func (w *responseWriter) add(e ask.Event, withLogProbs bool) error {
	if withLogProbs && hasLogProb(e.Delta) {
		w.logProbs = append(w.logProbs, chatLogProbOf(w.tok, e.Delta))
	}
	for _, part := range e.Parts {
		if part.Kind == reply.ToolCall {
			if err := w.addCall(part.Call); err != nil {
				return err
			}
			continue
		}
		if err := w.open(part.Kind); err != nil {
			return err
		}
		w.text.WriteString(part.Text)
		for piece := range wire.Pieces(part.Text) {
			d := responseEvent{Type: w.verb("delta"), Delta: &piece}
			if part.Kind == reply.Text {
				d.LogProbs = w.takeLogProbs()
			}
			if err := w.sendPart(d); err != nil {
				return err
			}
		}
	}
	return nil
}

// takeLogProbs returns the log probabilities that no delta has told yet, and
// makes them part of the item.
func (w *responseWriter) takeLogProbs() []chatLogProb {
	part := &w.response.Output[len(w.response.Output)-1].Content[0]
	part.LogProbs = append(part.LogProbs, w.logProbs...)
	taken := w.logProbs
	w.logProbs = nil
	return append([]chatLogProb{}, taken...)
}

// verb is the type of an event about the text of the open item.
func (w *responseWriter) verb(what string) string {
	if w.kind == reply.ReasoningText {
		return "response.reasoning_text." + what
	}
	return "response.output_text." + what
}

// open begins an item of a kind, unless one is open.
func (w *responseWriter) open(kind reply.EventKind) error {
	if w.isOpen && w.kind == kind {
		return nil
	}
	if err := w.shut("completed"); err != nil {
		return err
	}
	item := outputItem{ID: newID("msg_"), Type: "message", Role: "assistant", Status: "in_progress", Content: []outputPart{}}
	part := outputPart{Type: "output_text", Annotations: []string{}, LogProbs: []chatLogProb{}}
	if kind == reply.ReasoningText {
		item = outputItem{ID: newID("rs_"), Type: "reasoning", Status: "in_progress", Content: []outputPart{}, Summary: []string{}}
		part = outputPart{Type: "reasoning_text"}
	}
	w.isOpen, w.kind = true, kind
	w.response.Output = append(w.response.Output, item)
	if err := w.sendIn(responseEvent{Type: "response.output_item.added", Item: &item}); err != nil {
		return err
	}
	w.response.Output[len(w.response.Output)-1].Content = []outputPart{part}
	return w.sendPart(responseEvent{Type: "response.content_part.added", Part: &part})
}

// shut ends the open item, if there is one.
func (w *responseWriter) shut(status string) error {
	if !w.isOpen {
		return nil
	}
	w.isOpen = false
	item := &w.response.Output[len(w.response.Output)-1]
	part := &item.Content[0]
	item.Status, part.Text = status, w.text.String()
	w.text.Reset()
	done := responseEvent{Type: w.verb("done"), Text: &part.Text, LogProbs: part.LogProbs}
	if err := w.sendPart(done); err != nil {
		return err
	}
	if err := w.sendPart(responseEvent{Type: "response.content_part.done", Part: part}); err != nil {
		return err
	}
	return w.sendIn(responseEvent{Type: "response.output_item.done", Item: item})
}

// addCall adds a whole call.
func (w *responseWriter) addCall(c reply.Call) error {
	if err := w.shut("completed"); err != nil {
		return err
	}
	arguments, none := string(c.Arguments), ""
	item := outputItem{ID: newID("fc_"), Type: "function_call", Status: "in_progress", CallID: ask.NewCallID(), Name: c.Name, Arguments: &none}
	w.response.Output = append(w.response.Output, item)
	if err := w.sendIn(responseEvent{Type: "response.output_item.added", Item: &item}); err != nil {
		return err
	}
	for piece := range wire.Pieces(arguments) {
		if err := w.sendIn(responseEvent{Type: "response.function_call_arguments.delta", Delta: &piece}); err != nil {
			return err
		}
	}
	whole := &w.response.Output[len(w.response.Output)-1]
	whole.Arguments, whole.Status = &arguments, "completed"
	if err := w.sendIn(responseEvent{Type: "response.function_call_arguments.done", Name: c.Name, Arguments: &arguments}); err != nil {
		return err
	}
	return w.sendIn(responseEvent{Type: "response.output_item.done", Item: whole})
}

// close ends the output. An answer that says nothing is an empty message.
func (w *responseWriter) close(finish ask.Finish) error {
	if len(w.response.Output) == 0 {
		if err := w.open(reply.Text); err != nil {
			return err
		}
	}
	if w.isOpen && w.kind == reply.Text {
		w.takeLogProbs()
	}
	if finish == ask.FinishLength {
		return w.shut("incomplete")
	}
	return w.shut("completed")
}
