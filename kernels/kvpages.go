package kernels

import (
	"fmt"
	"unsafe"
)

const (
	// PageTokens is the number of positions of a page of the KV cache.
	PageTokens = 64
	// SegmentTokens is the number of positions over which attention works
	// before it merges: segment s holds the positions [256s, 256s+256).
	SegmentTokens = 256

	segmentPages = SegmentTokens / PageTokens
	pagePanels   = PageTokens / nLanes
)

// KVPages finds one layer's keys and values in the pages of a timeline. Page p
// holds the positions [64p, 64p+64). In a page, the layer's keys lie at
// KOffset and its values at VOffset, in elements of Type:
//
//	K [NKVHeads][4 panels][HeadDimK][16 positions]
//	V [NKVHeads][64 positions][HeadDimV]
//
// so that a SIMD lane holds a key, or an element of the value. The zero value
// of the memory is valid; pages that no query sees may be nil. The slices
// belong to the caller; the offsets and the pages' addresses must divide by 64.
type KVPages struct {
	Type               Format // F32 or F16
	NKVHeads           int
	HeadDimK, HeadDimV int
	Pages              [][]byte
	KOffset, VOffset   int
}

// KBytes is the size of the layer's keys in a page.
func (kv *KVPages) KBytes() int { return kv.NKVHeads * PageTokens * kv.HeadDimK * kv.elemBytes() }

// VBytes is the size of the layer's values in a page.
func (kv *KVPages) VBytes() int { return kv.NKVHeads * PageTokens * kv.HeadDimV * kv.elemBytes() }

func (kv *KVPages) elemBytes() int {
	if kv.Type == F16 {
		return 2
	}
	return 4
}

// typeIndex is 0 for F32, 1 for F16.
func (kv *KVPages) typeIndex() int {
	if kv.Type == F16 {
		return 1
	}
	return 0
}

// check panics unless the pages lo to hi-1 exist and hold the layer.
func (kv *KVPages) check(op string, lo, hi int) {
	if kv.Type != F32 && kv.Type != F16 {
		panic(fmt.Sprintf("kernels: %s: KV type is %v, want F32 or F16", op, kv.Type))
	}
	if lo < 0 || hi > len(kv.Pages) {
		panic(fmt.Sprintf("kernels: %s: needs pages %d to %d, has %d", op, lo, hi-1, len(kv.Pages)))
	}
	need := max(kv.KOffset+kv.KBytes(), kv.VOffset+kv.VBytes())
	if kv.KOffset < 0 || kv.VOffset < 0 || (kv.KOffset|kv.VOffset)%pageAlign != 0 {
		panic(fmt.Sprintf("kernels: %s: offsets %d and %d, want multiples of %d", op, kv.KOffset, kv.VOffset, pageAlign))
	}
	for p := lo; p < hi; p++ {
		page := kv.Pages[p]
		if len(page) < need {
			panic(fmt.Sprintf("kernels: %s: page %d has %d bytes, want %d", op, p, len(page), need))
		}
		if uintptr(unsafe.Pointer(unsafe.SliceData(page)))%pageAlign != 0 {
			panic(fmt.Sprintf("kernels: %s: page %d is not aligned to %d bytes", op, p, pageAlign))
		}
	}
}

// pageAlign is what the widest vector load of a page wants.
const pageAlign = 64

// keyIndex is the place of element d of a key among the page's keys.
func (kv *KVPages) keyIndex(head, pos, d int) int {
	in := pos % PageTokens
	panel := head*pagePanels + in/nLanes
	return (panel*kv.HeadDimK+d)*nLanes + in%nLanes
}

// valueIndex is the place of element d of a value among the page's values.
func (kv *KVPages) valueIndex(head, pos, d int) int {
	return (head*PageTokens+pos%PageTokens)*kv.HeadDimV + d
}

// headKeys returns a head's keys in a page.
func (kv *KVPages) headKeys(head, page int) []byte {
	n := PageTokens * kv.HeadDimK * kv.elemBytes()
	return kv.Pages[page][kv.KOffset+head*n:][:n]
}

// headValues returns a head's values in a page.
func (kv *KVPages) headValues(head, page int) []byte {
	n := PageTokens * kv.HeadDimV * kv.elemBytes()
	return kv.Pages[page][kv.VOffset+head*n:][:n]
}

// read converts the elements i, i+1, … of the keys or values that start at
// byte off of page p, as many as dst holds.
func (kv *KVPages) read(dst []float32, p, off, i int) {
	base := unsafe.Pointer(&kv.Pages[p][off+i*kv.elemBytes()])
	if kv.Type == F16 {
		for n, h := range unsafe.Slice((*uint16)(base), len(dst)) {
			dst[n] = float16To32(h)
		}
		return
	}
	copy(dst, unsafe.Slice((*float32)(base), len(dst)))
}

// store writes element i of the keys or values that start at byte off of page p.
func (kv *KVPages) store(p, off, i int, v float32) {
	at := unsafe.Pointer(&kv.Pages[p][off+i*kv.elemBytes()])
	if kv.Type == F16 {
		*(*uint16)(at) = float32To16(v)
		return
	}
	*(*float32)(at) = v
}
