package serve

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
)

var (
	// ErrBusy is returned while too many requests wait.
	ErrBusy = errors.New("too many requests are waiting, try again later")

	// ErrStopping is returned once the daemon is about to end, and ends
	// answers that take too long then.
	ErrStopping = errors.New("the service is stopping")

	// ErrTimeout ends answers that take longer than the daemon lets them.
	ErrTimeout = errors.New("the answer took longer than it may")
)

// UnknownError reports a name that nothing has.
type UnknownError struct {
	What  string   // "model", "classifier" or "adapter"
	Name  string   // that was asked for
	Known []string // names that the client may use
}

// Unknown returns the error for a name that none of models has.
func Unknown(what, name string, models []Info) *UnknownError {
	e := &UnknownError{What: what, Name: name}
	for _, m := range models {
		if m.Problem == "" {
			e.Known = append(e.Known, m.Name)
		}
	}
	return e
}

func (e *UnknownError) Error() string {
	there := "there is none"
	if len(e.Known) > 0 {
		quoted := make([]string, len(e.Known))
		for i, name := range e.Known {
			quoted[i] = fmt.Sprintf("%q", name)
		}
		there = "there is " + strings.Join(quoted, ", ")
	}
	return fmt.Sprintf("the %s %q does not exist; %s", e.What, e.Name, there)
}

// ForbiddenError reports a model that is there but may not be used.
type ForbiddenError struct {
	Model  string
	Reason string
}

func (e *ForbiddenError) Error() string {
	return fmt.Sprintf("the model %q may not be used: %s", e.Model, e.Reason)
}

// MemoryError reports a model that does not fit into memory.
type MemoryError struct {
	Model          string
	NeededBytes    int64
	AvailableBytes int64 // that could be had for it now

	// InUse reports that it would fit if models that are answering were not
	// loaded: trying again later can help.
	InUse bool
}

func (e *MemoryError) Error() string {
	why := ""
	if e.InUse {
		why = ", while other models are in use"
	}
	return fmt.Sprintf("the model %q needs %d bytes of memory, %d are available%s", e.Model, e.NeededBytes, e.AvailableBytes, why)
}

// LoadError reports a model that could not be loaded. Err is for the log.
type LoadError struct {
	Model string
	Err   error
}

func (e *LoadError) Error() string {
	return fmt.Sprintf("load the model %q: %v", e.Model, e.Err)
}

// Unwrap returns the cause.
func (e *LoadError) Unwrap() error { return e.Err }

// LengthError reports a text whose length a model cannot take.
type LengthError struct {
	What    string // "a text to classify"
	NTokens int    // that it has
	Most    int    // that it may have; the least is 1
}

func (e *LengthError) Error() string {
	return fmt.Sprintf("%s has 1 to %d tokens, this one has %d", e.What, e.Most, e.NTokens)
}

// Fault is an error as any wire format can tell it.
type Fault struct {
	Status  int    // of HTTP
	Message string // for the client
	Code    string // a word for programs
	Param   string // the member of the request that is wrong, or empty
}

func (f *Fault) Error() string { return f.Message }

// Invalid is the fault of one member of a request, or of the whole if param is
// empty: status 400.
func Invalid(code, param, format string, args ...any) *Fault {
	return &Fault{http.StatusBadRequest, fmt.Sprintf(format, args...), code, param}
}

// Describe returns what a client may know of an error of this package. ok is
// false for any other error.
func Describe(err error) (f Fault, ok bool) {
	if e, ok := errors.AsType[*Fault](err); ok {
		return *e, true
	}
	if e, ok := errors.AsType[*UnknownError](err); ok {
		if e.What == "adapter" {
			return Fault{http.StatusNotFound, e.Error(), "adapter_not_found", "adapter"}, true
		}
		return Fault{http.StatusNotFound, e.Error(), "model_not_found", "model"}, true
	}
	if e, ok := errors.AsType[*ForbiddenError](err); ok {
		return Fault{http.StatusForbidden, e.Error(), "model_forbidden", "model"}, true
	}
	if e, ok := errors.AsType[*MemoryError](err); ok {
		status := http.StatusInsufficientStorage
		if e.InUse {
			status = http.StatusServiceUnavailable
		}
		return Fault{status, e.Error(), "insufficient_memory", "model"}, true
	}
	if e, ok := errors.AsType[*LengthError](err); ok {
		return Fault{http.StatusBadRequest, e.Error(), "context_length_exceeded", "input"}, true
	}
	if e, ok := errors.AsType[*LoadError](err); ok { // paths and offsets are for the log
		return Fault{http.StatusInternalServerError, fmt.Sprintf("the model %q cannot be loaded, the log says why", e.Model), "model_not_loadable", "model"}, true
	}
	switch {
	case errors.Is(err, ErrBusy):
		return Fault{http.StatusTooManyRequests, ErrBusy.Error(), "queue_full", ""}, true
	case errors.Is(err, ErrStopping):
		return Fault{http.StatusServiceUnavailable, ErrStopping.Error(), "stopping", ""}, true
	case errors.Is(err, ErrTimeout):
		return Fault{http.StatusGatewayTimeout, ErrTimeout.Error(), "timeout", ""}, true
	}
	return Fault{}, false
}
