package demo_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"inferd/daemon/demo"
	"inferd/gguf"
	"inferd/runtime"
	"inferd/tokenizer/chat"
)

// maxFileBytes is what the model may add to the program.
const maxFileBytes = 2 << 20

func TestFile(t *testing.T) {
	path, err := demo.Write(t.TempDir())
	require.NoError(t, err)
	st, err := os.Stat(path)
	require.NoError(t, err)
	require.LessOrEqual(t, st.Size(), int64(maxFileBytes))
	f, err := gguf.Open(path)
	require.NoError(t, err)
	defer f.Close()
	licence, err := f.String("general.license")
	require.NoError(t, err)
	require.Equal(t, "apache-2.0", licence)
	for _, key := range []string{"inferd.train.recipe", "inferd.corpus.sha256", "tokenizer.chat_template"} {
		s, err := f.String(key)
		require.NoError(t, err)
		require.NotEmpty(t, s, key)
	}
	exact, err := f.Float("inferd.heldout.exact")
	require.NoError(t, err)
	require.GreaterOrEqual(t, exact, 0.8, "share of held-out questions answered exactly")
}

func TestWriteFails(t *testing.T) {
	_, err := demo.Write("/nonexistent")
	require.ErrorIs(t, err, os.ErrNotExist)
}

// TestAnswers asks what a newcomer might ask first.
func TestAnswers(t *testing.T) {
	path, err := demo.Write(t.TempDir())
	require.NoError(t, err)
	engine, err := runtime.Load(path, runtime.Options{})
	require.NoError(t, err)
	defer engine.Close()
	const (
		self    = "I am a small demo model that comes with inferd."
		topics  = "I can answer questions about inferd, the library, the station, days and months, do small sums, and tell a story."
		unknown = "I do not know that. I am only a small demo."
		opens   = "The library opens at 9 from Monday to Friday and at 10 on Saturday. It is closed on Sunday."
	)
	for question, want := range map[string]string{
		"What are you?":                  self,
		"what are you":                   self,
		"Who are you?":                   self,
		"What is this?":                  self,
		"What can you do?":               topics,
		"Help":                           topics,
		"Hello":                          "Hello! What can I do for you?",
		"How are you?":                   "I am fine, thank you. What can I do for you?",
		"How do I use you?":              "Just type a question, for example: When does the library open?",
		"Who made you?":                  "The inferd project trained me, from text that a program wrote.",
		"What is inferd?":                "inferd is a daemon that runs language models on your own machine.",
		"How do I call inferd?":          "Run inferctl chat, or send an OpenAI request to the Unix socket of inferd.",
		"When does the library open?\n":  opens,
		"when does the library open":     opens,
		"Which day comes after Tuesday?": "Wednesday comes after Tuesday.",
		"What is 2 + 3?":                 "2 plus 3 is 5.",
		"What is the capital of France?": unknown,
		"Who is Einstein?":               unknown,
		"What time is it?":               "I cannot know that: I have no clock, no eyes and no network.",
	} {
		require.Equal(t, want, answer(t, engine, path, question), "%q", question)
	}
	story := answer(t, engine, path, "Tell me a story about a fox.")
	require.True(t, strings.HasPrefix(story, "Once upon a time there was a ") && strings.Contains(story, "fox"), story)
}

// answer is the greedy answer to one question.
func answer(t *testing.T, engine *runtime.Engine, path, question string) string {
	t.Helper()
	f, err := gguf.Open(path)
	require.NoError(t, err)
	defer f.Close()
	source, err := f.String("tokenizer.chat_template")
	require.NoError(t, err)
	template, err := chat.Parse(source)
	require.NoError(t, err)
	raw, err := json.Marshal([]map[string]string{{"role": "user", "content": question}})
	require.NoError(t, err)
	messages, err := chat.Messages(raw)
	require.NoError(t, err)
	segments, err := template.Render(map[string]chat.Value{
		"messages": messages, "bos_token": chat.Literal("<s>"), "add_generation_prompt": chat.Bool(true)}, chat.Options{})
	require.NoError(t, err)
	s, err := engine.NewSession(runtime.SessionOptions{})
	require.NoError(t, err)
	defer s.Close()
	g, err := runtime.NewGeneration(s, engine.Tokenizer().EncodeSegments(segments, false),
		runtime.GenerationOptions{Sampling: runtime.Greedy(), MaxTokens: 200})
	require.NoError(t, err)
	defer g.Close()
	var text strings.Builder
	require.NoError(t, g.Run(t.Context(), func(d runtime.Delta) error {
		text.Write(d.Text)
		return nil
	}))
	require.Equal(t, runtime.FinishEOG, g.Finished(), "%q goes on and on", question)
	return text.String()
}
