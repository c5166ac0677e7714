package private

import (
	"bytes"
	goruntime "runtime"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
)

// scribble leaves marks on the stack and panics, as a handler may.
//
//go:noinline
func scribble() {
	var b [8 << 10]byte
	for i := range b {
		b[i] = 0xa7
	}
	goruntime.KeepAlive(&b)
	panic("scribbled")
}

// nMarks counts marks on the stack below it.
//
//go:noinline
func nMarks(read []byte) int {
	var here byte
	from := unsafe.Add(unsafe.Pointer(&here), -len(read))
	for i := range read {
		read[i] = *(*byte)(unsafe.Add(from, i))
	}
	return bytes.Count(read, []byte{0xa7, 0xa7, 0xa7, 0xa7})
}

func TestOnClearStack(t *testing.T) {
	read := make([]byte, 32<<10) // off the stack
	run := func(wrap func(func())) (n int) {
		done := make(chan int)
		go func() { // with a stack of its own
			ClearStack() // large enough from now on
			func() {
				defer func() { _ = recover() }()
				wrap(scribble)
			}()
			done <- nMarks(read)
		}()
		return <-done
	}
	require.NotZero(t, run(func(f func()) { f() }), "the marks are where the test looks")
	require.Zero(t, run(OnClearStack))
}
