package openai

import (
	"encoding/json"
	"net/http"

	"inferd/daemon/serve"
	"inferd/daemon/wire"
)

// errorBody is what carries an error in answers and in streams.
type errorBody struct {
	fault *serve.Fault
}

// MarshalJSON implements json.Marshaler: param is null where there is none.
func (e errorBody) MarshalJSON() ([]byte, error) {
	var param *string
	if e.fault.Param != "" {
		param = &e.fault.Param
	}
	type member struct {
		Message string  `json:"message"`
		Type    string  `json:"type"`
		Param   *string `json:"param"`
		Code    string  `json:"code"`
	}
	return json.Marshal(map[string]member{
		"error": {e.fault.Message, errorType(e.fault.Status), param, e.fault.Code},
	})
}

// errorType is OpenAI's word for the kind of a status.
func errorType(status int) string {
	switch {
	case status == http.StatusForbidden:
		return "permission_error"
	case status == http.StatusTooManyRequests:
		return "rate_limit_error"
	case status >= http.StatusInternalServerError:
		return "server_error"
	}
	return "invalid_request_error"
}

// writeFault answers with an error.
func writeFault(w http.ResponseWriter, _ *http.Request, f *serve.Fault) {
	wire.WriteFault(w, f, errorBody{f})
}
