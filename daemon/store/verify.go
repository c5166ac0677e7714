package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"inferd/gguf"
	"inferd/runtime"
	"inferd/runtime/head"
)

// Licenses says which models may be used by what general.license says.
type Licenses struct {
	Allow []string // if not empty, only these
	Deny  []string // never these
}

// check returns why a licence is not allowed. A model without one has the
// licence "".
func (l Licenses) check(license string) error {
	switch {
	case slices.Contains(l.Deny, license):
		return &LicenseError{license, "is denied by the configuration"}
	case len(l.Allow) > 0 && !slices.Contains(l.Allow, license):
		return &LicenseError{license, "is not among those that the configuration allows"}
	}
	return nil
}

// LicenseError reports a model whose licence the configuration does not allow.
type LicenseError struct {
	License string
	Reason  string
}

func (e *LicenseError) Error() string {
	if e.License == "" {
		return "it names no licence, which " + e.Reason
	}
	return fmt.Sprintf("its licence %q %s", e.License, e.Reason)
}

// errNotModel reports a GGUF file that is something else: an adapter, a head.
var errNotModel = errors.New("is no model")

// candidate is files that may be a model.
type candidate struct {
	name    string
	path    string // the first part
	named   bool   // by the configuration
	builtin bool   // part of the program, and so beyond doubt
	open    func(string) (*os.File, error)
	stat    func(string, *unix.Stat_t) error
	extra   error // what is wrong before anything is opened
}

// beside returns the path of a file in the model's folder.
func (c *candidate) beside(file string) string { return filepath.Join(filepath.Dir(c.path), file) }

// verify reads what must be read to know that c is a model which may be used.
// Where it fails the model may still tell its settings.
func verify(ctx context.Context, c candidate, o *Options) (*Model, error) {
	if c.extra != nil {
		return nil, c.extra
	}
	f, err := gguf.OpenWith(c.path, c.open)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if arch, _ := f.String("general.architecture"); arch == head.Architecture {
		return nil, errNotModel
	}
	if kind, _ := f.String("general.type"); kind != "" && kind != "model" {
		return nil, errNotModel
	}
	m := &Model{Name: c.name, Named: c.named, Plan: o.Plan, path: c.path, open: c.open, aux: map[string]identity{}}
	if err := m.identify(f, c.named); err != nil {
		return nil, err
	}
	if m.Settings, err = readSettings(c.beside(c.name+".toml"), c.open); err != nil {
		return nil, err
	}
	if err := errors.Join(m.inspect(f, o), m.readTemplate(f)); err != nil {
		return m, err
	}
	a := &authority{filepath.Dir(c.path), c.open, o.Keys, o.Require}
	if c.builtin {
		a.require = RequireNothing
	}
	if err := m.vouch(ctx, f, a); err != nil {
		return m, err
	}
	return m, m.Check(f)
}

// identify notes the identities of the parts, which must have settled unless the
// configuration names them: somebody waits for those.
func (m *Model) identify(f *gguf.File, named bool) error {
	for i, file := range f.Files() {
		id, err := identify(file)
		if err != nil {
			return err
		}
		if !named && !id.settled(time.Now()) {
			return fmt.Errorf("%s: %w", file.Name(), ErrChanged)
		}
		if i == 0 {
			m.Modified = time.Unix(id.mtime.Unix())
		}
		m.ids = append(m.ids, id)
	}
	return nil
}

// inspect plans the loading of the model, which checks all but the weights. A
// context that the configuration wants of all models is cut to what this one has.
func (m *Model) inspect(f *gguf.File, o *Options) (err error) {
	if m.Settings.NCtx > 0 {
		m.Plan.NCtx = m.Settings.NCtx
	}
	m.Info, err = runtime.InspectFile(f, m.Plan)
	if _, isParam := errors.AsType[*runtime.ParamError](err); isParam && m.Settings.NCtx == 0 && !m.Named {
		m.Plan.NCtx = 0
		m.Info, err = runtime.InspectFile(f, m.Plan)
	}
	if err != nil {
		return err
	}
	if m.Info.Problem != "" {
		return errors.New(m.Info.Problem)
	}
	return o.Licenses.check(m.Info.License)
}

// readTemplate finds the chat template.
func (m *Model) readTemplate(f *gguf.File) (err error) {
	if m.Settings.Template == "" {
		m.ChatTemplate, err = f.String("tokenizer.chat_template")
		if errors.Is(err, gguf.ErrNoKey) {
			err = nil
		}
		return err
	}
	text, err := readSmall(filepath.Join(filepath.Dir(m.path), m.Settings.Template), m.open)
	m.ChatTemplate = string(text)
	return err
}

// vouch checks sums and signatures of the model and of all that goes with it.
func (m *Model) vouch(ctx context.Context, f *gguf.File, a *authority) error {
	files := f.Files()
	for _, file := range files {
		sum, err := a.vouch(ctx, file)
		if err != nil {
			return err
		}
		if sum != "" && len(files) == 1 {
			m.SetSum(sum)
		}
	}
	for _, name := range m.Settings.weights() {
		if err := m.vouchBeside(ctx, name, a); err != nil {
			return err
		}
	}
	return nil
}

// vouchBeside checks an adapter or a head.
func (m *Model) vouchBeside(ctx context.Context, name string, a *authority) error {
	f, err := gguf.OpenWith(filepath.Join(a.folder, name), a.open)
	if err != nil {
		return err
	}
	defer f.Close()
	file := f.Files()[0]
	id, err := identify(file)
	if err != nil {
		return err
	}
	if _, err := a.vouch(ctx, file); err != nil {
		return err
	}
	m.aux[name] = id
	return checkSame(f, []identity{id})
}

// readSettings reads NAME.toml, if it is there.
func readSettings(path string, open func(string) (*os.File, error)) (Settings, error) {
	text, err := readSmall(path, open)
	if errors.Is(err, os.ErrNotExist) {
		return Settings{}, nil
	}
	if err != nil {
		return Settings{}, err
	}
	s, err := ParseSettings(string(text))
	if err != nil {
		return Settings{}, fmt.Errorf("%s: %w", path, err)
	}
	return s, nil
}
