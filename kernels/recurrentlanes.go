package kernels

func (k *laneKernels) gaussianCutoff(out, x []float32, dim int, width float32) {
	for r := 0; r < len(x); r += dim {
		row := x[r : r+dim]
		m := k.sum(row) / float32(dim)
		sd := sqrt32(k.spread(row, m) / float32(dim-1))
		k.reluAbove(out[r:r+dim], row, fma32(width, sd, m))
	}
}

// causalConv is causalConvGeneric with the channels in lanes.
func (k *laneKernels) causalConv(out []float32, x Rows, state, weight, bias []float32, dim int, channels Range) {
	nTokens, nTaps := len(out)/dim, len(weight)/dim
	part := func(row []float32) []float32 { return row[channels.From:channels.To] }
	input := func(i int) []float32 {
		if i < nTaps-1 {
			return part(state[i*dim:][:dim])
		}
		return part(x.row(i-nTaps+1, dim))
	}
	for t := range nTokens {
		sum := part(out[t*dim:][:dim])
		if bias != nil {
			copy(sum, part(bias))
		} else {
			clear(sum)
		}
		for i := range nTaps {
			k.fmaTo(sum, part(weight[i*dim:][:dim]), input(t+i))
		}
	}
	for i := range nTaps - 1 {
		copy(part(state[i*dim:][:dim]), input(nTokens+i))
	}
}

func (k *laneKernels) mambaScan(m *Mamba, out, state []float32, u, dt, b, c Rows, channels Range) {
	if channels.len() == 0 {
		return
	}
	from, to := channels.From, channels.To
	for t := range len(out) / m.Dim {
		k.mambaToken(out[t*m.Dim:][from:to], u.row(t, m.Dim)[from:to], dt.row(t, m.Dim)[from:to], m.D[from:to],
			&state[from], &m.A[from], 4*m.Dim, b.row(t, m.DState), c.row(t, m.DState))
	}
}

func (k *laneKernels) mamba2Scan(m *Mamba2, out, state []float32, u, dt, b, c Rows, heads Range) {
	dim, nState := m.NHeads*m.HeadDim, m.NGroups*m.DState
	for t := range len(out) / dim {
		for h := heads.From; h < heads.To; h++ {
			group := h / (m.NHeads / m.NGroups) * m.DState
			step := dt.X[t*dt.Stride+h]
			k.mamba2Token(out[t*dim+h*m.HeadDim:][:m.HeadDim], u.row(t, dim)[h*m.HeadDim:][:m.HeadDim], &state[h*m.DState*m.HeadDim],
				b.row(t, nState)[group:][:m.DState], c.row(t, nState)[group:][:m.DState], exp32(step*m.A[h]), step, m.D[h])
		}
	}
}

func (k *laneKernels) deltaScan(n *DeltaNet, out, state []float32, q, keys, v, g, beta Rows, heads Range) {
	for t := range len(out) / (n.NVHeads * n.DV) {
		for h := heads.From; h < heads.To; h++ {
			kh := n.kHead(h) * n.DK
			k.deltaToken(out[(t*n.NVHeads+h)*n.DV:][:n.DV], v.X[t*v.Stride+h*n.DV:][:n.DV], &state[h*n.DK*n.DV],
				q.X[t*q.Stride+kh:][:n.DK], keys.X[t*keys.Stride+kh:][:n.DK],
				exp32(g.X[t*g.Stride+h]), beta.X[t*beta.Stride+h])
		}
	}
}
