package memory

import (
	"context"
	"encoding/base64"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// environment is a getenv that knows what systemd sets.
func environment(watch, write string) func(string) string {
	return func(name string) string {
		return map[string]string{"MEMORY_PRESSURE_WATCH": watch, "MEMORY_PRESSURE_WRITE": base64.StdEncoding.EncodeToString([]byte(write))}[name]
	}
}

func makeFIFO(t *testing.T) string {
	path := filepath.Join(t.TempDir(), "fifo")
	require.NoError(t, unix.Mkfifo(path, 0o600))
	return path
}

func TestPressureTellsOnceForAllThatWasSaid(t *testing.T) {
	path := makeFIFO(t)
	p, err := System{Root: "/"}.OpenPressure(environment(path, ""))
	require.NoError(t, err)
	defer p.Close()
	require.Equal(t, path, p.Source)

	quiet, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, p.Wait(quiet), context.DeadlineExceeded)

	w, err := os.OpenFile(path, os.O_WRONLY, 0)
	require.NoError(t, err)
	defer w.Close()
	for range 2 {
		_, err = w.WriteString("memory is short, memory is short")
		require.NoError(t, err)
		require.NoError(t, p.Wait(t.Context()))
		quiet, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		require.ErrorIs(t, p.Wait(quiet), context.DeadlineExceeded, "it was said already")
	}
}

func TestPressureWaitEndsWithItsContext(t *testing.T) {
	p, err := System{Root: "/"}.OpenPressure(environment(makeFIFO(t), ""))
	require.NoError(t, err)
	defer p.Close()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- p.Wait(ctx) }()
	cancel()
	require.ErrorIs(t, <-ended, context.Canceled)
}

func TestPressureThatNobodyWants(t *testing.T) {
	p, err := System{Root: "/"}.OpenPressure(environment("/dev/null", ""))
	require.NoError(t, err)
	require.Nil(t, p)
}

func TestPressureFaults(t *testing.T) {
	_, err := System{Root: "/"}.OpenPressure(environment("/nowhere/pressure", "some"))
	require.ErrorIs(t, err, os.ErrNotExist)
	require.ErrorContains(t, err, "/nowhere/pressure")
	_, err = System{Root: "/"}.OpenPressure(func(name string) string {
		return map[string]string{"MEMORY_PRESSURE_WATCH": "/proc/pressure/memory", "MEMORY_PRESSURE_WRITE": "%"}[name]
	})
	require.ErrorContains(t, err, "MEMORY_PRESSURE_WRITE")
	_, err = System{Root: t.TempDir()}.OpenPressure(environment("", ""))
	require.ErrorIs(t, err, os.ErrNotExist, "a system without PSI")
}
