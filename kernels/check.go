package kernels

import "fmt"

// checkLen panics unless the slice called name has want elements.
func checkLen(op, name string, got, want int) {
	if got != want {
		panic(fmt.Sprintf("kernels: %s: len(%s) = %d, want %d", op, name, got, want))
	}
}

// checkRows panics unless x holds whole rows of dim and out is as long.
func checkRows(op string, out, x []float32, dim int) {
	if dim <= 0 || len(x)%dim != 0 {
		panic(fmt.Sprintf("kernels: %s: len(x) = %d is no multiple of dim %d", op, len(x), dim))
	}
	checkLen(op, "out", len(out), len(x))
}

// checkWeight panics unless the optional parameter rows w are whole.
func checkWeight(op, name string, w []float32, dim int) {
	if len(w)%dim != 0 {
		panic(fmt.Sprintf("kernels: %s: len(%s) = %d is no multiple of dim %d", op, name, len(w), dim))
	}
}

// checkHeads panics unless nHeads heads of dim elements, stride apart, fit n.
func checkHeads(op string, n, nHeads, stride, dim int) {
	if nHeads < 0 || stride < dim && nHeads > 1 || nHeads > 0 && (nHeads-1)*stride+dim > n {
		panic(fmt.Sprintf("kernels: %s: %d heads of %d elements, %d apart, do not fit len(x) = %d", op, nHeads, dim, stride, n))
	}
}

// checkTokens panics unless out holds whole rows of dim, and returns how many.
func checkTokens(op string, out []float32, dim int) int {
	checkRows(op, out, out, dim)
	return len(out) / dim
}

// checkGroups panics unless nGroups divides nHeads.
func checkGroups(op string, nHeads, nGroups int) {
	if nGroups <= 0 || nHeads%nGroups != 0 {
		panic(fmt.Sprintf("kernels: %s: %d groups do not divide %d heads", op, nGroups, nHeads))
	}
}
