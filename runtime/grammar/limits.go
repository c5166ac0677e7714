package grammar

import "fmt"

const (
	// maxSourceBytes bounds a schema or grammar; the largest tool sets seen in
	// use are around 100 KiB.
	maxSourceBytes = 512 << 10
	// maxPatternBytes bounds one regular expression.
	maxPatternBytes = 16 << 10
	// maxPatternRanges bounds the ranges of characters that one names: \p{L} is
	// some 600.
	maxPatternRanges = 50_000
	// maxPointerBytes bounds where in a schema a part stands, as a JSON pointer.
	maxPointerBytes = 16 << 10
	// maxDepth bounds nesting in any source: compiling recurses once a level.
	maxDepth = 128
	maxRules = 10_000
	// maxNFAStates bounds the automaton; a state takes 16 bytes.
	maxNFAStates = 200_000
	// maxCharStates bounds one character automaton.
	maxCharStates = 20_000
	// maxCompileWork bounds the steps of compiling one source, which take 100 ms
	// at the worst.
	maxCompileWork = 1_000_000
	// maxCount bounds counts of repetitions, lengths and items.
	maxCount = 1_000_000
	// maxLiveBits bounds what is kept of which counts lead on where lengths and
	// patterns meet: 4 MiB.
	maxLiveBits = 32 << 20
	// maxLiveWork bounds the steps of working that out for one counter: 50 ms.
	maxLiveWork = 2_000_000
	// maxConfigs bounds the positions that one state of the machine holds:
	// a grammar more ambiguous than that is refused while matching.
	maxConfigs = 20_000
	// maxStepWork bounds the positions looked at for one mask or token, about
	// 20 ms: other answers wait meanwhile.
	maxStepWork = 200_000
	// maxStateBytes is when a machine forgets the states it has made.
	maxStateBytes = 6 << 20
	// maxMaskBytes is what the masks kept for one grammar may take.
	maxMaskBytes = 2 << 20
	// inlineRepeat is the number of copies up to which a repetition is unrolled.
	inlineRepeat = 4
)

// Error is a source that cannot be compiled, or a text that cannot go on.
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

// budget counts the steps of compiling, in place of a clock.
type budget struct{ used int }

// spend takes n steps.
func (b *budget) spend(n int) {
	if b.used += n; b.used > maxCompileWork {
		failf("", "too complex: compiling takes more than %d steps", maxCompileWork)
	}
}
