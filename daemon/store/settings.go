package store

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"time"

	"inferd/daemon/conf"
	"inferd/daemon/serve"
)

// Settings are what NAME.toml beside a model says. The zero value is that of no
// file.
type Settings struct {
	// Aliases are other names of the model. NAME@ENDPOINT holds for requests
	// to one endpoint only.
	Aliases []string

	NCtx      int            // 0: as configured
	Adapters  []Adapter      // sorted by name
	Heads     []string       // files of classifier heads, in the folder
	Template  string         // file of a chat template in place of the model's own
	Sampling  serve.Sampling // what requests get that do not say otherwise
	Preload   bool           // load it at start, and when it appears
	Pin       bool           // never unload it
	KeepAlive *time.Duration // nil: as configured
}

// Adapter is a LoRA adapter that requests for a model can choose.
type Adapter struct {
	Name    string
	File    string // in the folder
	Scale   float32
	Default bool // for requests that choose none
}

// weights are the files of adapters and heads.
func (s *Settings) weights() []string {
	names := slices.Clone(s.Heads)
	for _, a := range s.Adapters {
		names = append(names, a.File)
	}
	return names
}

// files are all files that the settings name.
func (s *Settings) files() []string {
	names := s.weights()
	if s.Template != "" {
		names = append(names, s.Template)
	}
	return names
}

// ParseSettings reads the text of NAME.toml. Every error names its line.
func ParseSettings(text string) (s Settings, err error) {
	err = conf.Each(text, func(key string, value any) error {
		set, ok := settingKeys[key]
		if !ok {
			return errors.New("unknown key")
		}
		return set(&s, value)
	})
	return s, err
}

var settingKeys = map[string]func(*Settings, any) error{
	"alias":      func(s *Settings, v any) error { return setStrings(&s.Aliases, v) },
	"n-ctx":      func(s *Settings, v any) error { return setInt(&s.NCtx, v, 0, 1<<24) },
	"heads":      func(s *Settings, v any) error { return setFiles(&s.Heads, v) },
	"template":   func(s *Settings, v any) error { return setFile(&s.Template, v) },
	"preload":    func(s *Settings, v any) error { return setBool(&s.Preload, v) },
	"pin":        func(s *Settings, v any) error { return setBool(&s.Pin, v) },
	"keep-alive": setKeepAlive,
	"adapters":   setAdapters,
	"sampling":   func(s *Settings, v any) error { return setSampling(&s.Sampling, v) },
}

func setBool(dst *bool, v any) (err error) {
	b, ok := v.(bool)
	if !ok {
		return fmt.Errorf("want true or false, found %v", v)
	}
	*dst = b
	return nil
}

func setInt(dst *int, v any, low, high int64) error {
	n, ok := v.(int64)
	if !ok || n < low || n > high {
		return fmt.Errorf("want an integer from %d to %d, found %v", low, high, v)
	}
	*dst = int(n)
	return nil
}

func setStrings(dst *[]string, v any) error {
	elements, ok := v.([]any)
	if !ok {
		elements = []any{v}
	}
	for _, element := range elements {
		text, ok := element.(string)
		if !ok || text == "" {
			return fmt.Errorf("want a string or an array of strings, found %v", element)
		}
		*dst = append(*dst, text)
	}
	return nil
}

// setFile takes the name of a file in the model's folder.
func setFile(dst *string, v any) error {
	name, ok := v.(string)
	if !ok || name == "" || name[0] == '.' || name != filepath.Base(name) {
		return fmt.Errorf("want the name of a file in the model's folder, found %v", v)
	}
	*dst = name
	return nil
}

func setFiles(dst *[]string, v any) error {
	var names []string
	if err := setStrings(&names, v); err != nil {
		return err
	}
	for _, name := range names {
		if err := setFile(&name, name); err != nil {
			return err
		}
		*dst = append(*dst, name)
	}
	return nil
}

func setKeepAlive(s *Settings, v any) error {
	d, err := serve.KeepAlive(fmt.Sprint(v))
	s.KeepAlive = &d
	return err
}

// setAdapters takes a table from names to files, or to tables of file, scale and
// default.
func setAdapters(s *Settings, v any) error {
	table, ok := v.(map[string]any)
	if !ok {
		return fmt.Errorf("want a table of names and files, found %v", v)
	}
	for name, value := range table {
		a := Adapter{Name: name, Scale: 1}
		fields, ok := value.(map[string]any)
		if !ok {
			fields = map[string]any{"file": value}
		}
		for key, field := range fields {
			var err error
			switch key {
			case "file":
				err = setFile(&a.File, field)
			case "scale":
				err = setFloat32(&a.Scale, field)
			case "default":
				err = setBool(&a.Default, field)
			default:
				err = errors.New("unknown key")
			}
			if err != nil {
				return fmt.Errorf("%s: %s: %w", name, key, err)
			}
		}
		if a.File == "" {
			return fmt.Errorf("%s: has no file", name)
		}
		s.Adapters = append(s.Adapters, a)
	}
	sort.Slice(s.Adapters, func(i, j int) bool { return s.Adapters[i].Name < s.Adapters[j].Name })
	return nil
}

func setFloat32(dst *float32, v any) error {
	f, err := number(v)
	*dst = float32(f)
	return err
}

// number takes an integer or a float; NaN and infinities are none.
func number(v any) (float64, error) {
	f, ok := v.(float64)
	if n, isInt := v.(int64); isInt {
		f, ok = float64(n), true
	}
	if !ok || f-f != 0 {
		return 0, fmt.Errorf("want a number, found %v", v)
	}
	return f, nil
}

// setSampling takes a table of the parameters that requests may have, by their
// names there.
func setSampling(s *serve.Sampling, v any) error {
	table, ok := v.(map[string]any)
	if !ok {
		return fmt.Errorf("want a table, found %v", v)
	}
	for key, value := range table {
		name := strings.ReplaceAll(key, "-", "_")
		r, ok := serve.SamplingRanges[name]
		if !ok {
			return fmt.Errorf("%s: unknown key", key)
		}
		f, err := number(value)
		if err == nil && (f < r.Low || f > r.High) {
			err = fmt.Errorf("want a number from %v to %v, found %v", r.Low, r.High, value)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
		if *s == nil {
			*s = serve.Sampling{}
		}
		(*s)[name] = f
	}
	return nil
}
