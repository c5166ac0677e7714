package daemon

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"inferd/daemon/audit"
	"inferd/daemon/auth"
	"inferd/daemon/conf"
	"inferd/daemon/store"
	"inferd/daemon/transport"
)

// Config is everything that can be set. ParseArgs fills it from defaults, a
// TOML file and flags, in this order; the names are those of settings.
type Config struct {
	Socket        string        // where to listen unless systemd passes a socket
	AdminSocket   string        // likewise for administrators; empty: beside Socket
	Models        []string      // GGUF files; the first part of a split one
	Demo          bool          // serve the model that the program carries
	ModelsDir     string        // folder of models; "" for none
	Heads         []string      // classifier heads, GGUF files
	Aliases       Aliases       // other names of models
	Preload       []string      // models to load without a request
	KeepAlive     time.Duration // an unused model stays this long; serve.Forever: always
	MemoryBudget  Bytes         // for all models; 0: what the machine and its control groups allow
	Licenses      store.Licenses
	SigningKeys   []store.PublicKey // of those who vouch for models
	Require       store.Requirement // what a model must bring along
	Policy        auth.Policy       // who may do what; nil: auth.Default
	AuditKey      *audit.Key        // for the hashes in answers' records; nil: none
	IdleExit      time.Duration     // end after this long without a request, if systemd holds the socket; 0: never
	NCtx          int               // context in tokens; 0: as much as model and budget allow
	KVBudget      Bytes             // for the KV cache of each model; touched as it is used
	KVType        string            // element of the KV cache: auto, f32 or f16
	KeepPrompts   time.Duration     // cached prompts stay this long after their last use; serve.Forever: until others need the room
	Threads       int               // for computing; 0: as many as the machine gives
	QueueSize     int               // requests of one user that may wait for a model
	MaxRunning    int               // requests that a model answers at once
	PrefillChunk  int               // prompt tokens in one step
	MaxBody       Bytes             // of a request
	MaxConns      int               // open connections of one user
	WriteTimeout  time.Duration     // a client that reads nothing for this long is dropped
	AnswerTimeout time.Duration     // an answer may take this long, waiting included; 0: any time
	DrainTimeout  time.Duration     // running answers may take this long after SIGTERM
	LogLevel      slog.Level
}

// DefaultConfig returns the configuration of an empty file and no flags.
func DefaultConfig() Config {
	return Config{
		Socket:       transport.DefaultPath(),
		ModelsDir:    defaultModelsDir(os.Getenv),
		KeepAlive:    5 * time.Minute,
		KVBudget:     1 << 30,
		KVType:       "auto",
		KeepPrompts:  time.Hour,
		QueueSize:    256,
		MaxRunning:   64,
		PrefillChunk: 128,
		MaxBody:      8 << 20,
		MaxConns:     512,
		WriteTimeout: 10 * time.Second,
		DrainTimeout: 30 * time.Second,
	}
}

// adminSocket is where administrators are listened to.
func (c *Config) adminSocket() string {
	if c.AdminSocket != "" {
		return c.AdminSocket
	}
	return transport.AdminPath(c.Socket)
}

// setting is one thing that file and flags can say.
type setting struct {
	name  string
	usage string
	set   func(*Config, string) error
	bare  bool // a flag without a value means true

	// clear is set for what may be given more than once, in the file as an
	// array. A list from flags replaces the file's.
	clear func(*Config)
}

var settings = []setting{
	{name: "socket", usage: "listen on the Unix socket `PATH`", set: func(c *Config, s string) error { c.Socket = s; return nil }},
	{name: "admin-socket", usage: "listen for administrators on the Unix socket `PATH`; default: beside --socket", set: func(c *Config, s string) error { c.AdminSocket = s; return nil }},
	{name: "model", usage: "serve the GGUF `FILE`; may be given more than once", clear: func(c *Config) { c.Models = nil },
		set: func(c *Config, s string) error { c.Models = append(c.Models, s); return nil }},
	{name: "models-dir", usage: "serve the models in `FOLDER`, those that come later too", set: func(c *Config, s string) error { c.ModelsDir = s; return nil }},
	{name: "demo", usage: "serve the small model that the program carries", bare: true, set: func(c *Config, s string) (err error) {
		if c.Demo, err = strconv.ParseBool(s); err != nil {
			return fmt.Errorf("want true or false, found %q", s)
		}
		return nil
	}},
	{name: "head", usage: "serve the classifier head in `FILE`, made for one of the models; may be given more than once", clear: func(c *Config) { c.Heads = nil },
		set: func(c *Config, s string) error { c.Heads = append(c.Heads, s); return nil }},
	{name: "alias", usage: "another name of a model, `NAME=MODEL`, or NAME@ENDPOINT=MODEL for requests to one endpoint such as embeddings; may be given more than once",
		clear: func(c *Config) { c.Aliases = nil }, set: setAlias},
	{name: "preload", usage: "load the `MODEL` of the folder at start; may be given more than once", clear: func(c *Config) { c.Preload = nil },
		set: func(c *Config, s string) error { c.Preload = append(c.Preload, s); return nil }},
	{name: "keep-alive", usage: "keep a model loaded for this `TIME` after its last request; below 0: for ever", set: setKeep(func(c *Config) *time.Duration { return &c.KeepAlive })},
	{name: "memory-budget", usage: "`BYTES` for all models together; 0: what machine and control groups allow", set: setBytes(0, func(c *Config) *Bytes { return &c.MemoryBudget })},
	{name: "license-allow", usage: "serve only models with the `LICENCE`, as general.license spells it; may be given more than once",
		clear: func(c *Config) { c.Licenses.Allow = nil }, set: func(c *Config, s string) error { c.Licenses.Allow = append(c.Licenses.Allow, s); return nil }},
	{name: "license-deny", usage: "serve no models with the `LICENCE`; may be given more than once",
		clear: func(c *Config) { c.Licenses.Deny = nil }, set: func(c *Config, s string) error { c.Licenses.Deny = append(c.Licenses.Deny, s); return nil }},
	{name: "signing-key", usage: "public `KEY` of minisign, or its .pub file, that signatures of models are checked with; may be given more than once",
		clear: func(c *Config) { c.SigningKeys = nil }, set: addSigningKey},
	{name: "require", usage: "`WHAT` a model must bring along: nothing, sum (a line in SHA256SUMS) or signature", set: func(c *Config, s string) (err error) { c.Require, err = store.ParseRequirement(s); return err }},
	{name: "policy", usage: "read who may do what from the TOML `FILE`", set: setPolicy},
	{name: "audit-key", usage: "add hashes of prompt and answer to the log line of each answer, with the key in `FILE`", set: func(c *Config, s string) (err error) { c.AuditKey, err = audit.ReadKey(s); return err }},
	{name: "idle-exit", usage: "end after this `TIME` without a request, if systemd holds the socket and starts inferd again; 0: never", set: setTimeout(func(c *Config) *time.Duration { return &c.IdleExit })},
	{name: "n-ctx", usage: "context length in `TOKENS`; 0: as much as the model and kv-budget allow", set: setInt(0, 1<<24, func(c *Config) *int { return &c.NCtx })},
	{name: "kv-budget", usage: "`BYTES` for the KV cache of each model, such as 512MiB", set: setBytes(1, func(c *Config) *Bytes { return &c.KVBudget })},
	{name: "kv-type", usage: "element `TYPE` of the KV cache: auto, f32 or f16", set: setKVType},
	{name: "keep-prompts", usage: "keep what was computed of a user's prompts for this `TIME` after its last use, for the user's later prompts; below 0: until others need the room", set: setKeep(func(c *Config) *time.Duration { return &c.KeepPrompts })},
	{name: "threads", usage: "`NUMBER` of threads that compute; 0: as many as the machine gives", set: setInt(0, 4096, func(c *Config) *int { return &c.Threads })},
	{name: "queue-size", usage: "`NUMBER` of requests of one user that may wait for a model before more are refused", set: setInt(0, 1<<20, func(c *Config) *int { return &c.QueueSize })},
	{name: "max-running", usage: "`NUMBER` of requests that a model answers at once", set: setInt(1, 4096, func(c *Config) *int { return &c.MaxRunning })},
	{name: "prefill-chunk", usage: "prompt `TOKENS` in one step: more is faster, fewer lets running answers go on sooner", set: setInt(1, 1<<16, func(c *Config) *int { return &c.PrefillChunk })},
	{name: "max-body", usage: "largest request body in `BYTES`", set: setBytes(1<<10, func(c *Config) *Bytes { return &c.MaxBody })},
	{name: "max-conns", usage: "`NUMBER` of connections that one user may have open", set: setInt(1, 1<<20, func(c *Config) *int { return &c.MaxConns })},
	{name: "write-timeout", usage: "drop a client that reads nothing for this `TIME`", set: setDuration(func(c *Config) *time.Duration { return &c.WriteTimeout })},
	{name: "answer-timeout", usage: "`TIME` that an answer may take, waiting included; 0: any", set: setTimeout(func(c *Config) *time.Duration { return &c.AnswerTimeout })},
	{name: "drain-timeout", usage: "`TIME` that running answers have when the daemon is told to stop", set: setDuration(func(c *Config) *time.Duration { return &c.DrainTimeout })},
	{name: "log-level", usage: "`LEVEL` of the log: debug, info, warn or error", set: func(c *Config, s string) error { return c.LogLevel.UnmarshalText([]byte(s)) }},
}

// ParseArgs reads command-line arguments, and the file that --config names.
// Flags win over the file, whatever their order. Help is written to output;
// the error is flag.ErrHelp then.
func ParseArgs(args []string, output io.Writer) (Config, error) {
	c := DefaultConfig()
	var fromFlags []func() error
	flags := flag.NewFlagSet("inferd", flag.ContinueOnError)
	flags.SetOutput(output)
	path := flags.String("config", "", "read the TOML `FILE`; its keys are the names of these flags")
	given := map[string]bool{}
	for _, s := range settings {
		define := flags.Func
		if s.bare {
			define = flags.BoolFunc
		}
		define(s.name, s.usage, func(value string) error {
			given[s.name] = true
			fromFlags = append(fromFlags, func() error { return s.set(&c, value) })
			return s.set(new(Config), value) // so that flag names the mistake
		})
	}
	flags.Usage = func() { printUsage(flags) }
	if err := flags.Parse(args); err != nil {
		return Config{}, err
	}
	if flags.NArg() > 0 {
		return Config{}, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	if *path != "" {
		if err := c.readFile(*path); err != nil {
			return Config{}, err
		}
	}
	for _, s := range settings {
		if s.clear != nil && given[s.name] {
			s.clear(&c)
		}
	}
	for _, set := range fromFlags {
		if err := set(); err != nil {
			return Config{}, err
		}
	}
	return c, nil
}

// printUsage writes what --help tells, in the order of settings.
func printUsage(flags *flag.FlagSet) {
	w := flags.Output()
	_, _ = fmt.Fprint(w, "Usage: inferd [flags]\n\nServe language models to the programs of this machine over a Unix socket.\n\nFlags:\n")
	names := []string{"config"}
	for _, s := range settings {
		names = append(names, s.name)
	}
	for _, name := range names {
		value, usage := flag.UnquoteUsage(flags.Lookup(name))
		_, _ = fmt.Fprintf(w, "  %-22s %s\n", "--"+name+" "+value, usage)
	}
}

// readFile sets what a TOML file says. Every error names the file and the line.
func (c *Config) readFile(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read configuration: %w", err)
	}
	if err := c.readTOML(string(text)); err != nil {
		return fmt.Errorf("configuration %s: %w", path, err)
	}
	return nil
}

func (c *Config) readTOML(text string) error {
	return conf.Each(text, func(name string, value any) error {
		i := slices.IndexFunc(settings, func(s setting) bool { return s.name == name })
		if i < 0 {
			return errors.New("unknown key")
		}
		return settings[i].setTOML(c, value)
	})
}

// setTOML sets the setting from a decoded TOML value.
func (s setting) setTOML(c *Config, value any) error {
	switch value := value.(type) {
	case string:
		return s.set(c, value)
	case int64, bool:
		return s.set(c, fmt.Sprint(value))
	case []any:
		if s.clear == nil {
			return errors.New("want one value, found an array")
		}
		for _, element := range value {
			text, ok := element.(string)
			if !ok {
				return fmt.Errorf("want an array of strings, found a %T in it", element)
			}
			if err := s.set(c, text); err != nil {
				return err
			}
		}
		return nil
	default:
		return fmt.Errorf("want a string or an integer, found a %T", value)
	}
}

func setInt(low, high int, field func(*Config) *int) func(*Config, string) error {
	return func(c *Config, s string) error {
		n, err := strconv.Atoi(s)
		if err != nil || n < low || n > high {
			return fmt.Errorf("want an integer from %d to %d, found %q", low, high, s)
		}
		*field(c) = n
		return nil
	}
}

func setBytes(low Bytes, field func(*Config) *Bytes) func(*Config, string) error {
	return func(c *Config, s string) error {
		b, err := parseBytes(s)
		if err != nil {
			return err
		}
		if b < low {
			return fmt.Errorf("want at least %v, found %q", low, s)
		}
		*field(c) = b
		return nil
	}
}

func setDuration(field func(*Config) *time.Duration) func(*Config, string) error {
	return func(c *Config, s string) error {
		d, err := time.ParseDuration(s)
		if err != nil || d <= 0 {
			return fmt.Errorf("want a time above 0 such as 30s, found %q", s)
		}
		*field(c) = d
		return nil
	}
}

// setTimeout is setDuration, but for 0, which means none.
func setTimeout(field func(*Config) *time.Duration) func(*Config, string) error {
	set := setDuration(field)
	return func(c *Config, s string) error {
		if d, err := time.ParseDuration(s); err == nil && d == 0 {
			*field(c) = 0
			return nil
		}
		return set(c, s)
	}
}

func setKVType(c *Config, s string) error {
	switch s {
	case "auto", "f32", "f16":
		c.KVType = s
		return nil
	default:
		return fmt.Errorf("want auto, f32 or f16, found %q", s)
	}
}

// Bytes is an amount of memory.
type Bytes int64

// byteUnits are the suffixes of Bytes, largest first.
var byteUnits = []struct {
	suffix string
	bytes  Bytes
}{{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"B", 1}, {"", 1}}

func (b Bytes) String() string {
	for _, u := range byteUnits {
		if b >= u.bytes && b%u.bytes == 0 {
			return fmt.Sprintf("%d%s", b/u.bytes, u.suffix)
		}
	}
	return fmt.Sprintf("%dB", int64(b))
}

// parseBytes reads an integer with a unit of byteUnits; none means bytes.
func parseBytes(s string) (Bytes, error) {
	for _, u := range byteUnits {
		digits, ok := strings.CutSuffix(s, u.suffix)
		if !ok {
			continue
		}
		n, err := strconv.ParseInt(digits, 10, 64)
		if err != nil || n < 0 || n > int64(1<<62/u.bytes) {
			break
		}
		return Bytes(n) * u.bytes, nil
	}
	return 0, fmt.Errorf("want an amount of memory such as 8MiB or 4GiB, found %q", s)
}
