package kernels

import "fmt"

// StoreKV writes the keys and values of tokens at the positions pos, pos+1, …
// to their pages. With Type F16 this is the one place where they are
// rounded, to nearest even.
//
//	k [nTokens, NKVHeads, HeadDimK]
//	v [nTokens, NKVHeads, HeadDimV]
//
// It panics if lengths disagree or a page is missing. Calls for disjoint tokens may
// run at once.
func StoreKV(kv *KVPages, pos int, k, v []float32) {
	rowK, rowV := kv.NKVHeads*kv.HeadDimK, kv.NKVHeads*kv.HeadDimV
	if rowK <= 0 || rowV <= 0 || len(k)%rowK != 0 {
		panic(fmt.Sprintf("kernels: StoreKV: len(k) = %d is no multiple of %d", len(k), rowK))
	}
	n := len(k) / rowK
	checkLen("StoreKV", "v", len(v), n*rowV)
	if n == 0 {
		return
	}
	kv.check("StoreKV", pos/PageTokens, (pos+n-1)/PageTokens+1)
	active.StoreKV(kv, pos, k, v)
}

func storeKVGeneric(kv *KVPages, pos int, k, v []float32) {
	n := len(k) / (kv.NKVHeads * kv.HeadDimK)
	for t := range n {
		p := (pos + t) / PageTokens
		for h := range kv.NKVHeads {
			row := t*kv.NKVHeads + h
			for d, x := range k[row*kv.HeadDimK:][:kv.HeadDimK] {
				kv.store(p, kv.KOffset, kv.keyIndex(h, pos+t, d), x)
			}
			for d, x := range v[row*kv.HeadDimV:][:kv.HeadDimV] {
				kv.store(p, kv.VOffset, kv.valueIndex(h, pos+t, d), x)
			}
		}
	}
}
