// Package private keeps what users say inside the process and makes it
// forgotten.
//
// Two things that no other code can prevent carry a prompt out of a process: a dump
// of its memory, and memory that was freed and never written again. process_linux.go
// forbids dumps; forget.go and stack.go overwrite what is left when a request ends.
//
// What is forgotten, and by what:
//
//   - Buffers that are known (bodies, tokens, logits, pages of keys and values)
//     are cleared by their owners, at once.
//   - Everything else on the Go heap (strings of a decoded JSON body, pieces of
//     an answer, net/http's and fmt's buffers) is overwritten by the garbage
//     collector when it frees them, and a Forgetter has it collect soon after
//     each request.
//   - Stacks are cleared behind each handler, and when a scheduler has nothing to
//     do.
//   - Vector registers, through which text is copied, are cleared behind each
//     step and each handler (kernels.ClearVectors). No signal writes them to a
//     stack before: the runtime sends none, and SIGPIPE is ignored. Where Go moves
//     an engine's helper to another thread amid a layer, some of that layer's
//     numbers, but no text, stay in the first one's until that runs again.
//
// Why the garbage collector and not an arena of our own: JSON decoding, chat
// templates and tokenizers make strings everywhere, and a rule that each of
// those must be freed by hand would be broken by the next change. The
// collector's rule holds for code that nobody thought of.
//
// Why GODEBUG=clobberfree=1, which was made for debugging: it is the one switch
// of Go's runtime that overwrites every freed object, whoever allocated it.
// Package runtime/secret, an experiment of Go 1.26, does so for what is allocated
// inside its Do only, which leaves out net/http's buffers and those in pools that
// were filled earlier; it would also need a build of its own.
//
// Why no type for texts that cannot be printed: what is said is a string or tokens to
// parsers, templates and tokenizers, which would unwrap it wherever it could leak.
// Package canary looks instead for what was said in all that the daemon writes, at
// the lowest level of its log.
//
// Why the program starts itself again: Go's runtime reads GODEBUG once, before
// main. The service's unit sets it, so that this happens elsewhere only.
package private
