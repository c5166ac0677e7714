package head

import (
	"fmt"
	"io"
	"slices"
)

// Report says how a head does on examples it was not trained with.
type Report struct {
	NTrain, NHeldOut int
	Accuracy         float64
	Confusion        [][]int // [right label][label given]
}

// judge classifies examples.
func (m *Model) judge(xs []Example) Report {
	r := Report{NHeldOut: len(xs)}
	for range m.Labels {
		r.Confusion = append(r.Confusion, make([]int, len(m.Labels)))
	}
	right := 0
	for _, x := range xs {
		want := slices.Index(m.Labels, x.Label)
		got := m.best(x.Embedding)
		r.Confusion[want][got]++
		if got == want {
			right++
		}
	}
	r.Accuracy = float64(right) / float64(len(xs))
	return r
}

// best returns the label with the largest logit.
func (m *Model) best(embedding []float32) int {
	scores := make([]float64, len(m.Labels))
	for i, row := range m.Weight {
		scores[i] = float64(m.Bias[i])
		for j, w := range row {
			scores[i] += float64(w) * float64(embedding[j])
		}
	}
	return slices.Index(scores, slices.Max(scores))
}

// Print writes the report as a table: a row for each right label, a column for
// each label given.
func (m *Model) Print(w io.Writer) {
	r := m.Report
	fmt.Fprintf(w, "trained on %d examples, held out %d, accuracy %.1f %%\n\n", r.NTrain, r.NHeldOut, 100*r.Accuracy)
	width := 0
	for _, l := range m.Labels {
		width = max(width, len(l))
	}
	fmt.Fprintf(w, "%*s", width+4, "")
	for i := range m.Labels {
		fmt.Fprintf(w, " %3d", i)
	}
	fmt.Fprintln(w)
	for i, l := range m.Labels {
		fmt.Fprintf(w, "%3d %-*s", i, width, l)
		for _, n := range r.Confusion[i] {
			fmt.Fprintf(w, " %3d", n)
		}
		fmt.Fprintln(w)
	}
}
