package sgemm

import (
	"sync"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/gonum"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// BLAS is gonum's with a faster Sgemm. It uses the calling goroutine only;
// training runs one graph per core instead. It is safe for concurrent use.
type BLAS struct{ gonum.Implementation }

// Use makes tensor and gorgonia take their matrix products from here. Both
// are global settings: call it before any graph runs.
func Use() {
	tensor.Use(BLAS{})
	gorgonia.Use(BLAS{})
}

// The kernel computes tiles of tileM rows by tileN columns of C.
const (
	tileM = 6
	tileN = 16
)

// smallest product that is worth packing B for.
const minWork = 4096

// Sgemm sets c = alpha·op(a)·op(b) + beta·c, as BLAS defines it.
func (g BLAS) Sgemm(tA, tB blas.Transpose, m, n, k int, alpha float32, a []float32, lda int, b []float32, ldb int, beta float32, c []float32, ldc int) {
	if !haveKernel || m*n*k < minWork || alpha != 1 {
		g.Implementation.Sgemm(tA, tB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
		return
	}
	scale(c, m, n, ldc, beta)
	pb := buffers.Get().(*[]float32)
	*pb = packB(*pb, b, ldb, n, k, tB != blas.NoTrans)
	s := sweep{n: n, k: k, b: *pb, c: c, ldc: ldc, rowStep: lda, colStep: 1}
	if tA != blas.NoTrans {
		s.rowStep, s.colStep = 1, lda
	}
	for i := 0; i+tileM <= m; i += tileM {
		s.rows(a[i*s.rowStep:], i, tileM)
	}
	if rest := m % tileM; rest > 0 {
		s.tail(a, m-rest, rest)
	}
	buffers.Put(pb)
}

var buffers = sync.Pool{New: func() any { return new([]float32) }}

func scale(c []float32, m, n, ldc int, beta float32) {
	if beta == 1 {
		return
	}
	for i := range m {
		row := c[i*ldc : i*ldc+n]
		if beta == 0 {
			clear(row)
			continue
		}
		for j := range row {
			row[j] *= beta
		}
	}
}

// packB copies op(b) [k, n] into panels of tileN columns, [n/tileN][k][tileN],
// with zeros to the right of the last column.
func packB(dst, b []float32, ldb, n, k int, trans bool) []float32 {
	nPanels := (n + tileN - 1) / tileN
	if need := nPanels * tileN * k; cap(dst) < need {
		dst = make([]float32, need)
	} else {
		dst = dst[:need]
	}
	for p := range nPanels {
		panel := dst[p*tileN*k : (p+1)*tileN*k]
		width := min(tileN, n-p*tileN)
		if width < tileN {
			clear(panel)
		}
		for i := range k {
			row := panel[i*tileN : i*tileN+width]
			if !trans {
				copy(row, b[i*ldb+p*tileN:])
				continue
			}
			for j := range row {
				row[j] = b[(p*tileN+j)*ldb+i]
			}
		}
	}
	return dst
}

// sweep is what all row tiles of one product share.
type sweep struct {
	n, k             int
	b                []float32 // packed
	c                []float32
	ldc              int
	rowStep, colStep int // elements from one row, or column, of op(a) to the next
}

// rows adds height rows of the product to c, from row i on; a begins at that
// row and reaches tileM rows.
func (s *sweep) rows(a []float32, i, height int) {
	var edge [tileM * tileN]float32
	for j := 0; j < s.n; j += tileN {
		panel := s.b[j*s.k:]
		width := min(tileN, s.n-j)
		if height == tileM && width == tileN {
			_ = a[5*s.rowStep+(s.k-1)*s.colStep] // the kernel checks no bounds
			_ = s.c[(i+5)*s.ldc+j+tileN-1]
			kernel(s.k, &a[0], s.rowStep, s.colStep, &panel[0], &s.c[i*s.ldc+j], s.ldc)
			continue
		}
		clear(edge[:])
		kernel(s.k, &a[0], s.rowStep, s.colStep, &panel[0], &edge[0], tileN)
		for r := range height {
			row := s.c[(i+r)*s.ldc+j:]
			for q := range width {
				row[q] += edge[r*tileN+q]
			}
		}
	}
}

// tail does the last rows, fewer than tileM, over a copy padded with zeros.
func (s *sweep) tail(a []float32, i, height int) {
	pa := buffers.Get().(*[]float32)
	if cap(*pa) < tileM*s.k {
		*pa = make([]float32, tileM*s.k)
	}
	full := (*pa)[:tileM*s.k]
	clear(full)
	for r := range height {
		for p := range s.k {
			full[r*s.k+p] = a[(i+r)*s.rowStep+p*s.colStep]
		}
	}
	t := *s
	t.rowStep, t.colStep = s.k, 1
	t.rows(full, i, height)
	buffers.Put(pa)
}
