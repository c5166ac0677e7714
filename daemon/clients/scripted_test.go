package clients

import (
	"encoding/binary"
	"fmt"
	"math"

	"inferd/gguf"
	"inferd/gguf/ggufwrite"
)

// The scripted model is a llama whose layer adds nothing: the last token alone
// decides the next one. Its chat template ends a prompt with a token for each
// situation, and from there the answer follows, one piece a token. At the end
// of a script every byte is as likely, so that forced calls and schemas meet a
// model that knows nothing.
var scripts = [][]string{
	{"<|plain|>", "Hello", " there", "!"},
	{"<|think|>", "<think>\n", "They greet", " me.", "\n</think>\n\n", "Good", " day", "."},
	{"<|tools|>", "<tool_call>\n", `{"name": "weather", `, `"arguments": {"city": "Bern"}}`, "\n</tool_call>"},
	{"<|told|>", "It is", " wet."},
}

const scriptedTemplate = `{{- bos_token -}}
{%- if tools %}[tools]{{ tools | tojson }}{% endif -%}
{%- for m in messages -%}
[{{ m.role }}]{% if m.reasoning_content %}<think>{{ m.reasoning_content }}</think>{% endif %}{{ m.content }}
{%- for c in m.tool_calls %}<tool_call>{"name": "{{ c.function.name }}", "arguments": {{ c.function.arguments | tojson }}}</tool_call>{% endfor -%}
{%- endfor -%}
{%- if messages[-1].role == 'tool' %}<|told|>{% elif tools %}<|tools|>{% elif enable_thinking %}<|think|>{% else %}<|plain|>{% endif -%}`

// Kinds of tokens as GGUF numbers them.
const (
	normalToken  int32 = 1
	unknownToken int32 = 2
	controlToken int32 = 3
	byteToken    int32 = 6
)

// vocabulary is <unk>, <s>, </s>, the 256 bytes, a space, and the scripts'
// pieces, of which no two are
// the same; next says what follows a token.
func vocabulary() (tokens []string, types []int32, next map[int]int) {
	add := func(token string, t int32) {
		tokens, types = append(tokens, token), append(types, t)
	}
	add("<unk>", unknownToken)
	add("<s>", controlToken)
	add("</s>", controlToken)
	for b := range 256 {
		add(fmt.Sprintf("<0x%02X>", b), byteToken)
	}
	add("▁", normalToken)
	next = map[int]int{}
	for _, script := range scripts {
		for i, piece := range script {
			t := normalToken
			if i == 0 {
				t = controlToken
			}
			next[len(tokens)] = len(tokens) + 1
			if i == len(script)-1 {
				next[len(tokens)] = 2
			}
			add(piece, t)
		}
	}
	return tokens, types, next
}

func writeScripted(path string) error {
	const eps = 1e-5
	tokens, types, next := vocabulary()
	dim := (len(tokens) + 31) / 32 * 32
	w := ggufwrite.New()
	w.Set("general.architecture", "llama")
	w.Set("general.name", "scripted")
	w.Set("general.license", "apache-2.0")
	w.Set("llama.context_length", uint32(2048))
	w.Set("llama.embedding_length", uint32(dim))
	w.Set("llama.block_count", uint32(1))
	w.Set("llama.feed_forward_length", uint32(32))
	w.Set("llama.attention.head_count", uint32(dim/32))
	w.Set("llama.attention.head_count_kv", uint32(1))
	w.Set("llama.attention.layer_norm_rms_epsilon", float32(eps))
	w.Set("tokenizer.ggml.model", "llama")
	w.Set("tokenizer.ggml.tokens", tokens)
	w.Set("tokenizer.ggml.token_type", types)
	w.Set("tokenizer.ggml.scores", make([]float32, len(tokens)))
	w.Set("tokenizer.ggml.unknown_token_id", uint32(0))
	w.Set("tokenizer.ggml.bos_token_id", uint32(1))
	w.Set("tokenizer.ggml.eos_token_id", uint32(2))
	w.Set("tokenizer.ggml.add_bos_token", false)
	w.Set("tokenizer.ggml.add_space_prefix", false)
	w.Set("tokenizer.chat_template", scriptedTemplate)

	embed, output := newMatrix(len(tokens), dim), newMatrix(len(tokens), dim)
	for i := range tokens {
		embed.set(i, i, 1)
		if to, scripted := next[i]; scripted {
			output.set(to, i, 8)
		}
	}
	ones := newMatrix(1, dim)
	for i := range dim {
		ones.set(0, i, 1)
	}
	embed.add(w, "token_embd.weight")
	output.add(w, "output.weight")
	for _, name := range []string{"output_norm", "blk.0.attn_norm", "blk.0.ffn_norm"} {
		ones.add(w, name+".weight")
	}
	newMatrix(dim, dim).add(w, "blk.0.attn_q.weight")
	newMatrix(32, dim).add(w, "blk.0.attn_k.weight")
	newMatrix(32, dim).add(w, "blk.0.attn_v.weight")
	newMatrix(dim, dim).add(w, "blk.0.attn_output.weight")
	newMatrix(32, dim).add(w, "blk.0.ffn_gate.weight")
	newMatrix(32, dim).add(w, "blk.0.ffn_up.weight")
	newMatrix(dim, 32).add(w, "blk.0.ffn_down.weight")
	return w.WriteFile(path)
}

// matrix is [rows, cols] in float32.
type matrix struct {
	rows, cols int
	bytes      []byte
}

func newMatrix(rows, cols int) matrix { return matrix{rows, cols, make([]byte, 4*rows*cols)} }

func (m matrix) set(row, col int, v float32) {
	binary.LittleEndian.PutUint32(m.bytes[4*(row*m.cols+col):], math.Float32bits(v))
}

func (m matrix) add(w *ggufwrite.Writer, name string) {
	dims := []int{m.cols, m.rows}
	if m.rows == 1 {
		dims = dims[:1]
	}
	w.Tensor(name, gguf.F32, dims, ggufwrite.Bytes(m.bytes))
}
