// Package export writes a trained model as a GGUF file: weights in Q8_0 or
// F32, the vocabulary, a chat template, and where it all comes from.
//
// export.go (Write), template.go (the chat template).
package export
