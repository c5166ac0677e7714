package gguf

import (
	"fmt"
	"math"
	"regexp"
)

// The keys of split sets and the name they prescribe (llama.cpp gguf-split).
const (
	keySplitNo      = "split.no"
	keySplitCount   = "split.count"
	keySplitTensors = "split.tensors.count"
)

var partName = regexp.MustCompile(`^(.*)-(\d{5})-of-(\d{5})\.gguf$`)

// openRest opens the parts after the first, if the first says there are any.
func (f *File) openRest() error {
	no, count, err := f.parts[0].splitPlace()
	if err != nil || count <= 1 {
		return err
	}
	first := &f.parts[0]
	m := partName.FindStringSubmatch(first.path)
	if m == nil || m[3] != fmt.Sprintf("%05d", count) || m[2] != fmt.Sprintf("%05d", no+1) {
		return first.failKey(keySplitNo,
			"is part %d of %d, but the file is not named …-%05d-of-%05d.gguf", no+1, count, no+1, count)
	}
	if no != 0 {
		return first.failKey(keySplitNo, "is part %d of %d: open the first, %s-%05d-of-%05d.gguf", no+1, count, m[1], 1, count)
	}
	f.parts = append(f.parts, make([]part, count-1)...)
	for i := 1; i < count; i++ {
		p := &f.parts[i]
		if err := p.open(fmt.Sprintf("%s-%05d-of-%05d.gguf", m[1], i+1, count), f.openFile); err != nil {
			return fmt.Errorf("part %d of %d: %w", i+1, count, err)
		}
		gotNo, gotCount, err := p.splitPlace()
		if err != nil {
			return err
		}
		if gotNo != i || gotCount != count {
			return p.failKey(keySplitNo, "is part %d of %d, its name says part %d of %d", gotNo+1, gotCount, i+1, count)
		}
	}
	return f.checkSplitTotal()
}

// splitPlace returns a part's place in its set; a file outside any set is the
// first of one.
func (p *part) splitPlace() (no, count int, err error) {
	if count, err = p.splitNumber(keySplitCount, 1, 0, maxParts); err != nil {
		return 0, 0, err
	}
	count = max(count, 1) // merging a set leaves a count of 0 behind
	no, err = p.splitNumber(keySplitNo, 0, 0, count-1)
	return no, count, err
}

// checkSplitTotal compares the number of tensors with what the first part says.
func (f *File) checkSplitTotal() error {
	total := 0
	for i := range f.parts {
		total += len(f.parts[i].tensors)
	}
	want, err := f.parts[0].splitNumber(keySplitTensors, total, 0, math.MaxInt32)
	if err != nil {
		return err
	}
	if want != total {
		return f.parts[0].failKey(keySplitTensors, "is %d, the parts hold %d tensors", want, total)
	}
	return nil
}

// splitNumber returns an integer key, or absent if the part lacks it.
func (p *part) splitNumber(key string, absent, least, most int) (int, error) {
	kv, ok := p.keyValue(key)
	if !ok {
		return absent, nil
	}
	if kv.Type == Array || !isInteger(kv.Type) {
		return 0, p.failKey(key, "must be an integer, is %s", kv.typeName())
	}
	u, negative, _ := integer(kv.Type, kv.raw)
	if negative || u < uint64(least) || u > uint64(most) {
		return 0, p.failKey(key, "is %v, must be from %d to %d", kv.Value(), least, most)
	}
	return int(u), nil
}

// failKey reports the value of a key, or its absence at the file's beginning.
func (p *part) failKey(key, format string, args ...any) error {
	kv, _ := p.keyValue(key)
	return p.fail("key "+quote(key), kv.offset, format, args...)
}
