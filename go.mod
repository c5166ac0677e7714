module inferd

go 1.26.0

toolchain go1.26.8

require (
	github.com/BurntSushi/toml v1.6.0 // configuration files; errors carry the line
	github.com/coreos/go-systemd/v22 v22.7.0 // socket activation, sd_notify, journal
	github.com/dlclark/regexp2 v1.11.5 // tests only: regular expressions as ECMAScript reads them
	github.com/fsnotify/fsnotify v1.10.1 // models and configuration that appear while running
	github.com/klauspost/cpuid/v2 v2.4.2 // which kernels this CPU can run
	github.com/openai/openai-go/v3 v3.96.0 // tests only: a client that programs really use
	github.com/rogpeppe/go-internal v1.16.0 // tests only: command lines as scripts
	github.com/santhosh-tekuri/jsonschema/v6 v6.0.3 // tests only: an independent judge of constrained output
	github.com/stretchr/testify v1.12.1 // tests only
	go.uber.org/goleak v1.3.0 // tests only: no goroutine outlives its owner
	golang.org/x/crypto v0.58.0 // BLAKE2b, which minisign hashes files with
	golang.org/x/sys v0.49.0 // mmap, madvise, peer credentials
	golang.org/x/term v0.47.0 // line editing and terminal size in inferctl
	golang.org/x/text v0.43.0 // Unicode normalisation in WordPiece and unigram tokenizers
	gonum.org/v1/gonum v0.17.0 // tests only: float64 references
	gorgonia.org/gorgonia v0.9.18 // tests and training tools only: an independent float32 oracle
	gorgonia.org/tensor v0.9.24 // tests and training tools only: goes with gorgonia
)

require (
	github.com/apache/arrow/go/arrow v0.0.0-20211112161151-bc219186db40 // indirect
	github.com/awalterschulze/gographviz v2.0.3+incompatible // indirect
	github.com/chewxy/hm v1.0.0 // indirect
	github.com/chewxy/math32 v1.10.1 // indirect
	github.com/coder/websocket v1.8.15 // indirect
	github.com/gogo/protobuf v1.3.2 // indirect
	github.com/golang/protobuf v1.5.2 // indirect
	github.com/google/flatbuffers v2.0.6+incompatible // indirect
	github.com/google/uuid v1.6.0 // indirect
	github.com/leesper/go_rng v0.0.0-20190531154944-a612b043e353 // indirect
	github.com/pkg/errors v0.9.1 // indirect
	github.com/tidwall/gjson v1.20.0 // indirect
	github.com/tidwall/match v1.1.1 // indirect
	github.com/tidwall/pretty v1.2.1 // indirect
	github.com/tidwall/sjson v1.2.5 // indirect
	github.com/xtgo/set v1.0.0 // indirect
	go.yaml.in/yaml/v3 v3.0.5 // indirect
	go4.org/unsafe/assume-no-moving-gc v0.0.0-20231121144256-b99613f794b6 // indirect
	golang.org/x/tools v0.51.0 // indirect
	golang.org/x/xerrors v0.0.0-20200804184101-5ec99f83aff1 // indirect
	google.golang.org/protobuf v1.28.0 // indirect
	gorgonia.org/cu v0.9.4 // indirect
	gorgonia.org/dawson v1.2.0 // indirect
	gorgonia.org/vecf32 v0.9.0 // indirect
	gorgonia.org/vecf64 v0.9.0 // indirect
)
