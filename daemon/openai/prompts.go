package openai

import (
	"bytes"
	"encoding/json"

	"inferd/daemon/serve"
	"inferd/daemon/wire"
	"inferd/runtime"
	"inferd/tokenizer"
)

// textPrompt is a text, or tokens.
type textPrompt struct {
	text   string
	tokens []runtime.Token // nil for a text
}

// readPrompts reads a string, an array of strings, an array of tokens, or an
// array of arrays of tokens.
func readPrompts(o *wire.Object, member string, limit int) []textPrompt {
	const kinds = "a string, an array of strings, an array of token ids or an array of such arrays"
	value := o.Take(member)
	if value == nil {
		return nil
	}
	elements := []json.RawMessage{value}
	if wire.TypeOf(value) == "an array" && wire.FirstOf(value) != "a number" {
		elements = o.Elements(member, value, limit)
	}
	var prompts []textPrompt
	for _, element := range elements {
		switch wire.TypeOf(element) {
		case "a string":
			prompts = append(prompts, textPrompt{text: wire.Unquote(element)})
		case "an array":
			tokens, ok := readTokens(element)
			if !ok {
				o.Fail("invalid_type", member, "must be %s", kinds)
				return nil
			}
			if len(tokens) == 0 {
				o.Fail("invalid_value", member, "has an array without tokens")
			}
			prompts = append(prompts, textPrompt{tokens: tokens})
		default:
			o.WrongType(member, kinds, element)
			return nil
		}
	}
	return prompts
}

// readTokens reads an array of token ids, which need not be in a vocabulary.
func readTokens(array json.RawMessage) (tokens []runtime.Token, ok bool) {
	err := json.Unmarshal(array, &tokens)
	return tokens, err == nil && !bytes.Contains(array, []byte("null"))
}

// tokensOf returns the tokens of a prompt, checked against the model; member is
// where the prompt stands.
func (p textPrompt) tokensOf(m serve.Model, member string) ([]runtime.Token, error) {
	tokens := p.tokens
	if tokens == nil {
		tokens = m.Tokenizer().Encode(p.text, tokenizer.EncodeOptions{AddSpecial: true})
	}
	if len(tokens) == 0 {
		return nil, serve.Invalid("invalid_value", member, "%q is empty, and the model has no token to begin with", member)
	}
	return tokens, checkTokens(m, member, tokens)
}

// checkTokens fails for a token that the model does not know.
func checkTokens(m serve.Model, member string, tokens []runtime.Token) error {
	for _, token := range tokens {
		if token < 0 || int(token) >= m.NVocab() {
			return serve.Invalid("invalid_value", member, "token %d is not in the vocabulary of 0 to %d", token, m.NVocab()-1)
		}
	}
	return nil
}
