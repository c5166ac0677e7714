// Package chat renders chat templates: it turns a conversation into the prompt
// text that a model was trained on.
//
// A chat template is a Jinja program that ships inside the model's file
// (metadata key tokenizer.chat_template), so it is code from a stranger. This
// package runs the dialect those templates are written in, as the transformers
// library configures it: trim_blocks, lstrip_blocks, loop controls, an
// immutable sandbox, tojson without HTML escapes, raise_exception and
// strftime_now. Values behave as Python's do (str methods, slices, truthiness,
// repr), because templates depend on it.
//
// # Provenance
//
// Render returns typed segments, not a string. Every text value carries which
// of its bytes came from the caller (a user's message, a tool's result) and
// which were written by the template, through concatenation, slices, strip,
// split, replace, join and tojson. Only the template's own bytes may become
// special tokens; a user who types "<|im_end|>" gets those ten letters.
//
// # Limits
//
// A template has no access to anything of the host: no files, no attributes
// beyond the methods listed in methods.go and methods_text.go, no clock but the one it is given.
// Work, nesting, allocation and output are budgeted (limits.go); running over
// a budget is a *RenderError, never a hang, a stack overflow or an exhausted
// heap.
//
// # Reading order
//
// template.go and prompt.go (API), lexer.go, parser.go, parse_expr.go and ast.go (source to
// tree), eval.go and exec.go (tree to text), value.go, text.go and ops.go
// (Python's values), filters.go, filters_seq.go, format.go, tests.go,
// methods.go, methods_text.go, repr.go, tojson.go and globals.go (the library).
//
// Sources: the Jinja template designer documentation (3.1), and the Python
// library reference for str, list and dict.
package chat
