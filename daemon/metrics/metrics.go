// Package metrics counts what the daemon does and writes it in Prometheus' text
// format (https://prometheus.io/docs/instrumenting/exposition_formats, 0.0.4).
//
// It is our own because the common library comes with protocol buffers and with
// expvar, which serves pages by being imported.
//
// Labels are names of models and ids of users, never what anybody said, and there
// are never more than a bounded number of them: what comes later is counted
// together under the label "other".
package metrics

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// maxSeries is how many combinations of labels one metric tells apart.
const maxSeries = 1024

// Registry holds metrics in the order in which they were made. It is safe for
// concurrent use.
type Registry struct {
	mu      sync.Mutex // guards the fields that follow
	metrics []collector
}

// collector writes the series of one metric.
type collector interface{ write(w *bufio.Writer) }

func (r *Registry) add(c collector) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.metrics = append(r.metrics, c)
}

// WriteTo writes all metrics.
func (r *Registry) WriteTo(w io.Writer) (int64, error) {
	counted := &countingWriter{w: w}
	b := bufio.NewWriter(counted)
	r.mu.Lock()
	list := slices.Clone(r.metrics)
	r.mu.Unlock()
	for _, c := range list {
		c.write(b)
	}
	err := b.Flush()
	return counted.n, err
}

type countingWriter struct {
	w io.Writer
	n int64
}

func (c *countingWriter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

// family is what all metrics have: a name, a help line and the names of labels.
type family struct {
	name, help, kind string
	labels           []string
}

func (f *family) header(w *bufio.Writer) {
	fmt.Fprintf(w, "# HELP %s %s\n# TYPE %s %s\n", f.name, f.help, f.name, f.kind)
}

// series writes one line. extra is a label more, as name="value", or empty.
func (f *family) series(w *bufio.Writer, suffix string, values []string, extra string, value float64) {
	w.WriteString(f.name)
	w.WriteString(suffix)
	pairs := make([]string, 0, len(values)+1)
	for i, v := range values {
		pairs = append(pairs, f.labels[i]+`="`+escape(v)+`"`)
	}
	if extra != "" {
		pairs = append(pairs, extra)
	}
	if len(pairs) > 0 {
		w.WriteString("{" + strings.Join(pairs, ",") + "}")
	}
	w.WriteByte(' ')
	w.WriteString(number(value))
	w.WriteByte('\n')
}

func number(v float64) string {
	switch {
	case math.IsInf(v, 1):
		return "+Inf"
	case math.IsInf(v, -1):
		return "-Inf"
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}

var escape = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace

// table keeps a value per combination of labels.
type table[T any] struct {
	mu     sync.Mutex // guards the field that follows
	values map[string]*entry[T]
}

type entry[T any] struct {
	labels []string
	value  T
}

// at returns the value for labels; the table's mutex is held.
func (t *table[T]) at(labels []string) *T {
	key := strings.Join(labels, "\xff")
	e, ok := t.values[key]
	if !ok && len(t.values) >= maxSeries {
		labels = slices.Repeat([]string{"other"}, len(labels))
		key = strings.Join(labels, "\xff")
		e, ok = t.values[key]
	}
	if !ok {
		e = &entry[T]{labels: slices.Clone(labels)}
		if t.values == nil {
			t.values = map[string]*entry[T]{}
		}
		t.values[key] = e
	}
	return &e.value
}

// sorted lists the entries by their labels; the table's mutex is held.
func (t *table[T]) sorted() []*entry[T] {
	list := make([]*entry[T], 0, len(t.values))
	for _, e := range t.values {
		list = append(list, e)
	}
	slices.SortFunc(list, func(a, b *entry[T]) int { return slices.Compare(a.labels, b.labels) })
	return list
}

// Counter is a sum that only grows.
type Counter struct {
	family
	table[float64]
}

// Counter makes one. Its name ends in _total.
func (r *Registry) Counter(name, help string, labels ...string) *Counter {
	c := &Counter{family: family{name, help, "counter", labels}}
	r.add(c)
	return c
}

// Add adds n, at least 0, for the given values of the labels.
func (c *Counter) Add(n float64, labels ...string) {
	c.check(labels)
	c.mu.Lock()
	defer c.mu.Unlock()
	*c.at(labels) += n
}

func (c *Counter) write(w *bufio.Writer) {
	c.header(w)
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, e := range c.sorted() {
		c.series(w, "", e.labels, "", e.value)
	}
}

// check panics if the number of labels is wrong: a mistake of the program.
func (f *family) check(labels []string) {
	if len(labels) != len(f.labels) {
		panic(fmt.Sprintf("metrics: %s has %d labels, %d given", f.name, len(f.labels), len(labels)))
	}
}

// Histogram counts values by size.
type Histogram struct {
	family
	table[histogram]
	bounds []float64
}

type histogram struct {
	counts []uint64 // by bound, the last one above all of them
	sum    float64
}

// Histogram makes one with upper bounds in ascending order.
func (r *Registry) Histogram(name, help string, bounds []float64, labels ...string) *Histogram {
	h := &Histogram{family: family{name, help, "histogram", labels}, bounds: bounds}
	r.add(h)
	return h
}

// Observe counts one value.
func (h *Histogram) Observe(v float64, labels ...string) {
	h.check(labels)
	i, _ := slices.BinarySearch(h.bounds, v)
	h.mu.Lock()
	defer h.mu.Unlock()
	at := h.at(labels)
	if at.counts == nil {
		at.counts = make([]uint64, len(h.bounds)+1)
	}
	at.counts[i]++
	at.sum += v
}

func (h *Histogram) write(w *bufio.Writer) {
	h.header(w)
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, e := range h.sorted() {
		total := uint64(0)
		for i, n := range e.value.counts {
			total += n
			bound := math.Inf(1)
			if i < len(h.bounds) {
				bound = h.bounds[i]
			}
			h.series(w, "_bucket", e.labels, `le="`+number(bound)+`"`, float64(total))
		}
		h.series(w, "_sum", e.labels, "", e.value.sum)
		h.series(w, "_count", e.labels, "", float64(total))
	}
}

// gauges asks for values when they are written.
type gauges struct {
	family
	collect func(set func(value float64, labels ...string))
}

// Gauge makes a metric whose values collect sets each time they are asked for.
func (r *Registry) Gauge(name, help string, labels []string, collect func(set func(value float64, labels ...string))) {
	r.add(&gauges{family{name, help, "gauge", labels}, collect})
}

func (g *gauges) write(w *bufio.Writer) {
	g.header(w)
	n := 0
	g.collect(func(value float64, labels ...string) {
		g.check(labels)
		if n++; n <= maxSeries {
			g.series(w, "", labels, "", value)
		}
	})
}
