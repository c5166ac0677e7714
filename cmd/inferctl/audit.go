package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"regexp"

	"inferd/daemon/audit"
	"inferd/daemon/openai"
	"inferd/daemon/prompt"
	"inferd/gguf"
	"inferd/runtime"
	"inferd/tokenizer"
)

var auditCommand = &command{
	name:     "audit",
	synopsis: "key FILE | prove RECORD --key FILE [--model FILE --prompt-file F] [--answer-file F]",
	summary:  "prove what a record in the daemon's log is of, without its telling",
	nArgs:    [2]int{2, 2},
	details: `
A daemon with the setting audit-key adds keyed hashes of prompt and answer to its
log line of each answer. 'audit key' makes such a key. 'audit prove' reads such a
line from the file RECORD, or from standard input for -, in the form of the log,
of journalctl or of journalctl --output json, and checks it against what somebody
says the prompt and the answer were. An embedding, a relevance or a class has a line
for each text, with the hash of that text alone. The exit code is 0 if all that is
given is proven, and 1 if not.

The prompt file holds the request's JSON, the prompt as text, or its token ids as a
JSON array; the model, which turns it into tokens, must be the one that answered.
The answer file holds the text that the model wrote, reasoning and calls of tools
as it spelled them.`,
	define: func(fs *flag.FlagSet) runFunc {
		var p proof
		fs.StringVar(&p.keyFile, "key", "", "`FILE` of the key")
		fs.StringVar(&p.model, "model", "", "GGUF `FILE`")
		fs.StringVar(&p.promptFile, "prompt-file", "", "what the answer is to, in the file `F`")
		fs.StringVar(&p.answerFile, "answer-file", "", "the answer, in the file `F`")
		return func(_ context.Context, args []string) error {
			switch args[0] {
			case "key":
				return audit.WriteKey(args[1])
			case "prove":
				return p.run(fs, args[1])
			default:
				return usagef("audit", "audit %s: want key or prove", args[0])
			}
		}
	},
}

// proof is one call of inferctl audit prove.
type proof struct {
	keyFile, model, promptFile, answerFile string
}

func (p *proof) run(fs *flag.FlagSet, path string) error {
	if err := required(fs, "key"); err != nil {
		return err
	}
	if p.promptFile == "" && p.answerFile == "" {
		return usagef("audit", "audit prove: want --prompt-file, --answer-file or both")
	}
	if p.promptFile != "" && p.model == "" {
		return usagef("audit", "audit prove: --prompt-file needs --model")
	}
	key, err := audit.ReadKey(p.keyFile)
	if err != nil {
		return err
	}
	record, err := readRecord(path)
	if err != nil {
		return err
	}
	if p.promptFile != "" {
		if err := p.provePrompt(key, record); err != nil {
			return err
		}
	}
	if p.answerFile != "" {
		if record.AnswerMAC == "" {
			return fmt.Errorf("record %s: no field \"answer_mac\": it is not of a text", path)
		}
		text, err := readBounded(p.answerFile)
		if err != nil {
			return err
		}
		if !key.ProveAnswer(record, text) && !key.ProveAnswer(record, bytes.TrimSuffix(text, []byte("\n"))) {
			return fmt.Errorf("not proven: record %s is not of the answer in %s", record.ID, p.answerFile)
		}
	}
	fmt.Printf("proven: record %s of user %s and model %s\n", record.ID, record.User, record.Model)
	return nil
}

// maxRecordBytes bounds a line of the log.
const maxRecordBytes = 64 << 10

// readRecord finds a record's fields in whatever form the log has. Records of what
// has no text, such as vectors, are without the answer's hash.
func readRecord(path string) (r audit.Record, err error) {
	in := os.Stdin
	if path != "-" {
		if in, err = os.Open(path); err != nil {
			return r, err
		}
		defer in.Close()
	}
	text, err := io.ReadAll(io.LimitReader(in, maxRecordBytes))
	if err != nil {
		return r, err
	}
	for name, field := range map[string]*string{
		"id": &r.ID, "user": &r.User, "model": &r.Model, "prompt_mac": &r.PromptMAC, "answer_mac": &r.AnswerMAC,
	} {
		m := regexp.MustCompile(`(?i)(?:^|[\s"])(?:INFERD_)?` + name + `"?[=:]\s*(?:"([^"]*)"|([^\s",}]+))`).FindSubmatch(text)
		if m != nil {
			*field = string(m[1]) + string(m[2])
		} else if name != "answer_mac" {
			return r, fmt.Errorf("record %s: no field %q", path, name)
		}
	}
	return r, nil
}

// provePrompt tries everything that the file of the prompt may mean.
func (p *proof) provePrompt(key *audit.Key, record audit.Record) error {
	text, err := readBounded(p.promptFile)
	if err != nil {
		return err
	}
	tok, template, err := openTokenizer(p.model)
	if err != nil {
		return err
	}
	readings := promptReadings(text, tok)
	if prompts, err := openai.Prompts(text, tok, prompt.New(tok, template)); err == nil {
		readings = append(readings, prompts)
	}
	for _, prompts := range readings {
		for _, tokens := range prompts {
			if key.ProvePrompt(record, tokens) {
				return nil
			}
		}
	}
	return fmt.Errorf("not proven: however %s is read, record %s is not of it", p.promptFile, record.ID)
}

// openTokenizer reads a model's vocabulary and chat template, without its weights.
func openTokenizer(path string) (*tokenizer.Tokenizer, string, error) {
	f, err := gguf.Open(path)
	if err != nil {
		return nil, "", fileError(err)
	}
	defer f.Close()
	template, err := f.String("tokenizer.chat_template")
	if err != nil && !errors.Is(err, gguf.ErrNoKey) {
		return nil, "", err
	}
	tok, err := runtime.LoadTokenizer(path)
	return tok, template, err
}
