package ollama

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"inferd/daemon/ask"
	"inferd/daemon/wire"
	"inferd/tokenizer/reply"
)

// line is an answer, or a line of one that is streamed.
type line struct {
	Model      string    `json:"model"`
	CreatedAt  time.Time `json:"created_at"`
	Message    *message  `json:"message,omitempty"`  // of chat
	Response   *string   `json:"response,omitempty"` // of generate
	Thinking   string    `json:"thinking,omitempty"` // likewise
	Done       bool      `json:"done"`
	DoneReason string    `json:"done_reason,omitempty"`
	LogProbs   []logProb `json:"logprobs,omitempty"`
	*metrics
}

// message is a turn of the assistant's.
type message struct {
	Role      string `json:"role"`
	Content   string `json:"content"`
	Thinking  string `json:"thinking,omitempty"`
	ToolCalls []call `json:"tool_calls,omitempty"`
}

type call struct {
	ID       string   `json:"id"`
	Function function `json:"function"`
}

type function struct {
	Index     int             `json:"index"`
	Name      string          `json:"name"`
	Arguments json.RawMessage `json:"arguments"` // an object
}

// metrics are counts of tokens, and durations in nanoseconds.
type metrics struct {
	TotalDuration      time.Duration `json:"total_duration"`
	LoadDuration       time.Duration `json:"load_duration"`
	PromptEvalCount    int           `json:"prompt_eval_count"`
	PromptCachedCount  int           `json:"prompt_eval_cached_count"`
	PromptEvalDuration time.Duration `json:"prompt_eval_duration"`
	EvalCount          int           `json:"eval_count"`
	EvalDuration       time.Duration `json:"eval_duration"`
}

// answer is an answer on its way to the client.
type answer struct {
	model   loaded
	isChat  bool
	scored  bool      // log probabilities are asked for
	start   time.Time // of the request
	begun   time.Time // of the prompt's processing
	firstAt time.Time // of the first token
	nCalls  int
	reason  string
}

// said is what a line says.
type said struct {
	text, thinking string
	calls          []call
}

func (a *answer) line(s said) line {
	l := line{Model: a.model.name, CreatedAt: time.Now().UTC()}
	if a.isChat {
		l.Message = &message{"assistant", s.text, s.thinking, s.calls}
	} else {
		l.Response, l.Thinking = &s.text, s.thinking
	}
	return l
}

// last ends an answer.
func (a *answer) last(l line, u ask.Usage) line {
	now := time.Now()
	l.Done, l.DoneReason = true, a.reason
	l.metrics = &metrics{
		TotalDuration:      now.Sub(a.start),
		LoadDuration:       a.model.took,
		PromptEvalCount:    u.NPrompt,
		PromptCachedCount:  u.NCached,
		PromptEvalDuration: a.firstAt.Sub(a.begun),
		EvalCount:          u.NOut,
		EvalDuration:       now.Sub(a.firstAt),
	}
	return l
}

// note keeps what the metrics and the last line need of an event.
func (a *answer) note(e ask.Event) {
	if a.firstAt.IsZero() {
		a.firstAt = time.Now()
	}
	switch e.Finish {
	case "":
	case ask.FinishLength:
		a.reason = "length"
	default:
		a.reason = "stop"
	}
}

func (a *answer) callOf(c reply.Call) call {
	a.nCalls++
	return call{ask.NewCallID(), function{a.nCalls - 1, c.Name, c.Arguments}}
}

// send answers with what answers say, at once or line by line.
func (a *api) send(w http.ResponseWriter, r *http.Request, answers *ask.Answers, ans *answer, stream bool) error {
	ans.begun = time.Now()
	if !stream {
		return ans.whole(w, answers)
	}
	s := wire.NewLines(w)
	if err := ans.streamTo(s, answers); err != nil && !wire.Gone(r.Context(), err) {
		_ = s.Send(failure{wire.Explain(a.log, r, err).Message}) // the stream ends either way
	}
	return nil
}

func (a *answer) whole(w http.ResponseWriter, answers *ask.Answers) error {
	var text, thinking strings.Builder
	var calls []call
	var logProbs []logProb
	err := answers.Each(func(e ask.Event) error {
		a.note(e)
		for _, part := range e.Parts {
			switch part.Kind {
			case reply.ToolCall:
				calls = append(calls, a.callOf(part.Call))
			case reply.ReasoningText:
				thinking.WriteString(part.Text)
			default:
				text.WriteString(part.Text)
			}
		}
		logProbs = append(logProbs, a.logProbsOf(e.Delta)...)
		return nil
	}, nil, nil)
	if err != nil {
		return err
	}
	l := a.line(said{text.String(), thinking.String(), calls})
	l.LogProbs = logProbs
	wire.WriteJSON(w, http.StatusOK, a.last(l, answers.Usage()))
	return nil
}

func (a *answer) streamTo(s *wire.Stream, answers *ask.Answers) error {
	if err := s.Flush(); err != nil { // the request has been accepted
		return err
	}
	err := answers.Each(func(e ask.Event) error {
		a.note(e)
		logProbs := a.logProbsOf(e.Delta)
		for _, what := range a.piecesOf(e) {
			l := a.line(what)
			l.LogProbs, logProbs = logProbs, nil
			if err := s.Send(l); err != nil {
				return err
			}
		}
		if logProbs == nil {
			return nil
		}
		l := a.line(said{})
		l.LogProbs = logProbs
		return s.Send(l)
	}, s.Flush, nil)
	if err != nil {
		return err
	}
	return s.Send(a.last(a.line(said{}), answers.Usage()))
}

// piecesOf cuts an event into what fits into a line. A call does not come in
// pieces; what a model can write of one is bounded by its context.
func (a *answer) piecesOf(e ask.Event) (list []said) {
	for _, part := range e.Parts {
		if part.Kind == reply.ToolCall {
			list = append(list, said{calls: []call{a.callOf(part.Call)}})
			continue
		}
		for piece := range wire.Pieces(part.Text) {
			if part.Kind == reply.ReasoningText {
				list = append(list, said{thinking: piece})
			} else {
				list = append(list, said{text: piece})
			}
		}
	}
	return list
}

// nothing answers a request without a prompt, which only loads or unloads a
// model.
func (a *answer) nothing(w http.ResponseWriter, keepAlive *time.Duration) {
	l := a.line(said{})
	l.Done, l.DoneReason = true, "load"
	if keepAlive != nil && *keepAlive == 0 {
		l.DoneReason = "unload"
	}
	wire.WriteJSON(w, http.StatusOK, l)
}
