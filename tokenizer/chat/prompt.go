package chat

import "inferd/tokenizer"

// Prompt renders the template and encodes the result, ready for the model's
// answer. The variables that every template expects have their usual values
// where vars lacks them: the vocabulary's bos_token and eos_token,
// add_generation_prompt true, tools and documents None. A template that leaves
// the beginning-of-text token to the tokenizer gets it, if the vocabulary adds
// one. The error is Render's.
func (t *Template) Prompt(tok *tokenizer.Tokenizer, vars map[string]Value, o Options) ([]tokenizer.Token, error) {
	name := func(id tokenizer.Token) Value { return Literal(string(tok.Piece(id, true))) }
	all := map[string]Value{
		"bos_token": name(tok.BOS()), "eos_token": name(tok.EOS()),
		"add_generation_prompt": Bool(true), "tools": {}, "documents": {},
	}
	for k, v := range vars {
		all[k] = v
	}
	segments, err := t.Render(all, o)
	if err != nil {
		return nil, err
	}
	tokens := tok.EncodeSegments(segments, false)
	if tok.AddsBOS() && (len(tokens) == 0 || tokens[0] != tok.BOS()) {
		return tok.EncodeSegments(segments, true), nil
	}
	return tokens, nil
}
