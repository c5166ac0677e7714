package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"inferd/daemon/ask"
	"inferd/daemon/openai"
	"inferd/daemon/prompt"
	"inferd/gguf"
	"inferd/kernels"
	"inferd/runtime"
	"inferd/tokenizer"
)

var replayCommand = &command{
	name:     "replay",
	synopsis: "RECEIPT --prompt-file F [--model FILE] [--lora FILE]",
	summary:  "make the answers of a receipt again and compare every token",
	nArgs:    [2]int{1, 1},
	details: `
Read a receipt, which an answer has if its request said "receipt": true, or a
whole answer that holds one, and compute the answers again. The exit code is 0
if every token is the same, and 1 if one is not, or if model, arithmetic or
prompt are others than the receipt's.

The file F holds the request's JSON, the prompt as text, with or without control
tokens, or its token ids as a JSON array: the receipt tells which of these is
meant. Without --model, the model is looked for under its name in the directory
of models. Adapters must be given in the receipt's order; their scales are the
receipt's.`,
	define: func(fs *flag.FlagSet) runFunc {
		var r replayRun
		fs.StringVar(&r.promptFile, "prompt-file", "", "what the answers are to, in the file `F`")
		fs.StringVar(&r.model, "model", "", "GGUF `FILE`")
		r.lora.define(fs)
		return func(ctx context.Context, args []string) error {
			if err := required(fs, "prompt-file"); err != nil {
				return err
			}
			return r.run(ctx, args[0])
		}
	},
}

// replayRun is one call of inferctl replay.
type replayRun struct {
	promptFile, model string
	lora              loraFlag
	receipt           *ask.Receipt
}

// maxReplayBytes bounds receipts and prompts, many times what a request may hold.
const maxReplayBytes = 64 << 20

func (r *replayRun) run(ctx context.Context, path string) (err error) {
	if r.receipt, err = readReceipt(path); err != nil {
		return err
	}
	if have := kernels.ContractVersion; r.receipt.Contract != have {
		return fmt.Errorf("replay: the receipt was made with version %d of the arithmetic, this program has %d", r.receipt.Contract, have)
	}
	if r.receipt.Backend != "cpu" {
		return fmt.Errorf("replay: the receipt was made on %q, this program computes on the cpu", r.receipt.Backend)
	}
	e, template, err := r.load()
	if err != nil {
		return err
	}
	defer e.Close()
	prompts, err := r.readPrompts(e.Tokenizer(), template)
	if err != nil {
		return err
	}
	nTokens := 0
	for i, a := range r.receipt.Answers {
		if err := r.replay(ctx, e, i, prompts[a.Prompt]); err != nil {
			return err
		}
		nTokens += len(a.Tokens)
	}
	fmt.Printf("identical: %d tokens in %d answers, computed with %s\n", nTokens, len(r.receipt.Answers), kernels.Active())
	return nil
}

// readReceipt reads a receipt, or an answer that has one.
func readReceipt(path string) (*ask.Receipt, error) {
	text, err := readBounded(path)
	if err != nil {
		return nil, err
	}
	var answer struct{ Receipt *ask.Receipt }
	receipt := new(ask.Receipt)
	if err := json.Unmarshal(text, &answer); err == nil && answer.Receipt != nil {
		receipt = answer.Receipt
	} else if err := json.Unmarshal(text, receipt); err != nil {
		return nil, fmt.Errorf("receipt %s: %w", path, err)
	}
	if err := receipt.Check(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return receipt, nil
}

func readBounded(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxReplayBytes+1))
	if err == nil && len(text) > maxReplayBytes {
		err = fmt.Errorf("%s: more than %d bytes", path, maxReplayBytes)
	}
	return text, err
}

// load loads the receipt's model and returns its chat template as well.
func (r *replayRun) load() (e *runtime.Engine, template string, err error) {
	path := r.model
	if path == "" {
		path = filepath.Join(modelsDir(), filepath.Base(r.receipt.Model)+".gguf")
		if _, err := os.Stat(path); err != nil {
			return nil, "", withHint(fmt.Errorf("model %q: %w", r.receipt.Model, err), "name its file with --model")
		}
	}
	f, err := gguf.Open(path)
	if err != nil {
		return nil, "", fileError(err)
	}
	defer f.Close()
	if err := checkSum("model", path, f.Paths(), r.receipt.ModelSHA256); err != nil {
		return nil, "", err
	}
	template, err = f.String("tokenizer.chat_template")
	if err != nil && !errors.Is(err, gguf.ErrNoKey) {
		return nil, "", err
	}
	kvType, err := runtime.ParseKVType(r.receipt.KVType)
	if err != nil {
		return nil, "", err
	}
	e, err = loadModel(path, runtime.Options{NCtx: r.receipt.NCtx, KVType: kvType})
	return e, template, err
}

// checkSum compares the SHA-256 of files, one after another, with the receipt's.
func checkSum(what, name string, paths []string, want string) error {
	h := sha256.New()
	for _, path := range paths {
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		_, err = io.Copy(h, f)
		_ = f.Close()
		if err != nil {
			return err
		}
	}
	if have := hex.EncodeToString(h.Sum(nil)); have != want {
		return fmt.Errorf("%s %s: its sha256 is %s, the receipt's %s", what, name, have, want)
	}
	return nil
}

// readPrompts returns what the file of prompts means to the receipt.
func (r *replayRun) readPrompts(tok *tokenizer.Tokenizer, template string) ([][]runtime.Token, error) {
	text, err := readBounded(r.promptFile)
	if err != nil {
		return nil, err
	}
	var why error
	readings := promptReadings(text, tok)
	if bytes.HasPrefix(bytes.TrimSpace(text), []byte("{")) {
		f := prompt.New(tok, template)
		f.Now = func() time.Time { return time.Unix(r.receipt.Created, 0) }
		prompts, err := openai.Prompts(text, tok, f)
		readings, why = append(readings, prompts), err
	}
	for _, prompts := range readings {
		if r.matches(prompts) {
			return prompts, nil
		}
	}
	if why != nil {
		return nil, fmt.Errorf("%s: %w", r.promptFile, why)
	}
	return nil, fmt.Errorf("%s: however it is read, it is not the prompt of %d tokens whose sha256 the receipt has", r.promptFile, r.receipt.Prompts[0].NTokens)
}

// promptReadings returns what a file may mean: token ids, or a text that begins
// as the vocabulary wants it or not, and with control tokens spelled out or not.
// Editors add a newline at its end.
func promptReadings(text []byte, tok *tokenizer.Tokenizer) (readings [][][]runtime.Token) {
	var many [][]runtime.Token
	var one []runtime.Token
	if json.Unmarshal(text, &many) == nil {
		readings = append(readings, many)
	} else if json.Unmarshal(text, &one) == nil {
		readings = append(readings, [][]runtime.Token{one})
	}
	for _, s := range []string{string(text), strings.TrimSuffix(string(text), "\n")} {
		for _, parse := range []bool{false, true} {
			for _, add := range []bool{true, false} {
				tokens := tok.Encode(s, tokenizer.EncodeOptions{AddSpecial: add, ParseSpecial: parse})
				readings = append(readings, [][]runtime.Token{tokens})
			}
		}
	}
	return readings
}

// matches reports whether prompts are the receipt's.
func (r *replayRun) matches(prompts [][]runtime.Token) bool {
	return slices.EqualFunc(prompts, r.receipt.Prompts, func(tokens []runtime.Token, p ask.ReceiptPrompt) bool {
		return len(tokens) == p.NTokens && ask.PromptSum(tokens) == p.SHA256
	})
}

// replay makes one answer again.
func (r *replayRun) replay(ctx context.Context, e *runtime.Engine, i int, prompt []runtime.Token) error {
	o, err := r.receipt.Options(i)
	if err != nil {
		return err
	}
	s, err := r.newSession(e)
	if err != nil {
		return err
	}
	defer s.Close()
	g, err := runtime.NewGeneration(s, prompt, o)
	if err != nil {
		return err
	}
	defer g.Close()
	want := r.receipt.Answers[i]
	n := 0
	err = g.Run(ctx, func(d runtime.Delta) error {
		if n >= len(want.Tokens) {
			return fmt.Errorf("differs: answer %d ends after %d tokens in the receipt, here token %d %q follows", i, n, d.Token, e.Tokenizer().Piece(d.Token, true))
		}
		if t := want.Tokens[n]; t != d.Token {
			return fmt.Errorf("differs: answer %d, token %d: expected %d %q, got %d %q", i, n,
				t, pieceOf(e, t), d.Token, pieceOf(e, d.Token))
		}
		n++
		return nil
	})
	if err == nil && n < len(want.Tokens) {
		err = fmt.Errorf("differs: answer %d ends after %d tokens here, the receipt has %d", i, n, len(want.Tokens))
	}
	if have := g.Finished().String(); err == nil && have != want.Finish {
		err = fmt.Errorf("differs: answer %d ends with %q here, with %q in the receipt", i, have, cmp.Or(want.Finish, "nothing"))
	}
	return err
}

// pieceOf is a token's text; receipts may hold tokens that no model has.
func pieceOf(e *runtime.Engine, t runtime.Token) []byte {
	if t < 0 || int(t) >= e.NVocab() {
		return nil
	}
	return e.Tokenizer().Piece(t, true)
}

// newSession begins a session with the receipt's adapters.
func (r *replayRun) newSession(e *runtime.Engine) (*runtime.Session, error) {
	if have, want := len(r.lora.files), len(r.receipt.Adapters); have != want {
		return nil, fmt.Errorf("replay: the receipt has %d adapters, %d are given with --lora", want, have)
	}
	for i, a := range r.receipt.Adapters {
		f := &r.lora.files[i]
		if err := checkSum("adapter", f.path, []string{f.path}, a.SHA256); err != nil {
			return nil, err
		}
		f.scale = a.Scale
	}
	return r.lora.newSession(e)
}
