package main

import (
	"bufio"
	"cmp"
	"context"
	"flag"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"slices"
	"strings"
	"sync"

	"inferd/gguf"
	"inferd/gguf/ggufwrite"
	"inferd/kernels"
	"inferd/runtime"
)

var quantizeCommand = &command{
	name:     "quantize",
	synopsis: "IN OUT TYPE [--imatrix FILE] [--threads N] [--requantize]",
	summary:  "write a model with smaller weights",
	details: `
Convert the matrices of the GGUF file IN to TYPE and write OUT. TYPE is one of
Q8_0, Q6_K, Q5_K_M, Q5_K_S, Q5_1, Q5_0, Q4_K_M, Q4_K_S, Q4_1, Q4_0, IQ4_NL,
IQ4_XS, Q3_K_L, Q3_K_M, Q3_K_S, Q2_K, F16, BF16 and F32; Q4_K is short for
Q4_K_M. As with llama.cpp's llama-quantize, some matrices get a better type, and
vectors, norms and routers stay as they are.

An importance matrix, as llama.cpp's llama-imatrix writes it, tells which weights
matter most; it makes the types of four bits and less better.`,
	nArgs: [2]int{3, 3},
	define: func(fs *flag.FlagSet) runFunc {
		var q quantizeRun
		imatrix := fs.String("imatrix", "", "importance matrix `FILE`, GGUF or the older format")
		fs.IntVar(&q.nThreads, "threads", 0, "use `N` threads; 0: as many as there are cores")
		fs.BoolVar(&q.requantize, "requantize", false, "convert matrices that are quantised already; the losses add up")
		return func(ctx context.Context, args []string) error {
			var err error
			if q.recipe, err = findRecipe(args[2]); err != nil {
				return err
			}
			if q.nThreads < 0 {
				return usagef("quantize", "--threads is %d, must be 0 or more", q.nThreads)
			}
			q.nThreads = cmp.Or(q.nThreads, runtime.ChooseThreads().N)
			if *imatrix != "" {
				if q.importance, err = readImportance(*imatrix); err != nil {
					return err
				}
			}
			return q.run(ctx, args[0], args[1])
		}
	},
}

// quantizeRun is one call of inferctl quantize.
type quantizeRun struct {
	recipe     recipe
	nThreads   int
	requantize bool
	importance *importance // or nil

	file        *gguf.File
	bar         *progress
	done, total int64 // bytes read
}

func (q *quantizeRun) run(ctx context.Context, in, out string) (err error) {
	if q.file, err = gguf.Open(in); err != nil {
		return fileError(err)
	}
	defer q.file.Close()
	if err := refuseSame(q.file, out); err != nil {
		return err
	}
	w, types, err := q.plan(ctx)
	if err != nil {
		return err
	}
	if err := checkRoom(out, w.Size()); err != nil {
		return err
	}
	q.bar = newProgress("quantising")
	defer q.bar.end()
	size := int64(0)
	err = writeFile(out, func(to *bufio.Writer) (err error) {
		size, err = w.WriteTo(to)
		return err
	})
	q.bar.end()
	if err != nil {
		return err
	}
	_, err = fmt.Printf("%s, was %s: %s\n", byteCount(size), byteCount(q.file.Size()), typeList(types))
	return err
}

// refuseSame keeps a model from being replaced by a worse one.
func refuseSame(f *gguf.File, out string) error {
	to, err := os.Stat(out)
	if err != nil {
		return nil // writing tells what is wrong with it, if it is not just new
	}
	for _, path := range f.Paths() {
		if from, err := os.Stat(path); err == nil && os.SameFile(from, to) {
			return usagef("quantize", "%s would be written over the model it is made of", out)
		}
	}
	return nil
}

// plan chooses every tensor's type and says how to write the file.
func (q *quantizeRun) plan(ctx context.Context) (*ggufwrite.Writer, []runtime.TypeUse, error) {
	w := ggufwrite.New()
	for _, kv := range q.file.Keys() {
		if !strings.HasPrefix(kv.Key, "split.") { // the new file is whole
			w.Copy(kv)
		}
	}
	w.Set("general.quantization_version", uint32(2))
	w.Set("general.file_type", q.recipe.fileType)
	if q.importance != nil {
		about := q.importance.describe()
		for _, key := range slices.Sorted(maps.Keys(about)) {
			w.Set(key, about[key])
		}
	}
	types, err := q.chooseTypes()
	if err != nil {
		return nil, nil, err
	}
	var uses []runtime.TypeUse
	for _, t := range q.file.Tensors() {
		columns, err := q.importance.of(t)
		if err != nil {
			return nil, nil, err
		}
		typ := types[t.Name]
		w.Tensor(t.Name, typ, t.Dims, q.source(ctx, t, typ, columns))
		q.total += t.Bytes
		i := slices.IndexFunc(uses, func(u runtime.TypeUse) bool { return u.Type == typ.String() })
		if i < 0 {
			i, uses = len(uses), append(uses, runtime.TypeUse{Type: typ.String()})
		}
		uses[i].NTensors++
	}
	slices.SortStableFunc(uses, func(a, b runtime.TypeUse) int { return b.NTensors - a.NTensors })
	return w, uses, nil
}

// chooseTypes returns the type of each tensor.
func (q *quantizeRun) chooseTypes() (map[string]gguf.Type, error) {
	tensors := q.file.Tensors()
	slices.SortStableFunc(tensors, func(a, b gguf.TensorInfo) int { return layerOf(a) - layerOf(b) })
	c := newChooser(q.recipe, q.file, q.importance != nil)
	types := map[string]gguf.Type{}
	for _, t := range tensors {
		typ := c.choose(t)
		types[t.Name] = typ
		if typ == t.Type {
			continue
		}
		if _, ok := formatOf(t.Type); !ok {
			return nil, fmt.Errorf("tensor %q is of type %v, which cannot be converted", t.Name, t.Type)
		}
		if t.Type.BlockLen() > 1 && !q.requantize {
			return nil, withHint(fmt.Errorf("tensor %q is quantised already, in %v", t.Name, t.Type),
				"begin with the F32, F16 or BF16 model, or add --requantize to lose twice")
		}
	}
	return types, nil
}

// layerOf returns the number of a tensor's layer, -1 if it is in none.
func layerOf(t gguf.TensorInfo) int {
	layer := -1
	_, _ = fmt.Sscanf(t.Name, "blk.%d.", &layer)
	return layer
}

// pieceValues is about how many values of a tensor a thread converts at a time.
const pieceValues = 1 << 18

// source returns what writes a tensor's values as typ.
func (q *quantizeRun) source(ctx context.Context, t gguf.TensorInfo, typ gguf.Type, columns []float32) ggufwrite.Source {
	return func(w io.Writer) error {
		from, known := formatOf(t.Type)
		to, _ := formatOf(typ)
		if !known || typ == t.Type {
			return q.copy(ctx, w, t)
		}
		nRows := int(t.Bytes) / from.RowBytes(t.Dims[0])
		per := min(nRows, max(1, pieceValues/t.Dims[0]))
		pieces := make([]piece, min(q.nThreads, (nRows+per-1)/per))
		for i := range pieces {
			pieces[i] = newPiece(q.file, t, from, to, columns, per)
		}
		for row := 0; row < nRows; row += per * len(pieces) {
			if err := context.Cause(ctx); err != nil {
				return err
			}
			if err := convertAll(w, pieces, row, nRows); err != nil {
				return err
			}
			q.advance(int64(min(per*len(pieces), nRows-row)) * int64(from.RowBytes(t.Dims[0])))
		}
		q.file.Release(t)
		return nil
	}
}

// advance moves the progress bar.
func (q *quantizeRun) advance(nBytes int64) {
	q.done += nBytes
	q.bar.set(q.done, q.total, "")
}

// copy writes a tensor as it is.
func (q *quantizeRun) copy(ctx context.Context, w io.Writer, t gguf.TensorInfo) error {
	buf := make([]byte, min(t.Bytes, 1<<20))
	for off := int64(0); off < t.Bytes; off += int64(len(buf)) {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		buf = buf[:min(int64(len(buf)), t.Bytes-off)]
		if err := q.file.ReadTensor(buf, t, off); err != nil {
			return err
		}
		if _, err := w.Write(buf); err != nil {
			return err
		}
		q.advance(int64(len(buf)))
	}
	return nil
}

// piece is some rows of a tensor on their way through one thread.
type piece struct {
	file     *gguf.File
	tensor   gguf.TensorInfo
	from, to kernels.Format
	columns  []float32 // importance [nMatrices, nIn], or nil
	nRows    int       // of a full piece

	src, dst []byte
	values   []float32
	weights  []float32 // of a row, where they are computed
	err      error
}

func newPiece(f *gguf.File, t gguf.TensorInfo, from, to kernels.Format, columns []float32, nRows int) piece {
	n := t.Dims[0]
	return piece{
		file: f, tensor: t, from: from, to: to, columns: columns, nRows: nRows,
		src: make([]byte, nRows*from.RowBytes(n)), dst: make([]byte, nRows*to.RowBytes(n)),
		values: make([]float32, nRows*n),
	}
}

// convertAll converts rows from row on, a piece on each thread, and writes them
// in order.
func convertAll(w io.Writer, pieces []piece, row, nRows int) error {
	var threads sync.WaitGroup
	for i := range pieces {
		first := row + i*pieces[i].nRows
		last := min(first+pieces[i].nRows, nRows)
		threads.Go(func() { pieces[i].err = pieces[i].convert(first, max(first, last)) })
	}
	threads.Wait()
	for i := range pieces {
		if err := pieces[i].err; err != nil {
			return err
		}
		if _, err := w.Write(pieces[i].dst); err != nil {
			return err
		}
	}
	return nil
}

// importance returns what the errors of a row's values weigh, or nil.
func (p *piece) importance(row int, values []float32) []float32 {
	n := p.tensor.Dims[0]
	switch p.to {
	case kernels.Q3_K, kernels.Q4_K, kernels.Q5_K, kernels.Q6_K:
		if p.columns == nil {
			p.weights = weighBySize(p.weights[:0], values)
			return p.weights
		}
	}
	if p.columns == nil {
		return nil
	}
	matrix := row / p.tensor.Dims[1]
	return p.columns[matrix*n : (matrix+1)*n]
}

// weighBySize appends to w what the errors of values weigh where nothing is
// known of the activations: more where a value is large among its neighbours.
// In K-quants of three bits and more that gives better models than equal weights
// (Q4_K_M of a small one: perplexity 6.456 instead of 6.511), in Q2_K and IQ4_NL
// worse ones.
func weighBySize(w, values []float32) []float32 {
	for group := range slices.Chunk(values, 32) {
		sum := 0.0
		for _, v := range group {
			sum += float64(v) * float64(v) // exact, so that it is the same fused
		}
		rms := math.Sqrt(sum / float64(len(group)))
		for _, v := range group {
			w = append(w, float32(rms+math.Abs(float64(v))))
		}
	}
	return w
}

// convert fills dst with rows [first, last).
func (p *piece) convert(first, last int) error {
	n := p.tensor.Dims[0]
	p.src, p.dst = p.src[:(last-first)*p.from.RowBytes(n)], p.dst[:(last-first)*p.to.RowBytes(n)]
	if first == last {
		return nil
	}
	if err := p.file.ReadTensor(p.src, p.tensor, int64(first)*int64(p.from.RowBytes(n))); err != nil {
		return err
	}
	values := p.values[:(last-first)*n]
	kernels.Dequantize(values, p.from, p.src)
	for i := range last - first {
		row := values[i*n : (i+1)*n]
		err := kernels.Encode(p.dst[i*p.to.RowBytes(n):(i+1)*p.to.RowBytes(n)], p.to, row, p.importance(first+i, row))
		if err != nil {
			return fmt.Errorf("row %d: %w", first+i, err)
		}
	}
	return nil
}
