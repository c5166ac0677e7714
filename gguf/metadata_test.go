package gguf_test

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"

	"inferd/gguf"
	"inferd/gguf/ggufwrite"
)

// written returns an open file with the given metadata.
func written(t *testing.T, pairs ...any) *gguf.File {
	t.Helper()
	w := ggufwrite.New()
	for i := 0; i < len(pairs); i += 2 {
		w.Set(pairs[i].(string), pairs[i+1])
	}
	path := t.TempDir() + "/model.gguf"
	require.NoError(t, w.WriteFile(path))
	f, err := gguf.Open(path)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, f.Close()) })
	return f
}

// everyValue has one value of each Go type that metadata can hold.
var everyValue = []any{
	uint8(200), int8(-100), uint16(60000), int16(-30000), uint32(4e9), int32(-2e9), uint64(1 << 63), int64(-1 << 63),
	float32(1.5), float64(1e300), true, "text",
	[]uint8{1, 255}, []int8{-1, 127}, []uint16{1, 65535}, []int16{-1, 32767}, []uint32{1, math.MaxUint32}, []int32{math.MinInt32, 7},
	[]uint64{1, 2}, []int64{-1, 2}, []float32{0.5, -1}, []float64{0.25, 3}, []bool{true, false}, []string{"", "a", "\xff"},
}

// getters has every getter, with the result's type as the caller sees it.
var getters = map[string]func(*gguf.File, string) (any, error){
	"String":  func(f *gguf.File, k string) (any, error) { return f.String(k) },
	"Bool":    func(f *gguf.File, k string) (any, error) { return f.Bool(k) },
	"Uint":    func(f *gguf.File, k string) (any, error) { return f.Uint(k) },
	"Int":     func(f *gguf.File, k string) (any, error) { return f.Int(k) },
	"Float":   func(f *gguf.File, k string) (any, error) { return f.Float(k) },
	"Strings": func(f *gguf.File, k string) (any, error) { return f.Strings(k) },
	"Bools":   func(f *gguf.File, k string) (any, error) { return f.Bools(k) },
	"Bytes":   func(f *gguf.File, k string) (any, error) { return f.Bytes(k) },
	"Uints":   func(f *gguf.File, k string) (any, error) { return f.Uints(k) },
	"Ints":    func(f *gguf.File, k string) (any, error) { return f.Ints(k) },
	"Floats":  func(f *gguf.File, k string) (any, error) { return f.Floats(k) },
}

// TestGetters asks for every value with every getter: it gets the value, or an
// error that names the key.
func TestGetters(t *testing.T) {
	want := map[string]map[string]any{ // getter → Go type of the value → result
		"String":  {"string": "text"},
		"Bool":    {"bool": true},
		"Uint":    {"uint8": uint64(200), "uint16": uint64(60000), "uint32": uint64(4e9), "uint64": uint64(1 << 63)},
		"Int":     {"uint8": int64(200), "int8": int64(-100), "uint16": int64(60000), "int16": int64(-30000), "uint32": int64(4e9), "int32": int64(-2e9), "int64": int64(-1 << 63)},
		"Float":   {"float32": 1.5, "float64": 1e300},
		"Strings": {"[]string": []string{"", "a", "\xff"}},
		"Bools":   {"[]bool": []bool{true, false}},
		"Bytes":   {"[]uint8": []byte{1, 255}, "[]int8": []byte{255, 127}},
		"Uints":   {"[]uint8": []uint32{1, 255}, "[]uint16": []uint32{1, 65535}, "[]uint32": []uint32{1, math.MaxUint32}, "[]uint64": []uint32{1, 2}},
		"Ints": {"[]uint8": []int32{1, 255}, "[]int8": []int32{-1, 127}, "[]uint16": []int32{1, 65535}, "[]int16": []int32{-1, 32767},
			"[]int32": []int32{math.MinInt32, 7}, "[]uint64": []int32{1, 2}, "[]int64": []int32{-1, 2}},
		"Floats": {"[]float32": []float32{0.5, -1}, "[]float64": []float32{0.25, 3}},
	}
	for _, value := range everyValue {
		goType := fmt.Sprintf("%T", value)
		f := written(t, "k", value)
		for name, get := range getters {
			got, err := get(f, "k")
			if expect, ok := want[name][goType]; ok {
				require.NoError(t, err, "%s of %s", name, goType)
				require.Equal(t, expect, got, "%s of %s", name, goType)
				continue
			}
			var pe *gguf.ParseError
			require.ErrorAs(t, err, &pe, "%s of %s", name, goType)
			require.Equal(t, `key "k"`, pe.Field)
			require.Positive(t, pe.Offset)
			require.True(t, reflect.ValueOf(got).IsZero(), "%s of %s gives %v with an error", name, goType, got)
		}
	}
}

func TestGettersAbsent(t *testing.T) {
	f := written(t)
	for name, get := range getters {
		_, err := get(f, "llama.block_count")
		require.ErrorIs(t, err, gguf.ErrNoKey, name)
		require.ErrorContains(t, err, `"llama.block_count"`, name)
		require.NotErrorAs(t, err, new(*gguf.ParseError), name)
	}
}

func TestGettersFit(t *testing.T) {
	tests := []struct {
		getter string
		value  any
		ok     bool
	}{
		{"Uint", int8(-1), false}, {"Uint", int64(-1), false}, {"Uint", int64(0), true}, {"Uint", uint64(math.MaxUint64), true},
		{"Int", uint64(math.MaxInt64), true}, {"Int", uint64(math.MaxInt64 + 1), false},
		{"Uints", []int8{0, -1}, false}, {"Uints", []uint64{math.MaxUint32}, true}, {"Uints", []uint64{math.MaxUint32 + 1, 0}, false},
		{"Ints", []uint32{math.MaxInt32}, true}, {"Ints", []uint32{math.MaxInt32 + 1}, false},
		{"Ints", []uint64{math.MaxUint64}, false}, {"Ints", []int64{math.MinInt32}, true}, {"Ints", []int64{math.MinInt32 - 1}, false},
		{"Floats", []float64{1e38}, true}, {"Floats", []float64{1e39}, false}, {"Floats", []float64{math.Inf(1)}, true},
		{"Ints", []int32{}, true}, {"Strings", []string{}, true},
	}
	for _, test := range tests {
		_, err := getters[test.getter](written(t, "k", test.value), "k")
		if test.ok {
			require.NoError(t, err, "%s of %v", test.getter, test.value)
			continue
		}
		require.ErrorAs(t, err, new(*gguf.ParseError), "%s of %v", test.getter, test.value)
	}
}

func TestKeys(t *testing.T) {
	pairs := []any{"z", uint8(1), "general.architecture", "llama", "a.b", []string{"x"}}
	for i, v := range everyValue {
		pairs = append(pairs, fmt.Sprintf("value.%02d", i), v)
	}
	f := written(t, pairs...)
	require.Equal(t, 3, f.Version())
	keys := f.Keys()
	require.Len(t, keys, len(pairs)/2)
	for i, kv := range keys {
		require.Equal(t, pairs[2*i], kv.Key)
		require.Equal(t, pairs[2*i+1], kv.Value())
		got, ok := f.KeyValue(kv.Key)
		require.True(t, ok)
		require.Equal(t, kv, got)
		if v := reflect.ValueOf(pairs[2*i+1]); v.Kind() == reflect.Slice {
			require.Equal(t, gguf.Array, kv.Type)
			require.Equal(t, v.Len(), kv.Len())
		} else {
			require.Equal(t, kv.Type, kv.Elem)
			require.Equal(t, 1, kv.Len())
		}
	}
	_, ok := f.KeyValue("zz")
	require.False(t, ok)
	require.Equal(t, "float32", gguf.Float32.String())
	require.Equal(t, "value type 13", gguf.ValueType(13).String())
}

// TestLongKeyInMessage: a hostile key may be 64 KiB of anything.
func TestLongKeyInMessage(t *testing.T) {
	key := make([]byte, 60_000)
	f := written(t, string(key), uint8(1))
	_, err := f.String(string(key))
	require.ErrorAs(t, err, new(*gguf.ParseError))
	require.Less(t, len(err.Error()), 700)
	_, err = f.String(string(key[1:]))
	require.True(t, errors.Is(err, gguf.ErrNoKey))
	require.Less(t, len(err.Error()), 700)
}
