package gguf

import (
	"fmt"
	"math"
	"sort"
	"strings"
)

// Keys returns all metadata pairs in the order of the file; of a split set,
// those of the first part.
func (f *File) Keys() []KeyValue {
	return append([]KeyValue(nil), f.first().keys...)
}

// KeyValue returns the pair with the given key.
func (f *File) KeyValue(key string) (KeyValue, bool) {
	return f.first().keyValue(key)
}

// The getters below return the value of a key. A missing key gives an error
// that is ErrNoKey; a value of another type, or one that does not fit, gives a
// *ParseError that names the key. Integer getters accept every integer type,
// float getters both float types; neither accepts the other's.

// String returns a string.
func (f *File) String(key string) (string, error) {
	kv, err := f.lookup(key, "a string", func(kv KeyValue) bool { return kv.Type == String })
	if err != nil {
		return "", err
	}
	return kv.raw[8:], nil
}

// Bool returns a bool.
func (f *File) Bool(key string) (bool, error) {
	kv, err := f.lookup(key, "a bool", func(kv KeyValue) bool { return kv.Type == Bool })
	if err != nil {
		return false, err
	}
	return kv.raw[0] != 0, nil
}

// Uint returns a non-negative integer.
func (f *File) Uint(key string) (uint64, error) {
	kv, err := f.lookup(key, "an integer", func(kv KeyValue) bool { return isInteger(kv.Type) })
	if err != nil {
		return 0, err
	}
	u, negative, _ := integer(kv.Type, kv.raw)
	if negative {
		return 0, f.keyError(kv, "is %d, must not be negative", int64(u))
	}
	return u, nil
}

// Int returns an integer.
func (f *File) Int(key string) (int64, error) {
	kv, err := f.lookup(key, "an integer", func(kv KeyValue) bool { return isInteger(kv.Type) })
	if err != nil {
		return 0, err
	}
	u, negative, _ := integer(kv.Type, kv.raw)
	if !negative && u > math.MaxInt64 {
		return 0, f.keyError(kv, "is %d, does not fit in an int64", u)
	}
	return int64(u), nil
}

// Float returns a float, which may be infinite or NaN.
func (f *File) Float(key string) (float64, error) {
	kv, err := f.lookup(key, "a float", func(kv KeyValue) bool { return isFloat(kv.Type) })
	if err != nil {
		return 0, err
	}
	return float(kv.Type, kv.raw), nil
}

// Strings returns an array of strings. The strings share the metadata's
// memory, the slice is the caller's.
func (f *File) Strings(key string) ([]string, error) {
	kv, err := f.lookupArray(key, "strings", func(t ValueType) bool { return t == String })
	if err != nil {
		return nil, err
	}
	return kv.strings(), nil
}

// Bools returns an array of bools.
func (f *File) Bools(key string) ([]bool, error) {
	kv, err := f.lookupArray(key, "bools", func(t ValueType) bool { return t == Bool })
	if err != nil {
		return nil, err
	}
	return decode(kv, func(s string) bool { return s[0] != 0 }), nil
}

// Bytes returns an array of uint8 or int8 as bytes.
func (f *File) Bytes(key string) ([]byte, error) {
	kv, err := f.lookupArray(key, "bytes", func(t ValueType) bool { return t == Uint8 || t == Int8 })
	if err != nil {
		return nil, err
	}
	return []byte(kv.elements()), nil
}

// Uints returns an array of non-negative integers that fit in 32 bits. The
// result is that narrow because it must not exceed four times the file, and
// no key in use needs more.
func (f *File) Uints(key string) ([]uint32, error) {
	kv, err := f.lookupArray(key, "integers", isInteger)
	if err != nil {
		return nil, err
	}
	bad := -1
	out := decodeIndexed(kv, func(i int, s string) uint32 {
		u, negative, _ := integer(kv.Elem, s)
		if negative || u > math.MaxUint32 {
			bad = i
		}
		return uint32(u)
	})
	if bad >= 0 {
		return nil, f.keyError(kv, "element %d does not fit in a uint32", bad)
	}
	return out, nil
}

// Ints returns an array of integers that fit in 32 bits.
func (f *File) Ints(key string) ([]int32, error) {
	kv, err := f.lookupArray(key, "integers", isInteger)
	if err != nil {
		return nil, err
	}
	bad := -1
	out := decodeIndexed(kv, func(i int, s string) int32 {
		u, negative, _ := integer(kv.Elem, s)
		if v := int64(u); v != int64(int32(v)) || negative != (v < 0) {
			bad = i
		}
		return int32(u)
	})
	if bad >= 0 {
		return nil, f.keyError(kv, "element %d does not fit in an int32", bad)
	}
	return out, nil
}

// Floats returns an array of floats; float64 elements are rounded, and those
// out of range refused.
func (f *File) Floats(key string) ([]float32, error) {
	kv, err := f.lookupArray(key, "floats", isFloat)
	if err != nil {
		return nil, err
	}
	bad := -1
	out := decodeIndexed(kv, func(i int, s string) float32 {
		v := float(kv.Elem, s)
		if math.IsInf(float64(float32(v)), 0) && !math.IsInf(v, 0) {
			bad = i
		}
		return float32(v)
	})
	if bad >= 0 {
		return nil, f.keyError(kv, "element %d does not fit in a float32", bad)
	}
	return out, nil
}

// decodeIndexed is decode for functions that report an element's index.
func decodeIndexed[T any](kv KeyValue, f func(i int, s string) T) []T {
	i := -1
	return decode(kv, func(s string) T { i++; return f(i, s) })
}

func isInteger(t ValueType) bool {
	switch t {
	case Uint8, Int8, Uint16, Int16, Uint32, Int32, Uint64, Int64:
		return true
	}
	return false
}

func isFloat(t ValueType) bool { return t == Float32 || t == Float64 }

// float decodes one float of type t.
func float(t ValueType, s string) float64 {
	if t == Float32 {
		return float64(math.Float32frombits(le32(s)))
	}
	return math.Float64frombits(le64(s))
}

// lookup returns the pair if it is there and of an accepted type.
func (f *File) lookup(key, want string, accept func(KeyValue) bool) (KeyValue, error) {
	kv, ok := f.KeyValue(key)
	if !ok {
		return kv, fmt.Errorf("gguf: %s: key %s: %w", f.first().path, quote(key), ErrNoKey)
	}
	if !accept(kv) {
		return kv, f.keyError(kv, "must be %s, is %s", want, kv.typeName())
	}
	return kv, nil
}

func (f *File) lookupArray(key, want string, accept func(ValueType) bool) (KeyValue, error) {
	return f.lookup(key, "an array of "+want, func(kv KeyValue) bool {
		return kv.Type == Array && accept(kv.Elem)
	})
}

func (f *File) keyError(kv KeyValue, format string, args ...any) error {
	return &ParseError{f.first().path, "key " + quote(kv.Key), kv.offset, fmt.Errorf(format, args...)}
}

// keyValue finds a pair in the sorted index.
func (p *part) keyValue(key string) (KeyValue, bool) {
	i, ok := sort.Find(len(p.keyOrder), func(i int) int {
		return strings.Compare(key, p.keys[p.keyOrder[i]].Key)
	})
	if !ok {
		return KeyValue{}, false
	}
	return p.keys[p.keyOrder[i]], true
}
