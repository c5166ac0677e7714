// Package reply reads what a chat model answered: it parts the text from the
// model's reasoning and from its calls of tools.
//
// Every family of models writes these in a form of its own, and the chat
// template that teaches a model the form also names its marks. Detect
// therefore looks which marks of the table in sections.go a template mentions,
// and reads with those alone: a model that was never taught a mark may print
// it as text.
//
// A Parser takes the answer in pieces of any size and gives the same events
// however it is cut; answering at once is one Push and one Finish. What looks
// like a call but is not one (bad JSON, a tool nobody offered) comes out as
// text: a call's arguments are always a JSON object.
//
// Reading order: parser.go (API and state), sections.go (the marks),
// calls.go, markup.go and pythonic.go (the forms of calls).
package reply
