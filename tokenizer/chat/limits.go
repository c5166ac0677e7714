package chat

// Limits bounds what one rendering may use. The zero value means the defaults.
type Limits struct {
	Steps       int // evaluated nodes, plus one for each 64 bytes that an operation reads
	AllocBytes  int // bytes of all strings and list items ever made
	OutputBytes int // bytes of the rendered prompt
}

const (
	// maxSourceBytes is 16 times the largest template seen in a released model.
	maxSourceBytes = 512 << 10
	// maxNesting bounds blocks, parentheses and operator chains together: the
	// evaluator recurses once a level, so this bounds its stack too. Released
	// templates stay under 40.
	maxNesting = 200
	// maxCallDepth bounds macros calling macros. Python gives up at a depth of
	// about 1,000 frames, which is some 200 macro calls.
	maxCallDepth = 100
	// maxJSONDepth bounds nested arrays and objects in messages and tools.
	maxJSONDepth = 200

	defaultSteps       = 4_000_000
	defaultAllocBytes  = 256 << 20
	defaultOutputBytes = 32 << 20
)

// or returns l with defaults in place of zeros.
func (l Limits) or() Limits {
	if l.Steps <= 0 {
		l.Steps = defaultSteps
	}
	if l.AllocBytes <= 0 {
		l.AllocBytes = defaultAllocBytes
	}
	if l.OutputBytes <= 0 {
		l.OutputBytes = defaultOutputBytes
	}
	return l
}
