package bpe

import "inferd/tokenizer"

// Vocab describes pieces to package tokenizer, as an exported model's metadata
// does: text is taken as it is, without a space put in front, and a prompt
// begins with <s>.
func Vocab(pieces []Piece) tokenizer.Vocab {
	yes, no := true, false
	token := func(id tokenizer.Token) *tokenizer.Token { return &id }
	v := tokenizer.Vocab{
		Model: "llama", Arch: "llama",
		UNK: token(UNK), BOS: token(BOS), EOS: token(End),
		AddBOS: &yes, AddEOS: &no, AddSpacePrefix: &no,
	}
	for _, p := range pieces {
		v.Tokens = append(v.Tokens, p.Text)
		v.Scores = append(v.Scores, p.Score)
		v.Types = append(v.Types, tokenizer.TokenType(p.Type))
	}
	return v
}
