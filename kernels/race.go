//go:build race

package kernels

import (
	goruntime "runtime"
	"unsafe"
)

// raceEnabled says that the race detector is on.
const raceEnabled = true

// raceRead and raceWrite tell the race detector what assembly is about to
// touch, which it cannot see. Memory outside Go's heap is ignored.

func raceRead[T any](s []T) {
	if len(s) > 0 {
		goruntime.RaceReadRange(unsafe.Pointer(unsafe.SliceData(s)), len(s)*int(unsafe.Sizeof(s[0])))
	}
}

func raceWrite[T any](s []T) {
	if len(s) > 0 {
		goruntime.RaceWriteRange(unsafe.Pointer(unsafe.SliceData(s)), len(s)*int(unsafe.Sizeof(s[0])))
	}
}
