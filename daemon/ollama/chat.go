package ollama

import (
	"net/http"
	"time"

	"inferd/daemon/ask"
	"inferd/daemon/serve"
	"inferd/daemon/wire"
)

// chat serves POST /api/chat.
func (a *api) chat(w http.ResponseWriter, r *http.Request) error {
	start := time.Now()
	o, done, err := wire.ParseRequest(r)
	if err != nil {
		return err
	}
	defer done()
	req := readRequest(o)
	tools := readTools(o)
	messages := readMessages(o)
	if err := o.Close(); err != nil {
		return err
	}
	return a.converse(w, r, &req, &ask.Chat{
		Params:       req.Params,
		Tools:        tools,
		Conversation: serve.Conversation{Messages: messages, Vars: req.think.vars()},
		Param:        "messages",
	}, &answer{isChat: true, start: start})
}

// converse answers a conversation; one without messages only loads the model.
func (a *api) converse(w http.ResponseWriter, r *http.Request, req *request, c *ask.Chat, ans *answer) error {
	m, err := a.find(r, req.model, req.keepAlive)
	if err != nil {
		return err
	}
	defer m.release()
	ans.model, ans.scored = m, req.Generation.LogProbs
	if len(c.Messages) == 0 {
		ans.nothing(w, req.keepAlive)
		return nil
	}
	if err := req.think.check(m); err != nil {
		return err
	}
	answers, err := c.Begin(r.Context(), req.cap(m.Model), &a.grammars)
	if err != nil {
		return err
	}
	defer answers.Close()
	return a.send(w, r, answers, ans, req.stream)
}
