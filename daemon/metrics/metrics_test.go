package metrics

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

func text(t *testing.T, r *Registry) string {
	t.Helper()
	var b strings.Builder
	n, err := r.WriteTo(&b)
	require.NoError(t, err)
	require.EqualValues(t, b.Len(), n)
	return b.String()
}

func TestText(t *testing.T) {
	r := &Registry{}
	c := r.Counter("x_total", "Things.", "model", "user")
	c.Add(2, "b", "1")
	c.Add(1, "a\"\\\n", "2")
	c.Add(0.5, "b", "1")
	h := r.Histogram("y_seconds", "Times.", []float64{0.1, 1}, "model")
	for _, v := range []float64{0.05, 0.1, 0.5, 7} {
		h.Observe(v, "m")
	}
	r.Gauge("z", "Now.", nil, func(set func(float64, ...string)) { set(3) })
	require.Equal(t, `# HELP x_total Things.
# TYPE x_total counter
x_total{model="a\"\\\n",user="2"} 1
x_total{model="b",user="1"} 2.5
# HELP y_seconds Times.
# TYPE y_seconds histogram
y_seconds_bucket{model="m",le="0.1"} 2
y_seconds_bucket{model="m",le="1"} 3
y_seconds_bucket{model="m",le="+Inf"} 4
y_seconds_sum{model="m"} 7.65
y_seconds_count{model="m"} 4
# HELP z Now.
# TYPE z gauge
z 3
`, text(t, r))
}

func TestSeriesAreBounded(t *testing.T) {
	r := &Registry{}
	c := r.Counter("x_total", "Things.", "user")
	for i := range 3 * maxSeries {
		c.Add(1, fmt.Sprint(i))
	}
	lines := strings.Split(strings.TrimSpace(text(t, r)), "\n")
	require.Len(t, lines, 2+maxSeries+1)
	require.Contains(t, lines, fmt.Sprintf(`x_total{user="other"} %d`, 2*maxSeries))
}

func TestConcurrentUse(t *testing.T) {
	r := &Registry{}
	c := r.Counter("x_total", "Things.", "user")
	h := r.Histogram("y", "Sizes.", []float64{1}, "user")
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for i := range 1000 {
				c.Add(1, "u")
				h.Observe(float64(i%2), "u")
				if i%100 == 0 {
					text(t, r)
				}
			}
		})
	}
	all.Wait()
	require.Contains(t, text(t, r), `x_total{user="u"} 8000`)
	require.Contains(t, text(t, r), `y_bucket{user="u",le="1"} 8000`)
}

func TestWrongLabelsPanic(t *testing.T) {
	r := &Registry{}
	require.Panics(t, func() { r.Counter("x_total", "Things.", "a").Add(1) })
}
