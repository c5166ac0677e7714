// Package grammar constrains what a model may write: it compiles a JSON
// Schema, a GBNF grammar or a regular expression to an automaton over bytes
// and tells, for each state, which tokens of a vocabulary keep the text inside
// the language.
//
// Everything fails closed. A source that cannot be compiled exactly is an
// error, never a looser grammar; where a schema keyword cannot be followed in
// full, the language is a subset of what the schema allows, so that every
// finished text is valid.
//
// # How it works
//
// A source becomes expressions over bytes (expr.go): literals, byte classes,
// sequences, choices, repetitions and calls of named rules. They compile to a
// nondeterministic automaton with calls (nfa.go). A Matcher's state is a set of
// positions in it, each with a stack of the calls it is inside (machine.go);
// stacks are shared and sets are made once, so that stepping is a table
// look-up after the first time and two texts that can continue alike have the
// same state. A token mask is one walk of the vocabulary's trie (vocab.go),
// kept by state.
//
// String patterns, formats, lengths and numeric ranges are regular; they are
// built as small deterministic automata over characters, intersected there
// (chars.go), and spliced in.
//
// # Limits
//
// Sizes, depths and the number of states are budgeted (limits.go). Left
// recursion is refused when compiling, so closing a state over calls ends.
//
// # Reading order
//
// grammar.go (API), expr.go, nfa.go, machine.go, vocab.go; then the sources:
// regex.go with chars.go and numbers.go, gbnf.go, schema*.go, and calls.go.
//
// Sources: JSON Schema draft 2020-12; RFC 8259; the GBNF notes of llama.cpp.
package grammar
