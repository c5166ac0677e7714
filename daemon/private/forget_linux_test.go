package private

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestMain lets the test program stand in for one that wants to be overwritten
// and sealed.
func TestMain(m *testing.M) {
	if os.Getenv("PRIVATE_CHILD") == "" {
		os.Exit(m.Run())
	}
	if err := Overwrite(); err != nil || !Overwrites() {
		panic(err)
	}
	if Sealed() {
		panic("sealed before Seal")
	}
	if err := Seal(); err != nil || !Sealed() {
		panic(err)
	}
	limits, err := os.ReadFile("/proc/self/limits")
	if err != nil {
		panic(err)
	}
	_, _ = os.Stdout.Write(limits)
	_, _ = os.Stdout.WriteString("GODEBUG=" + os.Getenv("GODEBUG"))
}

func TestOverwriteAndSeal(t *testing.T) {
	require.False(t, Overwrites(), "this process was not asked to")
	child := exec.Command("/proc/self/exe")
	child.Env = append(os.Environ(), "PRIVATE_CHILD=1", "GODEBUG=gctrace=0")
	out, err := child.CombinedOutput()
	require.NoError(t, err, string(out))
	require.Regexp(t, `Max core file size +0 +0 `, string(out))
	require.True(t, strings.HasSuffix(string(out), "GODEBUG=gctrace=0,clobberfree=1,asyncpreemptoff=1,gcshrinkstackoff=1"), "other settings stay: %s", out)
}

// TestForgetterRuns: each call of Soon is followed by a collection, and many
// calls by few.
func TestForgetterRuns(t *testing.T) {
	var nRuns atomic.Int32
	f := NewForgetter(func() { nRuns.Add(1) })
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { f.Run(ctx); close(ended) }()
	for range 1000 {
		f.Soon()
	}
	require.Eventually(t, func() bool { return nRuns.Load() > 0 }, time.Minute, time.Millisecond)
	require.LessOrEqual(t, nRuns.Load(), int32(2))
	before := nRuns.Load()
	f.Soon()
	require.Eventually(t, func() bool { return nRuns.Load() > before }, time.Minute, time.Millisecond)
	cancel()
	<-ended
}
