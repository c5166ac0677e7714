package chat

import (
	"bufio"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"inferd/testdata"
	"inferd/tokenizer"
)

// goldenNow is the instant at which the golden renderings were made.
func goldenNow() time.Time { return time.Date(2026, 1, 15, 9, 30, 5, 0, time.UTC) }

func joinSegments(segs []tokenizer.Segment) string {
	var b strings.Builder
	for _, s := range segs {
		b.WriteString(s.Text)
	}
	return b.String()
}

// TestGolden renders real templates over real conversations and compares with
// what Python's jinja2 makes of them, byte for byte, refusals included.
func TestGolden(t *testing.T) {
	dir := testdata.Shared(t, "templates")
	raw, err := os.ReadFile(dir + "/conversations.json")
	if err != nil {
		t.Fatal(err)
	}
	var conversations map[string]struct{ Messages, Tools json.RawMessage }
	if err := json.Unmarshal(raw, &conversations); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(dir + "/golden.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	templates := map[string]*Template{}
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 16<<20)
	n := 0
	for lines.Scan() {
		var g struct {
			Template, Conversation string
			AddGenerationPrompt    bool  `json:"add_generation_prompt"`
			EnableThinking         *bool `json:"enable_thinking"`
			Expected               string
			Raises                 any // true, or the name of Python's exception
			Message                string
		}
		if err := json.Unmarshal(lines.Bytes(), &g); err != nil {
			t.Fatal(err)
		}
		n++
		tmpl := templates[g.Template]
		if tmpl == nil {
			src, err := os.ReadFile(dir + "/jinja/" + g.Template)
			if err != nil {
				t.Fatal(err)
			}
			if tmpl, err = Parse(string(src)); err != nil {
				t.Fatalf("%s: %v", g.Template, err)
			}
			templates[g.Template] = tmpl
		}
		c := conversations[g.Conversation]
		vars := map[string]Value{"bos_token": Literal("<s>"), "eos_token": Literal("</s>"), "documents": {}, "tools": {},
			"add_generation_prompt": Bool(g.AddGenerationPrompt)}
		if vars["messages"], err = Messages(c.Messages); err != nil {
			t.Fatal(err)
		}
		if c.Tools != nil {
			if vars["tools"], err = JSON(c.Tools); err != nil {
				t.Fatal(err)
			}
		}
		if g.EnableThinking != nil {
			vars["enable_thinking"] = Bool(*g.EnableThinking)
		}
		segs, err := tmpl.Render(vars, Options{Now: goldenNow})
		name := g.Template + "/" + g.Conversation
		switch {
		case g.Raises != nil:
			var re *RenderError
			if !errors.As(err, &re) {
				t.Errorf("%s: got no error, want %q", name, g.Message)
			} else if re.Msg != g.Message {
				t.Errorf("%s: got error %q, want %q", name, re.Msg, g.Message)
			}
		case err != nil:
			t.Errorf("%s: %v", name, err)
		case joinSegments(segs) != g.Expected:
			t.Errorf("%s:\n got %q\nwant %q", name, joinSegments(segs), g.Expected)
		}
	}
	if n < 2000 {
		t.Errorf("read %d renderings, want at least 2000", n)
	}
}
