package runtime

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestConversationsReuseTheirHistory lets turn follow turn: each finds what was
// said and answered before in the cache, generated tokens included, and goes on
// with the bits that computing it all again gives.
func TestConversationsReuseTheirHistory(t *testing.T) {
	for _, name := range []string{"llama-Q4_K", "qwen35"} {
		t.Run(name, func(t *testing.T) {
			e := load(t, committedModel(name), Options{KVBytes: 16 << 20})
			nTurns := 4
			nTurn := e.NCtx() / nTurns
			options := GenerationOptions{
				Sampling:  SamplingParams{Temperature: 1, TopP: 1, RepeatPenalty: 1, Seed: 3},
				MaxTokens: nTurn / 2, IgnoreEOG: true, LogProbs: true,
			}
			var history []Token
			for turn := range nTurns {
				history = append(history, randomTokens(e, nTurn-options.MaxTokens-1, uint64(turn))...)
				got, nReused := turnOf(t, e, "u", history, options)
				want, none := turnOf(t, e, "", history, options)
				require.Zero(t, none)
				require.Equal(t, want, got)
				if turn > 0 {
					// All full pages of the turns before, but for the token that ended them.
					before := history[:turn*(nTurn-1)]
					require.Equal(t, (len(before)-1)/pageTokens*pageTokens, nReused, "turn %d", turn)
				}
				for _, d := range got {
					history = append(history, d.Token)
				}
			}
		})
	}
}

// turnOf returns the answer to a prompt in a session of its own.
func turnOf(t *testing.T, e *Engine, user string, prompt []Token, o GenerationOptions) (all []Delta, nReused int) {
	s, err := e.NewSession(SessionOptions{User: user})
	require.NoError(t, err)
	defer s.Close()
	g, err := NewGeneration(s, prompt, o)
	require.NoError(t, err)
	defer g.Close()
	require.NoError(t, g.Run(t.Context(), func(d Delta) error {
		d.Text, d.Top = slices.Clone(d.Text), slices.Clone(d.Top)
		all = append(all, d)
		return nil
	}))
	return all, g.NReused()
}
