package ollama

import (
	"net/http"
	"time"

	"inferd/daemon/wire"
)

// decodeChat reads the body of POST /api/chat.
func decodeChat(o *wire.Object) (*request, error) {
	r := readRequest(o)
	r.isChat = true
	r.Param = "messages"
	r.Tools = readTools(o)
	r.Messages = readMessages(o)
	return r, o.Close()
}

// reply answers a conversation, or continues a text; without either it only
// loads the model.
func (a *api) reply(w http.ResponseWriter, r *http.Request, req *request) error {
	ans := &answer{isChat: req.isChat, start: time.Now(), scored: req.Generation.LogProbs}
	m, err := a.find(r, req.model, req.adapters, req.keepAlive)
	if err != nil {
		return err
	}
	defer m.release()
	ans.model = m
	if len(req.Messages) == 0 && req.text == "" {
		ans.nothing(w, req.keepAlive)
		return nil
	}
	if err := req.think.check(m); err != nil {
		return err
	}
	answers, err := a.begin(r.Context(), req, req.cap(m.Model))
	if err != nil {
		return err
	}
	defer answers.Close()
	return a.send(w, r, answers, ans, req.stream)
}
