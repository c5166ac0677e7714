package runtime

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

var inf = float32(math.Inf(1))

func newSampler(t testing.TB, nVocab int, change func(*SamplingParams)) *Sampler {
	t.Helper()
	p := DefaultSampling()
	if change != nil {
		change(&p)
	}
	s, err := NewSampler(p, nVocab)
	require.NoError(t, err)
	return s
}

// shares draws n tokens and returns how often each came, in parts of 1.
func shares(t *testing.T, s *Sampler, logits []float32, n int) []float64 {
	t.Helper()
	counts := make([]float64, len(logits))
	for range n {
		id, err := s.Sample(slices.Clone(logits))
		require.NoError(t, err)
		counts[id] += 1 / float64(n)
	}
	return counts
}

// logsOf returns logits whose softmax is p.
func logsOf(p ...float64) []float32 {
	l := make([]float32, len(p))
	for i := range p {
		l[i] = float32(math.Log(p[i])) + 3
	}
	return l
}

func TestSamplingDistribution(t *testing.T) {
	p := []float64{0.1, 0.4, 0.05, 0.25, 0.2}
	for _, c := range []struct {
		name   string
		change func(*SamplingParams)
		want   []float64
	}{
		{"as it is", func(*SamplingParams) {}, p},
		{"greedy", func(s *SamplingParams) { s.Temperature = 0 }, []float64{0, 1, 0, 0, 0}},
		{"temperature ½ squares", func(s *SamplingParams) { s.Temperature = 0.5 }, []float64{.01 / .275, .16 / .275, .0025 / .275, .0625 / .275, .04 / .275}},
		{"top-k", func(s *SamplingParams) { s.TopK = 2 }, []float64{0, .4 / .65, 0, .25 / .65, 0}},
		{"top-k of more than there are", func(s *SamplingParams) { s.TopK = 9 }, p},
		{"top-p keeps the token that reaches p", func(s *SamplingParams) { s.TopP = 0.6 }, []float64{0, .4 / .65, 0, .25 / .65, 0}},
		{"top-p 0 keeps one", func(s *SamplingParams) { s.TopP = 0 }, []float64{0, 1, 0, 0, 0}},
		{"top-p sees what top-k left", func(s *SamplingParams) { s.TopK, s.TopP = 3, 0.6 }, []float64{0, .4 / .65, 0, .25 / .65, 0}},
		{"top-p sees the temperature", func(s *SamplingParams) { s.Temperature, s.TopP = 0.5, 0.57 }, []float64{0, 1, 0, 0, 0}},
		{"min-p", func(s *SamplingParams) { s.MinP = 0.45 }, []float64{0, .4 / .85, 0, .25 / .85, .2 / .85}},
		{"min-p 1 keeps the best", func(s *SamplingParams) { s.MinP = 1 }, []float64{0, 1, 0, 0, 0}},
		{"bias", func(s *SamplingParams) { s.LogitBias = []TokenBias{{1, -inf}, {2, float32(math.Log(4))}} }, []float64{.1 / .75, 0, .2 / .75, .25 / .75, .2 / .75}},
	} {
		t.Run(c.name, func(t *testing.T) {
			const n = 20_000
			got := shares(t, newSampler(t, 5, c.change), logsOf(p...), n)
			for i := range got { // five standard deviations
				require.InDelta(t, c.want[i], got[i], 5*math.Sqrt(c.want[i]*(1-c.want[i])/n)+1e-9, "token %d: got %v, want %v", i, got, c.want)
			}
		})
	}
}

// Top-p over a large vocabulary takes as many tokens as it needs, also where
// that is most of them.
func TestTopPOfManyTokens(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	logits := make([]float32, 5000)
	for i := range logits {
		logits[i] = float32(rng.NormFloat64())
	}
	for _, p := range []float32{0.001, 0.1, 0.5, 0.9, 0.999} {
		s := newSampler(t, len(logits), func(q *SamplingParams) { q.TopP = p })
		c := &s.c
		row := slices.Clone(logits)
		c.begin(row)
		c.temperature(1, slices.Max(row))
		total := c.total()
		c.topP(p)
		kept := c.total()
		require.GreaterOrEqual(t, kept, float64(p)*total)
		require.Less(t, kept-float64(c.weights[len(c.weights)-1]), float64(p)*total, "one less would not do")
		require.True(t, slices.IsSortedFunc(c.weights, func(a, b float32) int { return int(math.Copysign(1, float64(b-a))) }))
	}
}

// A request's draws are a function of seed and place.
func TestSamplingIsSeeded(t *testing.T) {
	logits := logsOf(0.2, 0.2, 0.2, 0.2, 0.2)
	draw := func(seed uint64) (ids []Token) {
		s := newSampler(t, 5, func(p *SamplingParams) { p.Seed = seed })
		for range 40 {
			id, err := s.Sample(slices.Clone(logits))
			require.NoError(t, err)
			ids = append(ids, id)
		}
		return ids
	}
	require.Equal(t, draw(7), draw(7))
	require.NotEqual(t, draw(7), draw(8))
}

func TestPenalties(t *testing.T) {
	row := func(s *Sampler) []float32 {
		logits := []float32{2, -2, 2, 2}
		s.history.penalise(logits, &s.params)
		return logits
	}
	repeat := newSampler(t, 4, func(p *SamplingParams) { p.RepeatPenalty = 2 })
	repeat.Prompt([]Token{0, 1, 1})
	require.Equal(t, []float32{1, -4, 2, 2}, row(repeat), "once, however often it occurred, and in the prompt")

	window := newSampler(t, 4, func(p *SamplingParams) { p.RepeatPenalty, p.RepeatLastN = 2, 2 })
	window.Prompt([]Token{0, 1, 2, 3})
	require.Equal(t, []float32{2, -2, 1, 1}, row(window), "the last two only")

	count := newSampler(t, 4, func(p *SamplingParams) { p.FrequencyPenalty, p.PresencePenalty, p.Temperature = 0.5, 0.25, 0 })
	count.Prompt([]Token{3, 3})
	for range 2 {
		id, err := count.Sample([]float32{9, 0, 0, 0})
		require.NoError(t, err)
		require.EqualValues(t, 0, id)
	}
	require.Equal(t, []float32{2 - 2*0.5 - 0.25, -2, 2, 2}, row(count), "generated tokens only")
	count.wipe()
	require.Equal(t, []float32{2, -2, 2, 2}, row(count))
}

func TestSamplerFails(t *testing.T) {
	nan := float32(math.NaN())
	for _, change := range []func(*SamplingParams){
		nil,
		func(p *SamplingParams) { p.Temperature = 0 },
		func(p *SamplingParams) { p.TopK = 2 },
		func(p *SamplingParams) { p.TopP = 0.5 },
	} {
		for _, logits := range [][]float32{{nan, nan, nan}, {-inf, -inf, -inf}, {0, inf, 0}} {
			_, err := newSampler(t, 3, change).Sample(slices.Clone(logits))
			require.ErrorIs(t, err, errNoCandidate, "%v", logits)
		}
	}
}

func TestSamplingParamsAreChecked(t *testing.T) {
	for _, c := range []struct {
		change func(*SamplingParams)
		want   string
	}{
		{func(p *SamplingParams) { p.Temperature = -0.1 }, "runtime: temperature is -0.1, must be 0 to 10"},
		{func(p *SamplingParams) { p.Temperature = float32(math.NaN()) }, "runtime: temperature is NaN, must be 0 to 10"},
		{func(p *SamplingParams) { p.TopP = 1.5 }, "runtime: top_p is 1.5, must be 0 to 1"},
		{func(p *SamplingParams) { p.MinP = 2 }, "runtime: min_p is 2, must be 0 to 1"},
		{func(p *SamplingParams) { p.TopK = -1 }, "runtime: top_k is -1, must be 0 or more"},
		{func(p *SamplingParams) { p.RepeatPenalty = 0 }, "runtime: repeat_penalty is 0, must be over 0, to 10"},
		{func(p *SamplingParams) { p.RepeatLastN = -5 }, "runtime: repeat_last_n is -5, must be 0 or more"},
		{func(p *SamplingParams) { p.FrequencyPenalty = 3 }, "runtime: frequency_penalty is 3, must be -2 to 2"},
		{func(p *SamplingParams) { p.PresencePenalty = -3 }, "runtime: presence_penalty is -3, must be -2 to 2"},
		{func(p *SamplingParams) { p.LogitBias = []TokenBias{{9, 1}} }, "runtime: logit_bias token is 9, must be 0 to 3"},
		{func(p *SamplingParams) { p.LogitBias = []TokenBias{{1, inf}} }, "runtime: logit_bias is +Inf, must be a finite number or -Inf"},
	} {
		p := DefaultSampling()
		c.change(&p)
		_, err := NewSampler(p, 4)
		require.EqualError(t, err, c.want)
	}
}

func TestSamplingAllocatesNothing(t *testing.T) {
	logits, row := make([]float32, 1000), make([]float32, 1000)
	for i := range logits {
		logits[i] = float32(i % 37)
	}
	s := newSampler(t, len(logits), func(p *SamplingParams) { p.TopK, p.TopP, p.MinP = 50, 0.9, 0.01 })
	require.Zero(t, testing.AllocsPerRun(50, func() {
		copy(row, logits)
		_, _ = s.Sample(row)
	}))
}

func TestLogProbs(t *testing.T) {
	l := NewLogProbs(4, 3)
	logits := []float32{1, 3, 3, -2}
	l.Set(logits)
	require.Equal(t, []float32{1, 3, 3, -2}, logits, "left as it is")
	sum := 0.0
	for _, x := range logits {
		sum += math.Exp(float64(x))
	}
	for i, x := range logits {
		require.InDelta(t, float64(x)-math.Log(sum), l.Of(Token(i)), 1e-6)
	}
	top := l.Top()
	require.Equal(t, []Token{1, 2, 0}, []Token{top[0].Token, top[1].Token, top[2].Token}, "equals by id")
	require.Equal(t, l.Of(2), top[1].LogProb)
}
