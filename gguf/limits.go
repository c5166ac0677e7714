package gguf

// Caps on what a file may claim. Each is far above what models use and low
// enough that a hostile file, sparse ones included, cannot exhaust memory:
// the bytes left in the file bound most counts already, but a sparse file of
// a terabyte is cheap to make.
const (
	// maxKeyBytes is the specification's limit (2^16-1).
	maxKeyBytes = 1<<16 - 1

	// maxTensorNameBytes is the specification's limit.
	maxTensorNameBytes = 64

	// maxStringBytes caps one metadata string. The longest in use are chat
	// templates and licences, well under 1 MiB.
	maxStringBytes = 64 << 20

	// maxArrayLen caps the elements of one array. The largest vocabularies
	// have about a million merges.
	maxArrayLen = 1 << 26

	// maxHeaderBytes caps everything before the tensor data, which is what
	// Open copies. A vocabulary of 262144 tokens with merges takes 16 MiB.
	maxHeaderBytes = 512 << 20

	// maxKeys: models have under a hundred.
	maxKeys = 1 << 16

	// maxTensors: unmerged mixtures of experts reach some 50000.
	maxTensors = 1 << 20

	// maxDims is ggml's GGML_MAX_DIMS.
	maxDims = 4

	// maxAlignment is the largest page of the machines we run on (1 GiB).
	maxAlignment = 1 << 30

	// maxParts caps a split set, each part of which costs a descriptor and
	// a mapping. The largest published sets have under 200.
	maxParts = 1024
)

// The fewest bytes one item takes in a file, to bound counts by bytes left.
const (
	minKeyValueBytes = 8 + 1 + 4 + 1     // key length, one byte of key, type, a one-byte value
	minTensorBytes   = 8 + 1 + 4 + 4 + 8 // name length, one byte of name, dimension count, type, offset
)
