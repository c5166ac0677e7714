package gguf

import (
	"errors"
	"runtime/debug"
)

// errShrunk reports a file that lost bytes, or a disk that failed, after Open
// had checked it.
var errShrunk = errors.New("the file shrank or became unreadable while it was in use")

// guardFault runs f, which reads the mapping, and turns a memory fault in it
// into errShrunk: without it, the SIGBUS would end the process.
func guardFault(f func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		r := recover()
		if r == nil {
			return
		}
		// Only faults at an address have this method; any other panic is
		// a mistake of ours.
		if _, isFault := r.(interface{ Addr() uintptr }); !isFault {
			panic(r)
		}
		err = errShrunk
	}()
	return f()
}
