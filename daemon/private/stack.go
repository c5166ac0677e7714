package private

// stackBytes is how much of a stack ClearStack clears: more than a request uses,
// unless it is nested deeply.
const stackBytes = 64 << 10

// OnClearStack calls f and clears the stack that f has used, also if f panics.
// Hash functions, for one, copy their state there, with the end of the text.
func OnClearStack(f func()) {
	ClearStack() // the stack grows now, not in f, which would leave a copy behind
	value := recovered(f)
	ClearStack() // not deferred: f's frames would still stand while f panics
	if value != nil {
		panic(value)
	}
}

// recovered calls f and returns what it panics with, nil if it does not.
func recovered(f func()) (value any) {
	defer func() { value = recover() }()
	f()
	return nil
}

// ClearStack clears the stack below its caller.
//
//go:noinline
func ClearStack() {
	var below [stackBytes]byte
	clearAll(&below)
}

// clearAll is not inlined, so that the compiler cannot know that nobody reads what
// it clears.
//
//go:noinline
func clearAll(b *[stackBytes]byte) { clear(b[:]) }
