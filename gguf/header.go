package gguf

import (
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"strings"
)

const (
	magic            = "GGUF"
	defaultAlignment = 32
	keyAlignment     = "general.alignment"

	tensorCountOffset = 8 // in the file
)

// parse reads everything before the tensor data. p.path and p.mapped are set.
func (p *part) parse() error {
	c := newCursor(p.path, p.mapped)
	nTensors, nKeys, err := p.parseStart(c)
	if err != nil {
		return err
	}
	if err := p.parseKeys(c, int(nKeys)); err != nil {
		return err
	}
	align, err := p.alignment()
	if err != nil {
		return err
	}
	return p.parseTensors(c, nTensors, align)
}

// parseStart reads magic, version and the two counts.
func (p *part) parseStart(c *cursor) (nTensors, nKeys uint64, err error) {
	b, err := c.take("magic", uint64(len(magic)))
	if err != nil {
		return 0, 0, err
	}
	if string(b) != magic {
		return 0, 0, c.fail("magic", 0, "is %q, a GGUF file begins with %q", b, magic)
	}
	at := c.off
	if p.version, err = c.u32("version"); err != nil {
		return 0, 0, err
	}
	if err := checkVersion(p.version); err != nil {
		return 0, 0, c.fail("version", at, "%w", err)
	}
	if nTensors, err = c.count("tensor count", maxTensors, minTensorBytes); err != nil {
		return 0, 0, err
	}
	nKeys, err = c.count("key count", maxKeys, minKeyValueBytes)
	return nTensors, nKeys, err
}

func checkVersion(v uint32) error {
	switch swapped := bits.ReverseBytes32(v); {
	case v == 2 || v == 3:
		return nil
	case swapped >= 1 && swapped <= 3:
		return errors.New("the file is big-endian, only little-endian files are supported")
	case v == 1:
		return errors.New("is 1, which is no longer in use; convert the model again")
	default:
		return fmt.Errorf("is %d, versions 2 and 3 are supported", v)
	}
}

// parseKeys reads the metadata and indexes it.
func (p *part) parseKeys(c *cursor, n int) error {
	p.keys = make([]KeyValue, n)
	for i := range p.keys {
		c.begin("key", i)
		if err := p.keys[i].parse(c); err != nil {
			return err
		}
	}
	byKey := func(i, j int32) int { return strings.Compare(p.keys[i].Key, p.keys[j].Key) }
	p.keyOrder = ascending(n)
	slices.SortStableFunc(p.keyOrder, byKey)
	for k := 1; k < n; k++ {
		if i, j := p.keyOrder[k-1], p.keyOrder[k]; byKey(i, j) == 0 {
			first, second := p.keys[i], p.keys[j]
			return p.fail("key "+quote(second.Key), second.offset, "appears twice, first with its value at byte %d", first.offset)
		}
	}
	return nil
}

// parse reads one pair: key, type, value.
func (kv *KeyValue) parse(c *cursor) error {
	at := c.off
	b, err := c.text("name", maxKeyBytes)
	if err != nil {
		return err
	}
	if len(b) == 0 {
		return c.fail("name", at, "is empty")
	}
	kv.Key = string(b)
	c.name = kv.Key
	if kv.Type, err = c.valueType("type"); err != nil {
		return err
	}
	kv.Elem = kv.Type
	if kv.Type == Array {
		at := c.off
		if kv.Elem, err = c.valueType("element type"); err != nil {
			return err
		}
		if kv.Elem == Array {
			return c.fail("element type", at, "is array; arrays of arrays are not supported")
		}
	}
	start := c.off
	if err := kv.skipValue(c); err != nil {
		return err
	}
	kv.raw, kv.offset = string(c.data[start:c.off]), int64(start)
	return nil
}

// skipValue moves the cursor over a value and checks that it is well formed.
func (kv *KeyValue) skipValue(c *cursor) error {
	size := valueTypes[kv.Elem].sizeBytes
	n := uint64(1)
	if kv.Type == Array {
		minBytes := size
		if kv.Elem == String {
			minBytes = 8
		}
		var err error
		if n, err = c.count("length", maxArrayLen, minBytes); err != nil {
			return err
		}
	}
	if kv.Elem == String {
		for range n {
			if _, err := c.text("value", maxStringBytes); err != nil {
				return err
			}
		}
		return nil
	}
	nBytes, ok := checkedMul(n, size)
	if !ok {
		return c.fail("value", c.off, "%d elements of %d bytes overflow", n, size)
	}
	at := c.off
	b, err := c.take("value", nBytes)
	if err != nil || kv.Elem != Bool {
		return err
	}
	if i := slices.IndexFunc(b, func(v byte) bool { return v > 1 }); i >= 0 {
		return c.fail("value", at+uint64(i), "is %d, a bool is 0 or 1", b[i])
	}
	return nil
}

// valueType reads the type of a value.
func (c *cursor) valueType(field string) (ValueType, error) {
	at := c.off
	v, err := c.u32(field)
	if err != nil {
		return 0, err
	}
	if v >= uint32(nValueTypes) {
		return 0, c.fail(field, at, "is %d, value types end at %d", v, nValueTypes-1)
	}
	return ValueType(v), nil
}

// alignment returns the alignment of the tensor data.
func (p *part) alignment() (uint64, error) {
	kv, ok := p.keyValue(keyAlignment)
	if !ok {
		return defaultAlignment, nil
	}
	if kv.Type != Uint32 {
		return 0, p.failKey(keyAlignment, "must be uint32, is %s", kv.typeName())
	}
	align := le32(kv.raw)
	if bits.OnesCount32(align) != 1 || align > maxAlignment {
		return 0, p.failKey(keyAlignment, "is %d, must be a power of two up to %d", align, maxAlignment)
	}
	return uint64(align), nil
}

// parseTensors reads the tensor index and checks where the data lies.
func (p *part) parseTensors(c *cursor, n, align uint64) error {
	c.item = ""
	if n > c.left()/minTensorBytes {
		return c.fail("tensor count", tensorCountOffset, "is %d, but the %d bytes left cannot hold as many: %w", n, c.left(), c.end)
	}
	p.tensors = make([]TensorInfo, n)
	starts := make([]int32, n) // of the descriptions, for messages
	for i := range p.tensors {
		c.begin("tensor", i)
		starts[i] = int32(c.off)
		if err := p.tensors[i].parse(c, align); err != nil {
			return err
		}
	}
	c.item = ""
	dataStart, ok := checkedAlign(c.off, align)
	if n > 0 && (!ok || dataStart > uint64(len(p.mapped))) {
		return c.fail("tensor data", c.off, "begins at byte %d, the file has %d: %w", dataStart, len(p.mapped), errTruncated)
	}
	return p.placeTensors(dataStart, starts)
}

// parse reads one tensor's description. t.Offset is still relative to the
// tensor data.
func (t *TensorInfo) parse(c *cursor, align uint64) error {
	at := c.off
	name, err := c.text("name", maxTensorNameBytes)
	if err != nil {
		return err
	}
	if len(name) == 0 {
		return c.fail("name", at, "is empty")
	}
	t.Name = string(name)
	c.name = t.Name
	dims, err := c.parseDims()
	if err != nil {
		return err
	}
	at = c.off
	id, err := c.u32("type")
	if err != nil {
		return err
	}
	t.Type = Type(id)
	if err := t.setSize(dims); err != nil {
		return c.fail("size", at, "%w", err)
	}
	at = c.off
	off, err := c.u64("offset")
	if err != nil {
		return err
	}
	if off&(align-1) != 0 || off > maxInt63 {
		return c.fail("offset", at, "is %d, must be a multiple of %d", off, align)
	}
	t.Offset = int64(off)
	return nil
}

// parseDims reads the dimensions into the cursor's scratch space.
func (c *cursor) parseDims() (dims []uint64, err error) {
	at := c.off
	n, err := c.u32("dimension count")
	if err != nil {
		return nil, err
	}
	if n > maxDims {
		return nil, c.fail("dimension count", at, "is %d, at most %d are allowed", n, maxDims)
	}
	dims = c.dims[:n]
	for i := range dims {
		at := c.off
		d, err := c.u64("dimension")
		if err != nil {
			return nil, err
		}
		if d == 0 || d > maxInt63 {
			return nil, c.fail("dimension", at, "is %d, must be from 1 to 2^63-1", d)
		}
		dims[i] = d
	}
	return dims, nil
}

// ascending returns 0 … n-1.
func ascending(n int) []int32 {
	order := make([]int32, n)
	for i := range order {
		order[i] = int32(i)
	}
	return order
}
