package openai

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"inferd/runtime"
)

// Error is an error as a client sees it.
type Error struct {
	Status  int    `json:"-"`
	Message string `json:"message"`
	Type    string `json:"type"`
	Param   string `json:"-"` // the parameter at fault, or empty
	Code    string `json:"code"`
}

func (e *Error) Error() string { return e.Message }

// MarshalJSON implements json.Marshaler: param is null where there is none.
func (e *Error) MarshalJSON() ([]byte, error) {
	type fields Error // without this method
	var param *string
	if e.Param != "" {
		param = &e.Param
	}
	return json.Marshal(struct {
		*fields
		Param *string `json:"param"`
	}{(*fields)(e), param})
}

// errorBody is what carries an Error in answers and in streams.
type errorBody struct {
	Error *Error `json:"error"`
}

// invalid is a 400 about one parameter, or the whole body if param is empty.
func invalid(code, param, format string, args ...any) *Error {
	return &Error{
		Status:  http.StatusBadRequest,
		Message: fmt.Sprintf(format, args...),
		Type:    "invalid_request_error",
		Param:   param,
		Code:    code,
	}
}

// tooLong is the 400 for a prompt that the context does not hold.
func tooLong(m Model, param string, nPrompt int) *Error {
	return invalid("context_length_exceeded", param,
		"the maximum context length of model %q is %d tokens, but the prompt has %d tokens and the answer needs at least 1",
		m.Name(), m.NCtx(), nPrompt)
}

// unknownModel is the 404 for a model that is not served.
func unknownModel(name string, models []Model) *Error {
	var names []string
	for _, m := range models {
		names = append(names, fmt.Sprintf("%q", m.Name()))
	}
	return &Error{
		Status:  http.StatusNotFound,
		Message: fmt.Sprintf("the model %q does not exist; there is %s", name, strings.Join(names, ", ")),
		Type:    "invalid_request_error",
		Param:   "model",
		Code:    "model_not_found",
	}
}

// asError is the one place where an error becomes a status and a type.
func asError(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	if e, ok := errors.AsType[*runtime.ParamError](err); ok {
		return invalid("invalid_value", e.Param, "%s is %v, must be %s", e.Param, e.Value, e.Range)
	}
	if e, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return &Error{
			Status:  http.StatusRequestEntityTooLarge,
			Message: fmt.Sprintf("the request body has more than %d bytes", e.Limit),
			Type:    "invalid_request_error",
			Code:    "request_too_large",
		}
	}
	switch {
	case errors.Is(err, ErrBusy):
		return &Error{http.StatusTooManyRequests, ErrBusy.Error(), "rate_limit_error", "", "queue_full"}
	case errors.Is(err, ErrStopping):
		return &Error{http.StatusServiceUnavailable, ErrStopping.Error(), "server_error", "", "stopping"}
	default: // its text is for the log, not for clients
		return &Error{http.StatusInternalServerError, "internal error", "server_error", "", "internal_error"}
	}
}

// WriteError answers with a status and a message in the shape of an OpenAI
// error. It is for requests that never reach a handler of this package.
func WriteError(w http.ResponseWriter, _ *http.Request, status int, message string) {
	kind := "invalid_request_error"
	switch {
	case status == http.StatusForbidden:
		kind = "permission_error"
	case status >= http.StatusInternalServerError:
		kind = "server_error"
	}
	writeError(w, &Error{Status: status, Message: message, Type: kind, Code: errorCode(status)})
}

// errorCode spells a status in the way of error codes.
func errorCode(status int) string {
	return strings.ReplaceAll(strings.ToLower(http.StatusText(status)), " ", "_")
}

// writeError answers with e.
func writeError(w http.ResponseWriter, e *Error) {
	if e.Status == http.StatusTooManyRequests || e.Status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "1")
	}
	writeJSON(w, e.Status, errorBody{e})
}

// gone reports whether an error only says that the client has left.
func gone(ctx context.Context, err error) bool {
	return errors.Is(err, errLost) || ctx.Err() != nil && errors.Is(err, ctx.Err())
}
