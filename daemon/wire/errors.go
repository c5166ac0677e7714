package wire

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"inferd/daemon/serve"
	"inferd/runtime"
)

// NewFault returns a fault whose code is the status in words.
func NewFault(status int, message string) *serve.Fault {
	return &serve.Fault{Status: status, Message: message, Code: statusCode(status)}
}

// statusCode spells a status in the way of error codes.
func statusCode(status int) string {
	return strings.ReplaceAll(strings.ToLower(http.StatusText(status)), " ", "_")
}

// FaultOf is the one place where an error becomes a status and a text for the
// client. Errors that are not the client's become "internal error": their text
// is for the log.
func FaultOf(err error) *serve.Fault {
	if f, ok := serve.Describe(err); ok {
		return &f
	}
	if e, ok := errors.AsType[*runtime.ParamError](err); ok {
		return serve.Invalid("invalid_value", e.Param, "%s is %v, must be %s", e.Param, e.Value, e.Range)
	}
	if e, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return &serve.Fault{
			Status:  http.StatusRequestEntityTooLarge,
			Message: fmt.Sprintf("the request body has more than %d bytes", e.Limit),
			Code:    "request_too_large",
		}
	}
	return &serve.Fault{Status: http.StatusInternalServerError, Message: "internal error", Code: "internal_error"}
}
