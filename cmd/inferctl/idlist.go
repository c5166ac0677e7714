package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"unicode"

	"inferd/tokenizer"
)

// parseIDs reads token ids as a JSON array (what tokenize prints) or as
// numbers separated by commas or white space.
func parseIDs(text string) ([]tokenizer.Token, error) {
	text = strings.TrimSpace(text)
	if strings.HasPrefix(text, "[") {
		var ids []tokenizer.Token
		if err := json.Unmarshal([]byte(text), &ids); err != nil {
			return nil, fmt.Errorf("token ids: %w", err)
		}
		return ids, nil
	}
	fields := strings.FieldsFunc(text, func(r rune) bool { return r == ',' || unicode.IsSpace(r) })
	ids := make([]tokenizer.Token, 0, len(fields))
	for _, field := range fields {
		id, err := strconv.ParseInt(field, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("token id %q is not a number that fits 32 bits", field)
		}
		ids = append(ids, tokenizer.Token(id))
	}
	return ids, nil
}

// readIDs reads token ids from a file, as parseIDs does.
func readIDs(path string) ([]tokenizer.Token, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	ids, err := parseIDs(string(text))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return ids, nil
}

// checkIDs reports the first id that the vocabulary does not have.
func checkIDs(ids []tokenizer.Token, nVocab int) error {
	for i, id := range ids {
		if id < 0 || int(id) >= nVocab {
			return fmt.Errorf("token %d of %d: id %d is outside the vocabulary of %d", i+1, len(ids), id, nVocab)
		}
	}
	return nil
}
