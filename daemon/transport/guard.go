package transport

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net/http"
	goruntime "runtime"
	"time"

	"inferd/daemon/auth"
	"inferd/daemon/private"
)

// browserHeaders are sent by browsers and by nothing else that has business
// here. Sec-Fetch-Mode is not among them: Node's fetch sends it.
var browserHeaders = []string{"Origin", "Referer", "Sec-Fetch-Site"}

type requestIDKey struct{}

// RequestID returns the id that a request's answer carries in its
// X-Request-Id header. It is made here; what a client sends is not believed.
func RequestID(ctx context.Context) string {
	id, _ := ctx.Value(requestIDKey{}).(string)
	return id
}

// guard is what every request passes on its way to the handler.
func guard(o Options) http.Handler {
	bodies := &bodies{maxPerUser: o.MaxBodiesPerUser, held: map[uint32]int64{}}
	guarded := func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		id := newRequestID()
		w.Header().Set("X-Request-Id", id)
		r = r.WithContext(requestContext(r.Context(), id, o.Policy))
		answer := &answer{ResponseWriter: w}
		defer func() {
			value := recover()
			if value != nil && value != http.ErrAbortHandler {
				logPanic(o.Log, id, value)
			}
			logRequest(o.Log, r, answer, start)
			if value == nil {
				return
			}
			if answer.status != 0 { // too late for an error: cut the answer off
				panic(http.ErrAbortHandler)
			}
			o.Refuse(answer, r, http.StatusInternalServerError, "internal error")
		}()
		if header := browserHeader(r); header != "" {
			o.Refuse(answer, r, http.StatusForbidden,
				"requests with the header "+header+" are refused: browsers may not use this service")
			return
		}
		peer, _ := auth.PeerFrom(r.Context())
		body := &body{ReadCloser: http.MaxBytesReader(answer, r.Body, o.MaxBodyBytes), bodies: bodies, uid: peer.UID}
		defer body.release()
		r.Body = body
		o.Handler.ServeHTTP(answer, r)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		private.OnClearStack(func() { guarded(w, r) })
	})
}

// requestContext adds what the handler may want to know to a connection's
// context. The policy is asked for every request, so that a changed one holds
// for connections that are already open.
func requestContext(ctx context.Context, id string, policy auth.Policy) context.Context {
	ctx = context.WithValue(ctx, requestIDKey{}, id)
	peer, ok := auth.PeerFrom(ctx)
	if !ok {
		return ctx // no peer, no grant
	}
	return auth.WithGrant(ctx, policy(peer))
}

func browserHeader(r *http.Request) string {
	for _, name := range browserHeaders {
		if _, sent := r.Header[name]; sent {
			return name
		}
	}
	return ""
}

func newRequestID() string {
	var b [12]byte
	_, _ = rand.Read(b[:]) // never fails
	return "req_" + hex.EncodeToString(b[:])
}

// answer remembers whether and how a request was answered.
type answer struct {
	http.ResponseWriter
	status int // 0 until the header is written
}

func (a *answer) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
	a.ResponseWriter.WriteHeader(status)
}

func (a *answer) Write(p []byte) (int, error) {
	if a.status == 0 {
		a.status = http.StatusOK
	}
	return a.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController reach the connection.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// logRequest writes who asked for which route and how it ended. The path is
// left out: in a request for no route it can hold anything.
func logRequest(log *slog.Logger, r *http.Request, a *answer, start time.Time) {
	level := slog.LevelDebug
	if a.status >= http.StatusInternalServerError {
		level = slog.LevelWarn
	}
	peer, _ := auth.PeerFrom(r.Context())
	log.Log(r.Context(), level, "request",
		"id", RequestID(r.Context()), "peer", peer, "route", r.Pattern,
		"status", a.status, "duration", time.Since(start))
}

// logPanic logs where the handler broke and the type of the value. The value
// itself is logged only where Go's runtime made it, since any other may quote
// a prompt; likewise a stack's functions and lines, but not their arguments.
func logPanic(log *slog.Logger, id string, value any) {
	attrs := []any{"id", id, "type", fmt.Sprintf("%T", value)}
	if err, ok := value.(goruntime.Error); ok {
		attrs = append(attrs, "err", err.Error())
	}
	log.Error("handler panicked", append(attrs, "stack", callers())...)
}

// callers lists function and line of the panicking goroutine, innermost first.
func callers() []string {
	var pcs [32]uintptr
	frames := goruntime.CallersFrames(pcs[:goruntime.Callers(4, pcs[:])])
	var stack []string
	for {
		frame, more := frames.Next()
		stack = append(stack, fmt.Sprintf("%s:%d", frame.Function, frame.Line))
		if !more {
			return stack
		}
	}
}
