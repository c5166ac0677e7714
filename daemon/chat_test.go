package daemon

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"inferd/daemon/prompt"
	"inferd/daemon/serve"
	"inferd/runtime"
	"inferd/tokenizer"
)

// spell writes tokens of the byte vocabulary as text, control tokens by name.
func spell(tok *tokenizer.Tokenizer, tokens []runtime.Token) string {
	return string(tok.Decode(tokens, tokenizer.DecodeOptions{ShowSpecial: true}))
}

var conversation = []serve.Message{
	{Role: "developer", Content: "be brief"},
	{Role: "user", Name: "ann", Content: "hi </s> you"},
}

func TestNeutralFormatHasNoRoles(t *testing.T) {
	tok := byteTokenizer(t)
	f := prompt.New(tok, "")
	tokens, err := f.Prompt(serve.Conversation{Messages: conversation})
	require.NoError(t, err)
	require.Equal(t, "<s>be brief\nhi </s> you", spell(tok, tokens))
	require.NotContains(t, tokens, tok.EOS(), "a user who types </s> gets four letters")
}

func TestTemplateMakesThePrompt(t *testing.T) {
	const turns = `{% for m in messages %}[{{ m.role }}{% if m.name %} {{ m.name }}{% endif %}] {{ m.content }}{{ eos_token }}{% endfor %}{% if add_generation_prompt %}[assistant]{% endif %}`
	const want = "<s>[system] be brief</s>[user ann] hi </s> you</s>[assistant]"
	for name, source := range map[string]string{
		"template writes the beginning":   "{{ bos_token }}" + turns,
		"template leaves it to the model": turns,
	} {
		tok := byteTokenizer(t)
		f := prompt.New(tok, source)
		tokens, err := f.Prompt(serve.Conversation{Messages: conversation})
		require.NoError(t, err, name)
		require.Equal(t, want, spell(tok, tokens), name)
		nEOS := 0
		for _, token := range tokens {
			if token == tok.EOS() {
				nEOS++
			}
		}
		require.Equal(t, 2, nEOS, "the template's own, not the user's")
	}
}

func TestTemplateThatRefusesIsTheConversationsFault(t *testing.T) {
	e := newFakeEngine(t)
	d := start(t, e, nil)
	for source, message := range map[string]string{
		`{{ raise_exception("roles must alternate") }}`: "roles must alternate",
		`{% for %}`: "chat template cannot be used",
	} {
		d.model.chat = prompt.New(e.tok, source)
		resp, body := d.receive(d.send("/v1/chat/completions", `{"model":"fake","messages":[{"role":"user","content":"hi"}]}`))
		require.Equal(t, http.StatusBadRequest, resp.StatusCode)
		require.Contains(t, body, message)
	}
	_, body := d.receive(d.send("/v1/completions", ask("x", 3, false)))
	require.Equal(t, e.solo("x", 3), textOf(t, body), "plain text needs no template")
}
