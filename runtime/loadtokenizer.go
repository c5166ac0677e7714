package runtime

import (
	"inferd/gguf"
	"inferd/tokenizer"
)

// LoadTokenizer returns the tokenizer of the model at path. It reads the
// metadata only, whatever the architecture. The error is a *gguf.ParseError or
// a *ModelError, as from Load.
func LoadTokenizer(path string) (*tokenizer.Tokenizer, error) {
	f, err := gguf.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	h := &hparams{file: f, arch: describe(f).Architecture}
	t := newTokenizer(h)
	if t == nil {
		return nil, &ModelError{Path: path, Faults: h.faults}
	}
	return t, nil
}
