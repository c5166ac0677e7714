package transport

import (
	"context"
	"errors"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"time"

	"inferd/daemon/auth"
)

const (
	// maxHeaderBytes is many times what any client library sends.
	maxHeaderBytes = 16 << 10

	// headerTimeout bounds a client that sends its header byte by byte.
	headerTimeout = 10 * time.Second

	// readTimeout bounds header and body together. A body of the largest size
	// crosses a Unix socket in milliseconds.
	readTimeout = 30 * time.Second

	// idleTimeout is how long a kept-alive connection may say nothing.
	idleTimeout = 2 * time.Minute
)

// Options are what a Server needs to know. All fields are required.
type Options struct {
	Handler http.Handler

	// Policy grants each request what its peer may do.
	Policy auth.Policy

	// Refuse answers a request that never reaches Handler, or whose handler
	// broke, in the error shape of the API that the request speaks.
	Refuse func(w http.ResponseWriter, r *http.Request, status int, message string)

	// Ended is called when a connection has no request any more. It must not
	// block.
	Ended func()

	// MaxBodyBytes is the largest request body; reading more fails with
	// *http.MaxBytesError.
	MaxBodyBytes int64

	// MaxBodiesPerUser bounds the bytes of all bodies that the requests in
	// progress of one UID have sent; reading more fails with BodiesError.
	MaxBodiesPerUser int64

	// MaxConnsPerUser bounds the open connections of one UID.
	MaxConnsPerUser int

	// WriteTimeout is how long a client may take to read what one write holds.
	WriteTimeout time.Duration

	Log *slog.Logger
}

// Server serves HTTP/1.1 on a Unix socket.
type Server struct {
	options Options
	http    *http.Server
}

// NewServer returns a server that does nothing until Serve.
func NewServer(o Options) *Server {
	return &Server{
		options: o,
		http: &http.Server{
			Handler:           guard(o),
			ReadHeaderTimeout: headerTimeout,
			ReadTimeout:       readTimeout,
			IdleTimeout:       idleTimeout,
			MaxHeaderBytes:    maxHeaderBytes,
			ConnContext: func(ctx context.Context, c net.Conn) context.Context {
				return auth.WithPeer(ctx, c.(*conn).peer)
			},
			ConnState: func(_ net.Conn, state http.ConnState) {
				if state == http.StateIdle || state == http.StateClosed {
					o.Ended()
				}
			},
			// net/http may quote what a client sent.
			ErrorLog: log.New(io.Discard, "", 0),
		},
	}
}

// Serve accepts connections on l, which it closes, until Shutdown or an error
// of the listener. It returns nil after Shutdown.
func (s *Server) Serve(l net.Listener) error {
	err := s.http.Serve(&acceptor{
		Listener:     l,
		writeTimeout: s.options.WriteTimeout,
		maxPerUser:   s.options.MaxConnsPerUser,
		log:          s.options.Log,
		nOpen:        map[uint32]int{},
	})
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// Shutdown stops accepting and waits for the requests in progress until ctx
// ends, then cuts the rest off.
func (s *Server) Shutdown(ctx context.Context) error {
	err := s.http.Shutdown(ctx)
	if err != nil {
		return errors.Join(err, s.http.Close())
	}
	return nil
}
