package ggufwrite

import (
	"encoding/binary"
	"fmt"
	"math"

	"inferd/gguf"
)

// encodeValue returns a value's type and bytes as in the file.
func encodeValue(value any) ([]byte, error) {
	switch v := value.(type) {
	case uint8:
		return scalar(gguf.Uint8, v), nil
	case int8:
		return scalar(gguf.Int8, v), nil
	case uint16:
		return scalar(gguf.Uint16, v), nil
	case int16:
		return scalar(gguf.Int16, v), nil
	case uint32:
		return scalar(gguf.Uint32, v), nil
	case int32:
		return scalar(gguf.Int32, v), nil
	case uint64:
		return scalar(gguf.Uint64, v), nil
	case int64:
		return scalar(gguf.Int64, v), nil
	case float32:
		return scalar(gguf.Float32, v), nil
	case float64:
		return scalar(gguf.Float64, v), nil
	case bool:
		return scalar(gguf.Bool, v), nil
	case string:
		return scalar(gguf.String, v), nil
	case []uint8:
		return array(gguf.Uint8, v), nil
	case []int8:
		return array(gguf.Int8, v), nil
	case []uint16:
		return array(gguf.Uint16, v), nil
	case []int16:
		return array(gguf.Int16, v), nil
	case []uint32:
		return array(gguf.Uint32, v), nil
	case []int32:
		return array(gguf.Int32, v), nil
	case []uint64:
		return array(gguf.Uint64, v), nil
	case []int64:
		return array(gguf.Int64, v), nil
	case []float32:
		return array(gguf.Float32, v), nil
	case []float64:
		return array(gguf.Float64, v), nil
	case []bool:
		return array(gguf.Bool, v), nil
	case []string:
		return array(gguf.String, v), nil
	}
	return nil, fmt.Errorf("metadata cannot hold a %T", value)
}

// element is what metadata and its arrays are made of.
type element interface {
	uint8 | int8 | uint16 | int16 | uint32 | int32 | uint64 | int64 | float32 | float64 | bool | string
}

func scalar[T element](t gguf.ValueType, v T) []byte {
	return appendElement(binary.LittleEndian.AppendUint32(nil, uint32(t)), v)
}

func array[T element](t gguf.ValueType, v []T) []byte {
	b := binary.LittleEndian.AppendUint32(nil, uint32(gguf.Array))
	b = binary.LittleEndian.AppendUint32(b, uint32(t))
	b = binary.LittleEndian.AppendUint64(b, uint64(len(v)))
	for _, e := range v {
		b = appendElement(b, e)
	}
	return b
}

func appendElement[T element](b []byte, v T) []byte {
	le := binary.LittleEndian
	switch v := any(v).(type) {
	case uint8:
		return append(b, v)
	case int8:
		return append(b, byte(v))
	case bool:
		if v {
			return append(b, 1)
		}
		return append(b, 0)
	case uint16:
		return le.AppendUint16(b, v)
	case int16:
		return le.AppendUint16(b, uint16(v))
	case uint32:
		return le.AppendUint32(b, v)
	case int32:
		return le.AppendUint32(b, uint32(v))
	case uint64:
		return le.AppendUint64(b, v)
	case int64:
		return le.AppendUint64(b, uint64(v))
	case float32:
		return le.AppendUint32(b, math.Float32bits(v))
	case float64:
		return le.AppendUint64(b, math.Float64bits(v))
	case string:
		return appendString(b, v)
	}
	panic("ggufwrite: element type without an encoding")
}

func appendString(b []byte, s string) []byte {
	return append(binary.LittleEndian.AppendUint64(b, uint64(len(s))), s...)
}
