//go:build !noasm && !linux

package kernels

import "github.com/klauspost/cpuid/v2"

// Only Linux is asked for the tile registers.
var (
	amxFeatures []cpuid.FeatureID
	amx         = Impl{Name: "amx"}
)

func amxPermitted() bool { return false }
