package daemon

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"inferd/daemon/auth"
	"inferd/daemon/serve"
	"inferd/daemon/store"
)

// systemModelsDir is where the service of a machine has its models.
const systemModelsDir = "/var/lib/inferd/models"

// defaultModelsDir returns the folder that holds the models if nobody says
// otherwise: systemd's for the service, else the user's (XDG Base Directory
// Specification), else the machine's.
func defaultModelsDir(getenv func(string) string) string {
	if state := getenv("STATE_DIRECTORY"); state != "" {
		return filepath.Join(strings.Split(state, ":")[0], "models")
	}
	if data := getenv("XDG_DATA_HOME"); filepath.IsAbs(data) {
		return filepath.Join(data, "inferd", "models")
	}
	if home := getenv("HOME"); filepath.IsAbs(home) && os.Geteuid() != 0 {
		return filepath.Join(home, ".local", "share", "inferd", "models")
	}
	return systemModelsDir
}

// Aliases are other names of models: NAME or NAME@ENDPOINT to a model's name.
type Aliases map[string]string

// setAlias adds NAME=MODEL.
func setAlias(c *Config, s string) error {
	name, model, ok := strings.Cut(s, "=")
	if !ok || name == "" || model == "" {
		return fmt.Errorf("want NAME=MODEL, found %q", s)
	}
	aliases := Aliases{}
	for k, v := range c.Aliases { // a copy: configurations share nothing
		aliases[k] = v
	}
	if old, taken := aliases[name]; taken && old != model {
		return fmt.Errorf("%q is another name of %q already", name, old)
	}
	aliases[name] = model
	c.Aliases = aliases
	return nil
}

// setKeep sets a time for which something stays.
func setKeep(field func(*Config) *time.Duration) func(*Config, string) error {
	return func(c *Config, s string) (err error) {
		*field(c), err = serve.KeepAlive(s)
		return err
	}
}

// addSigningKey takes a key or the file that holds it.
func addSigningKey(c *Config, s string) error {
	key, err := store.ParsePublicKey(s)
	if err != nil && strings.HasSuffix(s, ".pub") {
		var text []byte
		if text, err = os.ReadFile(s); err == nil {
			if key, err = store.ParsePublicKey(string(text)); err != nil {
				err = fmt.Errorf("%s %w", s, err)
			}
		}
	} else if err != nil {
		err = fmt.Errorf("%q %w, and not the path of a .pub file", s, err)
	}
	if err == nil {
		c.SigningKeys = append(slices.Clone(c.SigningKeys), key)
	}
	return err
}

// setPolicy reads a policy file.
func setPolicy(c *Config, path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	c.Policy, err = auth.ParsePolicy(string(text), auth.SystemNames)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// preloads reports whether the configuration wants a model loaded without a
// request.
func (c *Config) preloads(name string) bool { return slices.Contains(c.Preload, name) }

// Check returns why the configuration serves nothing, now or later.
func (c *Config) Check() error {
	if len(c.Models) > 0 || c.Demo {
		return nil
	}
	if c.ModelsDir == "" {
		return ErrNoModel
	}
	if _, err := os.Stat(c.ModelsDir); err != nil {
		return fmt.Errorf("%w: %w", ErrNoModel, err)
	}
	return nil
}

// ErrNoModel is returned for a configuration that can never serve a model.
var ErrNoModel = errors.New("no model to serve")
