package clients

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// socket is where the daemon under test listens. It serves two models: demo,
// which the program carries, and scripted.
var socket string

func TestMain(m *testing.M) {
	status, err := runWithDaemon(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		status = 1
	}
	os.Exit(status)
}

func runWithDaemon(m *testing.M) (status int, err error) {
	dir, err := os.MkdirTemp("", "inferd-clients-")
	if err != nil {
		return 0, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	build := exec.Command("go", "build", "-trimpath", "-o", dir, "./cmd/inferd")
	build.Dir = filepath.Join("..", "..")
	if out, err := build.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("build inferd: %w\n%s", err, out)
	}
	model := filepath.Join(dir, "scripted.gguf")
	if err := writeScripted(model); err != nil {
		return 0, err
	}
	socket = filepath.Join(dir, "s")
	daemon := exec.Command(filepath.Join(dir, "inferd"), "--demo", "--model", model, "--socket", socket, "--log-level", "warn")
	daemon.Stderr = os.Stderr
	if err := daemon.Start(); err != nil {
		return 0, err
	}
	ended := make(chan error, 1)
	go func() { ended <- daemon.Wait() }()
	if err := waitForSocket(ended); err != nil {
		return 0, err
	}
	status = m.Run()
	_ = daemon.Process.Signal(syscall.SIGTERM)
	if err := <-ended; err != nil {
		return 0, fmt.Errorf("inferd: %w", err)
	}
	return status, nil
}

func waitForSocket(ended chan error) error {
	for {
		if c, err := net.Dial("unix", socket); err == nil {
			return c.Close()
		}
		select {
		case err := <-ended:
			return fmt.Errorf("inferd ended before it listened: %w", err)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// overSocket is the one thing that clients are told about inferd.
func overSocket() *http.Client {
	return &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", socket)
		},
		DisableKeepAlives: true,
	}}
}
