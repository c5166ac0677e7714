package train

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"inferd/cmd/inferd-tune/bpe"
	"inferd/cmd/inferd-tune/graph"
)

// Checkpoint is a model in training: what export needs, and what resuming
// needs besides.
type Checkpoint struct {
	Options Options
	Pieces  []bpe.Piece
	Step    int // steps done
	Score   *Score
	Params  []graph.Param
	adam    *adam
}

// magic opens a checkpoint file; the digit is the layout's version. A JSON
// header with its length follows, then the float32 data of all parameters and
// both moments, little endian.
const magic = "inferd-tune checkpoint 1\n"

// maxHeaderBytes bounds the JSON header; a vocabulary takes about 40 bytes a
// piece.
const maxHeaderBytes = 16 << 20

type header struct {
	Options Options     `json:"options"`
	Pieces  []bpe.Piece `json:"pieces"`
	Step    int         `json:"step"`
	Score   *Score      `json:"score,omitempty"`
}

// Save writes the checkpoint, replacing path in one step.
func (c *Checkpoint) Save(path string) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("train: saving checkpoint: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("train: saving checkpoint: %w", err), f.Close(), os.Remove(f.Name()))
		}
	}()
	w := bufio.NewWriter(f)
	head, err := json.Marshal(header{c.Options, c.Pieces, c.Step, c.Score})
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "%s%10d\n%s", magic, len(head), head)
	if err := c.eachTensor(func(x []float32) error { return binary.Write(w, binary.LittleEndian, x) }); err != nil {
		return err
	}
	if err := errors.Join(w.Flush(), f.Sync()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	return f.Close()
}

// Load reads a checkpoint.
func Load(path string) (*Checkpoint, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("train: loading checkpoint: %w", err)
	}
	defer f.Close()
	c, err := read(bufio.NewReader(f))
	if err != nil {
		return nil, fmt.Errorf("train: loading checkpoint %s: %w", path, err)
	}
	return c, nil
}

func read(r io.Reader) (*Checkpoint, error) {
	start := make([]byte, len(magic)+11)
	if _, err := io.ReadFull(r, start); err != nil {
		return nil, err
	}
	if string(start[:len(magic)]) != magic {
		return nil, errors.New("not a checkpoint of this version")
	}
	var n int
	if _, err := fmt.Sscanf(string(start[len(magic):]), "%10d\n", &n); err != nil || n < 0 || n > maxHeaderBytes {
		return nil, fmt.Errorf("header of %q bytes", start[len(magic):len(start)-1])
	}
	head := make([]byte, n)
	if _, err := io.ReadFull(r, head); err != nil {
		return nil, err
	}
	var h header
	if err := json.Unmarshal(head, &h); err != nil {
		return nil, err
	}
	if err := h.Options.Model.Validate(); err != nil {
		return nil, err
	}
	c := &Checkpoint{Options: h.Options, Pieces: h.Pieces, Step: h.Step, Score: h.Score, Params: h.Options.Model.Params()}
	c.adam = newAdam(c.Params)
	return c, c.eachTensor(func(x []float32) error { return binary.Read(r, binary.LittleEndian, x) })
}

// eachTensor calls f for every array of the file in order.
func (c *Checkpoint) eachTensor(f func([]float32) error) error {
	for _, p := range c.Params {
		if err := f(p.Data); err != nil {
			return err
		}
	}
	for _, moments := range [][][]float32{c.adam.m, c.adam.v} {
		for _, x := range moments {
			if err := f(x); err != nil {
				return err
			}
		}
	}
	return nil
}
