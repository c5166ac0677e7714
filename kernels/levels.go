package kernels

import (
	"slices"

	"github.com/klauspost/cpuid/v2"
)

// Level is an instruction-set level of this build.
type Level struct {
	Name string `json:"name"`
	// Lacks is what the CPU, or the system, lacks for it, by the names of package
	// cpuid; empty where it runs.
	Lacks []string `json:"lacks,omitempty"`
}

// candidate is a level above generic and what it takes.
type candidate struct {
	impl     *Impl
	features []cpuid.FeatureID
	// permitted asks the system where features are not enough; nil where they are.
	permitted func() bool
}

// lacks returns what is missing for c.
func (c *candidate) lacks() (names []string) {
	for _, f := range c.features {
		if !cpuid.CPU.Supports(f) {
			names = append(names, f.String())
		}
	}
	slices.Sort(names)
	if names == nil && c.permitted != nil && !c.permitted() {
		names = []string{"the system's permission"}
	}
	return names
}

// supported returns the levels above generic that this CPU can run, best first.
func supported() (levels []Impl) {
	for _, c := range candidates() {
		if c.lacks() == nil {
			levels = append(levels, *c.impl)
		}
	}
	return levels
}

// Levels returns all levels of this build, best first; the last is generic.
func Levels() (levels []Level) {
	for _, c := range candidates() {
		levels = append(levels, Level{c.impl.Name, c.lacks()})
	}
	return append(levels, Level{Name: generic.Name})
}

// CPUName is what the CPU calls itself, which may be nothing.
func CPUName() string { return cpuid.CPU.BrandName }
