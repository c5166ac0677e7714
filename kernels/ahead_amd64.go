//go:build !noasm

package kernels

import "github.com/klauspost/cpuid/v2"

// The GEMVs ask for weights that many bytes before they use them: those whose
// loads follow one another as in a plain scan, and all others. 0 is not at all,
// -1 is into the first-level cache, at a distance that the code has.
//
// The hardware of Intel's CPUs stops at the end of a page, and asking across it
// keeps the stream flowing. That of AMD's follows a stream alone, if the loads of
// an instruction are not much more than a kilobyte apart and enough of them are
// under way; where other work shares the core they are not. Everywhere one line of
// each page is asked for long before, so that the way through the page table costs
// no time. SPEED.md has the figures.
//
//lint:ignore U1000 the assembly reads them
var aheadLight, aheadHeavy = aheads(cpuid.CPU.VendorID)

func aheads(vendor cpuid.Vendor) (light, heavy int) {
	if vendor == cpuid.AMD {
		return 0, -1
	}
	return 8192, 8192
}
