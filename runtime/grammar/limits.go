package grammar

import "fmt"

const (
	// maxSourceBytes bounds a schema or grammar; the largest tool sets seen in
	// use are around 100 KiB.
	maxSourceBytes = 1 << 20
	// maxDepth bounds nesting in any source: compiling recurses once a level.
	maxDepth = 128
	maxRules = 10_000
	// maxNFAStates bounds the automaton; a state takes about 50 bytes.
	maxNFAStates = 200_000
	// maxCharStates bounds one character automaton.
	maxCharStates = 20_000
	// maxConfigs bounds the positions that one state of the machine holds:
	// a grammar more ambiguous than that is refused while matching.
	maxConfigs = 20_000
	// maxCachedStates is when a machine forgets the states it has made.
	maxCachedStates = 50_000
	// maxMaskBytes is what the masks kept for one grammar and vocabulary may take.
	maxMaskBytes = 32 << 20
	// inlineRepeat is the number of copies up to which a repetition is unrolled.
	inlineRepeat = 8
)

// Error is a source that cannot be compiled.
type Error struct {
	Where string // a JSON pointer, a line, or ""
	Msg   string
}

func (e *Error) Error() string {
	if e.Where == "" {
		return e.Msg
	}
	return e.Where + ": " + e.Msg
}

// failf unwinds to the compiling function, which returns the *Error.
func failf(where, format string, a ...any) {
	panic(&Error{where, fmt.Sprintf(format, a...)})
}

// catch turns failf's panic into err.
func catch(err *error) {
	if r := recover(); r != nil {
		e, ok := r.(*Error)
		if !ok {
			panic(r)
		}
		*err = e
	}
}
