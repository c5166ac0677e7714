package canary

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"inferd/daemon/auth"
	"inferd/daemon/private"
	"inferd/daemon/transport"
)

// faultyEnv names the socket of a faulty server, and its fault.
const faultyEnv = "INFERD_FAULTY"

// TestMain lets the test program be a faulty server.
func TestMain(m *testing.M) {
	socket, fault, faulty := strings.Cut(os.Getenv(faultyEnv), " ")
	if !faulty {
		os.Exit(m.Run())
	}
	if err := serveFaulty(socket, fault); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// startFaulty starts a server that takes requests as the daemon does, and keeps
// their bodies, or panics with them.
func startFaulty(t *testing.T, fault string) *server {
	s := &server{t: t, dir: t.TempDir()}
	s.socket = filepath.Join(s.dir, "s")
	program, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.Command(program)
	cmd.Env = append(os.Environ(), faultyEnv+"="+s.socket+" "+fault)
	s.run(cmd, func() bool {
		_, err := os.Stat(s.socket)
		return err == nil
	})
	return s
}

var kept []string

func serveFaulty(socket, fault string) error {
	if err := private.Overwrite(); err != nil {
		return err
	}
	if err := private.Seal(); err != nil {
		return err
	}
	forgetter := private.NewForgetter(func() {})
	server := transport.NewServer(transport.Options{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			switch {
			case err != nil:
				panic(err)
			case fault == "panics":
				panic(string(body))
			default:
				kept = append(kept, string(body))
			}
		}),
		Policy: auth.Default,
		Refuse: func(w http.ResponseWriter, r *http.Request, status int, message string) {
			http.Error(w, message, status)
		},
		Ended:            forgetter.Soon,
		MaxBodyBytes:     1 << 20,
		MaxBodiesPerUser: 1 << 20,
		MaxConnsPerUser:  10,
		WriteTimeout:     time.Second,
		Log:              slog.New(slog.NewTextHandler(os.Stderr, nil)),
	})
	l, err := transport.Listen(socket, transport.ProgramsMode)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, func() { _ = server.Shutdown(context.Background()) })
	go forgetter.Run(ctx)
	return server.Serve(l)
}
