package head

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Example is an embedding with its label.
type Example struct {
	Embedding []float32
	Label     string
}

// Options of Train.
type Options struct {
	Seed    uint64  // of the division into training and held-out examples
	HeldOut float64 // share of each label's examples that is held out; in (0, 1)
}

// The fit. A few hundred examples are one batch, so these are not worth flags.
const (
	nSteps = 400
	rate   = 0.05
	decay  = 0.003 // weight of the weights' mean square in the loss
)

// Model is a trained head.
type Model struct {
	Labels []string    // sorted
	Weight [][]float32 // [nLabels][dim]
	Bias   []float32   // [nLabels]
	Report Report
}

// Train fits a head to a part of the examples and reports how it does on the
// rest. Each label needs at least two examples.
func Train(xs []Example, o Options) (*Model, error) {
	labels, err := check(xs, o)
	if err != nil {
		return nil, err
	}
	train, heldOut := divide(xs, labels, o)
	s := standardise(train)
	w, b, err := fit(train, labels, s)
	if err != nil {
		return nil, fmt.Errorf("head: %w", err)
	}
	m := &Model{Labels: labels}
	for i := range labels {
		row, bias := s.fold(w, b, i, len(labels))
		m.Weight = append(m.Weight, row)
		m.Bias = append(m.Bias, bias)
	}
	m.Report = m.judge(heldOut)
	m.Report.NTrain = len(train)
	return m, nil
}

// check returns the labels, sorted.
func check(xs []Example, o Options) ([]string, error) {
	if !(o.HeldOut > 0 && o.HeldOut < 1) {
		return nil, fmt.Errorf("head: a share of %v cannot be held out", o.HeldOut)
	}
	count := map[string]int{}
	for i, x := range xs {
		if len(x.Embedding) == 0 || len(x.Embedding) != len(xs[0].Embedding) {
			return nil, fmt.Errorf("head: embedding %d has %d values, the first has %d", i, len(x.Embedding), len(xs[0].Embedding))
		}
		if x.Label == "" {
			return nil, fmt.Errorf("head: example %d has no label", i)
		}
		count[x.Label]++
	}
	var labels []string
	for l, n := range count {
		if n < 2 {
			return nil, fmt.Errorf("head: label %q has one example, at least two are needed", l)
		}
		labels = append(labels, l)
	}
	if len(labels) < 2 {
		return nil, fmt.Errorf("head: %d labels, at least two are needed", len(labels))
	}
	slices.Sort(labels)
	return labels, nil
}

// divide holds back a share of every label's examples, one at least.
func divide(xs []Example, labels []string, o Options) (train, heldOut []Example) {
	r := rand.New(rand.NewPCG(o.Seed, 0))
	for _, l := range labels {
		var own []Example
		for _, x := range xs {
			if x.Label == l {
				own = append(own, x)
			}
		}
		r.Shuffle(len(own), func(i, j int) { own[i], own[j] = own[j], own[i] })
		n := min(len(own)-1, max(1, int(math.Round(o.HeldOut*float64(len(own))))))
		heldOut = append(heldOut, own[:n]...)
		train = append(train, own[n:]...)
	}
	return train, heldOut
}

// scaling moves each value of an embedding to mean 0 and variance 1 over the
// training examples, so that one learning rate suits all.
type scaling struct{ mean, inv []float32 }

func standardise(xs []Example) scaling {
	dim := len(xs[0].Embedding)
	s := scaling{make([]float32, dim), make([]float32, dim)}
	for j := range dim {
		var sum, square float64
		for _, x := range xs {
			v := float64(x.Embedding[j])
			sum += v
			square += v * v
		}
		n := float64(len(xs))
		mean := sum / n
		s.mean[j] = float32(mean)
		s.inv[j] = float32(1 / math.Sqrt(max(square/n-mean*mean, 1e-12)))
	}
	return s
}

// fold turns label i's column of w [dim, nLabels] and its bias, which take
// scaled embeddings, into those that take embeddings as they are.
func (s scaling) fold(w, b []float32, i, nLabels int) (row []float32, bias float32) {
	sum := float64(b[i])
	row = make([]float32, len(s.mean))
	for j := range row {
		row[j] = w[j*nLabels+i] * s.inv[j]
		sum -= float64(row[j]) * float64(s.mean[j])
	}
	return row, float32(sum)
}

// fit minimises the cross-entropy and returns weights [dim, nLabels] and biases.
func fit(xs []Example, labels []string, s scaling) (w, b []float32, err error) {
	n, dim, nLabels := len(xs), len(s.mean), len(labels)
	inputs, targets := make([]float32, n*dim), make([]float32, n*nLabels)
	for i, x := range xs {
		for j, v := range x.Embedding {
			inputs[i*dim+j] = (v - s.mean[j]) * s.inv[j]
		}
		label, _ := slices.BinarySearchFunc(labels, x.Label, cmp.Compare[string])
		targets[i*nLabels+label] = 1 / float32(n)
	}
	g := G.NewGraph()
	matrix := func(name string, data []float32, rows, cols int) *G.Node {
		return G.NewMatrix(g, tensor.Float32, G.WithShape(rows, cols), G.WithName(name),
			G.WithValue(tensor.New(tensor.WithShape(rows, cols), tensor.WithBacking(data))))
	}
	ones := make([]float32, n)
	for i := range ones {
		ones[i] = 1
	}
	w, b = make([]float32, dim*nLabels), make([]float32, nLabels)
	wNode, bNode := matrix("w", w, dim, nLabels), matrix("b", b, 1, nLabels)
	logits := G.Must(G.Add(G.Must(G.Mul(matrix("x", inputs, n, dim), wNode)), G.Must(G.Mul(matrix("ones", ones, n, 1), bNode))))
	logProbs := G.Must(G.LogSoftMax(logits, 1))
	miss := G.Must(G.Neg(G.Must(G.Sum(G.Must(G.HadamardProd(logProbs, matrix("y", targets, n, nLabels)))))))
	size := G.Must(G.Mul(G.Must(G.Sum(G.Must(G.HadamardProd(wNode, wNode)))), G.NewConstant(float32(decay))))
	learned := G.Nodes{wNode, bNode}
	if _, err := G.Grad(G.Must(G.Add(miss, size)), learned...); err != nil {
		return nil, nil, fmt.Errorf("deriving the loss: %w", err)
	}
	vm := G.NewTapeMachine(g, G.BindDualValues(learned...))
	defer vm.Close()
	solver := G.NewAdamSolver(G.WithLearnRate(rate))
	for range nSteps {
		if err := vm.RunAll(); err != nil {
			return nil, nil, err
		}
		if err := solver.Step(G.NodesToValueGrads(learned)); err != nil {
			return nil, nil, err
		}
		vm.Reset()
	}
	return w, b, nil
}
