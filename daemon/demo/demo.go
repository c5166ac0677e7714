package demo

import (
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
)

// Name is the model's name, in requests too.
const Name = "demo"

// A string, because a string stays in the program's file until it is read.
//
//go:embed demo.gguf
var file string

// Write puts the model's file into dir, under its name, for the runtime to
// load, and returns its path.
func Write(dir string) (path string, err error) {
	path = filepath.Join(dir, Name+".gguf")
	if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
		return "", fmt.Errorf("demo: writing the model: %w", err)
	}
	return path, nil
}
