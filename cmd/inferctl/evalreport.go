package main

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"text/tabwriter"
	"time"
)

// evalSummary is how a model did in all tasks.
type evalSummary struct {
	Model        string        `json:"model"`
	NTasks       int           `json:"tasks"`
	NErrors      int           `json:"errors"`
	Score        *float64      `json:"score"` // mean of the rated answers; null if there are none
	NRated       int           `json:"rated"`
	FirstToken   time.Duration `json:"first_token_median_ns"`
	Latency      time.Duration `json:"latency_median_ns"`
	LatencyP95   time.Duration `json:"latency_p95_ns"`
	NGenerated   int           `json:"completion_tokens"`
	TokensPerSec float64       `json:"tokens_per_sec"` // behind the first token
}

// summarize condenses a model's results. An answer that failed counts as wrong
// where something was expected, and in no time.
func summarize(label string, results []evalResult) evalSummary {
	s := evalSummary{Model: label, NTasks: len(results)}
	var first, latency []time.Duration
	var score float64
	var decoding time.Duration
	nDecoded := 0
	for _, r := range results {
		if r.Score != nil {
			s.NRated++
			score += *r.Score
		}
		if r.Error != "" {
			s.NErrors++
			continue
		}
		first, latency = append(first, r.FirstToken), append(latency, r.Latency)
		s.NGenerated += r.NGenerated
		if r.NGenerated > 1 {
			decoding += r.Latency - r.FirstToken
			nDecoded += r.NGenerated - 1
		}
	}
	if s.NRated > 0 {
		score /= float64(s.NRated)
		s.Score = &score
	}
	s.FirstToken, s.Latency, s.LatencyP95 = quantile(first, 0.5), quantile(latency, 0.5), quantile(latency, 0.95)
	if decoding > 0 {
		s.TokensPerSec = float64(nDecoded) / decoding.Seconds()
	}
	return s
}

// quantile returns the smallest value that at least the share q is not above.
func quantile(values []time.Duration, q float64) time.Duration {
	if len(values) == 0 {
		return 0
	}
	slices.Sort(values)
	return values[min(len(values)-1, int(q*float64(len(values))))]
}

// report prints the comparison.
func (e *evalRun) report(summaries []evalSummary) error {
	if e.json {
		for _, s := range summaries {
			if err := json.NewEncoder(os.Stdout).Encode(map[string]any{"summary": s}); err != nil {
				return err
			}
		}
		return nil
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(w, "model\ttasks\terrors\tscore\tfirst token\tlatency\tlatency p95\ttokens\ttokens/s\t\n")
	for _, s := range summaries {
		score := "-"
		if s.Score != nil {
			score = fmt.Sprintf("%.1f %%", 100**s.Score)
		}
		fmt.Fprintf(w, "%s\t%d\t%d\t%s\t%s\t%s\t%s\t%s\t%.1f\t\n", s.Model, s.NTasks, s.NErrors, score,
			milliseconds(s.FirstToken), milliseconds(s.Latency), milliseconds(s.LatencyP95), grouped(s.NGenerated), s.TokensPerSec)
	}
	return w.Flush()
}

func milliseconds(d time.Duration) string {
	return fmt.Sprintf("%.0f ms", float64(d)/float64(time.Millisecond))
}
