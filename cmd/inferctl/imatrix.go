package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"

	"inferd/gguf"
)

// importance says how much the errors of a model's weights matter: for each
// column of a matrix, the mean square of the activations that it multiplies.
type importance struct {
	path    string
	columns map[string][]float32 // by tensor; [nMatrices, nIn]
	nChunks uint32               // of text that it was measured on; 0: not known
	dataset string
}

// maxImportanceBytes bounds the old format, which is read whole.
const maxImportanceBytes = 1 << 30

// readImportance reads a file of llama.cpp's llama-imatrix, of the present
// format (GGUF) or the one before.
func readImportance(path string) (*importance, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	magic := make([]byte, 4)
	if _, err := io.ReadFull(f, magic); err == nil && string(magic) == "GGUF" {
		return readImportanceGGUF(path)
	}
	data, err := io.ReadAll(io.NewSectionReader(f, 0, maxImportanceBytes))
	if err != nil {
		return nil, err
	}
	m, err := parseImportance(data)
	if err != nil {
		return nil, fmt.Errorf("importance matrix %s: %w", path, err)
	}
	m.path = path
	return m, nil
}

// readImportanceGGUF reads sums of squares [nMatrices, nIn] in NAME.in_sum2 and
// how many were added up in NAME.counts [nMatrices, 1].
func readImportanceGGUF(path string) (*importance, error) {
	f, err := gguf.Open(path)
	if err != nil {
		return nil, fileError(err)
	}
	defer f.Close()
	m := &importance{path: path, columns: map[string][]float32{}}
	if names, err := f.Strings("imatrix.datasets"); err == nil {
		m.dataset = strings.Join(names, ", ")
	}
	if n, err := f.Uint("imatrix.chunk_count"); err == nil && n <= math.MaxUint32 {
		m.nChunks = uint32(n)
	}
	for _, t := range f.Tensors() {
		name, isSum := strings.CutSuffix(t.Name, ".in_sum2")
		if !isSum {
			continue
		}
		sums, err := tensorFloats(f, t)
		if err != nil {
			return nil, err
		}
		counts, ok := f.Tensor(name + ".counts")
		if !ok {
			return nil, fmt.Errorf("importance matrix %s: no counts of tensor %q", path, name)
		}
		n, err := tensorFloats(f, counts)
		if err != nil {
			return nil, err
		}
		if len(n) == 0 || len(sums)%len(n) != 0 {
			return nil, fmt.Errorf("importance matrix %s: tensor %q: %d counts of %d sums", path, name, len(n), len(sums))
		}
		for i, perMatrix := 0, len(sums)/len(n); i < len(n); i++ {
			average(sums[i*perMatrix:(i+1)*perMatrix], n[i])
		}
		m.columns[name] = sums
	}
	if len(m.columns) == 0 {
		return nil, fmt.Errorf("importance matrix %s: has no sums of activations", path)
	}
	return m, nil
}

// average divides sums by their count. A matrix that was never used, as may
// happen to an expert, has columns of equal importance.
func average(sums []float32, n float32) {
	for i := range sums {
		if n > 0 {
			sums[i] /= n
		} else {
			sums[i] = 1
		}
	}
}

// tensorFloats reads a tensor of float32.
func tensorFloats(f *gguf.File, t gguf.TensorInfo) ([]float32, error) {
	if t.Type != gguf.F32 {
		return nil, fmt.Errorf("%s: tensor %q is of type %v, must be F32", f.Path(), t.Name, t.Type)
	}
	raw := make([]byte, t.Bytes)
	if err := f.ReadTensor(raw, t, 0); err != nil {
		return nil, err
	}
	values := make([]float32, len(raw)/4)
	_, err := binary.Decode(raw, binary.LittleEndian, values)
	return values, err
}

var errShortImportance = errors.New("ends early")

// parseImportance reads the old format: a count of entries, each the length of
// a name and the name, how many were added up, a count of values and the values,
// which are sums; then the number of chunks and the name of the text, which
// older files lack. Counts are int32.
func parseImportance(data []byte) (*importance, error) {
	r := bytes.NewReader(data)
	count := func(most int) (int, error) {
		var n int32
		if err := binary.Read(r, binary.LittleEndian, &n); err != nil {
			return 0, errShortImportance
		}
		if n < 0 || int(n) > most {
			return 0, fmt.Errorf("a count of %d at byte %d, at most %d can follow", n, len(data)-r.Len()-4, most)
		}
		return int(n), nil
	}
	m := &importance{columns: map[string][]float32{}}
	nEntries, err := count(r.Len() / 12)
	if err != nil {
		return nil, err
	}
	if nEntries == 0 {
		return nil, errors.New("has no entries")
	}
	for range nEntries {
		nName, err := count(r.Len())
		if err != nil {
			return nil, err
		}
		name := make([]byte, nName)
		_, _ = io.ReadFull(r, name) // count has seen that it is there
		nCalls, err := count(math.MaxInt32)
		if err != nil {
			return nil, err
		}
		nValues, err := count(r.Len() / 4)
		if err != nil {
			return nil, err
		}
		values := make([]float32, nValues)
		if err := binary.Read(r, binary.LittleEndian, values); err != nil {
			return nil, errShortImportance
		}
		average(values, float32(nCalls))
		m.columns[string(name)] = values
	}
	if n, err := count(math.MaxInt32); err == nil {
		m.nChunks = uint32(n)
	}
	if n, err := count(r.Len()); err == nil {
		name := make([]byte, n)
		_, _ = io.ReadFull(r, name)
		m.dataset = string(name)
	}
	return m, nil
}

// of returns the importance of a matrix's columns, nil where it was not
// measured.
func (m *importance) of(t gguf.TensorInfo) ([]float32, error) {
	if m == nil || len(t.Dims) < 2 {
		return nil, nil
	}
	columns, ok := m.columns[t.Name]
	if !ok || t.Name == "token_embd.weight" { // looked up, or multiplied by only where it is the output as well
		return nil, nil
	}
	nMatrices := 1
	for _, d := range t.Dims[2:] {
		nMatrices *= d
	}
	if len(columns) != t.Dims[0]*nMatrices {
		return nil, withHint(fmt.Errorf("importance matrix %s: tensor %q has %d values, the model's needs %d", m.path, t.Name, len(columns), t.Dims[0]*nMatrices), "was it made with another model?")
	}
	return columns, nil
}

// describe returns what the new file's metadata says about it.
func (m *importance) describe() map[string]any {
	about := map[string]any{
		"quantize.imatrix.file":          filepath.Base(m.path),
		"quantize.imatrix.entries_count": uint32(len(m.columns)),
	}
	if m.dataset != "" {
		about["quantize.imatrix.dataset"] = m.dataset
	}
	if m.nChunks > 0 {
		about["quantize.imatrix.chunks_count"] = m.nChunks
	}
	return about
}
