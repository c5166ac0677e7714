package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"inferd/daemon/serve"
)

// ReadBody returns the body of a request, which the caller should clear when it
// is done. Errors are for FaultOf.
func ReadBody(r *http.Request) ([]byte, error) {
	if coding := r.Header.Get("Content-Encoding"); coding != "" && coding != "identity" {
		return nil, NewFault(http.StatusUnsupportedMediaType, "compressed request bodies are not supported")
	}
	body, err := io.ReadAll(r.Body)
	if err == nil {
		return body, nil
	}
	clear(body)
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		return nil, err
	}
	if e, ok := errors.AsType[bodyError](err); ok {
		return nil, NewFault(e.StatusCode(), e.Error())
	}
	return nil, NewFault(http.StatusRequestTimeout, "the request body did not arrive")
}

// bodyError is an error of reading a body whose text is for the client.
type bodyError interface {
	error
	StatusCode() int
}

// ParseRequest reads the body of a request as one object. release clears the
// body, which the object's values are part of; it must be called.
func ParseRequest(r *http.Request) (o *Object, release func(), err error) {
	body, err := ReadBody(r)
	if err != nil {
		return nil, nil, err
	}
	return ParseBody(body), func() { clear(body) }, nil
}

// Reads is the handler of requests that have a body: decode reads all of it,
// and answer answers what was read, which is cleared then.
func Reads[T any](decode func(*Object) (T, error), answer func(http.ResponseWriter, *http.Request, T) error) Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		o, release, err := ParseRequest(r)
		if err != nil {
			return err
		}
		defer release()
		req, err := decode(o)
		if err != nil {
			return err
		}
		return answer(w, r, req)
	}
}

// WriteJSON answers with v.
func WriteJSON(w http.ResponseWriter, status int, v any) {
	var buf bytes.Buffer
	encode(&buf, v)
	defer clear(buf.Bytes())
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", fmt.Sprint(buf.Len()))
	w.WriteHeader(status)
	_, _ = w.Write(buf.Bytes()) // a client that has left is not our error
}

// WriteFault answers with body, which tells f in a format's own shape.
func WriteFault(w http.ResponseWriter, f *serve.Fault, body any) {
	if f.Status == http.StatusTooManyRequests || f.Status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "1")
	}
	WriteJSON(w, f.Status, body)
}

// encode appends v as a line of JSON.
func encode(buf *bytes.Buffer, v any) {
	enc := json.NewEncoder(buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic(fmt.Sprintf("wire: cannot encode a %T", v))
	}
}
