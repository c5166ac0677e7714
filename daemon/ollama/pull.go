package ollama

import (
	"net/http"

	"inferd/daemon/wire"
)

// progress is a line of the answer to a pull.
type progress struct {
	Status    string `json:"status"`
	Digest    string `json:"digest,omitempty"`
	Total     int64  `json:"total,omitempty"`
	Completed int64  `json:"completed,omitempty"`
}

// pull serves POST /api/pull. Programs pull what they need before they ask: a
// model that is here is there at once, any other is an error, for the daemon
// has no network.
func (a *api) pull(w http.ResponseWriter, r *http.Request) error {
	o, done, err := wire.ParseRequest(r)
	if err != nil {
		return err
	}
	defer done()
	name := readModel(o)
	stream := o.Bool("stream", true)
	o.Ignored("insecure", "username", "password")
	if err := o.Close(); err != nil {
		return err
	}
	i, err := a.known(r, name)
	if err != nil {
		f := wire.FaultOf(err)
		f.Message += "; inferd has no network to pull it from: put its GGUF file into the models folder"
		return f
	}
	if !stream {
		wire.WriteJSON(w, http.StatusOK, progress{Status: "success"})
		return nil
	}
	s := wire.NewLines(w)
	for _, p := range []progress{
		{Status: "pulling manifest"},
		{"pulling " + digestOf(i)[:12], "sha256:" + digestOf(i), i.Bytes, i.Bytes},
		{Status: "verifying sha256 digest"},
		{Status: "writing manifest"},
		{Status: "success"},
	} {
		if err := s.Send(p); err != nil {
			return err
		}
	}
	return nil
}
