// Package anthropic speaks the Anthropic wire format: messages, and counting
// their tokens.
//
// Reading order: anthropic.go (the routes and errors), request.go (what a request
// asks for), messages.go (turns and tools), answer.go (an answer, whole or as
// events), blocks.go (its parts).
//
// Decisions:
//
// What is not implemented, or not known, is 400 and named: images, documents,
// the service's own tools, containers. Keys in headers are accepted and say
// nothing: who asks is known from the socket.
//
// Turns of one role that follow each other are joined by a newline, as templates
// want turns that alternate. A tool's result is a turn of its own; one that is
// an error begins with "Error: ". A conversation that ends with the assistant's
// turn is 400: answers cannot be begun by the client.
//
// A model reasons if thinking is enabled or adaptive, and the reasoning comes in
// blocks whose signature is empty; without thinking, and with display omitted,
// what a model reasons all the same is left out, though its tokens count.
// budget_tokens has no effect, max_tokens bounds both. Templates read all this as
// enable_thinking, and output_config.effort as reasoning_effort.
//
// Errors tell error_code and param in their details. thread, which SDKs' tool runners
// send to have the conversation kept, is refused with the code that makes them send all of it.
//
// cache_control has no effect: prompts are cached without being asked. Tokens that
// were cached count as cache_read_input_tokens, not as input_tokens. The head of
// a stream counts all as input; message_delta tells which were cached.
//
// White space alone makes no block of text.
//
// adapter and keep_alive are ours, and say what they say in the other formats. What a request
// leaves open of how tokens are chosen is as the model's settings have it.
package anthropic
