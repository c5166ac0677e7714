package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"flag"
	"fmt"

	"inferd/gguf"
	"inferd/kernels"
)

var tensorCommand = &command{
	name:     "tensor",
	synopsis: "FILE NAME --out FILE",
	summary:  "write a tensor's values, dequantised",
	details: `
Write the values of the tensor NAME of a GGUF file as float32, little endian, in
the order of the file. 'inferctl inspect FILE --json' lists names and shapes.`,
	nArgs: [2]int{2, 2},
	define: func(fs *flag.FlagSet) runFunc {
		out := fs.String("out", "", "write to `FILE`")
		return func(ctx context.Context, args []string) error {
			if err := required(fs, "out"); err != nil {
				return err
			}
			return writeTensor(ctx, args[0], args[1], *out)
		}
	},
}

func writeTensor(ctx context.Context, path, name, out string) error {
	f, err := gguf.Open(path)
	if err != nil {
		return fileError(err)
	}
	defer f.Close()
	t, ok := f.Tensor(name)
	if !ok {
		return withHint(fmt.Errorf("%s has no tensor %q", path, name), "'inferctl inspect %s --json' lists the tensors", path)
	}
	format, ok := formatOf(t.Type)
	if !ok {
		return fmt.Errorf("tensor %q is of type %v, which has no float32 values", name, t.Type)
	}
	return writeFile(out, func(w *bufio.Writer) error { return dequantize(ctx, w, f, t, format) })
}

// formatOf returns the kernels' format of the same name as a tensor type.
func formatOf(t gguf.Type) (kernels.Format, bool) {
	for _, f := range kernels.Formats() {
		if f.String() == t.String() {
			return f, true
		}
	}
	return 0, false
}

// dequantize writes t's values to w, piece by piece.
func dequantize(ctx context.Context, w *bufio.Writer, f *gguf.File, t gguf.TensorInfo, format kernels.Format) error {
	const blocksAtOnce = 1 << 12
	src := make([]byte, blocksAtOnce*format.BlockBytes())
	values := make([]float32, blocksAtOnce*format.BlockLen())
	var raw []byte
	p := newProgress("writing")
	defer p.end()
	for off := int64(0); off < t.Bytes; off += int64(len(src)) {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		src = src[:min(int64(len(src)), t.Bytes-off)]
		if err := f.ReadTensor(src, t, off); err != nil {
			return err
		}
		values = values[:len(src)/format.BlockBytes()*format.BlockLen()]
		kernels.Dequantize(values, format, src)
		var err error
		if raw, err = binary.Append(raw[:0], binary.LittleEndian, values); err != nil {
			return err
		}
		if _, err := w.Write(raw); err != nil {
			return err
		}
		p.set(off, t.Bytes, "")
	}
	return nil
}
