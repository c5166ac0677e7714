//go:build !noasm

package kernels

import "github.com/klauspost/cpuid/v2"

// The GEMVs ask for weights that many bytes before they use them: of formats
// whose words are read one behind the other, and of those that are read in
// several strides at once; 0 is not at all. The hardware of Intel's CPUs stops at
// the end of a page, and asking across it keeps the stream flowing. That of AMD's
// follows a plain stream better alone. SPEED.md has the figures.
//
//lint:ignore U1000 the assembly reads them
var aheadInOrder, aheadStrided = aheads(cpuid.CPU.VendorID)

func aheads(vendor cpuid.Vendor) (inOrder, strided int) {
	if vendor == cpuid.AMD {
		return 0, 8192
	}
	return 8192, 8192
}
