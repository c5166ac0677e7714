package main

import (
	"flag"
	"strconv"
	"strings"

	"inferd/runtime"
)

// loraFlag is the flag --lora of commands that load a model. It may be given
// several times: the changes add up.
type loraFlag struct {
	files []loraFile
}

type loraFile struct {
	path  string
	scale float32
}

func (l *loraFlag) define(fs *flag.FlagSet) {
	fs.Func("lora", "change the model by the LoRA adapter `FILE[=SCALE]`, at full strength if no scale is given; repeatable", func(value string) error {
		l.files = append(l.files, parseLoRA(value))
		return nil
	})
}

// parseLoRA reads FILE[=SCALE]. What follows the last = is part of the name if
// it is no number.
func parseLoRA(value string) loraFile {
	if i := strings.LastIndexByte(value, '='); i >= 0 {
		if scale, err := strconv.ParseFloat(value[i+1:], 32); err == nil {
			return loraFile{value[:i], float32(scale)}
		}
	}
	return loraFile{value, 1}
}

// newSession begins a session with the adapters, which it keeps.
func (l *loraFlag) newSession(e *runtime.Engine) (*runtime.Session, error) {
	var o runtime.SessionOptions
	for _, f := range l.files {
		a, err := e.LoadAdapter(f.path)
		if err != nil {
			return nil, fileError(err)
		}
		defer a.Close()
		o.Adapters = append(o.Adapters, runtime.AdapterUse{Adapter: a, Scale: f.scale})
	}
	return e.NewSession(o)
}
