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
// nondeterministic automaton with calls and counters (nfa.go), from which dead
// ends are cut (live.go). A Matcher's state is a set of positions in it, each
// with a stack of the calls and counts it is inside (machine.go); stacks are
// shared and sets are made once, so that stepping is a table look-up after the
// first time and two texts that can continue alike have the same state.
//
// A token mask is kept by state, and counts that no token can bring to where
// they matter stand still in it, so that one mask serves most of a long string.
// A new one is a walk of the vocabulary's trie (vocab.go, mask.go), which takes
// about 1 ms at 128k tokens if all of it must be walked. In most states inside
// strings nearly any character may follow any other: of tokens that have
// only such characters, and of those that have one that may nowhere come, it is
// known beforehand what they are (run.go), and only the few others are walked.
//
// String patterns, formats and numeric ranges are regular; they are built as
// small deterministic automata over characters, intersected there (chars.go),
// and spliced in. Lengths are counted while matching: which counts still lead to
// an end from which place in a pattern is worked out when compiling.
//
// # Schemas
//
// A schema is taken apart into conjunctions of plain assertions
// (schema_logic.go): allOf and $ref join them; anyOf, oneOf, if, dependencies and
// what is left of not are choices between them. oneOf is anyOf where its branches
// plainly share no value, else each branch rules the others out. A text of
// each conjunction is then laid out by the kind of its value.
//
// Not supported, each an error that points at the keyword: contains,
// $dynamicRef, references to other documents, uniqueItems over more than a few
// constants, the negation of formats and of keywords about all items, several
// required names that nobody declares, and unevaluatedProperties inside
// combined schemas. OpenAPI's nullable, draft-07's and draft-04's forms are
// understood.
//
// # Why not exactly what the schema says
//
// Numbers have at most 16 digits on either side of the point unless bounds ask
// for more, strings under a pattern have one spelling for each character,
// formats are common parts of what their RFCs allow, and space between tokens is
// bounded: an untrained model must end, and validators must agree. For the same
// reason \d, \w, \s and . are what all dialects of regular expressions mean.
//
// # Limits
//
// Sizes, depths, the number of states and the steps of compiling and of each
// mask are budgeted (limits.go), never timed, so that a source is always or
// never refused; at the worst compiling takes some 100 ms, and an error says
// which budget was too small. A grammar keeps at most 8 MiB of states and masks. Left recursion is refused when compiling, so closing a state
// over calls ends. Bytes that a vocabulary has no token for are taken out of the
// language before a text begins, so that no mask is ever empty.
//
// # Reading order
//
// grammar.go (API), expr.go with utf8.go, nfa.go with live.go, machine.go,
// vocab.go with mask.go and run.go; then the sources: regexparse.go with regexclass.go, regex.go with
// chars.go, charops.go and numbers.go, gbnf.go, schema.go, schema_check.go, schema_logic.go with
// schema_disjoint.go and schema_valid.go, schema_leaf.go and a file for each kind
// of value, and calls.go.
//
// Sources: JSON Schema drafts 2020-12, 07 and 04; RFC 8259; ECMA-262 (patterns);
// OpenAPI 3.0.3 (nullable); the GBNF notes of llama.cpp.
package grammar
