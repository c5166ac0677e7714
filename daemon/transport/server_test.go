package transport

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"inferd/daemon/auth"
)

func TestPeerTravelsInTheContext(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		peer, _ := auth.PeerFrom(r.Context())
		fmt.Fprintf(w, "%+v %+v", peer, auth.GrantFrom(r.Context()))
	}, nil)
	_, body := roundTrip(t, s.dial(t), "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	peer := auth.Peer{UID: uint32(os.Getuid()), GID: uint32(os.Getgid()), PID: int32(os.Getpid()), Unit: unitOf(os.Getpid())}
	require.Equal(t, fmt.Sprintf("%+v %+v", peer, auth.Default(peer)), body)
}

func TestAnyHostAndNoBrowser(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "served") }, nil)
	for _, host := range []string{"localhost", "unix", "docker", "127.0.0.1:11434", "evil.example", ""} {
		resp, body := roundTrip(t, s.dial(t), "GET / HTTP/1.1\r\nHost: "+host+"\r\n\r\n")
		require.Equal(t, http.StatusOK, resp.StatusCode, "host %q", host)
		require.Equal(t, "served", body)
		require.Regexp(t, `^req_[0-9a-f]{24}$`, resp.Header.Get("X-Request-Id"))
	}
	for _, header := range []string{"Origin: http://evil.example", "Origin: null", "Origin:", "Referer: x", "Sec-Fetch-Site: same-origin"} {
		resp, body := roundTrip(t, s.dial(t), "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n"+header+"\r\n\r\n")
		require.Equal(t, http.StatusForbidden, resp.StatusCode, header)
		require.NotContains(t, body, "evil")
		require.NotContains(t, body, "served")
	}
	resp, _ := roundTrip(t, s.dial(t), "GET / HTTP/1.1\r\nHost: x\r\nSec-Fetch-Mode: cors\r\n\r\n")
	require.Equal(t, http.StatusOK, resp.StatusCode, "Node's fetch sends it")
}

func TestHeaderAndBodyAreBounded(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		_, err := io.ReadAll(r.Body)
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			http.Error(w, fmt.Sprint(tooLarge.Limit), http.StatusRequestEntityTooLarge)
		}
	}, func(o *Options) { o.MaxBodyBytes = 1000 })

	resp, _ := roundTrip(t, s.dial(t), "GET / HTTP/1.1\r\nHost: x\r\nX: "+strings.Repeat("a", maxHeaderBytes+8<<10)+"\r\n\r\n")
	require.Equal(t, http.StatusRequestHeaderFieldsTooLarge, resp.StatusCode)

	for size, status := range map[int]int{1000: http.StatusOK, 1001: http.StatusRequestEntityTooLarge} {
		resp, _ := roundTrip(t, s.dial(t), fmt.Sprintf("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", size, strings.Repeat("b", size)))
		require.Equal(t, status, resp.StatusCode, "%d bytes", size)
	}
	resp, _ = roundTrip(t, s.dial(t), "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n"+strings.Repeat("c", 1001)+"\r\n0\r\n\r\n")
	require.Equal(t, http.StatusRequestEntityTooLarge, resp.StatusCode, "chunked body")
}

func TestHalfARequestIsCutOff(t *testing.T) {
	handled := make(chan error, 1)
	s := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		_, err := io.ReadAll(r.Body)
		handled <- err
	}, nil, func(s *Server) {
		s.http.ReadHeaderTimeout = 20 * time.Millisecond
		s.http.ReadTimeout = 40 * time.Millisecond
	})

	c := s.dial(t)
	_, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\n")
	require.NoError(t, err)
	_, err = io.ReadAll(c)
	require.NoError(t, err, "the server closes the connection")

	c = s.dial(t)
	_, err = io.WriteString(c, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc")
	require.NoError(t, err)
	require.ErrorIs(t, <-handled, os.ErrDeadlineExceeded)
}

func TestClientThatNeverReadsIsDroppedAndHarmsNobody(t *testing.T) {
	ended := make(chan error)
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/endless" {
			io.WriteString(w, "served")
			return
		}
		var err error
		for err == nil {
			_, err = w.Write(make([]byte, 64<<10))
		}
		<-r.Context().Done() // a broken connection ends its request
		ended <- err
	}, func(o *Options) { o.WriteTimeout = 50 * time.Millisecond })

	deaf := s.dial(t)
	_, err := io.WriteString(deaf, "GET /endless HTTP/1.1\r\nHost: x\r\n\r\n")
	require.NoError(t, err)
	_, body := roundTrip(t, s.dial(t), "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	require.Equal(t, "served", body)
	require.ErrorIs(t, <-ended, os.ErrDeadlineExceeded)
}

func TestVanishedClientCancelsItsRequest(t *testing.T) {
	started, ended := make(chan bool), make(chan error)
	s := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		io.ReadAll(r.Body)
		started <- true
		<-r.Context().Done()
		ended <- r.Context().Err()
	}, nil)
	c := s.dial(t)
	_, err := io.WriteString(c, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}")
	require.NoError(t, err)
	<-started
	require.NoError(t, c.Close())
	require.ErrorIs(t, <-ended, context.Canceled)
}

func TestBodiesPerUserAreBounded(t *testing.T) {
	hold := make(chan bool)
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if tooMany, ok := errors.AsType[BodiesError](err); ok {
			w.WriteHeader(tooMany.StatusCode())
			return
		}
		if r.URL.Path == "/hold" {
			hold <- true
			hold <- true
		}
		fmt.Fprint(w, len(body))
	}, func(o *Options) { o.MaxBodiesPerUser = 1000 })
	post := func(path string, size int) string {
		return fmt.Sprintf("POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", path, size, strings.Repeat("b", size))
	}
	held := s.dial(t)
	_, err := io.WriteString(held, post("/hold", 600))
	require.NoError(t, err)
	<-hold
	resp, _ := roundTrip(t, s.dial(t), post("/", 401))
	require.Equal(t, http.StatusTooManyRequests, resp.StatusCode)
	_, body := roundTrip(t, s.dial(t), post("/", 400))
	require.Equal(t, "400", body)
	<-hold
	_, err = io.ReadFull(held, make([]byte, 17)) // it is answered, so its bytes are free
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		resp, _ := roundTrip(t, s.dial(t), post("/", 1000))
		return resp.StatusCode == http.StatusOK
	}, 10*time.Second, time.Millisecond)
}

func TestConnectionsPerUserAreBounded(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "served") },
		func(o *Options) { o.MaxConnsPerUser = 3 })
	const request = "GET / HTTP/1.1\r\nHost: x\r\n\r\n"
	var open []net.Conn
	for range 3 {
		c := s.dial(t)
		_, body := roundTrip(t, c, request)
		require.Equal(t, "served", body)
		open = append(open, c)
	}
	rest, _ := io.ReadAll(s.dial(t)) // closed without an answer
	require.Empty(t, rest)

	require.NoError(t, open[0].Close())
	require.Eventually(t, func() bool { // until the server has seen the close
		c := s.dial(t)
		defer c.Close()
		io.WriteString(c, "GET / HTTP/1.0\r\n\r\n")
		answer, _ := io.ReadAll(c)
		return strings.HasSuffix(string(answer), "served")
	}, 10*time.Second, time.Millisecond)
}

func TestShutdownWaitsThenCutsOff(t *testing.T) {
	release := make(chan bool)
	started := make(chan bool)
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		started <- true
		select {
		case <-release:
			io.WriteString(w, "served")
		case <-r.Context().Done():
		}
	}, nil)
	ask := func() chan string {
		answer := make(chan string, 1)
		client := s.client(t)
		go func() {
			resp, err := client.Get("http://x/")
			if err != nil {
				answer <- "cut off"
				return
			}
			defer resp.Body.Close()
			body, _ := io.ReadAll(resp.Body)
			answer <- string(body)
		}()
		<-started
		return answer
	}
	first, second := ask(), ask()
	release <- true
	select { // one of the two
	case body := <-first:
		require.Equal(t, "served", body)
		first = second
	case body := <-second:
		require.Equal(t, "served", body)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	require.ErrorIs(t, s.Shutdown(ctx), context.Canceled)
	require.Equal(t, "cut off", <-first)
}

// poorListener has no memory for its first connections.
type poorListener struct {
	net.Listener
	errs []error
}

func (l *poorListener) Accept() (net.Conn, error) {
	if len(l.errs) > 0 {
		err := l.errs[0]
		l.errs = l.errs[1:]
		return nil, &net.OpError{Op: "accept", Err: os.NewSyscallError("accept4", err)}
	}
	return l.Listener.Accept()
}

// A connection that the system could not make is not the last one.
func TestAcceptErrorsPass(t *testing.T) {
	path := socketPath(t)
	l, err := Listen(path, ProgramsMode)
	require.NoError(t, err)
	log := &logBuffer{}
	s := NewServer(Options{
		Handler:         http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "here") }),
		Policy:          auth.Default,
		MaxBodyBytes:    1 << 20,
		MaxConnsPerUser: 1,
		WriteTimeout:    time.Second,
		Ended:           func() {},
		Log:             slog.New(slog.NewTextHandler(log, nil)),
	})
	served := make(chan error, 1)
	go func() { served <- s.Serve(&poorListener{l, []error{unix.ENOBUFS, unix.ENOMEM, unix.ENFILE}}) }()
	client := (&testServer{path: path}).client(t)
	resp, err := client.Get("http://inferd/")
	require.NoError(t, err)
	text, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, "here", string(text))
	require.Contains(t, log.String(), "cannot allocate memory")
	client.CloseIdleConnections()
	require.NoError(t, s.Shutdown(t.Context()))
	require.NoError(t, <-served)
}
