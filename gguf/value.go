package gguf

import (
	"fmt"
	"math"
)

// ValueType is the type of a metadata value or of an array's elements.
type ValueType uint8

// The metadata types, numbered as in the file.
const (
	Uint8 ValueType = iota
	Int8
	Uint16
	Int16
	Uint32
	Int32
	Float32
	Bool
	String
	Array
	Uint64
	Int64
	Float64
	nValueTypes
)

// valueTypes holds each type's name and its bytes in the file; strings and
// arrays have no fixed size.
var valueTypes = [nValueTypes]struct {
	name      string
	sizeBytes uint64
}{
	Uint8: {"uint8", 1}, Int8: {"int8", 1},
	Uint16: {"uint16", 2}, Int16: {"int16", 2},
	Uint32: {"uint32", 4}, Int32: {"int32", 4},
	Uint64: {"uint64", 8}, Int64: {"int64", 8},
	Float32: {"float32", 4}, Float64: {"float64", 8},
	Bool: {"bool", 1}, String: {"string", 0}, Array: {"array", 0},
}

// String returns the type's name, such as "uint32".
func (t ValueType) String() string {
	if t >= nValueTypes {
		return fmt.Sprintf("value type %d", uint8(t))
	}
	return valueTypes[t].name
}

// KeyValue is one metadata pair.
type KeyValue struct {
	Key  string
	Type ValueType
	Elem ValueType // type of an array's elements; equal to Type otherwise

	// raw is the value as encoded in the file, already checked. For an array
	// it starts with the element count.
	raw    string
	offset int64 // of raw in the file
}

// Len returns the number of elements of an array, and 1 for any other value.
func (kv KeyValue) Len() int {
	if kv.Type != Array {
		return 1
	}
	return int(le64(kv.raw))
}

// Value returns the value as the Go type of its name: uint8 … float64, bool,
// string, or a slice of those. It allocates a new slice on each call.
func (kv KeyValue) Value() any {
	if kv.Type != Array {
		return scalarValue(kv.Type, kv.raw)
	}
	switch kv.Elem {
	case Uint8:
		return []byte(kv.elements())
	case Int8:
		return decode(kv, func(s string) int8 { return int8(s[0]) })
	case Uint16:
		return decode(kv, le16)
	case Int16:
		return decode(kv, func(s string) int16 { return int16(le16(s)) })
	case Uint32:
		return decode(kv, le32)
	case Int32:
		return decode(kv, func(s string) int32 { return int32(le32(s)) })
	case Uint64:
		return decode(kv, le64)
	case Int64:
		return decode(kv, func(s string) int64 { return int64(le64(s)) })
	case Float32:
		return decode(kv, func(s string) float32 { return math.Float32frombits(le32(s)) })
	case Float64:
		return decode(kv, func(s string) float64 { return math.Float64frombits(le64(s)) })
	case Bool:
		return decode(kv, func(s string) bool { return s[0] != 0 })
	default:
		return kv.strings()
	}
}

// typeName describes the value's type in messages.
func (kv KeyValue) typeName() string {
	if kv.Type == Array {
		return "array of " + kv.Elem.String()
	}
	return kv.Type.String()
}

// elements returns an array's encoded elements, without their count.
func (kv KeyValue) elements() string { return kv.raw[8:] }

// strings splits an array of strings; the strings share raw's memory.
func (kv KeyValue) strings() []string {
	out := make([]string, kv.Len())
	rest := kv.elements()
	for i := range out {
		n := le64(rest)
		out[i], rest = rest[8:8+n], rest[8+n:]
	}
	return out
}

// decode applies f to each element of an array of a fixed-size type.
func decode[T any](kv KeyValue, f func(string) T) []T {
	out := make([]T, kv.Len())
	size, rest := valueTypes[kv.Elem].sizeBytes, kv.elements()
	for i := range out {
		out[i] = f(rest[:size])
		rest = rest[size:]
	}
	return out
}

// scalarValue decodes a value that is not an array.
func scalarValue(t ValueType, raw string) any {
	switch t {
	case Uint8:
		return raw[0]
	case Int8:
		return int8(raw[0])
	case Uint16:
		return le16(raw)
	case Int16:
		return int16(le16(raw))
	case Uint32:
		return le32(raw)
	case Int32:
		return int32(le32(raw))
	case Uint64:
		return le64(raw)
	case Int64:
		return int64(le64(raw))
	case Float32:
		return math.Float32frombits(le32(raw))
	case Float64:
		return math.Float64frombits(le64(raw))
	case Bool:
		return raw[0] != 0
	default:
		return raw[8:]
	}
}

// integer decodes one integer of type t. Values from 2^63 up come back with
// negative false and the whole magnitude in u.
func integer(t ValueType, s string) (u uint64, negative, ok bool) {
	var i int64
	switch t {
	case Uint8:
		return uint64(s[0]), false, true
	case Uint16:
		return uint64(le16(s)), false, true
	case Uint32:
		return uint64(le32(s)), false, true
	case Uint64:
		return le64(s), false, true
	case Int8:
		i = int64(int8(s[0]))
	case Int16:
		i = int64(int16(le16(s)))
	case Int32:
		i = int64(int32(le32(s)))
	case Int64:
		i = int64(le64(s))
	default:
		return 0, false, false
	}
	return uint64(i), i < 0, true
}

func le16(s string) uint16 { return uint16(s[0]) | uint16(s[1])<<8 }
func le32(s string) uint32 { return uint32(le16(s)) | uint32(le16(s[2:]))<<16 }
func le64(s string) uint64 { return uint64(le32(s)) | uint64(le32(s[4:]))<<32 }
