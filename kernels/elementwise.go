package kernels

// Add sets out[i] = a[i] + b[i]. out may alias a or b. It panics if the
// lengths differ.
func Add(out, a, b []float32) {
	checkLen("Add", "out", len(out), len(a))
	checkLen("Add", "b", len(b), len(a))
	active.Add(out, a, b)
}

// Mul sets out[i] = a[i]·b[i]. out may alias a or b. It panics if the lengths
// differ.
func Mul(out, a, b []float32) {
	checkLen("Mul", "out", len(out), len(a))
	checkLen("Mul", "b", len(b), len(a))
	active.Mul(out, a, b)
}

// Scale sets out[i] = x[i]·s. out may alias x. It panics if the lengths
// differ.
func Scale(out, x []float32, s float32) {
	checkLen("Scale", "out", len(out), len(x))
	active.Scale(out, x, s)
}

// AddScaled sets out[i] = fma(b[i], s, a[i]). out may alias a or b. It panics
// if the lengths differ.
func AddScaled(out, a, b []float32, s float32) {
	checkLen("AddScaled", "out", len(out), len(a))
	checkLen("AddScaled", "b", len(b), len(a))
	active.AddScaled(out, a, b, s)
}

// AddBias adds bias [dim] to every row of x [nRows, dim] in place. It panics
// unless x holds whole rows.
func AddBias(x, bias []float32) {
	checkRows("AddBias", x, x, len(bias))
	for r := 0; r < len(x); r += len(bias) {
		row := x[r : r+len(bias)]
		active.Add(row, row, bias)
	}
}

func scaleGeneric(out, x []float32, s float32) { scaleRow(out, x, nil, s) }

func addGeneric(out, a, b []float32) {
	for i, v := range a {
		out[i] = v + b[i]
	}
}

func mulGeneric(out, a, b []float32) {
	for i, v := range a {
		out[i] = v * b[i]
	}
}

func addScaledGeneric(out, a, b []float32, s float32) {
	for i, v := range a {
		out[i] = fma32(b[i], s, v)
	}
}
