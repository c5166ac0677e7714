// Package sgemm is a float32 matrix product for gorgonia, plugged in with
// tensor.Use and gorgonia.Use. Gonum's portable one takes four fifths of a
// training step; this one, with AVX2 and FMA, takes a third.
//
// It is not one of inferd's kernels and follows no bit contract: training and
// the oracle must share no code with what they judge.
package sgemm
