package grammar

// Formats are written as patterns of the texts that a model may write: a
// subset of what the RFCs allow, so that every validator agrees.

const (
	datePattern      = `[0-9]{3}[1-9]-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8]))`
	clockPattern     = `([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,6})?`
	zonePattern      = `(Z|[-+]([01][0-9]|2[0-3]):[0-5][0-9])`
	labelPattern     = `[a-z0-9]([-a-z0-9]{0,22}[a-z0-9])?`
	hostPattern      = `(` + labelPattern + `\.){1,3}[a-z]{2,8}`
	plainHostPattern = `([a-z0-9]{1,20}\.){1,4}[a-z]{2,12}` // no two dashes that mean something
	bytePattern      = `(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])`
	wordPattern      = `[A-Za-z0-9_~.-]`
	pathPattern      = `(/` + wordPattern + `{0,40}){0,8}`
)

// formats maps a format to the pattern of its texts.
var formats = map[string]string{
	"date":          datePattern,
	"time":          clockPattern + zonePattern,
	"date-time":     datePattern + `T` + clockPattern + zonePattern,
	"duration":      `P([1-9][0-9]{0,3}W|[1-9][0-9]{0,3}D(T[1-9][0-9]{0,3}[HMS])?|T([1-9][0-9]{0,3}H)?[1-9][0-9]{0,3}M|T[1-9][0-9]{0,3}[HS]|[1-9][0-9]{0,3}[YM])`,
	"email":         `[a-z0-9]([a-z0-9_+]{0,20}[a-z0-9])?(\.[a-z0-9]{1,12}){0,2}@` + hostPattern,
	"hostname":      hostPattern,
	"ipv4":          bytePattern + `(\.` + bytePattern + `){3}`,
	"ipv6":          `([0-9a-f]{1,4}:){7}[0-9a-f]{1,4}|([0-9a-f]{1,4}:){1,6}:[0-9a-f]{1,4}|::([0-9a-f]{1,4})?`,
	"uuid":          `[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}`,
	"uri":           `https?://` + hostPattern + pathPattern,
	"uri-reference": `(https?://` + hostPattern + `)?(/` + wordPattern + `{1,40}){1,8}`,
	"iri":           `https?://` + hostPattern + pathPattern,
	"iri-reference": `(https?://` + hostPattern + `)?(/` + wordPattern + `{1,40}){1,8}`,
	"uri-template":  `https?://` + hostPattern + pathPattern,
	"idn-email":     `[a-z0-9]{1,20}@` + plainHostPattern,
	"idn-hostname":  plainHostPattern,

	"relative-json-pointer": `(0|[1-9][0-9]{0,2})(#|(/[A-Za-z0-9_-]{1,40}){0,8})`,
	"json-pointer":          `(/` + `[A-Za-z0-9_-]{1,40}` + `){0,8}`,
}

// assertedElsewhere lists formats that validators check and we cannot write.
var assertedElsewhere = map[string]bool{"regex": true}

// format is the automaton of a format's texts, nil where the name is only an
// annotation.
func (c *schemaCompiler) format(name, where string) *charDFA {
	if assertedElsewhere[name] {
		failf(where, "the format %q is not supported", name)
	}
	p, ok := formats[name]
	if !ok {
		return nil
	}
	d, ok := c.formats[name]
	if !ok {
		d = c.b.wholeRegex(p)
		c.formats[name] = d
	}
	return d
}
