// Package oracle computes the logits of a llama model with gorgonia, to judge
// inferd's runtime and kernels: it shares no arithmetic with them, so that a
// mistake made both in our reference and in our assembly cannot hide.
//
// oracle.go reads a model file into a graph's parameters; the tests compare.
//
// The comparison is in float32 on both sides. A quantised file is read into
// float32 here and handed to the runtime as an F32 file, because the runtime
// quantises the activations that meet quantised weights.
package oracle
