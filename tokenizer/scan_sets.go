package tokenizer

import "strings"

// The sets of characters that patterns name by listing them. White space
// beyond ASCII belongs to no listed set: the reference matches on a text in
// which it is a control character.

func isNewline(r rune, _ class) bool { return r == '\r' || r == '\n' }

// isDefaultPunct is [\p{P}$+<=>^~|].
func isDefaultPunct(r rune, c class) bool {
	return c&isPunct != 0 || strings.ContainsRune("$+<=>^~|", r)
}

// isFalconPunct is [\p{P}$+<=>^~|`].
func isFalconPunct(r rune, c class) bool { return isDefaultPunct(r, c) || r == '`' }

// isChameleonPunct is [\p{P}!-/:-@\[-`{-~].
func isChameleonPunct(r rune, c class) bool {
	return c&isPunct != 0 || r < 0x80 && c&isSymbol != 0
}

// isBloomWord is [^(\s|.,!?…。，、।۔،)].
func isBloomWord(r rune, c class) bool {
	return c&isSpace == 0 && !strings.ContainsRune("(|.,!?…。，、।۔،)", r)
}

// isDeepSeekPunct is [!-/:-~！-／：-～‘-‟　-。].
func isDeepSeekPunct(r rune, c class) bool { return c&isSpace == 0 && within(r, deepSeekPunct) }

// isDeepSeekCJK is [一-龥ࠀ-一가-퟿].
func isDeepSeekCJK(r rune, c class) bool {
	return c&isSpace == 0 && (0x800 <= r && r <= 0x9FA5 || 0xAC00 <= r && r <= 0xD7FF)
}

// isHanOrKana is [一-龥぀-ゟ゠-ヿ].
func isHanOrKana(r rune, _ class) bool {
	return 0x4E00 <= r && r <= 0x9FA5 || 0x3040 <= r && r <= 0x30FF
}

// isYoutuHangul is [가-힣ㄱ-ㆎ].
func isYoutuHangul(r rune, _ class) bool {
	return 0xAC00 <= r && r <= 0xD7A3 || 0x3131 <= r && r <= 0x318E
}

// isYoutuPunct is [！…“”‘’—：；，、-〿︰-﹏].
func isYoutuPunct(r rune, _ class) bool {
	return strings.ContainsRune("！…“”‘’—：；，", r) || 0x3001 <= r && r <= 0x303F || 0xFE30 <= r && r <= 0xFE4F
}

// isBopomofo is [ㄅ-ㄯ].
func isBopomofo(r rune, _ class) bool { return 0x3105 <= r && r <= 0x312F }

// isAsianScript is the set of AFMoE: CJK, kana, Thai, Lao, Khmer, Myanmar,
// Hangul.
func isAsianScript(r rune, c class) bool { return c&isSpace == 0 && within(r, asianScripts) }

// isHan is the set that Kimi-K2 takes for \p{Han}.
func isHan(r rune) bool { return r >= 0x3400 && within(r, hanRanges) }

// isCasedLetter is DeepSeek-LLM's list of letters that have case.
func isCasedLetter(r rune, _ class) bool {
	if r < 0x80 {
		return isASCIILetter(byte(r))
	}
	return within(r, casedLetters)
}

// charRange is an inclusive range of code points.
type charRange struct{ lo, hi rune }

// within searches ranges, which are in ascending order.
func within(r rune, ranges []charRange) bool {
	lo, hi := 0, len(ranges)
	for lo < hi {
		mid := (lo + hi) / 2
		if r > ranges[mid].hi {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo < len(ranges) && r >= ranges[lo].lo
}

var deepSeekPunct = []charRange{{'!', '/'}, {':', '~'}, {'‘', '‟'}, {0x3000, '。'}, {'！', '／'}, {'：', '～'}}

// asianScripts has one wide range because the pattern's text writes the first
// compatibility ideograph as the unified U+8C48.
var asianScripts = []charRange{{0x0E40, 0x0EFF}, {0x1000, 0x109F}, {0x1100, 0x11FF}, {0x1780, 0x17FF},
	{0x2F00, 0x2FDF}, {0x3040, 0x30FF}, {0x3400, 0x4DBF}, {0x4E00, 0xFAFF}, {0xFF65, 0xFF9F}}

var hanRanges = []charRange{{0x3400, 0x4DBF}, {0x4E00, 0x9FFF}, {0xF900, 0xFAFF}, {0x20000, 0x2A6DF},
	{0x2A700, 0x2B73F}, {0x2B740, 0x2B81F}, {0x2B820, 0x2CEAF}, {0x2CEB0, 0x2EBEF}, {0x2F800, 0x2FA1F}}

// casedLetters are the letters beyond ASCII of DeepSeek-LLM's list.
var casedLetters = []charRange{
	{0x00B5, 0x00B5}, {0x00C0, 0x00D6}, {0x00D8, 0x00F6}, {0x00F8, 0x01BA}, {0x01BC, 0x01BF}, {0x01C4, 0x0293},
	{0x0295, 0x02AF}, {0x0370, 0x0373}, {0x0376, 0x0377}, {0x037B, 0x037D}, {0x037F, 0x037F}, {0x0386, 0x0386},
	{0x0388, 0x038A}, {0x038C, 0x038C}, {0x038E, 0x03A1}, {0x03A3, 0x03F5}, {0x03F7, 0x0481}, {0x048A, 0x052F},
	{0x0531, 0x0556}, {0x10A0, 0x10C5}, {0x13A0, 0x13F5}, {0x13F8, 0x13FD}, {0x1C90, 0x1CBA}, {0x1CBD, 0x1CBF},
	{0x1D00, 0x1D2B}, {0x1D6B, 0x1D77}, {0x1D79, 0x1D9A}, {0x1E00, 0x1F15}, {0x1F18, 0x1F1D}, {0x1F20, 0x1F45},
	{0x1F48, 0x1F4D}, {0x1F50, 0x1F57}, {0x1F59, 0x1F59}, {0x1F5B, 0x1F5B}, {0x1F5D, 0x1F5D}, {0x1F5F, 0x1F7D},
	{0x1F80, 0x1FB4}, {0x1FB6, 0x1FBC}, {0x1FBE, 0x1FBE}, {0x1FC2, 0x1FC4}, {0x1FC6, 0x1FCC}, {0x1FD0, 0x1FD3},
	{0x1FD6, 0x1FDB}, {0x1FE0, 0x1FEC}, {0x1FF2, 0x1FF4}, {0x1FF6, 0x1FFC}, {0x2102, 0x2102}, {0x2107, 0x2107},
	{0x210A, 0x2113}, {0x2115, 0x2115}, {0x2119, 0x211D}, {0x2124, 0x2124}, {0x2126, 0x2126}, {0x2128, 0x2128},
	{0x212A, 0x212D}, {0x212F, 0x2134}, {0x2139, 0x2139}, {0x213C, 0x213F}, {0x2145, 0x2149}, {0x214E, 0x214E},
	{0x2183, 0x2184}, {0x2C00, 0x2C7B}, {0x2C7E, 0x2CE4}, {0x2CEB, 0x2CEE}, {0x2CF2, 0x2CF3}, {0xA640, 0xA66D},
	{0xA680, 0xA69B}, {0xA722, 0xA76F}, {0xA771, 0xA787}, {0xA78B, 0xA78E}, {0xAB70, 0xABBF}, {0xFB00, 0xFB06},
	{0xFB13, 0xFB17}, {0xFF21, 0xFF3A}, {0xFF41, 0xFF5A}, {0x10400, 0x1044F}, {0x104B0, 0x104D3},
	{0x104D8, 0x104FB}, {0x10C80, 0x10CB2}, {0x10CC0, 0x10CF2}, {0x118A0, 0x118DF}, {0x1E900, 0x1E943},
}
