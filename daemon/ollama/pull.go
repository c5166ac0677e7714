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

// pullRequest is the body of POST /api/pull.
type pullRequest struct {
	model  string
	stream bool
}

func decodePull(o *wire.Object) (pullRequest, error) {
	r := pullRequest{readModel(o), o.Bool("stream", true)}
	o.Ignored("a boolean", "insecure")
	o.Ignored("a string", "username", "password")
	return r, o.Close()
}

// pull serves POST /api/pull. Programs pull what they need before they ask: a
// model that is here is there at once, any other is an error, for the daemon
// has no network.
func (a *api) pull(w http.ResponseWriter, r *http.Request, req pullRequest) error {
	i, err := a.known(r, req.model)
	if err != nil {
		f := wire.FaultOf(err)
		f.Message += "; inferd has no network to pull it from: put its GGUF file into the models folder"
		return f
	}
	if !req.stream {
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
