package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"inferd/cmd/inferd-tune/corpus"
	"inferd/runtime"
	"inferd/tokenizer"
)

var evalCommand = command{
	name:    "eval",
	summary: "Ask a model the held-out questions, greedily, and report its loss and right answers",
	define: func(fs *flag.FlagSet) runFunc {
		model := fs.String("model", "", "GGUF `file`")
		dir := fs.String("dir", "", "folder with "+heldOutFile)
		misses := fs.Int("misses", 0, "wrong answers to print")
		limit := fs.Int("limit", 0, "questions to ask (default all)")
		answers := fs.String("answers", "", "`file` to write questions and answers to, as JSON lines")
		return func(ctx context.Context, out io.Writer) error {
			if err := required("model", *model, "dir", *dir); err != nil {
				return err
			}
			var record io.Writer = io.Discard
			if *answers != "" {
				f, err := os.Create(*answers)
				if err != nil {
					return err
				}
				defer f.Close()
				record = f
			}
			return runEval(ctx, *model, *dir, *limit, *misses, out, record)
		}
	},
}

func runEval(ctx context.Context, model, dir string, limit, misses int, out, record io.Writer) error {
	questions, _, err := readLines[corpus.Example](filepath.Join(dir, heldOutFile))
	if err != nil {
		return err
	}
	questions = slices.DeleteFunc(questions, func(x corpus.Example) bool { return x.User == "" })
	if limit > 0 && limit < len(questions) {
		questions = questions[:limit]
	}
	e, err := openExaminer(model)
	if err != nil {
		return err
	}
	defer e.engine.Close()
	for _, q := range questions {
		answer, err := e.ask(ctx, q)
		if err != nil {
			return fmt.Errorf("asking %q: %w", q.User, err)
		}
		if err := json.NewEncoder(record).Encode(answered{q.User, answer}); err != nil {
			return err
		}
		if answer != q.Assistant && !q.Open && misses > 0 {
			misses--
			fmt.Fprintf(out, "%s\n  asked    %s\n  expected %s\n  answered %s\n", q.Family, q.User, q.Assistant, answer)
		}
	}
	e.report(out)
	return nil
}

// answered is a line of the record of an examination.
type answered struct {
	User   string `json:"user"`
	Answer string `json:"answer"`
}

// tally counts the answers of one family.
type tally struct{ asked, exact int }

// examiner asks questions and keeps the score.
type examiner struct {
	engine   *runtime.Engine
	layout   *layout
	logProbs *runtime.LogProbs

	families map[string]*tally // questions with one right answer
	loss     float64           // summed -log p over the tokens of right answers
	nTokens  int
}

func openExaminer(path string) (*examiner, error) {
	layout, err := readLayout(path)
	if err != nil {
		return nil, err
	}
	engine, err := runtime.Load(path, runtime.Options{})
	if err != nil {
		return nil, err
	}
	return &examiner{
		engine: engine, layout: layout,
		logProbs: runtime.NewLogProbs(engine.NVocab(), 0),
		families: map[string]*tally{},
	}, nil
}

// ask scores one question and returns the greedy answer. Questions with many
// right answers count for the loss only.
func (e *examiner) ask(ctx context.Context, q corpus.Example) (string, error) {
	prompt, err := e.layout.tokens(e.engine.Tokenizer(), q.User)
	if err != nil {
		return "", err
	}
	if err := e.addLoss(prompt, q.Assistant); err != nil {
		return "", err
	}
	answer, err := e.answer(ctx, prompt)
	if err != nil || q.Open {
		return answer, err
	}
	t := e.families[q.Family]
	if t == nil {
		t = &tally{}
		e.families[q.Family] = t
	}
	t.asked++
	if answer == q.Assistant {
		t.exact++
	}
	return answer, nil
}

// answer generates greedily until the model ends its answer.
func (e *examiner) answer(ctx context.Context, prompt []runtime.Token) (string, error) {
	s, err := e.engine.NewSession(runtime.SessionOptions{})
	if err != nil {
		return "", err
	}
	defer s.Close()
	g, err := runtime.NewGeneration(s, prompt, runtime.GenerationOptions{Sampling: runtime.Greedy()})
	if err != nil {
		return "", err
	}
	defer g.Close()
	var text []byte
	err = g.Run(ctx, func(d runtime.Delta) error {
		text = append(text, d.Text...)
		return nil
	})
	return string(text), err
}

// addLoss reads the right answer and adds up how unlikely its tokens were.
func (e *examiner) addLoss(prompt []runtime.Token, answer string) error {
	words := e.engine.Tokenizer()
	tokens := append(slices.Clone(prompt), words.Encode(answer, tokenizer.EncodeOptions{})...)
	tokens = append(tokens, words.EOS())
	s, err := e.engine.NewSession(runtime.SessionOptions{})
	if err != nil {
		return err
	}
	defer s.Close()
	var b runtime.Batch
	defer b.Reset()
	b.Add(s, tokens[:len(tokens)-1], runtime.WantAll)
	if err := e.engine.Step(&b); err != nil {
		return err
	}
	for i := len(prompt); i < len(tokens); i++ {
		e.logProbs.Set(b.Entries[0].Logits[(i-1)*e.engine.NVocab():][:e.engine.NVocab()])
		e.loss -= float64(e.logProbs.Of(tokens[i]))
		e.nTokens++
	}
	return nil
}

func (e *examiner) report(out io.Writer) {
	var all tally
	names := make([]string, 0, len(e.families))
	for name, t := range e.families {
		names = append(names, name)
		all.asked += t.asked
		all.exact += t.exact
	}
	slices.Sort(names)
	line := func(name string, t tally) {
		fmt.Fprintf(out, "%-9s %5d asked %5d exact %6.1f %%\n", name, t.asked, t.exact, 100*float64(t.exact)/float64(max(1, t.asked)))
	}
	for _, name := range names {
		line(name, *e.families[name])
	}
	line("all", all)
	fmt.Fprintf(out, "held-out loss %.4f over %d tokens of answers\n", e.loss/float64(max(1, e.nTokens)), e.nTokens)
}
