package openai

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"inferd/daemon/serve"
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
	if f, ok := serve.Describe(err); ok {
		return &Error{f.Status, f.Message, errorType(f.Status), f.Param, f.Code}
	}
	// Its text is for the log, not for clients.
	return &Error{http.StatusInternalServerError, "internal error", "server_error", "", "internal_error"}
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

// WriteError answers with a status and a message in the shape of an OpenAI
// error. It is for requests that never reach a handler of this package.
func WriteError(w http.ResponseWriter, _ *http.Request, status int, message string) {
	writeError(w, &Error{Status: status, Message: message, Type: errorType(status), Code: errorCode(status)})
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
